"""How large what comes of an answer is. Pure."""

from __future__ import annotations

from llm.events import Delta, FunctionCall, Output, Thought


def size_bytes(fact: Output) -> int:
    """UTF-8 bytes of words, of a call, or of a thought; signs of life and ends have none."""
    match fact:
        case Delta(_, text):
            return len(text.encode())
        case FunctionCall(_, _, name, arguments):
            return len(name) + len(arguments.encode())
        case Thought(_, reasoning):
            return len(reasoning.item.encode())
        case _:
            return 0

"""How much of an answer is still to be given, when part of it was heard. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from llm.local.request import FunctionCall, Output, Text

_SENTENCE = re.compile(r"(?<=[.!?:])\s+")


@lru_cache(128)  # the latest answers are compared again with each request
def remaining(text: str, said: str) -> str | None:
    """The part of `text` that `said` does not hold; None if `said` holds none of it.

    `said` may begin with other words, up to the end of a sentence or a colon (what the application had said in
    between). White space does not count; the rest keeps its own, so that what was said and the rest make the text.
    """
    wanted = _squeeze(text)
    heard = _squeeze(said)
    if not heard:
        return text
    if wanted in heard:
        return ""
    if wanted.startswith(heard):
        return _after(text, len(heard), said)
    latest = max(0, len(said) - 2 * len(text))  # what began before cannot be a part of the text
    for found in _SENTENCE.finditer(said, latest):
        tail = _squeeze(said[found.end() :])
        if tail and wanted.startswith(tail):
            return _after(text, len(tail), said)
    return None


def rest(outputs: Iterable[Output], said: str, called: Sequence[str]) -> list[Output]:
    """The outputs that are left of an answer when `said` was heard of it and the functions `called` were called."""
    left = list(outputs)
    text = "".join(output.text for output in left if isinstance(output, Text))
    words = remaining(text, said) if text else ""
    kept: list[Output] = [Text(text if words is None else words)] if words != "" else []
    pending = list(called)
    for output in left:
        if isinstance(output, FunctionCall):
            if output.name in pending:
                pending.remove(output.name)
            else:
                kept.append(output)
    return kept


def _squeeze(text: str) -> str:
    return "".join(text.split())


def _after(text: str, letters: int, said: str) -> str:
    """`text` without its first `letters` letters that are not white space."""
    for index, letter in enumerate(text):
        if letters == 0:
            left = text[index:]
            if not left.strip():
                return ""
            return left.lstrip() if said[-1:].isspace() else left
        letters -= not letter.isspace()
    return ""

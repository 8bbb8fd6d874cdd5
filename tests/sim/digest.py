"""What a simulated model makes of a conversation that it is to condense: all that it needs in order to go on.

A summary that is faithful lets the oracles go on counting: words, turns, keys, calls and results that were there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from llm.items import DeveloperMessage, Item
from llm.summary import PREFIX

WORD = re.compile(r"\b([TRUS]\w*?)w(\d+)\b")
TURN = re.compile(r"\bq(\d+)\b")
INTENT = re.compile(r"\bt\d+c\d+\b")
KEYS = re.compile(r"\[keys pressed: [^\]]*\]")
_RESULT = re.compile(r"^Function timer (?:finished|failed): timer \w+ (\w+)", re.MULTILINE)
_OLD_RESULT = re.compile(r"\btold (\w+)")
_UNCLEAR = re.compile(r"\bunclear=(\d+)")
_NOTE = re.compile(rf"^Application: (?!{re.escape(PREFIX.strip())})", re.MULTILINE)


class Known(Struct, frozen=True):
    """What the summaries of a log say."""

    text: str
    unclear: int
    results: tuple[str, ...]


def digest(text: str) -> str:
    """A summary of a conversation as `llm.messages.text_of` shows it."""
    words = [f"{name}w{number}" for name, number in WORD.findall(text)]
    results = [f"told {call}" for call in (*_OLD_RESULT.findall(text), *_RESULT.findall(text))]
    unclear = sum(map(int, _UNCLEAR.findall(text))) + len(_NOTE.findall(text))
    turns = [f"q{number}" for number in TURN.findall(text)]
    parts = [*turns, *INTENT.findall(text), *results, *words, f"unclear={unclear}"]
    return " ".join([*KEYS.findall(text), *dict.fromkeys(parts)])


def known(items: Iterable[Item]) -> Known:
    """What the summaries among these messages say."""
    texts = [item.text for item in items if isinstance(item, DeveloperMessage) and item.text.startswith(PREFIX)]
    text = "\n".join(texts)
    return Known(text, sum(map(int, _UNCLEAR.findall(text))), tuple(_OLD_RESULT.findall(text)))

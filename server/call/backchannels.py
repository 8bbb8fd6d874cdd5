""" "Uh-huh": what listeners say to show that they listen, and that is no turn of theirs. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

BACKCHANNELS = (
    "uh huh",
    "uhuh",
    "mm hmm",
    "mmhmm",
    "mhm",
    "mm",
    "hmm",
    "aha",
    "ah",
    "oh",
    "okay",
    "ok",
    "right",
    "alright",
    "all right",
    "yeah",
    "yep",
    "yup",
    "sure",
    "i see",
    "got it",
)
"""In English. Yes, no, and what praises are answers, so they are not here."""
IMPATIENCE = (
    "hello",
    "hello there",
    "are you there",
    "are you still there",
    "still there",
    "anybody there",
    "take your time",
    "no rush",
    "no hurry",
    "no problem",
)
"""What callers say besides while they wait for a tool: who cancelled it for that would begin anew, and be slower."""

_NO_WORD = re.compile(r"[^\w']+")


@lru_cache(256)
def is_backchannel(text: str, phrases: tuple[str, ...]) -> bool:
    """Whether a text is made of these phrases and nothing else, however often and however written."""
    words = _words(text)
    return bool(words) and len(words) in _ends(words, phrases)


@lru_cache(256)
def may_be_backchannel(text: str, phrases: tuple[str, ...]) -> bool:
    """Whether a text is one, or the beginning of one: "uh" may become "uh huh"."""
    words = _words(text)
    begun = [_words(phrase) for phrase in phrases]
    rests = [words[end:] for end in _ends(words, phrases)]
    return bool(words) and any(not rest or phrase[: len(rest)] == rest for rest in rests for phrase in begun)


def _ends(words: list[str], phrases: tuple[str, ...]) -> set[int]:
    """Where phrases that follow each other from the beginning may end."""
    known = {tuple(_words(phrase)) for phrase in phrases}
    ends = {0}
    for end in range(1, len(words) + 1):
        if any(tuple(words[start:end]) in known for start in ends):
            ends.add(end)
    return ends


def _words(text: str) -> list[str]:
    return [word for word in _NO_WORD.split(text.lower()) if word]

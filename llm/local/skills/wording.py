"""What a caller said, in the plain form that the rules read: lower case, no punctuation, no fillers. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

_APOSTROPHE = "\u2019"  # as phones and browsers type it
_CONTRACTIONS = (
    (re.compile(r"\b(what|who|where|when|how|that|there|it|he|she)'s\b"), r"\1 is"),
    (re.compile(r"\b(what|who|where|when|how)s\b"), r"\1 is"),
    (re.compile(r"\blet's\b"), "let us"),
    (re.compile(r"\bcan(?:'t|not)\b"), "can not"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"\b(\w+)n't\b"), r"\1 not"),
    (re.compile(r"\b(\w+)'re\b"), r"\1 are"),
    (re.compile(r"\b(\w+)'ve\b"), r"\1 have"),
    (re.compile(r"\b(\w+)'ll\b"), r"\1 will"),
    (re.compile(r"\b(\w+)'d\b"), r"\1 would"),
    (re.compile(r"\bi'm\b"), "i am"),
)
_SYMBOLS = (
    (re.compile(r"(?<=\d),(?=\d{3}\b)"), ""),
    (re.compile(r"(?<=\d)\s*[+]\s*(?=\d)"), " plus "),
    (re.compile(r"(?<=\d)\s*[*\u00d7]\s*(?=\d)"), " times "),
    (re.compile(r"(?<=\d)\s*[/\u00f7]\s*(?=\d)"), " divided by "),
    (re.compile(r"(?<=\d)\s+[-\u2212]\s+(?=\d)"), " minus "),
    (re.compile(r"(?<=\d)\s*%"), " percent"),
)
_NOT_A_WORD = re.compile(r"[^a-z0-9.'\s]|(?<!\d)\.|\.(?!\d)|(?<!\w)'|'(?!\w)")
_FILLERS = re.compile(r"\b(um+|er|erm|uhm|uh(?! huh)|please|kindly|just)\b")
_LEAD = re.compile(
    r"^((so|well|and|but|now|hey|also|then|okay|ok|yes|no|actually)\s+(?=\w)"
    r"|(can|could|would|will) you\s+(?!(hear|speak|understand|sing|see|help)\b)"
    r"|(i want|i would like|i need|i like)( you)? to\s+(?!go\b)"
    r"|do you mind\s+|let us\s+|go ahead and\s+)+"
)
_WHOLE = re.compile(r"^(so long|and then|well done|no thanks?|no thank you)\b")


@lru_cache(256)  # the latest turns are read again with each request
def plain(text: str) -> str:
    """Lower case words and figures with single spaces; contractions written out, polite words and fillers gone."""
    words = " ".join(_FILLERS.sub(" ", _fold(text)).split())
    return words if _WHOLE.match(words) else _LEAD.sub("", words)


def verbatim(text: str) -> str:
    """The words as they were said, without punctuation, to be said back or passed on."""
    return " ".join(re.sub(r"[^\w\s'.:@-]|\.(?=\s|$)", " ", text.replace(_APOSTROPHE, "'")).split())


def sentence(text: str) -> str:
    """Text as a sentence: a capital first, a full stop last."""
    text = " ".join(text.split())
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?" else text + "."


def listing(words: list[str], last: str = "and") -> str:
    """Words as a list: "a, b and c"."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _fold(text: str) -> str:
    text = text.lower().replace(_APOSTROPHE, "'")
    for pattern, replacement in (*_CONTRACTIONS, *_SYMBOLS):
        text = pattern.sub(replacement, text)
    return " ".join(_NOT_A_WORD.sub(" ", text).split())

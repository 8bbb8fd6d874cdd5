"""What a caller said, in the plain form that the rules read: lower case, no punctuation, no fillers. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

MAX_HEARD_WORDS = 12

_APOSTROPHE = "\u2019"  # as phones and browsers type it
_CARELESS = (
    (re.compile(r"\b(do|does|did|is|are|was|would|should|could|has|have)nt\b"), r"\1 not"),
    (re.compile(r"\bcan(?:t|not)\b"), "can not"),
    (re.compile(r"\bwont\b"), "will not"),
    (re.compile(r"\b(what|who|where|when|how)s\b"), r"\1 is"),
    (re.compile(r"\bim\b"), "i am"),
)
_CONTRACTIONS = (
    *_CARELESS,
    (re.compile(r"\b(what|who|where|when|how|that|there|it|he|she)'s\b"), r"\1 is"),
    (re.compile(r"\blet's\b"), "let us"),
    (re.compile(r"\bcan't\b"), "can not"),
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
    (re.compile(r"(?<![\w)])[-\u2212](?=\d)"), " minus "),
    (re.compile(r"(?<=\d)\s*%"), " percent"),
)
_NOT_A_WORD = re.compile(r"[^a-z0-9.'\s]|(?<!\d)\.|\.(?!\d)|(?<!\w)'|'(?!\w)")
_FILLERS = re.compile(r"\b(um+|er|erm|uhm|uh(?! huh)|please|kindly|just)\b")
_LEAD = re.compile(
    r"^((so|well|and|but|now|hey|also|then|okay|ok|yes|actually)\s+(?=\w)"
    r"|no\s+(?=\w)(?!(more|other|further|need|stor|tale|timer|alarm|reminder|joke))"
    r"|(can|could|would|will) you\s+(?!(hear|speak|understand|sing|see|help)\b)"
    r"|(i want|i would like|i need|i like)( you)? to\s+(?!go\b)"
    r"|do you mind\s+|let us\s+|go ahead and\s+)+"
)
_WHOLE = re.compile(r"^(so long|and then|well done|no thanks?|no thank you)\b")
_QUESTION_WORD = re.compile(r"(?:what(?! about)|who|whose|which|where|when|why|how(?! about))\b")
_NEGATED = re.compile(
    r"^(?:(?:but|oh|sorry|hey|stop) )*(?:"
    r"do not(?! (?:you|mind|know|forget|worry|hesitate|stop)\b)|never(?! mind)|you (?:must|should|need|may|can|do) not"
    r"|no (?:more|other|further|need|stor|tale|timer|alarm|reminder|joke)|not (?:a|an|another|any|the|now|that|this)\b"
    r"|enough(?! time)|(?:stop|quit) (?:telling|setting|making|with)|instead of|rather than|anything but)"
    r"|\b(?:i|we) (?:(?:really|just|definitely) )?(?:(?:do|did|would|will) not (?:(?:really|even) )?"
    r"(?:want|need|like|care|feel like|ask)|would rather not|hate|dislike|detest|can not (?:stand|bear)"
    r"|am (?:sick|tired|bored) of|am not (?:interested|in the mood)|have (?:had )?enough)\b"
)


@lru_cache(256)  # the latest turns are read again with each request
def plain(text: str) -> str:
    """Lower case words and figures with single spaces; contractions written out, polite words and fillers gone."""
    words = " ".join(_FILLERS.sub(" ", _fold(text)).split())
    return words if _WHOLE.match(words) else _LEAD.sub("", words)


def negated(text: str) -> bool:
    """Whether a caller says, in plain form, what is not to be done: "do not", "no more", "i hate"."""
    return _NEGATED.search(text) is not None


def asks(text: str) -> bool:
    """Whether an utterance in plain form begins with a question word."""
    return _QUESTION_WORD.match(text) is not None


def whole(core: str, *, lead: str = "", tail: str = "") -> re.Pattern[str]:
    """A pattern for a whole utterance in plain form: phrases of `lead`, one of `core`, then phrases of `tail`.

    Each is a table of phrases, with `|` between them. A phrase of `lead` or `tail` is never given back once it was
    taken: what does not fit is known in one pass, however often a caller repeats himself.
    """
    before = rf"(?>(?:{lead}) )*+" if lead else ""
    after = rf"(?> (?:{tail})\b)*+" if tail else ""
    return re.compile(rf"^{before}(?:{core}){after}$")


def verbatim(text: str) -> str:
    """The words as they were said, without punctuation, to be said back or passed on."""
    return " ".join(re.sub(r"[^\w\s'.:@-]|\.(?=\s|$)", " ", text.replace(_APOSTROPHE, "'")).split())


def as_said(raw: str, text: str) -> str:
    """`text`, which is plain, as the caller wrote it, where it can be found."""
    found = re.search(r"\W+".join(map(re.escape, text.split())), raw, re.IGNORECASE)
    return verbatim(found[0]) if found else text


def said_back(raw: str) -> str:
    """The first words of what was said, to be said back."""
    words = verbatim(raw).split()
    return " ".join(words[:MAX_HEARD_WORDS]) + (" and so on" if len(words) > MAX_HEARD_WORDS else "")


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


def written_out(text: str) -> str:
    """Lower case, contractions written out; everything else stays."""
    text = text.lower().replace(_APOSTROPHE, "'")
    for pattern, replacement in _CONTRACTIONS if "'" in text else _CARELESS:
        text = pattern.sub(replacement, text)
    return text


def _fold(text: str) -> str:
    text = written_out(text)
    for pattern, replacement in _SYMBOLS:
        text = pattern.sub(replacement, text)
    return " ".join(_NOT_A_WORD.sub(" ", text).split())

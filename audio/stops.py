"""Is a full stop the end of a sentence, or a part of "Dr.", "J.", "U.S.", "No. 5", "1. Mai" or of a list's "1."? Pure.

The stop has white space behind it and then no small letter; all else is decided without this. Where the answer hangs on
the word that follows, it is waited for.
"""

from __future__ import annotations

import re

MAX_WORD = 12  # of what follows; all words below are shorter
LOOKAHEAD = MAX_WORD + 8  # what a decision may need to see of what follows: "12. 2026 ", or some white space and a word

_TITLES = frozenset(
    "mr mrs ms dr prof mt sen gov capt sgt lt rev fr sra srta mme mlle messrs av ee"
    " approx dept vs cf ca viz resp esp incl excl tel str bzw ggf evtl".split()
)
"""Something always follows."""
_ENDINGS = frozenset(
    "inc ltd co corp jr sr etc usw ph.d phd md bros plc llc gmbh st ave blvd rd al gen rep col hon ste ft ln"
    " mon tue tues wed thu thur thurs fri jan feb apr jun jul aug sep sept oct nov dec".split()
)
"""These may be the last word of a sentence: then a word follows that begins one."""
_BEFORE_A_NUMBER = frozenset(
    "no nos nr fig figs vol p pp ch sec art par eq mar rs apt ext bldg rm rte hwy pkwy min max lb lbs hr hrs".split()
)
_NAMES_BEFORE_A_NUMBER = frozenset(
    "Sat Sun Mo Di Mi Do Sa So Ala Ariz Ark Calif Colo Conn Del Fla Ga Ill Ind Kan Ky La Mass Md Mich Minn Miss Mont"
    " Neb Nev Okla Ore Pa Tenn Tex Va Vt Wash Wis Wyo".split()
)
"""Days before hours and states before a zip code; in small letters some are words."""
_STARTERS = frozenset(
    "the a an he she it we i you they this that these those there here but and so or if in on at for when what who how"
    " why where is are was do does did can could will would should my our your his her its their then now please yes no"
    " let's it's i'm i'll we'll you'll that's there's he's she's we're you're they're".split()
)
"""Words that begin sentences more often than they are part of a name."""
_AFTER_AN_HOUR = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august"
    " september october november december eastern central mountain pacific est edt cst cdt mst mdt pst pdt gmt utc cet"
    " cest".split()
)
_MONTHS = frozenset(
    "januar februar märz april mai juni juli august september oktober november dezember jan feb apr jun jul aug sep okt"
    " nov dez januari februari mars maj oktober december januar marts juni juli".split()
)
_ARTICLES = frozenset("der den dem des das im vom zum zur beim".split())
"""Before a number, which is an ordinal then: "im 19. Jahrhundert"."""

_DEGREE = re.compile(r"\bDr\.(?:\s\w+\.)*\s(?:med|dent|vet|rer|nat|pol|oec|phil|jur|iur|theol|habil)\Z")
_TOKEN = re.compile(r"[\w.]*\Z")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]\Z")
_LIST_NUMBER = re.compile(r"(?:\A|\n)[^\S\n]*(?:[-*>][^\S\n]+)?\d{1,3}\Z")
_DAY = re.compile(r"(?:\A|\s)(?:(?P<before>\w+)\s+)?(?:\d{1,2}\.\s?)?(?P<day>\d{1,2})\Z")
_REST_OF_DATE = re.compile(r"(?:1[0-2]|0?[1-9])\.|[12]\d{3}\b")
_WORD = re.compile(r"(?:[^\W\d_]|['’])*")  # noqa: RUF001  (typographic apostrophes are meant)
_BACK = 40  # characters before a stop that matter


def ends(before: str, follows: str, *, whole: bool) -> bool | None:
    """Does the full stop between `before` and `follows` end a sentence? None: more of what follows must be seen.

    `follows` begins with a visible character, or is empty at the end. `whole`: it is all that will be seen of it.
    """
    near = before[-_BACK:]
    found = _TOKEN.search(near)
    token = found.group() if found else ""
    word = token.lower()
    if token[-1:].isdigit():
        return _after_number(near, follows, whole=whole)
    if word in _TITLES or _DEGREE.search(near):
        return False
    if follows[:1].isdigit() and _belongs_to_a_number(token):
        return False
    if word in {"a.m", "p.m"}:
        return _unless(follows, _AFTER_AN_HOUR, whole=whole)
    if word in _ENDINGS or _DOTTED.match(token) or (len(token) == 1 and token.isalpha() and token != "I"):
        return _only_before(follows, _STARTERS, whole=whole)
    return True


def _belongs_to_a_number(token: str) -> bool:
    word = token.lower()
    return word in _BEFORE_A_NUMBER or token in _NAMES_BEFORE_A_NUMBER or word.endswith("str")  # Hauptstr. 12


def _after_number(near: str, follows: str, *, whole: bool) -> bool | None:
    """After "1" it is no end in a list, in a date, and with an article before it."""
    if _LIST_NUMBER.search(near):
        return False
    day = _DAY.search(near)
    if day is None:
        return True
    if (day["before"] or "").lower() in _ARTICLES:
        return False
    if follows[:1].isdigit():
        if len(follows) < 5 and not whole:
            return None
        return _REST_OF_DATE.match(follows) is None
    return _unless(follows, _MONTHS, whole=whole)


def _unless(follows: str, words: frozenset[str], *, whole: bool) -> bool | None:
    word = _word(follows, whole=whole)
    return None if word is None else word not in words


def _only_before(follows: str, words: frozenset[str], *, whole: bool) -> bool | None:
    word = _word(follows, whole=whole)
    return None if word is None else word in words and follows[len(word) : len(word) + 1] != "."  # A. A. Milne


def _word(follows: str, *, whole: bool) -> str | None:
    """The word that follows, in small letters; None while it may go on."""
    found = _WORD.match(follows)
    word = found.group() if found else ""
    if len(word) == len(follows) and len(word) <= MAX_WORD and not whole:
        return None
    return word.lower().replace("’", "'")  # noqa: RUF001

"""What a voice says of a text that was written to be read: without markup, with words for signs and addresses. Pure.

A model writes Markdown, whatever it was told. Bold, headings, lists, tables, links and tags leave their words; emoji,
rules and blocks of code leave nothing; addresses and signs that stand alone become words. Numbers, dates and money stay
as they are: a voice knows best how to read them. The words are English.

It works on a piece of a message at a time, which may hold half of a bold text or of a link; `before` is what the
message said earlier. Each pattern below takes time in proportion to what it matches (possessive, or bounded).
"""

# ruff: noqa: RUF001  (typographic signs are what this file is about)

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Iterator

from audio.addresses import DOMAIN, EMAIL, URL, say_email, say_url
from audio.formulas import FORMULAS
from audio.spoken import Builder, Spoken, unchanged

Action = Callable[[Builder, re.Match[str], int, int], None]
"""Says what is said for a match, which stands at `original[begin:end]`."""


def speakable(text: str, before: str = "") -> Spoken:
    """What to say of `text`, which goes on where `before` ends; nothing at all where no word is in it."""
    source = (before[-1:] or "\n") + text  # so that a pattern sees whether a line begins here
    spoken = Builder(text)
    for begin, end in _prose(text, before):
        position = begin + 1
        for match in _PATTERN.finditer(source, begin + 1, end + 1):
            spoken.copy(position - 1, match.start() - 1)
            position = match.end()
            _ACTIONS[match.lastgroup or ""](spoken, match, match.start() - 1, position - 1)
        spoken.copy(position - 1, end)
    built = spoken.built()
    if built.text is text:
        return unchanged(text) if _has_words(text) else Spoken(text, "", (), ())
    return built if _has_words(built.text) else Spoken(text, "", (), ())


def _has_words(text: str) -> bool:
    return any(char.isalnum() for char in text)


# --- what stands in a block of code, or in half a link ----------------------------------------------------------------

_FENCE = re.compile(r"^(?:[ \t]|>|(?:[-*+]|\d{1,3}[.)])[ \t])*+(?P<fence>`{3,}+|~{3,}+)(?P<info>[^\n]*+)", re.MULTILINE)


def _prose(text: str, before: str) -> Iterator[tuple[int, int]]:
    """The parts of `text` that are no code; a block that is not closed goes on to the end."""
    begin = _end_of_address(text, before)
    for code_begins, code_ends in _code(before, text):
        if code_ends > begin:
            yield begin, max(begin, code_begins)
            begin = code_ends
    yield begin, len(text)


def _code(before: str, text: str) -> Iterator[tuple[int, int]]:
    """Where code begins and ends, from the beginning of `text`."""
    if "```" not in text and "~~~" not in text and "```" not in before and "~~~" not in before:
        return
    whole, shift = before + text, len(before)
    fence, begun = "", 0
    for match in _FENCE.finditer(whole):
        if not fence and "`" not in match["info"]:
            fence, begun = match["fence"], match.start()
        elif fence and match["fence"].startswith(fence) and not match["info"].strip():
            yield max(begun - shift, 0), max(match.end() - shift, 0)
            fence = ""
    if fence:
        yield max(begun - shift, 0), len(text)


def _end_of_address(text: str, before: str) -> int:
    """Behind the rest of a link's address that the piece before had to leave open."""
    opened = before.rfind("](")
    if opened < 0 or re.search(r"[\s()]", before[opened + 2 :]):
        return 0
    rest = re.match(r"[^\s()]*+\)?", text)
    return rest.end() if rest else 0


# --- actions ----------------------------------------------------------------------------------------------------------


def _say(words: str) -> Action:
    """Say these words instead; a space at an edge of them sets them apart."""

    def say(spoken: Builder, match: re.Match[str], begin: int, end: int) -> None:
        _put(spoken, words, match, begin, end)

    return say


def _put(spoken: Builder, words: str, match: re.Match[str], begin: int, end: int) -> None:
    """A space at an edge is said where a word stands there."""
    if words[:1] == " " and (spoken.last.isalnum() or not words.strip()):
        spoken.space(begin, end)
    spoken.put(words.strip(), begin, end)
    if words[-1:] == " " and _next(match).isalnum():
        spoken.space(begin, end)


def _next(match: re.Match[str]) -> str:
    """The character behind it; nothing at the end."""
    return match.string[match.end() : match.end() + 1]


def _pause(spoken: Builder, match: re.Match[str], begin: int, end: int) -> None:
    del match
    spoken.pause(",", begin, end)
    spoken.space(begin, end)


def _mark(spoken: Builder, match: re.Match[str], begin: int, end: int) -> None:
    """Of marks that stand together the one that counts."""
    strongest = next((mark for mark in "?？!！。" if mark in match.group()), match.group()[0])
    if spoken.last.isspace():
        spoken.pause(strongest, begin, end)
    else:
        spoken.put(strongest, begin, end)


def _ellipsis(spoken: Builder, match: re.Match[str], begin: int, end: int) -> None:
    """A pause in a sentence, or its end."""
    follows = match["follows"]
    spoken.pause("," if follows.isalnum() and not follows.isupper() else ".", begin, end)
    spoken.space(begin, end)


def _line(spoken: Builder, match: re.Match[str], begin: int, end: int) -> None:
    spoken.space(begin, end, "\n" if "\n" in match.group() else " ")


def _tag(spoken: Builder, match: re.Match[str], begin: int, end: int) -> None:
    if match["tag"].lower() in _BLOCKS:
        spoken.space(begin, end, "\n")


def _entity(spoken: Builder, match: re.Match[str], begin: int, end: int) -> None:
    text = html.unescape(match.group())
    alone = not _next(match).strip() and not match.string[begin : begin + 1].strip()  # which is what stands before
    if text.isspace():
        spoken.space(begin, end)
    elif alone and text in _ALONE:
        _put(spoken, f" {_ALONE[text]} ", match, begin, end)
    elif text in "<>":
        spoken.space(begin, end)
    elif text in "—–…":
        _pause(spoken, match, begin, end)
    elif text not in _MARKUP:
        spoken.put("".join(char for char in text if not _is_silent(char)), begin, end)


def _address(say: Callable[[str], str]) -> Action:
    def put(spoken: Builder, match: re.Match[str], begin: int, end: int) -> None:
        _put(spoken, f" {say(match.group())} ", match, begin, end)

    return put


def _signs(spoken: Builder, match: re.Match[str], begin: int, end: int) -> None:
    """Signs outside ASCII: those with a sound stay."""
    del end
    for place, char in enumerate(match.group(), begin):
        if char in _JOINERS and not _joins(match.string, place + 1):
            continue
        if not _is_silent(char) or char in _JOINERS:
            spoken.copy(place, place + 1)


def _alone(spoken: Builder, match: re.Match[str], begin: int, end: int) -> None:
    _put(spoken, f" {_ALONE[match.group()]} ", match, begin, end)


def _is_silent(char: str) -> bool:
    """Emoji and other pictures, their colours and selectors, control characters, halves of characters."""
    if char in _SOUNDING:
        return False
    return "\ufe00" <= char <= "\ufe0f" or (not char.isascii() and unicodedata.category(char) in _SILENT)


def _joins(text: str, place: int) -> bool:
    """Does a joiner stand in a word, as in Hindi and Persian, and not between two emoji?"""
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    return all(char and unicodedata.category(char)[0] in "LM" and not _is_silent(char) for char in (before, after))


# --- rules ------------------------------------------------------------------------------------------------------------

_SILENT = {"So", "Sk", "Cc", "Cf", "Cs", "Co", "Cn", "Me"}
_SOUNDING = frozenset("°℃℉№")
_JOINERS = "\u200c\u200d"
_MARKUP = frozenset("*_`[]~|#\\{}")
_BLOCKS = frozenset("br p div li ul ol tr td th table hr h1 h2 h3 h4 h5 h6 blockquote pre".split())
_ALONE = {
    "&": "and", "%": "percent", "+": "plus", "=": "equals", "==": "equals", "@": "at", "<": "less than",
    ">": "greater than", "<=": "at most", ">=": "at least", "≤": "at most", "≥": "at least", "->": "to", "=>": "to",
    "→": "to", "⇒": "to", "×": "times", "÷": "divided by", "±": "plus or minus", "≈": "about", "≠": "is not",
    "!=": "is not",
}  # fmt: skip
_LONGEST_FIRST = "|".join(map(re.escape, sorted(_ALONE, key=len, reverse=True)))
_STAR = (
    r"""(?<=[\s"'“‘(])(?:\*\*(?:`\*`|\\\*)\*\*|`\*`|\\?\*)(?=[\s"'”’).,;:!?\ufe0f]|$)"""
    r"""|(?<![\w*\\])\*(?=\d{1,4}(?!\w))(?![^*\n]{0,80}\*)"""
)
"""The key of a telephone: alone, or before digits."""
_AFTER_ADDRESS = r"""(?:[ \t]++(?:"[^"\n]*+"|'[^'\n]*+'))?[ \t]*+"""

_BULLET = r"[-*+•‣◦][ \t]++(?:\[[ xX]\][ \t]++)?"

_nothing = _say("")
_space = _say(" ")

_RULES: tuple[tuple[str, Action], ...] = (
    # lines
    (r"^[ \t]*+(?:(?:-[ \t]*+){3,}+|(?:\*[ \t]*+){3,}+|(?:_[ \t]*+){3,}+|={3,}+[ \t]*+)$", _nothing),
    (r"^(?=[^\n|]*\|)(?=[^\n-]*--)[ \t|:-]++$", _nothing),
    (r"^[ \t]*+\[[^\[\]\n]{1,80}\]:[ \t]++\S++[^\n]*+$", _nothing),
    (rf"^(?=[ \t]*+[>#*+•‣◦-])[ \t]*+(?:>[ \t]*+)*+(?:{_BULLET})?(?:\#{{1,6}}(?:[ \t]++|$))?", _nothing),
    (r"^[ \t]*+\|", _nothing),
    (r"\|+(?=[ \t]*+$)|(?<![^\s#])\#{2,}+(?=[ \t]*+$)", _nothing),
    # links, pictures, notes
    (r"<!--[^<>]{0,1000}-->", _nothing),
    (r"</?(?P<tag>[a-zA-Z][a-zA-Z0-9-]{0,30})(?:\s[^<>]{0,300})?/?>", _tag),
    (r"\[\^[^\[\]\s]{1,20}\]|【[^【】\n]{0,80}†[^【】\n]{0,80}】", _nothing),
    (r"!?\[(?=[^\[\]\n]{0,300}\]\()", _nothing),
    (rf"\]\([ \t]*+<?[^()\s<>]*+(?:\([^()\s]*+\)[^()\s<>]*+)*+>?{_AFTER_ADDRESS}\)", _nothing),
    (r"\]\([^()\s]*+\Z|\]\[[^\[\]\n]{0,80}\]|[\[\]]", _nothing),
    (EMAIL, _address(say_email)),
    (URL, _address(say_url)),
    (DOMAIN, _address(say_url)),
    # signs
    (r"&(?:\#[0-9]{1,7}|\#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});", _entity),
    (r"(?<!\S)(?:[:;][-']?[()DPp]|<3)(?!\S)", _nothing),
    (r"(?<=\d)[ ]?\*\*[ ]?(?=\d)", _say(" to the power of ")),
    (r"(?<=\d)[ ]?\*[ ]?(?=\d)", _say(" times ")),
    (_STAR, _say(" star ")),
    (r"(?<!\w)\#(?=[ ]?\d)", _say(" number ")),
    (r"(?<![^\W\d])(?<!\#)\#(?![\w#])", _say(" hash ")),
    *((pattern, _say(words)) for pattern, words in FORMULAS),
    (rf"(?<!\S)(?:{_LONGEST_FIRST})(?!\S)", _alone),
    (r"(?<!\S)--++(?=\w)", _nothing),
    (r"[—―]++|--++|(?<=\s)(?<!\d\s)[-–](?=\s)|(?<=\s)[-–](?=\s\D)", _pause),
    (r"\|++", _pause),
    (r"(?<!\w)\#++", _nothing),
    (r"(?<!\w)@(?=\w)", _say(" at ")),
    (r"(?<!\S)~(?=\d)", _say("about ")),
    (r"(?<=[^\W_])_++(?=[^\W_])", _space),
    (r"\\(?=[!-/:-@\[-`{-~])", _nothing),
    (r"[*_`~]++", _nothing),
    (r"[\\{}<>]++", _space),
    # marks, white space
    (r"(?:\.{2,}+|…)[.…]*+(?![!?])(?=\s*+(?P<follows>.?))", _ellipsis),
    (r"[.!?…]{2,}+|[！？。]{2,}+|(?P<same>[,;:、，])(?P=same)++|(?<=[^\w\s.!?,;:])[.!?,;:](?=\s|\Z)", _mark),
    (r"\n++|[^\S\n]++", _line),
    (r"[\x00-\x1f\x7f]++", _nothing),
    (r"[^\x00-\x7f\w\s…—―–！？。、，【】“”„]++", _signs),
)
_PATTERN = re.compile("|".join(f"(?P<_{n}>{pattern})" for n, (pattern, _) in enumerate(_RULES)), re.MULTILINE)
_ACTIONS = {f"_{n}": action for n, (_, action) in enumerate(_RULES)}

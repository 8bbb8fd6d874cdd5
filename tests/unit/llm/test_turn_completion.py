"""Turn completion: the mark at the beginning of an answer, however it is cut into pieces, and what is spoken."""

from __future__ import annotations

import re
from itertools import product
from random import Random

import pytest

from link.errors import ConfigError
from llm.turn_completion import Mark, Marks, TurnCompletionOptions, composed

SIGNS = TurnCompletionOptions(filter_incomplete_user_turns=True)
WORDS = TurnCompletionOptions(True, complete="[ok]", short="[cut]", long="[...]")


def told(pieces: list[str], options: TurnCompletionOptions = SIGNS) -> tuple[Mark, str]:
    """The mark of an answer in these pieces, and all that is spoken of it."""
    marks = Marks(options)
    spoken = [marks.feed(piece)[1] for piece in pieces]
    mark, rest = marks.end()
    return mark, "".join(spoken) + rest


# --- the mark -------------------------------------------------------------------------------------------------------

ANSWERS: list[tuple[str, Mark, str]] = [
    ("✓ Hello there.", "complete", "Hello there."),
    ("✓Hello", "complete", "Hello"),
    (" \n✓\n\n Hello", "complete", "Hello"),
    ("✓", "complete", ""),
    ("○", "short", ""),
    (" ◐ ", "long", ""),
    ("○ You were saying? ✓", "short", ""),
    ("◐ Take your time.", "long", ""),
    ("Hello there.", "complete", "Hello there."),
    ("  Hello ", "complete", "Hello "),
    ("", "complete", ""),
    ("  ", "complete", ""),
    ("Hello ○ there ✓.", "complete", "Hello  there ."),
    ("✓ ✓ Hello", "complete", "Hello"),
    ("✓\ufe0f Hello", "complete", "Hello"),
    ("Well ◐", "complete", "Well "),
]


@pytest.mark.parametrize(("answer", "mark", "spoken"), ANSWERS)
def test_the_first_sign_decides_and_no_mark_is_spoken(answer: str, mark: Mark, spoken: str) -> None:
    assert told([answer]) == (mark, spoken)
    assert told(list(answer)) == (mark, spoken)


WORDY: list[tuple[str, Mark, str]] = [
    ("[ok] Hello", "complete", "Hello"),
    ("[cut]", "short", ""),
    ("[...] hm", "long", ""),
    ("[o", "complete", "[o"),
    ("[oh] Hello", "complete", "[oh] Hello"),
    ("[", "complete", "["),
    ("A list: [1] and [ok] done[", "complete", "A list: [1] and  done["),
    ("A [[ok]ok] B", "complete", "A [ok] B"),
    ("A [o[ok]", "complete", "A [o"),
    ("A [cu[ok][cut][", "complete", "A [cu["),
]


@pytest.mark.parametrize(("answer", "mark", "spoken"), WORDY)
def test_a_mark_of_several_signs_may_be_split(answer: str, mark: Mark, spoken: str) -> None:
    for at in range(len(answer) + 1):
        assert told([answer[:at], answer[at:]], WORDS) == (mark, spoken)
    assert told(list(answer), WORDS) == (mark, spoken)


def whole(answer: str, options: TurnCompletionOptions) -> tuple[Mark, str]:
    """The same of an answer that is there at once."""
    signs: dict[str, Mark] = {options.complete: "complete", options.short: "short", options.long: "long"}
    begin = re.match("[\\s\ufe0e\ufe0f]*(.*)\\Z", answer, re.DOTALL)
    assert begin is not None
    mark = next((mark for sign, mark in signs.items() if begin[1].startswith(sign)), None)
    if mark in ("short", "long"):
        return mark, ""
    rest = begin[1].removeprefix(options.complete) if mark else begin[1]
    spoken = re.sub("|".join(map(re.escape, signs)), "", rest)
    return "complete", re.sub("\\A[\\s\ufe0e\ufe0f]+", "", spoken)


@pytest.mark.parametrize(
    ("options", "letters"),
    [
        (SIGNS, "✓○◐ a\ufe0f\n"),
        (WORDS, "[]okcut. a"),
        (TurnCompletionOptions(True, complete="aab", short="ab!", long="ba"), "aab! "),
        (TurnCompletionOptions(True, complete="ab", short="bc", long="ca"), "abc! "),
    ],
)
def test_however_an_answer_is_cut_into_pieces_it_is_the_same(options: TurnCompletionOptions, letters: str) -> None:
    dice = Random(letters)
    parts = [*letters, options.complete, options.short, options.long]
    for _ in range(4000):
        answer = "".join(dice.choices(parts, k=dice.randint(0, 8)))
        places = sorted(dice.choices(range(len(answer) + 1), k=dice.randint(0, 5)))
        pieces = [answer[a:b] for a, b in zip([0, *places], [*places, len(answer)], strict=True)]
        assert told(pieces, options) == whole(answer, options), pieces


def test_every_short_answer_of_the_signs() -> None:
    for answer in map("".join, product("✓○◐ a", repeat=4)):
        assert told(list(answer)) == whole(answer, SIGNS)
        assert not set("✓○◐") & set(told(list(answer))[1])


def test_it_decides_as_early_as_it_can_and_says_at_once_what_it_may() -> None:
    marks = Marks(WORDS)
    assert marks.mark is None
    assert marks.feed("") == (None, "")
    assert marks.feed(" ") == (None, "")
    assert marks.feed("[o") == (None, "")
    assert marks.feed("k]") == ("complete", "")
    assert marks.feed("  ") == ("complete", "")
    assert marks.feed(" Hello [") == ("complete", "Hello ")
    assert marks.feed("1] [") == ("complete", "[1] ")
    assert marks.feed("...") == ("complete", "")
    assert marks.feed("]. ") == ("complete", ". ")
    assert marks.end() == ("complete", "")


def test_words_without_a_mark_are_spoken_at_once() -> None:
    marks = Marks(SIGNS)
    assert marks.feed("He") == ("complete", "He")
    assert marks.feed("llo") == ("complete", "llo")


@pytest.mark.parametrize(("sign", "mark"), [("○", "short"), ("◐", "long")])
def test_after_an_incomplete_turn_nothing_is_spoken(sign: str, mark: Mark) -> None:
    marks = Marks(SIGNS)
    assert marks.feed(sign) == (mark, "")
    assert marks.feed("✓ Hello") == (mark, "")
    assert marks.mark == mark
    assert marks.end() == (mark, "")


def test_an_answer_without_a_word_is_complete() -> None:
    assert Marks(SIGNS).end() == ("complete", "")


# --- options --------------------------------------------------------------------------------------------------------


def test_it_is_off_unless_it_is_switched_on_and_then_says_nothing() -> None:
    options = TurnCompletionOptions()
    assert not options.filter_incomplete_user_turns
    assert options.instruction() == ""
    assert composed("Be brief.", [options.instruction()]) == "Be brief."


def test_each_mark_has_its_sign_its_silence_and_its_prompt() -> None:
    assert [SIGNS.sign(mark) for mark in ("complete", "short", "long")] == ["✓", "○", "◐"]
    assert [SIGNS.silence_s(mark) for mark in ("complete", "short", "long")] == [None, 5.0, 10.0]
    assert SIGNS.prompt("complete") == ""
    assert "Begin with ✓" in SIGNS.prompt("short")
    assert "Begin with ✓" in SIGNS.prompt("long")
    assert SIGNS.prompt("short") != SIGNS.prompt("long")


def test_the_texts_name_the_marks_that_are_configured() -> None:
    for sign in ("[ok]", "[cut]", "[...]"):
        assert sign in WORDS.instruction()
    for sign in "✓○◐":
        assert sign in SIGNS.instruction()
        assert sign not in WORDS.instruction()
    assert "{" not in SIGNS.instruction() + SIGNS.prompt("short") + SIGNS.prompt("long")


def test_other_braces_are_left_alone() -> None:
    options = TurnCompletionOptions(True, instructions='Say {complete}, not {"a": 1} or {} or {x}.')
    assert options.instruction() == 'Say ✓, not {"a": 1} or {} or {x}.'


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"complete": ""}, "a mark has at least one sign and no space"),
        ({"short": "go on"}, "a mark has at least one sign and no space"),
        ({"long": "◐\ufe0f"}, "a mark has at least one sign and no space"),
        ({"short": "✓"}, "the marks must differ, and none contain another"),
        ({"short": "✓✓"}, "the marks must differ, and none contain another"),
        ({"complete": "[○]"}, "the marks must differ, and none contain another"),
        ({"short_s": 0.0}, "short_s and long_s must be above zero"),
        ({"long_s": float("nan")}, "short_s and long_s must be above zero"),
    ],
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=f"turn completion: {says}"):
        TurnCompletionOptions(**wrong)  # type: ignore[arg-type]


# --- the system instruction -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "additions", "text"),
    [
        ("", [], ""),
        ("Be brief.\n", [], "Be brief.\n"),
        ("Be brief.", ["Mark."], "Be brief.\n\nMark."),
        ("Be brief.", ["Mark.", "Cancel."], "Be brief.\n\nMark.\n\nCancel."),
        ("Be brief.", ["", "Cancel."], "Be brief.\n\nCancel."),
        ("", ["Mark."], "Mark."),
    ],
)
def test_the_instruction_is_made_of_its_parts(base: str, additions: list[str], text: str) -> None:
    assert composed(base, additions) == text


def test_switching_on_and_off_restores_it_exactly() -> None:
    paragraphs = {"marks": SIGNS.instruction(), "cancel": "To stop a function, call cancel_async_tool_call."}
    dice, on = Random(3), dict.fromkeys(paragraphs, False)
    seen: dict[tuple[bool, ...], str] = {}
    for _ in range(100):
        name = dice.choice(list(on))
        on[name] = not on[name]
        text = composed("  Be brief. ", [paragraphs[each] for each in on if on[each]])
        assert seen.setdefault(tuple(on.values()), text) == text
        assert all((paragraphs[each] in text) is on[each] for each in on)
    assert seen[False, False] == "  Be brief. "
    assert len(set(seen.values())) == 4

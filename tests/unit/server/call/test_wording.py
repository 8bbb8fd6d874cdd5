"""Wording: what the voice gets of a text, and that its words find back through all that was changed."""

from __future__ import annotations

import pytest

from audio.events import Word
from server.call.wording import Filter, Wording, filtered


def wording(
    *filters: Filter, speaks: bool = True, pronunciations: tuple[tuple[str, str], ...] = (("SQL", "sequel"),)
) -> Wording:
    return Wording(speaks=speaks, pronunciations=dict(pronunciations), filters=filters)


def test_what_is_written_is_made_speakable_then_pronounced_then_filtered() -> None:
    seen: list[str] = []

    def note(text: str) -> str:
        seen.append(text)
        return text.upper()

    assert wording(note).said("**SQL** & more").text == "SEQUEL AND MORE"
    assert seen == ["sequel and more"]


@pytest.mark.parametrize("speaks", [True, False])
def test_an_address_is_pronounced_as_its_entry_wants_it(speaks: bool) -> None:
    made = wording(
        speaks=speaks,
        pronunciations=(("ann@shop.de", "our desk"), ("www.example.org", "our site"), ("socket.io", "socket eye oh")),
    )
    said = made.said("Write to ann@shop.de or see www.example.org, or use socket.io.")
    assert said.text == "Write to our desk or see our site, or use socket eye oh."
    assert said.original[: said.moved((Word(0.0, 17),))[0].end] == "Write to ann@shop.de"


def test_without_it_markup_and_signs_are_left_alone() -> None:
    assert wording(speaks=False).said(" **SQL** & 😀").text == " **sequel** & 😀"


def test_words_find_back_through_everything() -> None:
    said = wording(lambda text: text.replace("and", "and also")).said("**SQL** & more 😀")
    assert said.text == "sequel and also more"
    words = tuple(Word(float(end), end) for end in (6, 10, 15, 20))
    shown = [said.original[: word.end] for word in said.moved(words)]
    assert shown == ["**SQL**", "**SQL** &", "**SQL** &", "**SQL** & more 😀"]
    assert [word.start_ms for word in said.moved(words)] == [6.0, 10.0, 15.0, 20.0]


def test_a_text_that_is_not_changed_leaves_the_words_as_they_are() -> None:
    words = (Word(0.0, 5), Word(5.0, 9))
    assert wording().said(" One two.").moved(words) is words


@pytest.mark.parametrize("text", ["😀", "```\nSQL\n```", "...", "---"])
def test_of_what_has_no_words_nothing_is_said_and_no_filter_asked(text: str) -> None:
    assert wording(lambda text: "said anyway").said(text).text == ""


def test_a_filter_may_leave_nothing() -> None:
    assert wording(lambda text: "").said("Hello.").text == ""


def test_what_was_said_before_counts() -> None:
    assert wording().said("\nx = SQL", "So:\n```").text == ""
    assert wording().said("\nx = SQL", "So:\n```\n```").text == "x equals sequel"


# --- filters ----------------------------------------------------------------------------------------------------------


def test_filters_work_one_after_the_other() -> None:
    assert filtered("a", (lambda text: text + "b", lambda text: text + "c")) == "abc"
    assert filtered("a", ()) == "a"


def test_a_filter_that_gives_no_text_is_named() -> None:
    with pytest.raises(TypeError, match="gave no text, but NoneType"):
        filtered("a", (lambda _: None,))  # type: ignore[arg-type, return-value]

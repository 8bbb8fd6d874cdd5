"""Marks that come back in every order, late, twice, because of a clear, or from nobody."""

from __future__ import annotations

import pytest

from server.protocols.marks import Marks
from server.protocols.wire import Complaint, PlayedReport


def test_a_mark_tells_how_much_was_played_since_the_clear() -> None:
    marks = Marks()
    names = [marks.after(160), marks.after(320), marks.after(160)]
    assert names == ["v1:0:160", "v1:0:480", "v1:0:640"]
    assert [marks.returned(name) for name in names] == [[PlayedReport(n)] for n in (160, 480, 640)]


def test_marks_that_a_clear_brings_back_tell_nothing() -> None:
    marks = Marks()
    old = marks.after(160)
    marks.clear()
    assert marks.returned(old) == []
    new = marks.after(80)
    assert marks.returned(old) == []
    assert marks.returned(new) == [PlayedReport(80)]


def test_a_late_or_second_mark_does_not_go_back() -> None:
    marks = Marks()
    first, second = marks.after(160), marks.after(160)
    assert marks.returned(second) == [PlayedReport(320)]
    assert marks.returned(first) == []
    assert marks.returned(second) == []


@pytest.mark.parametrize(
    "name",
    ["", "hello", "v1:0:161", "v1:1:0", "v1:0:-1", "v1:0:1.0", "v2:0:160", " v1:0:160", "v1:0:160\n", "v1:0",
     "v1:\u0660:\u0661", "v1:0:" + "1" * 5000, "v1:0:160:0", "x" * 60_000],
)  # fmt: skip
def test_a_mark_that_was_never_put_is_complained_of(name: str) -> None:
    marks = Marks()
    marks.after(160)
    (meaning,) = marks.returned(name)
    assert isinstance(meaning, Complaint)
    assert meaning.code == "bad_mark"
    assert len(meaning.message) < 200

"""docs/speaking.md: its table is what is said, its examples run, its numbers are those of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from audio import pieces
from audio.pieces import Pieces
from audio.speakable import speakable
from tests.unit.docs import pages, stand, talks
from tests.unit.docs.pages import Example
from tests.virtual.loop import run

PAGE = pages.read("speaking.md")


def spoken(example: Example, folder: Path, toml: str = "") -> str:
    """What the voice gets of the greeting."""
    agent = stand.agent_of(example, folder)
    return agent.wording(stand.settings_of(toml, folder)).said(agent.greeting).text


@pytest.mark.parametrize("example", PAGE.examples, ids=str)
def test_an_example_runs_and_its_talks_go_as_they_stand_there(example: Example, tmp_path: Path) -> None:
    agent = stand.agent_of(example, tmp_path)
    for talk in example.talks:
        run(talks.hold(agent, talk.text, **stand.held_under(talk, tmp_path)))


@pytest.mark.parametrize(("written", "said"), PAGE.table("written", "said"))
def test_what_is_said(written: str, said: str) -> None:
    assert speakable(written.strip("`")).text.replace("\n", " ") == said.strip("`")


def test_pronunciations_of_the_agent_and_of_the_configuration(tmp_path: Path) -> None:
    (example,) = (each for each in PAGE.examples if "pronunciations" in each.code)
    toml, _ = PAGE.configurations
    assert spoken(example, tmp_path) == "Welcome to voice wire, it speaks sequel."
    assert spoken(example, tmp_path, toml) == "Welcome to voice wire, it speaks ess cue ell."


def test_a_filter(tmp_path: Path) -> None:
    (example,) = (each for each in PAGE.examples if "filters" in each.code)
    assert spoken(example, tmp_path) == "Your card ends in one two three four."


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    assert f"from its {pieces.EARLY_CHARS}th character on" in PAGE.words
    assert f"After {pieces.MAX_CHARS} characters" in PAGE.words


def test_the_full_stops_of_the_page_end_nothing() -> None:
    words = PAGE.words.partition("A full stop in ")[2].partition(" ends nothing")[0]
    cutter = Pieces(early_chars=None)
    assert [*cutter.feed(words), *cutter.flush()] == [words]

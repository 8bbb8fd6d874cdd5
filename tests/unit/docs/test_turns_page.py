"""docs/turns.md says what the settings are: their names, their defaults, and all the rules there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from msgspec import Struct

from audio.endpoint import Rule, TurnOptions
from audio.vad import VadOptions
from server.call.policy import Mute, Policy, Sentences
from server.config import Settings, load
from server.services.turn_models import TURN_MODELS
from tests.unit.docs import pages, stand
from tests.unit.docs.pages import ROOT

PAGE = (ROOT / "docs" / "turns.md").read_text("utf-8")
POLICY = Policy()
TABLES = {
    "turn": TurnOptions(),
    "policy": POLICY,
    "vad": VadOptions(),
    "sentences": Sentences(),
    "while_speaking": POLICY.while_speaking,
}
NAMED = re.findall(r"`(turn|policy|vad|sentences|while_speaking)\.(\w+)[^`]*`", PAGE)
NUMBERS = re.findall(
    r"`(?:(turn|policy|vad|while_speaking)\.)?(\w+_(?:ms|words|pieces|probability))` \(([\d.]+)( s)?\)", PAGE
)
WHILE = re.findall(r"^\|.*\| `\[policy\.(\w+)\]` \| (\d+) \|", PAGE, re.MULTILINE)
DRAWN = re.findall(r"├ (\d+) ms +`(turn|policy|vad)\.(\w+)`", PAGE)


ORIGINS = dict(re.findall(r"^\| `((?:turn|vad|policy)\.[\w.]+)` \| ([^|]+) \|", PAGE, re.MULTILINE))
MACHINES = set(
    "first_output_s next_output_s give_up_s max_attempts retry_pause_s max_rounds speech_first_s speech_next_s"
    " speak_ahead ending_s max_call_s max_frames max_answer_bytes".split()
)
"""Settings of the policy that are about services, not about turns."""


def settings_of_turns() -> dict[str, object]:
    found = {f"turn.{name}": getattr(TABLES["turn"], name) for name in TurnOptions.__struct_fields__}
    found |= {f"vad.{name}": getattr(TABLES["vad"], name) for name in VadOptions.__struct_fields__}
    for name in set(Policy.__struct_fields__) - MACHINES:
        value = getattr(POLICY, name)
        inner = value.__struct_fields__ if isinstance(value, Struct) else ()
        found |= {f"policy.{name}.{each}": getattr(value, each) for each in inner} or {f"policy.{name}": value}
    return found


def test_every_setting_has_its_default_and_where_it_comes_from() -> None:
    wanted = settings_of_turns()
    assert sorted(ORIGINS) == sorted(wanted)
    numbers = {key: value for key, value in wanted.items() if isinstance(value, int | float)}
    assert {key: float(ORIGINS[key]) for key in numbers} == numbers


@pytest.mark.parametrize(("table", "key"), sorted(set(NAMED)))
def test_what_is_named_is_a_setting(table: str, key: str) -> None:
    assert hasattr(TABLES[table], key)


@pytest.mark.parametrize(("table", "key", "number", "seconds"), NUMBERS)
def test_a_default_is_what_the_page_says(table: str, key: str, number: str, seconds: str) -> None:
    found = [getattr(each, key) for name, each in TABLES.items() if hasattr(each, key) and table in ("", name)]
    assert found == [float(number) * (1000 if seconds else 1)]


def test_the_page_says_many_of_them() -> None:
    assert len(NUMBERS) > 12
    for number, table, key in DRAWN:
        assert getattr(TABLES[table], key) == float(number)
    assert len(DRAWN) == 2


def test_what_is_less_than_a_turn_is_as_the_page_says_for_each_phase() -> None:
    assert len(WHILE) == 3
    for table, words in WHILE:
        assert getattr(POLICY, table).min_words == int(words)
    more = set(POLICY.while_waiting.backchannels) - set(POLICY.while_thinking.backchannels)
    assert {"hello", "are you there", "take your time"} < more
    assert POLICY.while_thinking.backchannels == POLICY.while_speaking.backchannels


def test_every_rule_is_explained() -> None:
    rows = re.findall(r"^\| `(\w+)`", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(get_args(Rule))
    for mute in get_args(Mute):
        assert f"`{mute}`" in PAGE


def test_the_example_is_an_agent(tmp_path: Path) -> None:
    (example,) = pages.read("turns.md").examples
    made = stand.agent_of(example, tmp_path).call_settings(Settings())
    assert (made.turn.rules, made.policy.while_speaking.min_words) == (("transcript",), 2)


def test_the_example_is_a_configuration(tmp_path: Path) -> None:
    examples = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "voicewire.toml"
    found = []
    for toml in examples:
        file.write_text(toml)
        found.append(load(file, {}, {}))
    rules = [("transcript", "sentence", "pauses"), ("transcript", "acoustic")]
    assert [each.turn.rules for each in found[:2]] == rules
    assert isinstance(found[1].turn_model, dict)
    assert found[1].turn_model["name"] in TURN_MODELS
    assert Settings().turn.rules == ("transcript", "pauses"), "the default, as the table says"
    assert found[2].policy.while_speaking.min_words == 2
    assert found[2].policy.while_waiting.backchannels == ("hello", "okay")
    assert len(found[3].sentences.fillers) == 2

"""docs/models.md: its examples run, its talks go as they stand there, its configurations start, its tables are true."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from msgspec import structs

from link import wishes
from link.breaker import BreakerOptions
from link.errors import ConfigError
from link.websocket import FATAL_CLOSE, FATAL_STATUS
from llm import failures, line
from llm.chat_failures import Refusal, what_it_calls_for
from llm.context import LIMIT_BYTES, MEDIA_LIMIT_BYTES
from llm.events import Failure, ModelSettings, Usage
from llm.fallback import FallbackOptions
from llm.items import DeveloperMessage, UserMessage
from llm.summary import SummaryOptions
from llm.tools import FunctionCallParams
from llm.turn_completion import TurnCompletionOptions
from server import models
from server.agent import EVENTS, Agent, load_agent
from server.call.log_handle import LogHandle
from server.call.model_events import ReplyOutcome
from server.call.model_handle import MAX_JOBS
from server.call.policy import Policy
from server.config import Settings
from server.engines import make_engines
from server.models import OpenAIOptions
from server.observers.metrics import Metrics
from tests.unit.docs import pages, stand, talks
from tests.unit.docs.pages import Example, names
from tests.virtual.loop import run

PAGE = pages.read("models.md")
AGENTS = [example for example in PAGE.examples if not example.module]
MODULES = [example for example in PAGE.examples if example.module]


@pytest.mark.parametrize("example", AGENTS, ids=str)
def test_an_example_runs_and_its_talks_go_as_they_stand_there(example: Example, tmp_path: Path) -> None:
    agent = stand.agent_of(example, tmp_path)
    assert example.talks
    for talk in example.talks:
        run(talks.hold(agent, talk.text, **stand.held_under(talk, tmp_path)))


@pytest.mark.parametrize("example", MODULES, ids=str)
def test_a_service_of_ones_own_answers(example: Example, tmp_path: Path) -> None:
    (tmp_path / f"{example.module}.py").write_text(example.code)

    async def talk(toml: str, text: str) -> None:
        engine = make_engines(stand.settings_of(toml, tmp_path), Agent(), stand.no_spawn).llm
        await engine.start()
        await talks.hold_with(engine.open(), text)
        await engine.close()

    with stand.importing(tmp_path, example.module):
        (held,) = example.talks
        run(talk(held.toml, held.text))


@pytest.mark.parametrize("example", MODULES, ids=str)
def test_a_service_of_ones_own_is_found_beside_the_agents_file(
    example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command `voicewire` does not look in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    (tmp_path / f"{example.module}.py").write_text(example.code)
    (tmp_path / "agent.py").write_text("from server.agent import Agent\nagent = Agent()\n")
    settings = stand.settings_of(example.talks[0].toml, tmp_path)

    async def start() -> None:
        make_engines(settings, Agent(), stand.no_spawn)

    (error,) = (name for name in names(PAGE.words) if name.startswith("No module"))
    with pytest.raises(ConfigError, match=error):
        run(start())
    try:
        load_agent(tmp_path / "agent.py")
        run(start())
    finally:
        sys.modules.pop("voicewire_agent", None)
        sys.modules.pop(example.module, None)


# --- services ---------------------------------------------------------------------------------------------------------


def test_every_service_stands_in_the_table() -> None:
    shown = [names(row[0])[0].strip('"') for row in PAGE.table("`llm =`", "what it is", "it needs")]

    async def ask() -> None:
        make_engines(msgspec.convert({"llm": "nope"}, Settings), Agent(), stand.no_spawn)

    with pytest.raises(ConfigError, match="there are ") as caught:
        run(ask())
    known = str(caught.value).partition("there are ")[2].replace(", or ", ", ").replace('"', "").split(", ")
    assert sorted(shown) == sorted(known)


def test_the_options_that_save_time() -> None:
    defaults = {field.name: repr(field.default) for field in structs.fields(OpenAIOptions)}
    rows = PAGE.table("option", "default", "")
    assert len(rows) > 3
    assert {names(name)[0]: names(default)[0] for name, default, _ in rows}.items() <= defaults.items()


def test_the_settings_of_a_model() -> None:
    words = PAGE.words.partition("ModelSettings has ")[2].partition(" they replace")[0]
    choices = ["auto", "none", "required"]
    assert [name for name in names(words) if name not in choices] == list(ModelSettings.__struct_fields__)


def test_the_verbs_of_the_log() -> None:
    shown = [name.partition("(")[0] for row in PAGE.table("`call.context`", "") for name in names(row[0])]
    assert sorted(shown) == sorted(name for name in vars(LogHandle) if not name.startswith("_"))


def test_a_tool_that_appends_a_turn_of_the_caller_cancels_itself() -> None:
    async def go_on(params: FunctionCallParams) -> str:
        """Go on."""
        await params.context.append(kind("And now?"), ask=True)
        await asyncio.sleep(1)
        return "done"

    for kind, result in ((UserMessage, "CANCELLED"), (DeveloperMessage, "done")):
        talk = f"caller Go.\nmodel go_on()\n→ {result}\nmodel Well.\nbot Well."
        if kind is DeveloperMessage:
            talk = talk.replace("model Well.", "note And now?\nmodel Well.")
        run(talks.hold(Agent(tools=[go_on]), talk))


# --- numbers and names ------------------------------------------------------------------------------------------------


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    patience, breaker, policy = FallbackOptions(), BreakerOptions(), Policy()
    summary, completion = SummaryOptions(), TurnCompletionOptions()
    assert breaker.failures == 3
    assert (breaker.window_s, breaker.refused_s, models.MAX_MODELS, MAX_JOBS) == (60, 300, 8, 3)
    for words in (
        "Three may run at a time in a call",  # MAX_JOBS
        f"`policy.first_output_s` ({policy.first_output_s:g} s)",
        f"the second request has {policy.first_output_s:g} s of its own",
        f"`first_output_s` ({patience.first_output_s:g} s)",
        f"`avoid_s` ({patience.avoid_s:g} s)",
        f"after {breaker.open_s:g} s, {2 * breaker.open_s:g} s, {4 * breaker.open_s:g} s",
        f"for {line.DRAIN_S:g} s at most",
        f"{LIMIT_BYTES >> 10} KiB of text",
        f"{MEDIA_LIMIT_BYTES >> 20} MiB of pictures",
        f"more than {summary.max_unsummarized_messages} messages",
        f"estimated {summary.max_context_tokens:,} tokens",
        f"at most {summary.target_context_tokens:,} tokens",
        f"The newest {summary.min_messages_to_keep} stay",
        f"`{completion.short}` waits {completion.short_s:g} s",
        f"`{completion.long}` {completion.long_s:g} s for one who thinks",
        f"an answer with `{completion.complete}` is spoken",
        f"nothing for {policy.first_output_s:g} s, or for {policy.next_output_s:g} s within an answer",
        f"after {policy.max_attempts} times or {policy.give_up_s:g} s an apology",
        f"({wishes.CAP_S:g} s at most); after {policy.max_attempts} times an apology",
        "asked again after "
        + ", ".join(f"{policy.retry_pause_s * 2**attempt:g}" for attempt in range(policy.max_attempts - 1)),
    ):
        assert words in PAGE.words, words


def test_the_events_of_answers() -> None:
    rows = {names(event)[0]: names(fields) for event, fields in PAGE.table("event", "fields")}
    for event, shown in rows.items():
        fields = structs.fields(EVENTS[event])
        values = get_args(fields[0].type)  # of `link`
        assert shown == [*(field.name for field in fields), *values], event
    about_models = {"reply_metrics", "completion_timeout", "link", "connection_error"}
    assert rows.keys() == about_models
    for event in ("summarised", "summary_failed", "truncated"):
        assert f"`{event}` (`{structs.fields(EVENTS[event])[0].name}`" in PAGE.words
    words = PAGE.words.partition("`outcome` is ")[2].partition("; ")[0]
    assert names(words) == list(get_args(ReplyOutcome))
    assert names(PAGE.words.partition("`usage` has")[2].partition(";")[0]) == list(Usage.__struct_fields__)


def test_the_metrics_are_those_that_are_served() -> None:
    metrics = [each.name for each in Metrics().registry.collect()]
    served = [f"{name}_total" if "seconds" not in name else name for name in metrics if "_llm_" in name]
    shown = [name for name in names(PAGE.words) if name.startswith("voicewire_llm_")]
    assert sorted(shown) == sorted(served)


# --- errors -----------------------------------------------------------------------------------------------------------

KINDS: dict[str, Failure] = {"fatal:": "fatal", "the oldest half": "too_long", "blocked:": "blocked"}
"""How the rows of the kinds of failures begin; the others pass."""


def test_every_code_has_the_outcome_that_the_page_says() -> None:
    shown: dict[str, Failure] = {}
    for codes, outcome in PAGE.table("the provider says", "then"):
        kinds: list[Failure] = [kind for words, kind in KINDS.items() if outcome.startswith(words)]
        kind = kinds[0] if kinds else "passing"
        shown |= {code: kind for code in names(codes) if code in failures._KINDS}
    assert shown == failures._KINDS


def test_every_status_has_the_outcome_that_the_page_says() -> None:
    fatal, too_long, *_ = (row[0] for row in PAGE.table("the provider says", "then"))
    for status, kind in failures._BY_STATUS.items():
        assert str(status) in {"fatal": fatal, "too_long": too_long}[kind]
    assert all(str(code) in fatal for code in {*FATAL_STATUS, *FATAL_CLOSE})


def test_every_status_of_chat_has_the_outcome_that_the_page_says() -> None:
    _, too_long, *_, again, by_words, hopeless = PAGE.table("the provider says", "then")
    passing, blocked = statuses("passing"), statuses("blocked")
    client = [status for status in passing if status < 500]
    assert again[0].endswith(f"HTTP {', '.join(map(str, client))}, 5xx")
    assert set(range(500, 600)) <= set(passing)
    assert by_words[0].endswith(f"HTTP {', '.join(map(str, blocked))}")
    assert set(blocked) <= set(statuses("fatal", "incorrect api key"))
    wordless = statuses("too_long")
    assert [f"HTTP {status}" in too_long[0] for status in wordless] == [True]
    assert [status for status in statuses("too_long", "the prompt is too long") if status not in wordless] == [400, 422]
    assert "with 400 and 422 a long prompt is too long" in by_words[1]
    (large,) = (status for status in statuses("too_long", "request too large") if status in passing)
    assert f'a {large} that says "request too large" is too long' in again[1]
    assert hopeless == ["the same: another 4xx, or a redirection", "fatal"]
    assert {301, 302, 307, 401, 402, 403, 404, 418} <= set(statuses("fatal"))
    assert len({*passing, *blocked, *wordless, *statuses("fatal")}) == 300  # each has one of these four


def statuses(kind: Failure, words: str = "") -> list[int]:
    """Those which a refusal in these words makes a failure of this kind."""
    return [status for status in range(300, 600) if what_it_calls_for(Refusal(message=words), status) == kind]

"""Real calls whose model is a Chat Completions endpoint, or several models as one.

Elsewhere a fallback began the answer again with the other model's first word, so that the caller heard it twice; it
ended the call with the first model's 401; a change of model in mid-call lost the result of the tool that made it.
Here the log decides: what was heard stays, what is left is asked for, and whoever answers is asked for nothing twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from audio.tts.scripted import decode
from llm.chat import ChatEngine, ChatOptions
from llm.events import LinkDown, LinkUp
from llm.service import LanguageModel
from llm.several import FallbackEngine, Source, SwitchEngine, services_of
from llm.switch import WAIT_S
from llm.tools import FunctionCallParams, tool
from server.agent import Agent
from server.call import events as e
from server.call.handle import CallHandle
from server.call.policy import Policy, Sentences
from tests.unit.llm.chat_server import Act, Asked, ChatServer, calls, piece, refusal
from tests.unit.llm.chat_stand import transport_to
from tests.unit.llm.puppets import Process, Puppet, refused
from tests.unit.llm.puppets import Source as Puppets
from tests.unit.server.call.session_stand import Stand, virtual

ANSWER = "One two three. Four five six. Seven eight nine."
WORDS = ANSWER.split()
APOLOGY = Sentences().apology


# --- endpoints --------------------------------------------------------------------------------------------------------


def saying(text: str = ANSWER) -> Act:
    """An act: these words, one each 50 ms."""

    async def act(asked: Asked) -> None:
        for word in text.split():
            await asyncio.sleep(0.05)
            await asked.say(f"{word} ")
        await asked.end()

    return act


def calling(name: str) -> Act:
    """An act: a call."""

    async def act(asked: Asked) -> None:
        await asked.chunk(calls(piece(0, "{}", name, "c1")))
        await asked.end("tool_calls")

    return act


def cut_after(count: int) -> Act:
    """An act: so many words of the answer, and the connection is lost."""

    async def act(asked: Asked) -> None:
        await asked.begin()
        for word in WORDS[:count]:
            await asyncio.sleep(0.05)
            await asked.say(f"{word} ")
        asked.cut()

    return act


async def going_on(asked: Asked) -> None:
    """An act: what the log does not show of the answer."""
    said = spoken_in(asked)
    assert WORDS[: len(said)] == said, f"{said} is no beginning of the answer"
    await saying(" ".join(WORDS[len(said) :]))(asked)


async def late(asked: Asked) -> None:
    """An act: the answer, when nobody waits for it any more."""
    await asyncio.sleep(4.0)
    await saying("Far too late.")(asked)


def spoken_in(asked: Asked) -> list[str]:
    """The words of the bot that a request shows."""
    content = [each["content"] or "" for each in asked.body["messages"] if each["role"] == "assistant"]
    return " ".join(content).split()


@asynccontextmanager
async def endpoint(folder: Path, name: str, *acts: Act) -> AsyncIterator[tuple[ChatServer, ChatEngine]]:
    """A server on a unix socket, and an engine whose requests reach it."""
    async with ChatServer(*acts, path=folder / name) as server:
        yield server, engine_at(folder / name)


def engine_at(socket: Path) -> ChatEngine:
    """The engine of an endpoint there, or where nobody listens."""
    return ChatEngine(ChatOptions("m", base_url="http://localhost/v1"), transport=transport_to(socket))


@asynccontextmanager
async def call(engine: Source, agent: Agent | None = None, **more: Any) -> AsyncIterator[Stand]:
    """One call with the service of an engine."""
    await engine.start()
    try:
        async with Stand(agent, model=engine.open(), models=services_of(engine), **more) as stand:
            yield stand
    finally:
        await engine.close()


def fallback(*sources: Source) -> FallbackEngine:
    """The first that can answers."""
    return FallbackEngine({f"model {number}": each for number, each in enumerate(sources)}, Process().spawn)


async def settled(stand: Stand, seconds: float = 8.0) -> list[str]:
    """All that the bot has said, long after it has ended."""
    await asyncio.sleep(seconds)
    return stand.bot


def words_in(sound: bytes) -> int:
    """How many words are in what the caller heard."""
    return sum(heard.word is not None for heard in decode(sound, 16000))


def problems(stand: Stand) -> list[str]:
    """The codes of what went wrong, as observers heard it."""
    return [event.code for _, event in stand.noted.events if isinstance(event, e.Problem)]


def seconds_to(stand: Stand, code: str) -> float:
    """How long after the caller's first message something went wrong."""
    asked_at = next(at for at, fact in stand.noted.facts if isinstance(fact, e.UserText))
    return (
        next(at for at, event in stand.noted.events if isinstance(event, e.Problem) and event.code == code) - asked_at
    )


def up() -> LanguageModel:
    """A model that is up, and silent."""
    return Puppet(LinkUp())


def away() -> LanguageModel:
    """A model that cannot be reached."""
    return Puppet(LinkDown("connection refused"))


# --- a fallback -------------------------------------------------------------------------------------------------------


@virtual
async def test_the_first_is_late_and_the_second_answers(tmp_path: Path) -> None:
    async with (
        endpoint(tmp_path, "a", late, saying()) as (a, first),
        endpoint(tmp_path, "b", saying()) as (b, second),
        call(fallback(first, second)) as stand,
    ):
        stand.send("text", text="count")
        assert await settled(stand) == [ANSWER]
        assert a.asked[0].gone.is_set(), "it was told to stop"
        assert (len(a.asked), len(b.asked)) == (1, 1)
        assert problems(stand) == [], "the call does not hear of it"
        stand.send("text", text="again")
        assert await settled(stand) == [ANSWER] * 2
        assert (len(a.asked), len(b.asked)) == (1, 2), "who was late comes after the other for a while"
        assert stand.log.said("model 0 does not answer (no output in 2.5 s); model 1 is asked instead", "WARNING")


@pytest.mark.parametrize("count", range(len(WORDS)))
@virtual
async def test_the_first_fails_half_way_and_the_log_decides(tmp_path: Path, count: int) -> None:
    async with (
        endpoint(tmp_path, "a", cut_after(count)) as (a, first),
        endpoint(tmp_path, "b", going_on) as (b, second),
        call(fallback(first, second)) as stand,
    ):
        stand.send("text", text="count")
        assert await settled(stand) == [ANSWER], "nothing twice, and nothing left out"
        assert words_in(stand.heard) == len(WORDS)
        assert (len(a.asked), len(b.asked)) == (1, 1)
        assert problems(stand) == ["reply_failed"] * (count > 0), "before the first word nobody hears of it"
        assert len(spoken_in(b.asked[0])) <= count


@pytest.mark.parametrize("how", ["request", "link"])
@virtual
async def test_the_first_refuses_us_and_the_second_answers_the_whole_call(tmp_path: Path, how: str) -> None:
    async with (
        endpoint(tmp_path, "a", refusal(401, "invalid_api_key")) as (a, chat),
        endpoint(tmp_path, "b", saying()) as (b, second),
        call(fallback(chat if how == "request" else Puppets(refused), second), expects_failures=True) as stand,
    ):
        for turn in range(1, 4):
            stand.send("text", text="count")
            assert await settled(stand) == [ANSWER] * turn
        assert len(a.asked) == (1 if how == "request" else 0)
        assert len(b.asked) == 3
        assert problems(stand) == []
        assert len([line for line in stand.log.failures if "refuses us and is left out" in line]) == 1


@virtual
async def test_both_links_are_away_and_after_a_while_the_caller_hears_an_apology() -> None:
    async with call(fallback(Puppets(away), Puppets(away))) as stand:
        stand.send("text", text="count")
        assert await settled(stand, 40.0) == [APOLOGY]
        assert seconds_to(stand, "no_answer") == pytest.approx(Policy().give_up_s, abs=0.01)
        assert stand.end is None, "the call goes on"


@virtual
async def test_both_endpoints_are_away_and_the_budget_ends_it(tmp_path: Path) -> None:
    engine = fallback(engine_at(tmp_path / "nobody"), engine_at(tmp_path / "nobody either"))
    async with call(engine) as stand:
        stand.send("text", text="count")
        assert await settled(stand) == [APOLOGY]
        assert problems(stand) == ["reply_failed"] * Policy().max_attempts + ["no_answer"]
        assert seconds_to(stand, "no_answer") < Policy().give_up_s
        warnings = [entry.message for entry in stand.log.entries if entry.level == "WARNING"]
        assert len([each for each in warnings if each.startswith("llm: the connection to")]) == 2, "one for each outage"


@virtual
async def test_both_refuse_us_and_the_call_ends_with_a_goodbye() -> None:
    async with call(fallback(Puppets(refused), Puppets(refused)), expects_failures=True) as stand:
        stand.send("text", text="count")
        await stand.ended()
        assert stand.bot == [Sentences().fatal]


@virtual
async def test_one_that_refused_another_call_is_tried_before_this_one_ends(tmp_path: Path) -> None:
    async with endpoint(tmp_path, "a", saying()) as (_, first):
        engine = fallback(first, Puppets(refused))
        engine.breakers[0].refuse(asyncio.get_running_loop().time())
        async with call(engine, expects_failures=True) as stand:
            stand.send("text", text="count")
            assert await settled(stand) == [ANSWER]


# --- a switch ---------------------------------------------------------------------------------------------------------


@tool
async def think(params: FunctionCallParams) -> str:
    """Have somebody smarter answer."""
    params.llm.switch("smart")
    return "found"


@virtual
async def test_a_tool_switches_and_the_other_model_answers_with_its_result(tmp_path: Path) -> None:
    async with (
        endpoint(tmp_path, "a", calling("think")) as (a, fast),
        endpoint(tmp_path, "b", saying()) as (b, smart),
        call(SwitchEngine({"fast": fast, "smart": smart}), Agent(tools=[think])) as stand,
    ):
        stand.send("text", text="count")
        assert await settled(stand) == [ANSWER]
        assert [each["role"] for each in b.asked[0].body["messages"]] == ["user", "assistant", "tool"]
        assert b.asked[0].body["messages"][-1]["content"] == "found"
        stand.send("text", text="again")
        assert await settled(stand) == [ANSWER] * 2
        assert (len(a.asked), len(b.asked)) == (1, 2), "the choice stays"


def back_again() -> Agent:
    """An agent that switches back when no answer came."""
    agent = Agent(tools=[think])

    @agent.on("error")
    async def _(call: CallHandle, problem: e.Problem) -> None:
        if problem.code == "no_answer":
            call.llm.switch("fast")

    return agent


Down = Callable[[Path], Source]
OUTAGES: dict[str, Down] = {
    "no link": lambda _: Puppets(away),
    "nobody listens": lambda folder: engine_at(folder / "nobody"),
    "silent": lambda _: Puppets(up),
}


@pytest.mark.parametrize("how", OUTAGES)
@virtual
async def test_the_chosen_one_is_down_and_the_caller_does_not_wait_for_ever(tmp_path: Path, how: str) -> None:
    async with endpoint(tmp_path, "a", calling("think"), saying()) as (a, fast):
        switch = SwitchEngine({"fast": fast, "smart": OUTAGES[how](tmp_path)})
        async with call(switch, back_again()) as stand:
            stand.send("text", text="count")
            await stand.hears_the_bot(APOLOGY)
            limit_s = Policy().give_up_s + WAIT_S
            assert seconds_to(stand, "no_answer") < limit_s
            await asyncio.sleep(5.0)
            stand.send("text", text="again")
            assert await settled(stand) == [APOLOGY, ANSWER]
            assert len(a.asked) == 2


# --- one endpoint -----------------------------------------------------------------------------------------------------


def times_of(*acts: Act) -> tuple[list[float], list[Act]]:
    """The acts, and when each begins."""
    times: list[float] = []

    async def timed(act: Act, asked: Asked) -> None:
        times.append(asyncio.get_running_loop().time())
        await act(asked)

    return times, [partial(timed, act) for act in acts]


def waits(times: list[float]) -> list[float]:
    """How long after each request the next one came."""
    return [later - earlier for earlier, later in pairwise(times)]


@pytest.mark.parametrize(("header", "wish_s"), [({"Retry_After": "2"}, 2.0), ({}, 0.25)])
@pytest.mark.parametrize(("status", "code"), [(429, "rate_limit_exceeded"), (500, "server_error"), (503, None)])
@virtual
async def test_a_refusal_that_passes_is_waited_for_and_the_call_asks_again(
    tmp_path: Path, status: int, code: str | None, header: dict[str, str], wish_s: float
) -> None:
    times, acts = times_of(refusal(status, code, **header), saying())
    async with endpoint(tmp_path, "a", *acts) as (server, engine), call(engine) as stand:
        stand.send("text", text="count")
        assert await settled(stand) == [ANSWER]
        assert waits(times) == pytest.approx([wish_s], abs=0.02)
        assert server.asked[0].body == server.asked[1].body
        assert problems(stand) == ["reply_failed"]


@virtual
async def test_a_rate_limit_that_never_ends_is_given_up_by_the_budget_of_the_call(tmp_path: Path) -> None:
    times, acts = times_of(*[refusal(429, "rate_limit_exceeded")] * Policy().max_attempts, saying())
    async with endpoint(tmp_path, "a", *acts) as (_, engine), call(engine) as stand:
        stand.send("text", text="count")
        assert await settled(stand) == [APOLOGY]
        assert waits(times) == pytest.approx([0.25, 0.5, 1.0], abs=0.02), "the package retries nothing by itself"
        assert problems(stand) == ["reply_failed"] * Policy().max_attempts + ["no_answer"]
        stand.send("text", text="again")
        assert await settled(stand) == [APOLOGY, ANSWER]


@pytest.mark.parametrize("count", range(1, len(WORDS)))
@virtual
async def test_an_answer_is_cut_in_the_middle_and_the_log_decides(tmp_path: Path, count: int) -> None:
    kept = (count - 1) // 3 * 3  # a sentence is spoken when the next one begins
    acts = (cut_after(count), refusal(429, "rate_limit_exceeded"), going_on)
    async with endpoint(tmp_path, "a", *acts) as (server, engine), call(engine) as stand:
        stand.send("text", text="count")
        assert await settled(stand) == [ANSWER]
        assert [spoken_in(each) for each in server.asked[1:]] == [WORDS[:kept]] * 2
        assert problems(stand) == ["reply_failed"] * 2
        note = server.asked[2].body["messages"][-1]["content"]
        assert note == (Sentences().go_on if kept else "count"), "it is told where to go on"

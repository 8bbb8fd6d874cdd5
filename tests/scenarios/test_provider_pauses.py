"""A provider that pauses the session.

Elsewhere a provider that restarted (1012), had no room (1013) or said "try again in 2s" ended the call; or it was asked
again in a tight loop, which made its rate limit worse; and what the caller had said meanwhile went with the session.
Here it is asked again when it wishes to be and not before, the connection comes back behind the scenes, and the
caller's turn is answered: once, by the newest log.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from itertools import pairwise

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from link.wishes import CAP_S
from llm.events import LinkDown, LinkUp, ReplyFailed
from llm.tools import tool
from server.agent import Agent
from server.call import events as e
from tests.scenarios.bench import turns, words
from tests.scenarios.whole import Answer, Asked, Scripted, Whole, going_on, saying
from tests.unit.server.call.core_stand import Stand as Core
from tests.virtual.loop import run

FIRST = "One two three four five six. Seven eight nine ten."
ANSWER = "This is the answer."


def refusing(message: str, *, after: str = "") -> Answer:
    """An answer that breaks off with an error, perhaps after some words."""

    async def answer(asked: Asked) -> None:
        await asked.say(after)
        await asked.refuse(message)

    return answer


def closing(code: int, *, after: str = "", reason: str = "") -> Answer:
    """An answer that ends with the connection, perhaps after some words."""

    async def answer(asked: Asked) -> None:
        await asked.say(after)
        await asked.connection.close(code, reason)

    return answer


# --- a wish -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [True, False])
@pytest.mark.parametrize(
    ("message", "wish_s"),
    [
        ("Rate limit reached for tokens per min. Please try again in 2s. Visit the limits page.", 2.0),
        ("Please try again in 850ms.", 0.85),
        ("Limit 5, used 5. Please try again in 1.204s.", 1.204),
        ("Please try again in 86400s.", CAP_S),
        ("Slow down.", 0.25),  # no wish: our own pause
    ],
)
def test_it_is_asked_again_when_it_wishes_and_not_before(message: str, wish_s: float, lanes: bool) -> None:
    provider = Scripted(refusing(message), saying(ANSWER))
    whole = Whole(provider.act, lanes=lanes)
    outcome = run(whole.run("pause 0.1", "type hello", "until answer", "wait", "end"))
    assert " ".join(outcome.heard) == ANSWER
    assert provider.waits == pytest.approx([wish_s], abs=0.002)
    assert len(whole.opened_at) == 1, "the link is fine"
    assert provider.asked[0].items == provider.asked[1].items


@pytest.mark.parametrize("code", [1012, 1013])
def test_a_wish_with_which_it_closes_is_kept_too(code: int) -> None:
    provider = Scripted(closing(code, reason="Please try again in 2s."), saying(ANSWER))
    whole = Whole(provider.act)
    outcome = run(whole.run("pause 0.1", "type hello", "until answer", "wait", "end"))
    assert " ".join(outcome.heard) == ANSWER
    assert provider.waits == pytest.approx([2.0], abs=0.3)
    assert provider.waits[0] >= 2.0


def test_each_pause_is_waited_for() -> None:
    provider = Scripted(*[refusing("Please try again in 2s.")] * 3, saying(ANSWER))
    whole = Whole(provider.act)
    run(whole.run("pause 0.1", "type hello", "until answer", "wait", "end"))
    assert provider.waits == pytest.approx([2.0, 2.0, 2.0], abs=0.002)
    assert [each.code for each in whole.told(e.Problem)] == ["reply_failed"] * 3


def test_one_that_never_ends_its_pause_is_apologised_for_and_the_call_goes_on() -> None:
    provider = Scripted(*[refusing("Please try again in 2s.")] * 4, saying(ANSWER))
    whole = Whole(provider.act)
    outcome = run(whole.run("pause 0.1", "type hello", "until sorry", "wait", "type hello?", "until answer", "end"))
    assert [each.code for each in whole.told(e.Problem)][-1] == "no_answer"
    assert turns(whole.log) == ["hello", "hello?"]
    assert "I am sorry" in " ".join(outcome.heard)


@pytest.mark.parametrize("typed_s", [0.3, 1.0, 1.9, 2.5])
def test_what_the_caller_says_during_the_pause_waits_for_its_end_as_well(typed_s: float) -> None:
    """Whoever is over their limit is refused again: the new turn does not go before the wish."""
    provider = Scripted(refusing("Please try again in 2s."), saying(ANSWER), saying(ANSWER))
    whole = Whole(provider.act)
    run(whole.run("pause 0.1", "type hello", f"pause {typed_s}", "type are you there", "until answer", "wait", "end"))
    assert provider.waits[0] == pytest.approx(2.0, abs=0.002)
    assert turns(whole.log) == ["hello", "are you there"]
    assert len(provider.asked) == (2 if typed_s < 2.0 else 3)
    assert "are you there" in str(provider.asked[-1].items)


@pytest.mark.parametrize("count", range(0, 10))
def test_words_before_the_pause_are_heard_and_not_said_again(count: int) -> None:
    first = " ".join(FIRST.split()[:count])
    provider = Scripted(refusing("Please try again in 2s.", after=first), going_on(f"{FIRST} {ANSWER}"))
    whole = Whole(provider.act)
    outcome = run(whole.run("pause 0.1", "type count", "until answer", "wait", "end"))
    assert " ".join(outcome.heard) == f"{FIRST} {ANSWER}"
    assert provider.waits == pytest.approx([2.0 + 0.05 * count], abs=0.002)


# --- the connection ends ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [True, False])
@pytest.mark.parametrize("after", ["", "One two three."])
@pytest.mark.parametrize("code", [1001, 1012, 1013])
def test_a_connection_that_is_closed_for_a_restart_or_for_want_of_room(code: int, after: str, lanes: bool) -> None:
    provider = Scripted(closing(code, after=after), saying(ANSWER))
    whole = Whole(provider.act, lanes=lanes)
    outcome = run(whole.run("pause 0.1", "type hello", "until answer", "wait", "end"))
    assert " ".join(outcome.heard).endswith(ANSWER)
    assert len(whole.opened_at) == 2
    assert len(provider.asked) == 2
    assert whole.told(e.Problem) == [], "nobody hears of it"
    assert [each.state for each in whole.told(e.LinkChanged)] == ["up", "reconnecting", "up"]
    assert turns(whole.log) == ["hello"]


@pytest.mark.parametrize("code", [1012, 1013])
def test_one_that_closes_while_nobody_asks_anything(code: int) -> None:
    async def closes_the_first(connection: ServerConnection) -> None:
        if len(whole.opened_at) == 1:
            await asyncio.sleep(1.0)
            await connection.close(code)
        await provider.act(connection)

    provider = Scripted(saying(ANSWER))
    whole = Whole(closes_the_first)
    outcome = run(whole.run("pause 2.0", "type hello", "until answer", "wait", "end"))
    assert " ".join(outcome.heard) == ANSWER
    assert len(whole.opened_at) == 2


@pytest.mark.parametrize("typed_s", [0.5, 1.2, 2.1, 3.5])
@pytest.mark.parametrize(("status", "header"), [(503, "2"), (429, "2"), (429, None)])
def test_one_that_has_no_room_for_a_new_connection_either(status: int, header: str | None, typed_s: float) -> None:
    """It closes with 1013 after 1 s and refuses the next two handshakes; meanwhile, or after it, the caller speaks."""
    refused: list[float] = []

    async def admit(connection: ServerConnection, request: Request) -> Response | None:
        now = asyncio.get_running_loop().time()
        if not whole.opened_at or len(refused) >= 2:
            return None
        refused.append(now)
        response = connection.respond(HTTPStatus(status), "no\n")
        if header:
            response.headers["Retry-After"] = header
        return response

    async def closes_the_first(connection: ServerConnection) -> None:
        if len(whole.opened_at) == 1:
            await asyncio.sleep(1.0)
            await connection.close(1013)
        await provider.act(connection)

    provider = Scripted(saying(ANSWER))
    whole = Whole(closes_the_first, admit=admit)
    outcome = run(whole.run(f"pause {typed_s}", "type hello", "until answer", "wait", "end"))
    assert " ".join(outcome.heard) == ANSWER
    assert len(refused) == 2
    tries = [*refused, whole.opened_at[1]]
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert all(wait_s >= (2.0 if header else 0.0) for wait_s in waits)
    assert all(wait_s <= (2.0 if header else 0.0) + 1.0 for wait_s in waits), "and not much later"
    assert len(provider.asked) == 1


# --- with a tool ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pause", [refusing("Please try again in 2s."), closing(1012), closing(1013)])
def test_the_result_of_a_tool_waits_for_the_end_of_the_pause(pause: Answer) -> None:
    runs: list[str] = []

    @tool
    async def look() -> str:
        """Look."""
        runs.append("look")
        return "found"

    async def calls(asked: Asked) -> None:
        await asked.say("Let me see.")
        await asked.call("c1", "look")
        await asked.done()

    provider = Scripted(calls, pause, saying(ANSWER))
    whole = Whole(provider.act, Agent(tools=[look]))
    outcome = run(whole.run("pause 0.1", "type look", "until answer", "wait", "end"))
    assert " ".join(outcome.heard) == f"Let me see. {ANSWER}"
    assert (runs, outcome.tools) == (["look"], [("look", "completed")])
    assert all("found" in str(asked.items) for asked in provider.asked[1:])


# --- the core ---------------------------------------------------------------------------------------------------------


def test_a_link_that_comes_back_does_not_end_the_pause() -> None:
    stand = Core()
    stand.post(e.UserText("hello"))
    stand.post(ReplyFailed(1, "rate_limit_exceeded", retry_after_s=2.0))
    stand.post(LinkDown("1013"))
    stand.post(LinkUp(), 0.5)
    stand.wait(1.99)
    assert stand.reply == 1
    stand.wait(2.01)
    assert stand.reply == 2
    assert words(stand.request.items) == []

"""The server misbehaves as it was told to."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from link.errors import ConfigError
from llm.local.faults import Faults, parse_faults
from llm.local.scripted import words
from llm.local.skills.numbers import say_number
from tests.unit.llm.local.client import AT_ONCE, answer, ask, events_until_closed, hear, serving

pytestmark = pytest.mark.asyncio
ENDS = ("completed", "failed", "incomplete")


@pytest.mark.parametrize("count", [0, 1, 4, 5, 9])
@pytest.mark.parametrize("code", [None, 1000, 1001, 1011, 1012, 4000])
async def test_drop(count: int, code: int | None) -> None:
    faults = Faults(drop_after_events=count, close_code=code)
    async with serving(words(9), faults=faults) as brain, connect(brain.url) as websocket:
        await ask(websocket, input="x")
        events, closed = await events_until_closed(websocket)
        assert (len(events), closed) == (count, code)


@pytest.mark.parametrize("name", ["fail_after_events", "filter_after_events"])
async def test_a_fault_at_any_event_leaves_no_answer_without_its_end(name: str) -> None:
    ends: list[str] = []
    for count in range(1, 16):
        async with serving(words(9), faults=parse_faults(f"{name}:{count}")) as brain, connect(brain.url) as websocket:
            await ask(websocket, input="x")
            async with asyncio.timeout(5):
                while (event := await hear(websocket)).type.removeprefix("response.") not in ENDS:
                    pass
            ends.append(event.type.removeprefix("response."))
    assert set(ends) == {"completed", "failed" if name == "fail_after_events" else "incomplete"}
    assert ends == sorted(ends, key=lambda end: end == "completed"), "late ones come too late"


async def test_an_answer_gets_through_by_asking_again() -> None:
    """Each connection drops after one delta; the log makes the answer whole."""
    async with serving(words(20), faults=Faults(drop_after_events=5)) as brain:
        said, rounds = "", 0
        while not said.endswith("nineteen."):
            async with connect(brain.url) as websocket:
                log = [{"role": "user", "content": "x"}, {"role": "assistant", "content": said}]
                await ask(websocket, input=log if said else log[:1])
                with contextlib.suppress(ConnectionClosed):
                    while (event := await hear(websocket)).type != "response.output_text.delta":
                        pass
                    said += event.delta
            rounds += 1
        assert rounds == 7
        assert said.replace(".", "").lower().split()[2:] == [say_number(number) for number in range(1, 20)]


async def test_a_story_gets_through_whole() -> None:
    """Dropped again and again by the dice, asked for again from the log with what was heard."""
    turn = {"role": "user", "content": "tell me a story"}
    async with serving() as brain:
        async with connect(brain.url) as websocket:
            whole = (await answer(websocket, input=[turn])).response.output_text
        brain.faults = Faults(drop_after_events=9, probability=0.9, seed=7)
        said, drops = "", 0
        while said != whole:
            async with connect(brain.url) as websocket:
                await ask(websocket, input=[turn, {"role": "assistant", "content": said}])
                try:
                    while (event := await hear(websocket)).type != "response.completed":
                        said += event.delta if event.type == "response.output_text.delta" else ""
                except ConnectionClosed:
                    drops += 1
            assert whole.startswith(said)
        assert drops >= 3


async def test_stall() -> None:
    faults = Faults(stall_after_events=3)
    async with serving(words(9), faults=faults) as brain, connect(brain.url) as websocket:
        await ask(websocket, input="x")
        assert [(await hear(websocket)).type for _ in range(3)][-1] == "response.output_item.added"
        await ask(websocket, input="x")
        await (await websocket.ping())  # it still answers pings, so whatever it said before has arrived
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await websocket.recv()


async def test_garbage() -> None:
    async with serving(faults=Faults(garbage_after_events=1)) as brain, connect(brain.url) as websocket:
        await ask(websocket, input="hello")
        await hear(websocket)
        with pytest.raises(json.JSONDecodeError):
            json.loads(await websocket.recv())
        assert (await hear(websocket)).type == "response.in_progress"


async def test_error_event() -> None:
    async with serving(faults=Faults(error_event="rate_limit_exceeded")) as brain, connect(brain.url) as websocket:
        event = await answer(websocket, input="hello", stream_id="a")
        assert (event.status, event.error.code, event.stream_id) == (429, "rate_limit_exceeded", "a")
        brain.faults = AT_ONCE
        assert (await answer(websocket, input="hello")).type == "response.completed"


async def test_a_client_chooses_its_own_when_it_may() -> None:
    async with serving(allow_fault_requests=True) as brain:
        async with connect(brain.url + "?faults=error_event:server_error") as websocket:
            assert (await answer(websocket, input="hello")).status == 500
        async with connect(brain.url) as websocket:
            assert (await answer(websocket, input="hello")).type == "response.completed"


async def test_the_dice_fall_the_same_for_the_same_seed() -> None:
    async def errors(seed: int) -> list[bool]:
        faults = Faults(error_event="server_error", probability=0.5, seed=seed)
        async with serving(faults=faults) as brain, connect(brain.url) as websocket:
            return [(await answer(websocket, input="hello")).type == "error" for _ in range(32)]

    first = await errors(1)
    assert 4 < sum(first) < 28
    assert first == await errors(1) != await errors(2)


async def test_links_are_cut_on_demand() -> None:
    async with serving() as brain, connect(brain.url) as websocket:
        await answer(websocket, input="hello")
        assert brain.drop_links() == 1
        assert await events_until_closed(websocket) == ([], None)


async def test_parsing() -> None:
    base = Faults(token_ms=15)
    assert parse_faults("drop_after_events:5, close_code:1011", base) == Faults(
        token_ms=15, drop_after_events=5, close_code=1011
    )
    assert parse_faults("", base) == base
    for wrong in (
        "x:1",
        "token_ms",
        "token_ms:a",
        "probability:2",
        "close_code:1006",
        "reject_status:200",
        "token_ms:-1",
    ):
        with pytest.raises(ConfigError, match="faults: "):
            parse_faults(wrong)

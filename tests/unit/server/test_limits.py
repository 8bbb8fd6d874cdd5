"""What a connection may do, and when exactly it is cut off: the real server, in virtual time.

The corpus (tests/corpus) has the outcome of each wrong message; here are the clocks, and what the client is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from server.agent import Agent
from tests.corpus.raw import BINARY, PONG, TEXT, RawClient
from tests.unit.server.call.session_stand import virtual
from tests.unit.server.server_stand import ServerStand

RATE_HZ = 16_000
LONG = " ".join(f"word{number}" for number in range(1000))
LOOK_S = 1.0  # connections are looked after once a second
LAST_WORDS_S = 8.5  # what a client that does not read is given to take them, and to find out why it was cut off

NO_GOODBYE = {"idle_goodbye": ""}  # these callers are silent for long


def clock() -> float:
    """The virtual clock, in seconds."""
    return asyncio.get_running_loop().time()


async def stream(client: RawClient, seconds: float, *, speed: float = 1.0) -> None:
    """Send so many seconds of silence, in messages of 0.1 s, at a multiple of real time."""
    begin = clock()
    for number in range(round(seconds * 10)):
        if client.over:
            return
        await client.frame(BINARY, bytes(RATE_HZ // 10 * 2))
        await asyncio.sleep(max(0.0, begin + (number + 1) * 0.1 / speed - clock()))


async def until(holds: Callable[[], object]) -> None:
    """Let time pass until something holds."""
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("waited in vain")


async def goes_on(client: RawClient) -> None:
    """The call is as good as ever."""
    await client.say("text", text="still there")
    await client.hears("transcript", role="user", text="still there", final=True)
    await client.say("end")
    assert await client.closed() == 1000


# --- a client that does not read --------------------------------------------------------------------------------------


async def listener(stand: ServerStand) -> RawClient:
    """A call in which the bot talks without an end, and a client that hears it."""
    client = await stand.client()
    await client.say("start", output_sample_rate=48_000)
    await client.hears("bot_started")
    return client


async def blocked(stand: ServerStand) -> float:
    """When the first message stood in the way: all buffers between the two are full."""
    (session,) = stand.server.calls._running
    await until(lambda: session._writer.sending_since)
    assert session._writer.sending_since
    return session._writer.sending_since


@virtual
async def test_a_client_that_blocks_the_writer_for_5_s_is_closed_with_4408() -> None:
    async with ServerStand(Agent(greeting=LONG)) as stand:
        client = await listener(stand)
        client.stop_reading()
        since = await blocked(stand)
        await until(lambda: stand.log.said("closed with 4408: the client did not read for 5 s", "INFO"))
        assert 5 <= clock() - since <= 5 + LOOK_S + 0.1
        await asyncio.sleep(4)
        client.read_on()
        assert await client.closed() == 4408
        assert client.close_reason == "the client did not read for 5 s"
        await stand.over()
        assert await stand.count("voicewire_calls_ended_total", code="4408") == 1


@virtual
async def test_a_client_that_never_reads_again_holds_its_place_for_seconds_only() -> None:
    async with ServerStand(Agent(greeting=LONG)) as stand:
        client = await listener(stand)
        client.stop_reading()
        since = await blocked(stand)
        await until(lambda: stand.server.calls.count == 0)
        assert clock() - since <= 5 + LOOK_S + LAST_WORDS_S


@virtual
async def test_a_client_that_blocks_the_writer_for_4_s_is_not() -> None:
    async with ServerStand(Agent(greeting=LONG)) as stand:
        client = await listener(stand)
        for _ in range(3):
            client.stop_reading()
            await asyncio.sleep(await blocked(stand) + 4 - clock())
            client.read_on()
            await asyncio.sleep(2)
        await goes_on(client)


@virtual
async def test_a_client_that_reads_loses_nothing_by_one_that_does_not() -> None:
    async with ServerStand(Agent(greeting=LONG)) as stand:
        slow, good = await listener(stand), await listener(stand)
        slow.stop_reading()
        while stand.server.calls.count == 2:
            before = good.audio_bytes
            await asyncio.sleep(1)
            assert good.audio_bytes - before == pytest.approx(48_000 * 2, rel=0.05)
        assert await stand.count("voicewire_calls_ended_total", code="4408") == 1


# --- a client that sends too much -------------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", [0.5, 1.0, 1.5, 1.99])
@virtual
async def test_audio_up_to_twice_real_time_is_taken(speed: float) -> None:
    async with ServerStand(sentences=NO_GOODBYE) as stand:
        client = await stand.call()
        await stream(client, 60, speed=speed)
        await goes_on(client)


@pytest.mark.parametrize("speed", [2.1, 3.0, 10.0])
@virtual
async def test_audio_at_over_twice_real_time_for_5_s_is_closed_with_1008(speed: float) -> None:
    async with ServerStand() as stand:
        client = await stand.call()
        begin = clock()
        await stream(client, 60, speed=speed)
        assert await client.closed() == 1008
        assert client.close_reason == "audio came at over 2 times real time for 5 s"
        assert client.messages[-1] == {"type": "ended", "reason": client.close_reason}
        assert clock() - begin == pytest.approx(10.1 / speed, abs=0.2)  # as soon as it is more than 5 s may hold


@virtual
async def test_bursts_with_pauses_between_are_no_flood() -> None:
    async with ServerStand(sentences=NO_GOODBYE) as stand:
        client = await stand.call()
        for _ in range(10):
            await stream(client, 10, speed=50)  # as much as 5 s may hold
            await asyncio.sleep(9)
        await goes_on(client)


@virtual
async def test_speed_is_counted_at_the_rate_of_the_client() -> None:
    async with ServerStand() as stand:
        client = await stand.client()
        await client.say("start", sample_rate=48_000)
        await stream(client, 60, speed=4)  # its messages are a third as long at this rate
        await goes_on(client)


@pytest.mark.parametrize("send", [lambda client: client.say("unmute"), lambda client: client.frame(PONG, b"")])
@virtual
async def test_over_100_messages_a_second_for_5_s_are_closed_with_1008(send: Callable[[RawClient], object]) -> None:
    async with ServerStand() as stand:
        client = await stand.call()
        begin = clock()
        while not client.over:
            await send(client)  # type: ignore[misc]
            await asyncio.sleep(0.005)
        assert await client.closed() == 1008
        assert client.close_reason == "over 100 messages a second for 5 s"
        assert clock() - begin == pytest.approx(2.5, abs=0.1)  # 500 of them


@virtual
async def test_the_limits_are_settings() -> None:
    limits = {"message_bytes": 1000, "audio_speed": 20.0, "flood_s": 1.0, "messages_per_s": 5.0}
    async with ServerStand(limits=limits) as stand:
        client = await stand.call()
        for _ in range(100):
            await client.frame(BINARY, bytes(1000))  # 3 s of audio at once
        await goes_on(client)
        client = await stand.call()
        await client.frame(BINARY, bytes(1002))
        assert await client.closed() == 1009
        client = await stand.call()
        for _ in range(6):
            await client.say("unmute")
        assert await client.closed() == 1008


# --- a client that is silent ------------------------------------------------------------------------------------------


@virtual
async def test_nothing_at_all_for_5_s_is_closed_with_1008() -> None:
    async with ServerStand() as stand:
        begin = clock()
        client = await stand.client(answers_pings=False)
        assert await client.closed() == 1008
        assert client.close_reason == "nothing came for 5 s after the connection was opened"
        assert 5 <= clock() - begin <= 5 + LOOK_S + 0.1
        assert client.pings == 1


@pytest.mark.parametrize(
    "word", [(BINARY, b""), (PONG, b""), (TEXT, b'{"type":"unmute"}')], ids=["audio", "a pong", "text"]
)
@virtual
async def test_any_message_within_5_s_is_enough(word: tuple[int, bytes]) -> None:
    async with ServerStand() as stand:
        client = await stand.client(answers_pings=False)
        await asyncio.sleep(4.9)
        await client.frame(*word)
        await asyncio.sleep(20)
        await goes_on(client)


@virtual
async def test_a_client_that_says_no_start_gets_the_defaults_after_1_s() -> None:
    async with ServerStand(Agent(greeting="Hello.")) as stand:
        begin = clock()
        client = await stand.client()
        ready = await client.hears("ready")
        assert clock() - begin == pytest.approx(1.0, abs=0.01)
        assert (ready["sample_rate"], ready["output_sample_rate"]) == (16_000, 16_000)
        await client.hears("bot_stopped")
        await goes_on(client)


@pytest.mark.parametrize(
    "word", [(BINARY, bytes(640)), (TEXT, b'{"type":"text","text":"hi"}')], ids=["audio", "a text"]
)
@virtual
async def test_a_client_that_begins_without_a_start_gets_the_defaults_at_once(word: tuple[int, bytes]) -> None:
    async with ServerStand() as stand:
        begin = clock()
        client = await stand.client()
        await client.frame(*word)
        await client.hears("ready")
        assert clock() - begin < 0.01
        if word[0] == TEXT:
            await client.hears("transcript", role="user", text="hi", final=True)
        await goes_on(client)


@virtual
async def test_pings_and_pongs_before_the_start_open_nothing() -> None:
    async with ServerStand() as stand:
        client = await stand.client()
        for _ in range(8):
            await client.frame(9, b"?")
            await client.frame(PONG, b"!")
            await asyncio.sleep(0.1)
        assert client.messages == []
        assert client.pongs == [b"?"] * 8
        await client.say("start", sample_rate=8000)
        assert (await client.hears("ready"))["sample_rate"] == 8000


@virtual
async def test_no_sign_of_life_for_60_s_is_closed_with_1001() -> None:
    async with ServerStand() as stand:
        client = await stand.client(answers_pings=False)
        await client.say("start")
        await client.hears("ready")
        begin = clock()
        assert await client.closed() == 1001
        assert 60 <= clock() - begin <= 60 + LOOK_S + 0.1
        assert client.pings >= 3
        assert client.close_reason == "no sign of life for 60 s"


@virtual
async def test_a_muted_client_that_answers_pings_is_not_idle() -> None:
    async with ServerStand() as stand:
        client = await stand.call()
        await client.say("mute")
        await asyncio.sleep(600)
        assert client.pings == pytest.approx(600 / 20, abs=2)
        await goes_on(client)


# --- the end ----------------------------------------------------------------------------------------------------------


@virtual
async def test_a_reason_that_is_too_long_for_a_close_ends_with_a_whole_letter() -> None:
    agent = Agent()

    @agent.on("call_started")
    async def leave(call: object) -> None:
        await call.hang_up("é" * 200)  # type: ignore[attr-defined]

    async with ServerStand(agent) as stand:
        client = await stand.call()
        assert await client.closed() == 1000
        assert client.close_reason == "é" * 60
        assert client.of("ended") == [{"type": "ended", "reason": "é" * 200}]

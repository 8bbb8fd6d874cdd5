"""The steps of a case over a connection, and what shows that a call of the native wire goes on."""

from __future__ import annotations

import asyncio

import pytest

from tests.corpus.native import SECOND, Audio, Bytes, Frame, Many, Step, StopReading, Text, Wait
from tests.corpus.raw import BINARY, TEXT, RawClient

LONG = " ".join(f"word{number}" for number in range(1000))


async def do(client: RawClient, step: Step) -> None:
    """One step of a case."""
    match step:
        case Text(text):
            await client.frame(TEXT, text.encode("utf-8", "surrogatepass"))
        case Audio(pcm):
            await client.frame(BINARY, pcm)
        case Frame(opcode, payload, fin, rsv, masked):
            await client.frame(opcode, payload, fin=fin, rsv=rsv, masked=masked)
        case Bytes(data):
            await client.write(data)
        case Many(again, count, every_s):
            loop = asyncio.get_running_loop()
            begin = loop.time()
            for number in range(count):
                await do(client, again)
                await asyncio.sleep(max(0.0, begin + (number + 1) * every_s - loop.time()))
        case Wait(seconds):
            await asyncio.sleep(seconds)
        case StopReading():
            client.stop_reading()


async def is_alive(client: RawClient) -> None:
    """The call goes on: what is said now is heard, and the end is in order."""
    await client.say("unmute")
    await client.say("text", text="still there")
    await client.hears("transcript", role="user", text="still there", final=True)
    await client.say("end")
    await client.hears("ended")


async def hears_every_second(client: RawClient) -> None:
    """The bot is heard in real time: a second of sound in each second."""
    while True:
        before = client.audio_bytes
        await asyncio.sleep(1)
        assert client.audio_bytes - before == pytest.approx(len(SECOND), rel=0.05)

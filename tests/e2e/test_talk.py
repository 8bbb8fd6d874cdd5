"""`voicewire talk` as a user runs it, against a real server with scripted ears and voice, over a real socket."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from audio.files import read_sound
from audio.tts.scripted import decode
from llm.tools import FunctionCallParams, FunctionCallResultProperties, tool
from server.agent import Agent
from server.app import Server
from server.config import Settings

ROOT = Path(__file__).resolve().parents[2]
READER = ROOT / "tests" / "data" / "librivox_0870.flac"
DEADLINE_S = 20.0
Event = dict[str, Any]


@tool(when="after_speech")
async def end_call(params: FunctionCallParams) -> None:
    """End the call, after saying goodbye."""
    await params.result_callback("over", properties=FunctionCallResultProperties(run_llm=False))
    await params.call.hang_up("goodbye")


@asynccontextmanager
async def server(lines: Sequence[str] = ("hello",)) -> AsyncIterator[tuple[Server, str]]:
    """A server and its address. Its ears hear these lines, and what its voice says can be read off the samples."""
    chosen = Settings(
        port=0,
        drain_s=0.1,
        stt={"name": "scripted", "lines": list(lines)},
        tts={"name": "scripted", "ms_per_char": 15},
    )
    running = Server(chosen, Agent(greeting="Hello there.", tools=[end_call]))
    try:
        yield running, await running.start()
    finally:
        running.calls.end_all()
        await running.stop()


async def start(address: str, *files: Path, before: Sequence[str | Path] = (), **options: Any) -> Process:
    """Run the command; `before` stands before the address."""
    command = ["-m", "server", "talk", "--gap-ms", "100", *map(str, (*before, address, *files))]
    pipes = {"stdout": PIPE, "stderr": PIPE, "cwd": ROOT, **options}
    return await asyncio.create_subprocess_exec(sys.executable, *command, **pipes)


async def finish(process: Process) -> tuple[int | None, str, str]:
    """Its exit code and what it printed."""
    async with asyncio.timeout(DEADLINE_S):
        out, err = await process.communicate()
    return process.returncode, (out or b"").decode(), (err or b"").decode()


def events(out: str) -> list[Event]:
    """What `--json` printed."""
    return [json.loads(line) for line in out.splitlines()]


def some(found: Sequence[Event], kind: str, **fields: Any) -> list[Event]:
    """The events of a kind that have these fields."""
    return [event for event in found if {"type": kind, **fields}.items() <= event.items()]


def words(path: Path) -> list[tuple[int | None, int | None]]:
    """The words that a recording of the bot holds, as (frame, word)."""
    sound, rate_hz = soundfile.read(path, dtype="int16")
    found: list[tuple[int | None, int | None]] = []
    for heard in decode(sound.tobytes(), rate_hz):
        if heard.word is not None and (not found or found[-1] != (heard.frame, heard.word)):
            found.append((heard.frame, heard.word))
    return found


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody who says a few words, as a stereo file of another rate."""
    pcm = np.frombuffer(read_sound(READER, 16000)[: int(0.8 * 16000) * 2], "<i2")
    path = tmp_path_factory.mktemp("talk") / "voice.flac"
    soundfile.write(path, np.stack([soxr.resample(pcm, 16000, 44100)] * 2, axis=1), 44100)
    return path


@pytest.mark.asyncio
async def test_a_conversation(voice: Path, tmp_path: Path) -> None:
    out, both = tmp_path / "bot.wav", tmp_path / "both.wav"
    async with server(["hello"]) as (_, address):
        before = ("--json", "--out", out, "--stereo", both, "--text", "hi")
        code, printed, errors = await finish(await start(address, voice, before=before))
    assert (code, errors) == (0, "")
    found = events(printed)
    assert [event["text"] for event in some(found, "transcript", role="user", final=True)] == ["hello", "hi"]
    said = [event["text"] for event in some(found, "transcript", role="assistant", final=True)]
    assert said[0] == "Hello there."
    (end,) = some(found, "summary")
    assert (end["turns"], end["unanswered"], end["interruptions"], end["close_code"]) == (2, 0, 0, 1000)

    spoken, typed = (event["ms"] for event in some(found, "response"))
    assert (
        250 < spoken < 3000
    )  # the end of the turn is waited for; the client's clock starts with the last chunk it sent
    assert 0 < typed < 2000

    assert len(words(out)) == sum(len(text.split()) for text in said)
    bot, rate_hz = soundfile.read(out, dtype="int16")
    sides, _ = soundfile.read(both, dtype="int16")
    assert rate_hz == 16000
    assert np.array_equal(sides[: len(bot), 1], bot)
    begin = some(found, "saying", name="voice.flac")[0]["at_s"]
    caller = np.flatnonzero(np.abs(sides[:, 0]) > 100) / rate_hz
    assert begin - 0.1 < caller[0] < begin + 0.6
    assert caller[-1] < begin + 0.9


@pytest.mark.asyncio
async def test_a_barge_in_and_a_bot_that_hangs_up(voice: Path, tmp_path: Path) -> None:
    out = tmp_path / "bot.wav"
    async with server(["tell me a story", "goodbye"]) as (_, address):
        before = ("--json", "--out", out, "--barge-in", "600")
        code, printed, errors = await finish(await start(address, voice, voice, before=before))
    assert (code, errors) == (0, "")
    found = events(printed)
    (end,) = some(found, "summary")
    assert (end["interruptions"], end["turns"], end["close_code"], end["reason"]) == (1, 2, 1000, "goodbye")
    first, second = some(found, "saying")
    began = some(found, "response")[0]["at_s"]
    assert first["at_s"] < began
    assert second["at_s"] == pytest.approx(began + 0.6, abs=0.3)

    told = [event["text"] for event in some(found, "transcript", role="assistant", final=True)]
    assert len(told) == 3
    assert not told[1].endswith("the end of the story.")
    heard = words(out)
    assert len(heard) == pytest.approx(sum(len(text.split()) for text in told), abs=1)
    assert len(set(heard)) == len(heard), "some words were heard twice"


@pytest.mark.asyncio
async def test_a_call_that_the_server_breaks_off() -> None:
    async with server() as (running, address):
        process = await start(address, before=("--json", "--text", "tell me a story"))
        assert process.stdout
        async with asyncio.timeout(DEADLINE_S):
            while json.loads(await process.stdout.readline())["type"] != "response":
                pass
        running.calls.end_all()
        code, printed, errors = await finish(process)
    assert (code, errors) == (1, "")
    assert some(events(printed), "summary")[0]["close_code"] == 1012


@pytest.mark.asyncio
async def test_ctrl_c_on_a_terminal_says_goodbye() -> None:
    async with server() as (_, address):
        ours, theirs = pty.openpty()
        env = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm"}
        process = await start(address, before=("--text", "tell me a story"), stdout=theirs, env=env)
        os.close(theirs)
        shown = await asyncio.to_thread(read_until, ours, "turn")
        process.send_signal(signal.SIGINT)
        shown += await asyncio.to_thread(read_until, ours, None)
        code, _, errors = await finish(process)
    assert (code, errors) == (0, "")
    assert "\r\x1b[2K" in shown
    assert "\x1b[32mHello there.\x1b[0m" in shown
    assert "closed with 1000: the client ended the call" in shown


def read_until(descriptor: int, words: str | None) -> str:
    """What a terminal was told, until it was told these words; None: until it is closed."""
    shown = b""
    try:
        while (words is None or words.encode() not in shown) and (chunk := os.read(descriptor, 1 << 16)):
            shown += chunk
    except OSError:  # the other end is closed
        assert words is None, f"{words!r} did not come: {shown!r}"
        os.close(descriptor)
    return shown.decode(errors="replace")


@pytest.mark.asyncio
async def test_a_reader_of_the_output_that_leaves() -> None:
    async with server() as (_, address):
        readable, writable = os.pipe()
        process = await start(address, before=("--text", "hi"), stdout=writable)
        os.close(writable)
        os.close(readable)
        code, _, errors = await finish(process)
    assert (code, errors) == (1, "")

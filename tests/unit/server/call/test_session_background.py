"""A call with a background: it never stops, is nobody's words, and gives way as the bot does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.background import Ambience, HoldMusic
from audio.tts.scripted import decode
from llm.tools import tool
from server.agent import Agent
from tests.unit.server.call.session_stand import Stand, virtual
from tests.unit.server.parts import Call

RATE_HZ = 16000
LEVEL = 300  # of the ambience; LevelVad takes 200 for a voice, so it may not come back
GREETING = "One two three four five six seven eight nine ten eleven twelve."


def flat(folder: Path, name: str, level: int) -> str:
    """A file of one level."""
    file = folder / name
    soundfile.write(file, np.full(2 * RATE_HZ, level, np.int16), RATE_HZ)
    return str(file)


@pytest.fixture
def office(tmp_path: Path) -> Ambience:
    """An ambience of LEVEL from the first sample on."""
    return Ambience(flat(tmp_path, "office.wav", LEVEL), attenuation_db=0.0, fade_in_ms=0.0)


class Player:
    """A client that plays what it gets, pauses and clears, and counts what it played; it may report all that."""

    def __init__(self, call: Stand, *, reports: bool) -> None:
        self._call = call
        self._reports = reports
        self._taken = 0
        self._queue = bytearray()
        self._paused = False
        self.heard = bytearray()
        self.gaps = 0

    async def play(self, seconds: float) -> None:
        """For so long, 10 ms at a time."""
        for step in range(round(seconds * 100)):
            await asyncio.sleep(0.01)
            self._read()
            size = 0 if self._paused else 2 * RATE_HZ // 100
            self.gaps += not self._paused and len(self._queue) < size
            self.heard += self._queue[:size]
            del self._queue[:size]
            if self._reports and step % 10 == 0:
                self._call.send("played", samples=len(self.heard) // 2)

    def _read(self) -> None:
        for _, message in self._call.socket.sent[self._taken :]:
            if isinstance(message, bytes):
                self._queue += message
            elif isinstance(message, str) and '"clear"' in message:
                self._queue.clear()
                self._paused = False
                if self._reports:
                    self._call.send("cleared", samples=len(self.heard) // 2)
            elif isinstance(message, str) and '"pause"' in message:
                self._paused = True
            elif isinstance(message, str) and '"resume"' in message:
                self._paused = False
        self._taken = len(self._call.socket.sent)

    @property
    def samples(self) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        """What was heard."""
        return np.frombuffer(bytes(self.heard), "<i2")


async def converse(call: Stand, player: Player) -> None:
    """The greeting, a cough in it, an interruption, an answer, silence."""
    playing = asyncio.create_task(player.play(14.0))
    await asyncio.sleep(0.75)
    await call.talk(0.2)
    await call.talk(1.0, loud=False)
    await call.speak(1.0, silence_s=4.0)
    await playing


def settings(can: list[str]) -> dict[str, object]:
    return {"start": {"can": can}, "lines": [None, "stop it"], "answers": [["I stop at once, and say this instead."]]}


CLIENTS = [[], ["clear", "pause", "played"]]


@pytest.mark.parametrize("can", CLIENTS)
@virtual
async def test_it_is_heard_all_the_time_and_in_real_time(office: Ambience, can: list[str]) -> None:
    async with Stand(Agent(greeting=GREETING, background=office), **settings(can)) as call:  # type: ignore[arg-type]
        player = Player(call, reports=bool(can))
        await asyncio.sleep(0.05)
        await converse(call, player)
    assert player.gaps == 0, "there was always something to play"
    assert player.samples[100:].all(), "and the ambience in all of it"
    assert call.bot[-1] == "I stop at once, and say this instead."


@pytest.mark.parametrize("can", CLIENTS)
@pytest.mark.parametrize("background", [False, True])
@virtual
async def test_the_log_says_what_was_heard_with_and_without(tmp_path: Path, can: list[str], background: bool) -> None:
    whisper = Ambience(flat(tmp_path, "whisper.wav", 3), attenuation_db=0.0) if background else None
    async with Stand(Agent(greeting=GREETING, background=whisper), **settings(can)) as call:  # type: ignore[arg-type]
        player = Player(call, reports=bool(can))
        await asyncio.sleep(0.05)
        await converse(call, player)
    words = {piece.word for piece in decode(bytes(player.heard), RATE_HZ) if piece.frame == 1}
    heard = max(word for word in words if word is not None) + 1
    assert 3 < heard < 12, "it was interrupted"
    assert abs(len(call.bot[0].split()) - heard) <= (0 if can else 1), (
        "one that does not report is at the clock's mercy"
    )


@virtual
async def test_the_bot_is_late_by_no_more_than_what_is_ahead(office: Ambience) -> None:
    async with Stand(Agent(background=office), answers=[["Yes."]]) as call:
        await asyncio.sleep(2.0)
        began = call.noted.chunks[0][0] if call.noted.chunks else None
        assert began is None, "the background is no chunk of the bot's"
        sent = len(call.heard) / 2 / RATE_HZ
        assert 2.0 <= sent <= 2.0 + 0.08 + 0.02
        await call.speak()
        await call.hears_the_bot("Yes.")


@virtual
async def test_without_one_nothing_is_sent_in_silence() -> None:
    async with Stand() as call:
        await asyncio.sleep(5.0)
        assert call.heard == b""


@tool
async def slow_search() -> str:
    """Takes six seconds."""
    await asyncio.sleep(6.0)
    return "found"


@virtual
async def test_music_comes_while_a_tool_takes_its_time_and_goes_with_the_answer(tmp_path: Path) -> None:
    music = HoldMusic(
        flat(tmp_path, "music.wav", 5000), after_s=2.0, attenuation_db=0.0, fade_in_ms=100, fade_out_ms=100
    )
    agent = Agent(tools=[slow_search], hold_music=music)
    async with Stand(agent, answers=[[Call("slow_search")], ["Here it is, as you wanted it."]]) as call:
        call.send("text", text="search")
        await call.hears("tool_call")
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(1.95)
        assert call.heard == b""
        await call.hears_the_bot("Here it is, as you wanted it.")
        await asyncio.sleep(1.0)
    sound = [(at - began, message) for at, message in call.socket.sent if isinstance(message, bytes)]
    assert sound[0][0] == pytest.approx(2.0, abs=0.05)
    levels = [(at, int(np.frombuffer(pcm, "<i2").max())) for at, pcm in sound]
    assert min(level for at, level in levels if 2.3 < at < 5.9) == 5000  # and more at the seam, which suits no tone
    answer = call.noted.chunks[0][0] - began
    assert answer == pytest.approx(6.0, abs=0.1)
    assert max(level for at, level in levels if at > answer + 0.15) < 5000
    assert sound[-1][0] < answer + 29 * 0.05 + 0.1, "and then silence"

"""What the log says was heard is what had left the speaker, to one word: recorded barge-ins at random instants.

A real session with Silero's net, the sound of the embedded voice (spoken before the clock is virtual), and a caller who
says "wait stop" in the middle of an answer, again and again. The speaker knows which samples have sounded, and the
voice where its words are, whether it has told them or not. Where it has not, the log goes by the pauses of the sound
(audio/placing.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import cache
from itertools import count, product
from pathlib import Path
from random import Random

import numpy as np
import pytest

from audio.files import read_sound
from audio.services import Utterance
from audio.tts.espeak import espeak_voices
from audio.tts.espeak_ng import RATE_HZ as ESPEAK_HZ
from link.inbox import Inbox
from link.tasks import Task, Work
from llm.items import AssistantMessage
from server.agent import Agent
from tests.unit.audio.tts.sinks import KeepingSink
from tests.unit.server.call.session_stand import Stand, virtual
from tests.unit.server.parts import NotedEars
from tests.virtual.speaker import RATE_HZ, RealVad, RecordedVoice, Speaker

SENTENCES = (
    "Once upon a time there was a lighthouse at the end of a very long island.",
    "The keeper had a cat, extraordinarily fond of sardines, and afraid of nobody at all.",
    "Every night it climbed two hundred and seventeen steps, and looked out over the water.",
    "One evening, a ship came nearer than any ship had ever come before.",
)
STORY = " ".join(SENTENCES)
BARGE_IN = Path(__file__).parents[1] / "data" / "caller" / "stop.wav"
MESSAGE_S = 0.02
REPORT_S = 0.1
TIMES = 13
LONGEST_S = 12.0  # into an answer of some 17 s
DICE = Random(4)
INSTANTS_S = {each: [DICE.uniform(0.05, LONGEST_S) for _ in range(TIMES)] for each in product((True, False), repeat=2)}
"""For a client that reports or not, and a voice that tells its words or not."""


@cache
def spoken() -> KeepingSink:
    """The sentences, as espeak-ng says them."""

    async def speak() -> KeepingSink:
        tasks: list[Task] = []

        def spawn(work: Work) -> Task:
            tasks.append(asyncio.ensure_future(work))
            return tasks[-1]

        pool = espeak_voices(spawn=spawn)
        await pool.start()
        voice, sink, inbox = pool.open(), KeepingSink(), Inbox[Utterance](16)
        task = asyncio.ensure_future(voice.run(inbox, sink, spawn))
        for number, sentence in enumerate(SENTENCES):
            inbox.put(Utterance(number, sentence))
        await asyncio.gather(*(sink.end_of(number) for number in range(len(SENTENCES))))
        task.cancel()
        voice.close()
        await pool.close()
        return sink

    return asyncio.run(speak())


class Caller:
    """Speaks into the microphone at once, all the time, and has a speaker."""

    def __init__(self, call: Stand, speaker: Speaker, *, reports: bool) -> None:
        self._call = call
        self._speaker = speaker
        self._reports = reports
        self._loop = asyncio.get_running_loop()
        self._seen = 0
        self._chunks = 0
        self._left = b""
        self._voice = read_sound(BARGE_IN, RATE_HZ)
        self._dice = np.random.default_rng(0)

    def interrupt(self) -> None:
        """Say "wait stop", from now on."""
        self._left = self._voice

    async def run(self) -> None:
        """For ever."""
        self._call.socket.on_message = self._look
        for number in count(1):
            size = round(MESSAGE_S * RATE_HZ) * 2
            sound, self._left = self._left[:size], self._left[size:]
            room = self._dice.integers(-2, 3, size // 2).astype("<i2").tobytes()
            self._call.socket.incoming.put_nowait((sound + room)[:size])
            if self._reports and number % round(REPORT_S / MESSAGE_S) == 0:
                self._call.send("played", samples=self._speaker.played)
            await asyncio.sleep(MESSAGE_S)

    def _look(self) -> None:
        """A message came: play it, obey it."""
        for _, message in self._call.socket.sent[self._seen :]:
            if isinstance(message, bytes):
                frame = self._call.noted.chunks[self._chunks][1].frame
                self._chunks += 1
                self._speaker.push(frame, len(message) // 2)
            elif isinstance(message, str):
                self._obey(message)
        self._seen = len(self._call.socket.sent)

    def _obey(self, message: str) -> None:
        for kind in ("pause", "resume", "clear"):
            if f'"type":"{kind}"' in message:
                self._speaker.message(kind)
                if kind == "clear" and self._reports:
                    self._call.send("cleared", samples=self._speaker.played)


async def interrupt(caller: Caller, speaker: Speaker, voice: RecordedVoice, after: int, after_s: float) -> list[int]:
    """Let the answer after frame `after` begin, interrupt it later, wait for the next; its frames."""
    await until(lambda: speaker.played > 0 and max(speaker.sounded) > after)
    await asyncio.sleep(after_s)
    caller.interrupt()
    last = max(voice.texts)
    await until(lambda: max(voice.texts) > last)
    return [frame for frame in voice.texts if after < frame <= last]


async def until(holds: Callable[[], bool]) -> None:
    """Wait for it, half a minute at most."""
    for _ in range(600):
        if holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it does not come")


@pytest.mark.parametrize("tells_words", [True, False], ids=["word times", "no word times"])
@pytest.mark.parametrize("reports", [True, False], ids=["a page that reports", "a client that only plays"])
def test_the_log_has_what_was_heard_to_one_word(reports: bool, tells_words: bool) -> None:
    voice = RecordedVoice(ESPEAK_HZ, SENTENCES, spoken(), tells_words=tells_words)
    told, sounded = interrupted(voice, INSTANTS_S[reports, tells_words], reports=reports)
    assert len(told) == TIMES
    off = [len(says.split()) - len(heard) for says, heard in zip(told, sounded, strict=True)]
    assert max(map(abs, off)) <= 1, off
    assert all(STORY.startswith(says.strip()) for says in told)
    assert len({len(heard) for heard in sounded}) > TIMES / 2, "the instants are spread over the answer"


def test_the_instants_are_fifty_and_more() -> None:
    assert len({instant for some in INSTANTS_S.values() for instant in some}) == 4 * TIMES >= 50


def interrupted(
    voice: RecordedVoice, instants_s: Sequence[float], *, reports: bool
) -> tuple[list[str], list[list[str]]]:
    """What the log says of each answer, and what sounded of it, when it is interrupted so long after it began."""
    told: list[str] = []
    sounded: list[list[str]] = []

    @virtual
    async def talk() -> None:
        can = ["pause", "clear", "played"] if reports else []
        ears = NotedEars(["wait stop"])
        story = [[f"{sentence} " for sentence in SENTENCES]] * (TIMES + 1)
        async with Stand(Agent(), story, ears=ears, voice=voice, vad=RealVad, start={"can": can}) as call:
            speaker = Speaker(asyncio.get_running_loop().time, obeys=reports)
            caller = Caller(call, speaker, reports=reports)
            microphone = asyncio.ensure_future(caller.run())
            call.send("text", text="tell me a story")
            last = 0
            for instant_s in instants_s:
                frames = await interrupt(caller, speaker, voice, last, instant_s)
                sounded.append([word for n in frames for word in voice.begun(n, speaker.sounded.get(n, 0))])
                last = frames[-1]
            microphone.cancel()
            log = call.session.hub.core.log.items()
            told.extend([item.text for item in log if isinstance(item, AssistantMessage)][:TIMES])

    talk()
    return told, sounded

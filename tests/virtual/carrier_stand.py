"""A call by telephone in virtual time: real session, real codec, a simulated carrier; and what was heard of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from audio.endpoint import TurnOptions
from audio.events import Word
from audio.playout import Chunk, PlayoutOptions
from audio.services import Utterance
from audio.tts.scripted import KINDS, LEVELS, ScriptedTextToSpeech
from server.agent import Agent
from server.call import events as e
from server.call.loudspeaker import playout_options
from server.call.pacer import Pacer
from server.call.policy import Policy
from server.call.services import CallServices
from server.call.shared import Shared
from server.calls import Calls
from server.config import Settings
from server.load.wires.carrier import CarrierWire
from server.observers.metrics import Metrics
from server.phones.sockets import LINES
from server.protocols.wire import Opened, Wire
from tests.unit.server.call.session_stand import StandEngines, at_once
from tests.unit.server.logbook import Logbook
from tests.unit.server.parts import Answer, DirectModel, LevelVad, NotedEars
from tests.virtual.caller import Step, lines_of
from tests.virtual.loop import run
from tests.virtual.telephone import TICK_S, Path, Telephone

MS_PER_CHAR = 25
WIRES = {line.path: line.wire for line in LINES}


class NotedVoice(ScriptedTextToSpeech):
    """The scripted voice, which keeps what it said, with its words and its sound."""

    def __init__(self, rate_hz: int) -> None:
        super().__init__(rate_hz=rate_hz, ms_per_char=MS_PER_CHAR)
        self.said: dict[int, tuple[str, list[Word], bytes]] = {}

    def _sound(self, utterance: Utterance) -> tuple[list[Word], bytes]:
        words, pcm = super()._sound(utterance)
        self.said[utterance.frame] = (utterance.text, words, pcm)
        return words, pcm


class Notes:
    """An observer: what the log says was heard, and when the bot was interrupted, with the newest frame then."""

    def __init__(self, voice: NotedVoice) -> None:
        self._voice = voice
        self.turns: list[str] = []
        self.cuts: list[tuple[float, int]] = []
        self.keys = ""

    def fact(self, now: float, fact: e.Fact) -> None:
        """Note the keys."""
        if isinstance(fact, e.Dtmf):
            self.keys += fact.digits

    def event(self, now: float, event: e.Event) -> None:
        """Note it."""
        if isinstance(event, e.AssistantTurn):
            self.turns.append(event.text)
        elif isinstance(event, e.Interrupted):
            self.cuts.append((now, max(self._voice.said, default=-1)))
        elif isinstance(event, e.FalseInterruption):
            self.cuts.pop()

    def audio_out(self, now: float, chunk: Chunk) -> None:
        """Audio is noted by the carrier."""


class Played(Struct):
    """What was played of a frame."""

    pcm: bytes
    stretches: list[tuple[float, float]]
    """From when to when it sounded, in seconds."""

    @property
    def first_at(self) -> float:
        """When it began."""
        return self.stretches[0][0]

    @property
    def last_at(self) -> float:
        """When it ended."""
        return self.stretches[-1][1]

    def after(self, at: float) -> float:
        """How much of it sounded after that, in seconds."""
        return sum(max(0.0, until - max(since, at)) for since, until in self.stretches)


class Outcome(Struct):
    """What came of a call."""

    said: dict[int, tuple[str, list[Word], bytes]]
    played: dict[int, Played]
    turns: list[str]
    cuts: list[tuple[float, int]]
    keys: str
    rate_hz: int
    stale_s: float
    """So much that is old may be heard after an interruption: what is with the carrier, or on its way."""
    piece_s: float
    """So far are marks apart."""
    faults: dict[str, int]
    failures: list[str]
    end: e.End
    messages: int

    def words(self, frame: int) -> list[str]:
        """The words of a frame that have begun to sound."""
        text, words, _ = self.said[frame]
        heard = self.played.get(frame)
        samples = len(heard.pcm) // 2 if heard else 0
        ends = [word.end for word in words if word.start_ms < samples * 1000 / self.rate_hz]
        return text[: ends[-1]].split() if ends else []

    @property
    def heard(self) -> list[str]:
        """All words that were heard, in their order."""
        frames = sorted(self.played, key=lambda frame: self.played[frame].first_at)
        return [word for frame in frames for word in self.words(frame)]


def hold(
    agent: Agent,
    make: Callable[[], CarrierWire],
    steps: Sequence[Step],
    answers: Sequence[Answer],
    path: Path,
) -> Outcome:
    """One call, in virtual time."""
    return run(_hold(agent, make, steps, answers, path))


async def _hold(
    agent: Agent,
    make: Callable[[], CarrierWire],
    steps: Sequence[Step],
    answers: Sequence[Answer],
    path: Path,
) -> Outcome:
    carrier = make()
    voice = NotedVoice(carrier.rate_hz)
    notes = Notes(voice)
    ears = NotedEars(lines_of(steps), rate_hz=carrier.rate_hz)
    engines = StandEngines(CallServices(ears, DirectModel(answers, then="Yes, of course."), voice, None), LevelVad)
    settings = Settings(turn=TurnOptions(rules=("transcript",)), policy=Policy(keys_ms=300.0))  # turns end soon
    shared = Shared(
        agent=agent,
        settings=agent.call_settings(settings),
        wording=agent.wording(settings),
        limits=settings.limits,
        engines=engines,
        pacer=Pacer(asyncio.get_running_loop()),
        run_sync=at_once,
        observers=lambda _: (notes,),
    )
    calls = Calls(settings, shared, Metrics())
    phone = Telephone(carrier, path)
    with Logbook() as log:
        held = asyncio.get_running_loop().create_task(
            calls.hold(phone, WIRES[carrier.path](), trusted=True)  # type: ignore[index]
        )
        await phone.talk(steps)
        end = await held
        await asyncio.sleep(1.5)  # the pacer's last look, and what is still on its way
    assert calls.count == 0, "the call is not over"
    options = options_of(make(), settings)
    return Outcome(
        said=voice.said,
        played=played(carrier),
        turns=notes.turns,
        cuts=notes.cuts,
        keys=notes.keys,
        rate_hz=carrier.rate_hz,
        stale_s=(options.lead_ms + options.chunk_ms) / 1000 + path.delay_s + path.jitter_s + TICK_S,
        piece_s=options.chunk_ms / 1000,
        faults=dict(carrier.faults),
        failures=log.failures,
        end=end,
        messages=phone.messages,
    )


def options_of(carrier: CarrierWire, settings: Settings) -> PlayoutOptions:
    """How the server plays on this wire."""
    wire: Wire = WIRES[carrier.path]()  # type: ignore[index]
    opened = [each for message in carrier.opening() for each in wire.receive(message)]
    assert isinstance(opened[0], Opened)
    return playout_options(opened[0].capabilities, settings.limits)


def played(carrier: CarrierWire) -> dict[int, Played]:
    """What was played of each frame. Samples below zero belong to the frame of those before them."""
    frames: dict[int, Played] = {}
    last = -1
    for stretch in carrier.buffer.played:
        samples = np.frombuffer(bytes(stretch.pcm), "<i2").astype(np.int32)
        frame = _frames(samples, last)
        for begins, ends in _runs(frame):
            number = int(frame[begins])
            if number < 0:
                continue
            pcm = samples[begins:ends].astype("<i2").tobytes()
            first_at, last_at = (stretch.at_s + at / carrier.rate_hz for at in (begins, ends))
            known = frames.setdefault(number, Played(b"", []))
            known.pcm += pcm
            known.stretches.append((first_at, last_at))
            last = number
    return frames


def _frames(samples: NDArray[np.int32], last: int) -> NDArray[np.int32]:
    """The frame of each sample; -1 for silence."""
    found = np.searchsorted(LEVELS, samples)
    positive = samples > 0
    assert np.array_equal(LEVELS[np.minimum(found[positive], KINDS - 1)], samples[positive]), "that is not the voice"
    places = np.maximum.accumulate(np.where(positive, np.arange(len(samples)), -1))
    frame = np.where(places >= 0, found[places], last)
    return np.where(samples == 0, -1, frame).astype(np.int32)


def _runs(values: NDArray[np.int32]) -> list[tuple[int, int]]:
    starts = np.flatnonzero(np.diff(values, prepend=np.iinfo(np.int32).min))
    ends = np.append(starts[1:], len(values))
    return list(zip(starts.tolist(), ends.tolist(), strict=True))

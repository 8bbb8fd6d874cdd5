"""A telephone line for the bench: a recording goes in, and comes out of the wire's codec as a call would hear it.

At 8 kHz, in mu-law, in messages of 20 ms as Telnyx sends them; some are lost, and each is late by some milliseconds of
its own, so that they come in another order. Dice are passed in.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from random import Random

import numpy as np
import soxr
from msgspec import Struct

from audio import g711
from audio.events import SpeechStarted, SpeechStopped
from audio.services import OnSpeech
from audio.vad import VadEngine
from bench.speech import NOISE, RATE_HZ
from bench.stt import ALL, TAIL_MS, Item
from link.inbox import Inbox
from server.call.media import EarSide
from server.protocols.telnyx import TelnyxWire
from server.protocols.wire import Audio, Counted

LINE_HZ = 8000
MESSAGE_MS = 20
LEAD_IN_MS = 500
"""Of silence: what is lost before the first message that comes, nobody misses."""


class Line(Struct, frozen=True):
    """What a line does to the sound."""

    name: str
    rate_hz: int = LINE_HZ
    mulaw: bool = True
    loss: float = 0.0
    """The share of messages that do not come."""
    burst: float = 1.0
    """How many are lost in a row, at the mean."""
    jitter_ms: float = 0.0
    """Each message is late by up to so much."""


class Voice(Struct, frozen=True):
    """When voice activity detection said that there is a voice, in ms of the recording."""

    begin_ms: float
    end_ms: float


class Came(Struct, frozen=True):
    """What came of a recording."""

    frames: tuple[tuple[Item, ...], ...]
    """What the ears were given."""
    voices: tuple[Voice, ...]
    counted: dict[str, int]
    """Pieces that were lost, and that came too late."""


class Exact:
    """Voice activity detection that decides after each 20 ms, however much comes at once, so its facts tell when."""

    def __init__(self, rate_hz: int, on_speech: OnSpeech) -> None:
        self._due: list[Callable[[], None]] = []
        self._voice = VadEngine(rate_hz, lambda _, callback: self._due.append(callback)).open(on_speech)
        self._ms_per_byte = 1000 / rate_hz / 2
        self._size = rate_hz * MESSAGE_MS // 1000 * 2
        self.heard_ms = 0.0

    def feed(self, pcm: bytes) -> None:
        """Judge it."""
        for at in range(0, len(pcm), self._size):
            piece = pcm[at : at + self._size]
            self.heard_ms += len(piece) * self._ms_per_byte
            self._voice.feed(piece)
            while self._due:
                self._due.pop(0)()

    def reset(self) -> None:
        """Forget what came."""
        self._voice.reset()

    def close(self) -> None:
        """Give it back."""
        self._voice.close()


async def over(line: Line, pcm: bytes, dice: Random, ears_hz: int = RATE_HZ) -> Came:
    """Send a recording (PCM16 at 16 kHz) over a line to voice activity detection and to ears of some rate."""
    inbox: Inbox[Item] = Inbox(ALL)
    begun_ms, counted = 0.0, dict[str, int]()
    voices: list[Voice] = []

    def note(fact: object) -> None:
        nonlocal begun_ms
        if isinstance(fact, SpeechStarted):
            begun_ms = vad.heard_ms - fact.voiced_ms
        elif isinstance(fact, SpeechStopped):
            voices.append(Voice(begun_ms - LEAD_IN_MS, vad.heard_ms - fact.silence_ms - LEAD_IN_MS))

    ears = EarSide(line.rate_hz, ears_hz, inbox, note, "speech")
    vad = Exact(line.rate_hz, ears.on_speech)
    ears.attach(vad, line.rate_hz)
    frames: list[tuple[Item, ...]] = []
    for piece in heard(line, around(pcm), dice):
        if isinstance(piece, Counted):
            counted[piece.kind] = counted.get(piece.kind, 0) + piece.count
            continue
        ears.audio(piece, vad.heard_ms / 1000)
        frames.append(tuple([await inbox.get() for _ in range(len(inbox))]))
    return Came(tuple(frames), tuple(voices), counted)


def around(pcm: bytes) -> bytes:
    """A recording between two silences that are not digital zero."""
    rng = np.random.default_rng(0)

    def silence(length_ms: int) -> bytes:
        return bytes(rng.integers(-NOISE, NOISE + 1, RATE_HZ * length_ms // 1000).astype("<i2").tobytes())

    return silence(LEAD_IN_MS) + pcm + silence(TAIL_MS)


def heard(line: Line, pcm: bytes, dice: Random) -> Iterator[bytes | Counted]:
    """The audio that a call hears, piece by piece, and what the wire counts."""
    if line.rate_hz != RATE_HZ:
        samples = soxr.resample(np.frombuffer(pcm, "<i2"), RATE_HZ, line.rate_hz, quality="HQ")
        pcm = samples.astype("<i2").tobytes()
    size = line.rate_hz * MESSAGE_MS // 1000 * 2
    pieces = [pcm[at : at + size] for at in range(0, len(pcm) - size + 1, size)]
    if not line.mulaw:
        yield from pieces
        return
    wire = TelnyxWire()
    wire.receive(start())
    sent = [media(number, g711.to_mulaw(piece)) for number, piece in enumerate(pieces, 1)]
    for message in [*arriving(line, sent, dice), '{"event":"stop","stream_id":"s"}']:
        for incoming in wire.receive(message):
            if isinstance(incoming, Audio):
                yield incoming.pcm
            elif isinstance(incoming, Counted):
                yield incoming


def arriving(line: Line, sent: list[str], dice: Random) -> list[str]:
    """Those that come, in the order in which they come; the first always does, for it begins the count."""
    arrivals: list[tuple[float, str]] = []
    losing = False
    for number, message in enumerate(sent):
        losing = dice.random() >= 1 / line.burst if losing else dice.random() < _begins(line)
        if number == 0 or not losing:
            late_ms = dice.uniform(0, line.jitter_ms) if number else 0.0
            arrivals.append((number * MESSAGE_MS + late_ms, message))
    return [message for _, message in sorted(arrivals)]


def _begins(line: Line) -> float:
    """How likely a burst begins at a message that is not in one, so that `loss` is the share of all."""
    return line.loss / (line.burst * (1 - line.loss))


def start() -> str:
    """The first message of a stream."""
    form = {"encoding": "PCMU", "sample_rate": LINE_HZ, "channels": 1}
    return json.dumps({"event": "start", "stream_id": "s", "start": {"call_control_id": "c", "media_format": form}})


def media(number: int, mulaw: bytes) -> str:
    """A message of audio."""
    payload = base64.b64encode(mulaw).decode()
    content = {"track": "inbound", "chunk": str(number), "timestamp": str(number * MESSAGE_MS), "payload": payload}
    return json.dumps({"event": "media", "stream_id": "s", "sequence_number": str(number), "media": content})

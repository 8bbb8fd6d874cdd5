"""Voice activity: when a caller's voice comes on and goes off.

`Hysteresis` is the decision, pure: probabilities in, facts out. `VadEngine` is one per process and rate: the chunks
that many calls have ready go through the net as one batch, on a tick. It has no task and no clock; it is given a
`schedule`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path

import numpy as np
from loguru import logger
from msgspec import Struct

from audio.blas import set_blas_threads
from audio.events import SpeechStarted, SpeechStopped
from audio.services import OnSpeech
from audio.silero import BLOCK, CHUNK_MS, Silero, Weights
from audio.voice_end import HIDDEN_MS, LOOK_BACK_CHUNKS, held_ms
from link.errors import ConfigError

Schedule = Callable[[float, Callable[[], None]], object]
"""Calls back once, after a delay in seconds, never from within: `loop.call_later`."""

TICK_S = 0.015
"""How long a chunk waits for others to share its pass: the middle of 10 to 20 ms."""

FEW_CALLS = 4
"""Up to so many open calls nothing waits: there is hardly anyone to share with."""

MAX_WAITING_CHUNKS = 64
"""What a call may have waiting: 2.05 s, at 16 kHz one largest frame (64 KiB) of the native wire."""

MOST_UNHEARD_MS = 128.0
"""So much of what came after a chunk counts as silence before the net hears it. After a stall there may be a voice."""


class VadOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """When a probability becomes a fact. The defaults hear an interruption early; times round up to chunks of 32 ms.

    Raises ConfigError.
    """

    threshold_on: float = 0.5
    """Probability from which a chunk of 32 ms counts as voice."""
    threshold_off: float = 0.35
    """Probability below which it counts as silence, while the voice is on."""
    start_ms: float = 64
    """So much voice switches it on."""
    stop_ms: float = 200
    """So much silence switches it off; a chunk less where the levels show that the voice had ended before."""

    def __post_init__(self) -> None:
        if not 0 < self.threshold_off <= self.threshold_on < 1:
            raise ConfigError(
                f"vad: threshold_off ({self.threshold_off}) and threshold_on ({self.threshold_on}) must lie between "
                "0 and 1, threshold_off not above threshold_on"
            )
        if self.start_ms < 0 or self.stop_ms < 0:
            raise ConfigError(f"vad: start_ms ({self.start_ms}) and stop_ms ({self.stop_ms}) must not be negative")


DEFAULT = VadOptions()


class Voice(IntEnum):
    """What a voice is doing. STARTING and STOPPING last until their time is up or the voice thinks better of it."""

    SILENT = 0
    STARTING = 1
    SPEAKING = 2
    STOPPING = 3


# The next state when the probability is  below threshold_off | between | at threshold_on or above.
NEXT = {
    Voice.SILENT: (Voice.SILENT, Voice.SILENT, Voice.STARTING),
    Voice.STARTING: (Voice.SILENT, Voice.STARTING, Voice.STARTING),
    Voice.SPEAKING: (Voice.STOPPING, Voice.SPEAKING, Voice.SPEAKING),
    Voice.STOPPING: (Voice.STOPPING, Voice.STOPPING, Voice.SPEAKING),
}


def _nothing(_: float) -> float:
    return 0.0


class Hysteresis:
    """Probabilities, one per chunk, to speech on and off. Nothing is smoothed: the first chunk of a voice counts."""

    def __init__(self, options: VadOptions, held_ms: Callable[[float], float] = _nothing) -> None:
        """`held_ms` tells, after so much silence, how long before that the voice had really ended."""
        self._options = options
        self._held_ms = held_ms
        self.voice = Voice.SILENT
        self._lasted_ms = 0.0  # how long `voice` has been what it is

    def step(self, probability: float) -> SpeechStarted | SpeechStopped | None:
        """Take the next chunk's probability; times in the fact count audio, up to this chunk's end."""
        level = (probability >= self._options.threshold_off) + (probability >= self._options.threshold_on)
        before, self.voice = self.voice, NEXT[self.voice][level]
        self._lasted_ms = (self._lasted_ms if self.voice is before else 0.0) + CHUNK_MS
        if self.voice is Voice.STARTING and self._lasted_ms >= self._options.start_ms:
            self.voice = Voice.SPEAKING
            return SpeechStarted(voiced_ms=self._lasted_ms)
        if self.voice is Voice.STOPPING and self._lasted_ms > self._options.stop_ms - CHUNK_MS:
            held_ms = self._held_ms(self._lasted_ms)
            if self._lasted_ms >= self._options.stop_ms or held_ms > HIDDEN_MS:
                return self._stop(held_ms)
        return None

    def reset(self) -> SpeechStopped | None:
        """Back to silence; the fact if the voice was on."""
        return self._stop()

    def _stop(self, held_ms: float = 0.0) -> SpeechStopped | None:
        was, self.voice = self.voice, Voice.SILENT
        if was in (Voice.SILENT, Voice.STARTING):
            return None
        return SpeechStopped(silence_ms=self._lasted_ms + held_ms if was is Voice.STOPPING else 0.0)


class VadStream:
    """One call's place in the engine; meets `audio.services.VoiceActivity`. Made by `VadEngine.open`."""

    def __init__(self, engine: VadEngine, slot: int, on_speech: OnSpeech, options: VadOptions) -> None:
        self._engine = engine
        self._on_speech = on_speech
        self._hysteresis = Hysteresis(options, self._held_ms)
        self._heard: deque[bytes] = deque(maxlen=LOOK_BACK_CHUNKS)  # the newest windows that the net has had
        self._pcm = bytearray(engine.context_bytes)  # the last chunk's end, then what is waiting
        self.slot: int | None = slot  # None once closed
        self.dropped_chunks = 0

    def feed(self, pcm: bytes) -> None:
        """Take mono PCM16 of any length at the engine's rate. Of more than 64 waiting chunks the oldest are dropped."""
        if self.slot is None:
            return
        self._pcm += pcm
        if len(self._pcm) < self._engine.context_bytes + self._engine.chunk_bytes:
            return
        waiting = self.waiting_chunks
        if waiting > MAX_WAITING_CHUNKS:
            self._drop(waiting - MAX_WAITING_CHUNKS)
        self._engine.mark_ready(self)

    def reset(self) -> None:
        """Forget the past and what waits (the microphone was muted); posts SpeechStopped if the voice was on."""
        if self.slot is None:
            return
        self._pcm = bytearray(self._engine.context_bytes)
        self._heard.clear()
        self._engine.forget(self.slot)
        self._post(self._hysteresis.reset())

    def close(self) -> None:
        """Give the slot back; no fact comes after this. Closing twice is closing once."""
        if self.slot is not None:
            self._engine.give_back(self.slot)
            self.slot = None
            self._pcm.clear()
            self._heard.clear()

    @property
    def waiting_chunks(self) -> int:
        """How many whole chunks wait for the net; none once closed."""
        return max(0, len(self._pcm) - self._engine.context_bytes) // self._engine.chunk_bytes

    def take(self) -> bytes:
        """The next chunk with the context before it, for the engine."""
        window = bytes(self._pcm[: self._engine.context_bytes + self._engine.chunk_bytes])
        del self._pcm[: self._engine.chunk_bytes]
        self._heard.append(window)
        return window

    def judge(self, probability: float) -> None:
        """Hear from the engine how the chunk taken last was."""
        if self.slot is None:  # another call's callback closed this one a moment ago
            return
        fact = self._hysteresis.step(probability)
        if isinstance(fact, SpeechStopped):
            fact = SpeechStopped(fact.silence_ms + min(self.unheard_ms, MOST_UNHEARD_MS))
        self._post(fact)

    @property
    def unheard_ms(self) -> float:
        """How much sound has come after the chunk that was taken last."""
        return (len(self._pcm) - self._engine.context_bytes) / self._engine.chunk_bytes * CHUNK_MS

    def _held_ms(self, quiet_ms: float) -> float:
        return held_ms(self._heard, self._engine.sizes, quiet_ms)

    def _drop(self, chunks: int) -> None:
        del self._pcm[: chunks * self._engine.chunk_bytes]
        self.dropped_chunks += chunks
        self._engine.dropped_chunks += chunks

    def _post(self, fact: SpeechStarted | SpeechStopped | None) -> None:
        if fact is None:
            return
        try:
            self._on_speech(fact)
        except Exception:  # the other calls of the batch must not pay for it
            logger.exception("a call failed to handle {}", type(fact).__name__)


class VadEngine:
    """The voice activity detector of all calls of a process at one rate (8000 or 16000 Hz; else ValueError)."""

    def __init__(self, rate_hz: int, schedule: Schedule, *, capacity: int = BLOCK) -> None:
        set_blas_threads(1)
        self._net = Silero(rate_hz, load_weights(), capacity)
        self._schedule = schedule
        self._free = list(range(capacity))
        self._ready: dict[VadStream, None] = {}  # in the order of their chunks; a tick is on its way unless empty
        self.rate_hz = rate_hz
        self.sizes = self._net.sizes
        self.chunk_bytes = 2 * self.sizes.chunk
        self.context_bytes = 2 * self.sizes.context
        self.dropped_chunks = 0

    @property
    def open_streams(self) -> int:
        """How many calls are open."""
        return self._net.capacity - len(self._free)

    def open(self, on_speech: OnSpeech, options: VadOptions = DEFAULT) -> VadStream:
        """A new call. Its facts go to `on_speech`, from the tick; what that raises is logged and goes no further."""
        if not self._free:
            capacity = self._net.capacity
            self._net.grow(2 * capacity)
            self._free.extend(range(capacity, 2 * capacity))
        slot = self._free.pop()
        self.forget(slot)
        return VadStream(self, slot, on_speech, options)

    def mark_ready(self, stream: VadStream) -> None:
        """For streams: a chunk is waiting."""
        self._mark(stream, 0.0 if self.open_streams <= FEW_CALLS else TICK_S)

    def forget(self, slot: int) -> None:
        """For streams: clear the net's memory of a slot."""
        self._net.clear(slot)

    def give_back(self, slot: int) -> None:
        """For streams: a slot is free again."""
        self._free.append(slot)

    def _tick(self) -> None:
        """One chunk of every call that has one; whoever has more goes on in the next turn of the loop."""
        streams = list(self._ready)
        self._ready.clear()
        for first in range(0, len(streams), BLOCK):
            self._run(streams[first : first + BLOCK])
        for stream in streams:
            if stream.waiting_chunks:
                self._mark(stream, 0.0)

    def _mark(self, stream: VadStream, delay_s: float) -> None:
        if not self._ready:
            self._schedule(delay_s, self._tick)
        self._ready[stream] = None

    def _run(self, streams: list[VadStream]) -> None:
        # A stream may have been closed or reset since it got ready, also by a callback of the block before.
        batch = [(stream, stream.slot) for stream in streams if stream.slot is not None and stream.waiting_chunks]
        if not batch:
            return
        slots = np.array([slot for _, slot in batch], np.intp)
        pcm = b"".join([stream.take() for stream, _ in batch])
        windows = np.frombuffer(pcm, "<i2").reshape(len(batch), -1)
        for (stream, _), probability in zip(batch, self._net.run(slots, windows).tolist(), strict=True):
            stream.judge(probability)


def load_weights() -> Weights:
    """The weights of both rates, from `audio/data/`."""
    with np.load(Path(__file__).parent / "data" / "silero_v6.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}

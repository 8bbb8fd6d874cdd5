"""Microphone and speaker of this machine, by `sounddevice`, whose own threads fill and empty a small buffer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock
from types import ModuleType
from typing import Any

from link.errors import ConfigError, install

VOICE_DB = -40.0  # what is louder is a voice: a guess that suits a headset
LATENCY_S = 0.04  # asked of the card; it may take more
CUSHION_S = 0.06  # of audio before the speaker begins: three ticks of the call
MAX_BLOCKS = 200  # of the microphone's, some 10 ms each
LIMIT_S = 0.2  # what waits beyond this is dropped: the clocks of the card and of the call drift apart

HOW = f"{install('mic')}, and on Debian: apt install libportaudio2"


class Buffer:
    """PCM16 between the call and the thread of the speaker.

    It flows once it holds a cushion, and stops when it runs dry. Too much of it is cut down to the cushion again.
    """

    def __init__(self, rate_hz: int) -> None:
        self._lock = Lock()
        self._pcm = bytearray()
        self._cushion = int(CUSHION_S * rate_hz) * 2
        self._limit = int(LIMIT_S * rate_hz) * 2
        self._flowing = False
        self.dropouts = 0
        """How often it ran dry or was cut down while it flowed."""

    def put(self, pcm: bytes) -> None:
        """Add to it."""
        with self._lock:
            self._pcm += pcm
            if len(self._pcm) > self._limit:
                self.dropouts += self._flowing
                self._trim(0)

    def take(self, size: int) -> bytes:
        """Exactly `size` bytes: silence where there is nothing yet."""
        with self._lock:
            if not self._flowing:
                if len(self._pcm) < max(self._cushion, size):
                    return bytes(size)
                self._trim(size)
                self._flowing = True
            taken = bytes(self._pcm[:size])
            del self._pcm[:size]
            if len(taken) < size:
                self._flowing = False
                self.dropouts += 1
            return taken.ljust(size, b"\0")

    def _trim(self, wanted: int) -> None:
        """Only the newest stay: a cushion, or as much as is wanted."""
        del self._pcm[: max(0, len(self._pcm) - max(self._cushion, wanted))]


class DeviceMicrophone:
    """The default microphone; meets `server.talk.microphone.Microphone`."""

    floor_db = VOICE_DB

    def __init__(self, rate_hz: int) -> None:
        """Raises ConfigError when there is none that does this rate."""
        self._blocks: deque[bytes] = deque()  # from the card's thread; one end each, so no lock
        self.dropouts = 0
        self._stream = _open("input", rate_hz, self._hear)

    def begin(self, now: float) -> None:
        """Listen from now on. Raises ConfigError when the card does not start."""
        _start(self._stream, "microphone")

    def read(self, now: float) -> bytes:
        """What was recorded since the last time. Raises ConfigError when the microphone is gone."""
        if not self._stream.active:
            raise ConfigError("the microphone has stopped; was it unplugged?")
        return b"".join([self._blocks.popleft() for _ in range(len(self._blocks))])

    def close(self) -> None:
        """Give it back."""
        self._stream.close()

    def _hear(self, data: Any, *_: object) -> None:
        if len(self._blocks) < MAX_BLOCKS:
            self._blocks.append(bytes(data))
        else:
            self.dropouts += 1


class DeviceSpeaker:
    """The default speaker; meets `server.talk.caller.Sink`."""

    def __init__(self, rate_hz: int) -> None:
        """Raises ConfigError when there is none that does this rate."""
        self._buffer = Buffer(rate_hz)
        self._stream = _open("output", rate_hz, self._fill)
        _start(self._stream, "speaker")

    @property
    def dropouts(self) -> int:
        """How often the card ran dry, or had to skip."""
        return self._buffer.dropouts

    def write(self, caller: bytes, bot: bytes) -> None:
        """Play on. Raises ConfigError when the speaker is gone."""
        if not self._stream.active:
            raise ConfigError("the speaker has stopped; was it unplugged?")
        self._buffer.put(bot)

    def close(self) -> None:
        """Give it back."""
        self._stream.close()

    def _fill(self, data: Any, *_: object) -> None:
        data[:] = self._buffer.take(len(data))


def _load() -> ModuleType:
    """The module `sounddevice`. Raises ConfigError that says what is missing."""
    try:
        import sounddevice
    except ImportError as error:
        raise ConfigError(f"the package sounddevice is missing: {HOW}") from error
    except OSError as error:  # of its PortAudio
        raise ConfigError(f"sounddevice cannot be used ({error}): {HOW}") from error
    module: ModuleType = sounddevice
    return module


def _open(kind: str, rate_hz: int, callback: Callable[..., None]) -> Any:
    sound = _load()
    name = {"input": "microphone", "output": "speaker"}[kind]
    stream = {"input": sound.RawInputStream, "output": sound.RawOutputStream}[kind]
    try:
        device = sound.query_devices(kind=kind)
    except (sound.PortAudioError, ValueError) as error:
        raise ConfigError(f"this machine has no {name} ({error})") from error
    try:
        return stream(samplerate=rate_hz, channels=1, dtype="int16", latency=LATENCY_S, callback=callback)
    except sound.PortAudioError as error:
        raise ConfigError(
            f"the {name} ({device['name']}) cannot be opened at {rate_hz} Hz: {error};"
            f" try --rate {device['default_samplerate']:.0f}"
        ) from error


def _start(stream: Any, name: str) -> None:
    try:
        stream.start()
    except _load().PortAudioError as error:
        raise ConfigError(f"the {name} cannot be started: {error}") from error

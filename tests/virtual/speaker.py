"""A client with a loudspeaker, in virtual time: it knows which samples of which sentence have sounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from audio.events import Word
from audio.services import Sink, Utterance
from audio.vad import VadEngine
from link.inbox import Inbox
from link.tasks import Spawn
from tests.unit.audio.tts.sinks import KeepingSink
from tests.unit.server.parts import LevelVad

RATE_HZ = 16_000


class Speaker:
    """Plays what it gets at once. One that `obeys` pauses and clears when it is told to."""

    def __init__(self, clock: Callable[[], float], *, obeys: bool) -> None:
        self._clock = clock
        self._obeys = obeys
        self._queue: deque[tuple[int, int]] = deque()  # frame, samples
        self._paused = False
        self._at = clock()
        self.sounded: dict[int, int] = {}
        """Samples by frame."""

    @property
    def played(self) -> int:
        """Samples since the beginning."""
        self._play()
        return sum(self.sounded.values())

    @property
    def silent(self) -> bool:
        """Nothing is left to play."""
        self._play()
        return not self._queue

    def push(self, frame: int, samples: int) -> None:
        """Audio came."""
        self._play()
        self._queue.append((frame, samples))

    def message(self, kind: str) -> None:
        """`pause`, `resume` or `clear`."""
        self._play()
        if not self._obeys:
            return
        if kind == "clear":
            self._queue.clear()
        self._paused = kind == "pause"

    def _play(self) -> None:
        now = self._clock()
        room = round((now - self._at) * RATE_HZ)
        self._at += room / RATE_HZ
        while self._queue and room > 0 and not self._paused:
            frame, samples = self._queue.popleft()
            now_samples = min(room, samples)
            self.sounded[frame] = self.sounded.get(frame, 0) + now_samples
            room -= now_samples
            if now_samples < samples:
                self._queue.appendleft((frame, samples - now_samples))


class RecordedVoice:
    """Says what another voice has said before: its sound, and where its words begin, which it may keep to itself."""

    def __init__(self, rate_hz: int, sentences: Sequence[str], said: KeepingSink, *, tells_words: bool) -> None:
        """`said` has sentence n as frame n."""
        self.rate_hz = rate_hz
        self._said = said
        self._number = {text.strip(): n for n, text in enumerate(sentences)}
        self._tells_words = tells_words
        self.texts: dict[int, str] = {}
        """What each frame of the call says."""

    def begun(self, frame: int, samples: int) -> list[str]:
        """The words that have begun in so many samples of a frame, at the rate of the speaker."""
        text = self.texts[frame]
        begun = [word.end for word in self._words(text) if word.start_ms < samples * 1000 / RATE_HZ]
        return text[: begun[-1]].split() if begun else []

    async def run(self, inbox: Inbox[Utterance], sink: Sink, spawn: Spawn) -> None:
        """Speak for ever."""
        del spawn
        while True:
            utterance = await inbox.get()
            self.texts[utterance.frame] = utterance.text
            words = tuple(self._words(utterance.text)) if self._tells_words else ()
            if await sink.audio(utterance.frame, self._said.pcm[self._number[utterance.text.strip()]], words):
                sink.done(utterance.frame)

    def close(self) -> None:
        """Nothing is held."""

    def _words(self, text: str) -> list[Word]:
        before = len(text) - len(text.lstrip())
        return [Word(word.start_ms, word.end + before) for word in self._said.words[self._number[text.strip()]]]


class RealVad(LevelVad):
    """Silero, in an engine of its own, whose ticks are over at once."""

    def __init__(self, rate_hz: int, on_speech: Callable[..., None]) -> None:
        super().__init__(rate_hz, on_speech)
        self._due: list[Callable[[], None]] = []
        self._stream = VadEngine(rate_hz, lambda _, callback: self._due.append(callback), capacity=1).open(on_speech)

    def feed(self, pcm: bytes) -> None:
        """Judge it."""
        self._stream.feed(pcm)
        while self._due:
            self._due.pop()()

    def reset(self) -> None:
        """Forget what came."""
        self._stream.reset()

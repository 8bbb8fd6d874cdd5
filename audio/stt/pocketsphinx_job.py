"""The child's side of the embedded speech-to-text: a decoder for each call, fed as its audio comes.

The parent sends `BEGIN`, audio and `FINISH`. Back come an `Answer` for each change of the text, one final answer after
each `FINISH`, and about once a second of audio how many bytes were worked off.

**Cepstral mean.** A recogniser must subtract what a caller's voice, microphone and level add to every frame. Given a
wrong mean PocketSphinx understands little, and by itself it learns a call's mean in some ten seconds of speech. So
the first 800 ms of a call's speech are held back, measured, and then decoded in one go; after that nothing is held, and
the mean follows the call.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Collection
from enum import IntEnum
from pathlib import Path
from typing import Any

from msgspec import Struct

from audio.events import SpokenWord
from audio.stt.understanding import Segment, understand
from link.worker import Send

BEGIN, FINISH = 1, 2
"""Messages from the parent, beside bytes of mono PCM16."""

RATE_HZ = 16000
BYTES_PER_MS = RATE_HZ * 2 // 1000
FRAME_BYTES = 10 * BYTES_PER_MS  # PocketSphinx counts in frames of 10 ms
HOLD_BYTES = 800 * BYTES_PER_MS
HEAD_BYTES = (
    3000 * BYTES_PER_MS
)  # of an utterance are measured; with more PocketSphinx begins to forget while it adds up
LOOK_BYTES = 80 * BYTES_PER_MS  # at least between two looks at the text
PIECE_BYTES = 20_000 * BYTES_PER_MS  # a long utterance is decoded in pieces: the decoder's memory grows with them
REPORT_BYTES = 1000 * BYTES_PER_MS
MEMORY_FRAMES = 500  # of a call that the mean remembers
GIVEN_FRAMES = 500  # that PocketSphinx takes a mean that it is given to be worth (CMN_WIN in its source)

# A second pass over the utterance (`fwdflat`), four Gaussians instead of two (`topn`) and wider limits made decoding up
# to ten times slower and the text no better. `bestpath` searches the utterance's whole lattice at its end, which takes
# 10 ms for a sentence and 0.7 s for 17 s of speech; a higher language weight (`lw`, else 6.5) does as well.
DECODER = {"fwdflat": False, "bestpath": False, "maxhmmpf": 3000, "maxwpf": 10, "topn": 2, "lw": 9.5, "cmn": "live"}
METER = {**DECODER, "topn": 1, "ds": 3, "lm": None}


class Answer(Struct, frozen=True, array_like=True):
    """What was understood so far, or (`final`) in the whole utterance."""

    text: str
    final: bool
    confidence: float
    words: tuple[SpokenWord, ...] = ()


class Mean(Struct, frozen=True):
    """A cepstral mean, and of how many frames it is."""

    values: tuple[float, ...] = ()
    frames: int = 0

    def joined(self, other: Mean) -> Mean:
        """The mean of both."""
        frames = self.frames + other.frames
        if not self.frames or not other.frames:
            return other if other.frames else self
        values = [
            (self.frames * ours + other.frames * theirs) / frames
            for ours, theirs in zip(self.values, other.values, strict=True)
        ]
        return Mean(tuple(values), min(frames, MEMORY_FRAMES))


class Meter:
    """Measures cepstral means with a decoder that knows one word, which takes a thousandth of the sound's time."""

    def __init__(self, decoder: Any, word: str) -> None:
        decoder.add_jsgf_string("meter", f"#JSGF V1.0; grammar meter; public <word> = {word};")
        decoder.activate_search("meter")
        self._decoder = decoder
        self._zeros = ",".join("0" for _ in decoder.get_cmn(False).split(","))

    def mean(self, pcm: bytes) -> Mean:
        """The mean of the first 3 s."""
        self._decoder.set_cmn(self._zeros)
        self._decoder.start_utt()
        self._decoder.process_raw(pcm[:HEAD_BYTES], False, False)
        self._decoder.end_utt()
        frames = self._decoder.n_frames()
        if not frames:
            return Mean()
        undone = (GIVEN_FRAMES + frames) / frames  # the mixing with the zeros
        return Mean(tuple(undone * float(value) for value in self._decoder.get_cmn(True).split(",")), frames)


class State(IntEnum):
    """HOLDING: audio waits until the mean is known."""

    IDLE = 0
    HOLDING = 1
    DECODING = 2


class Listener:
    """One call's recogniser."""

    def __init__(self, decoder: Any, meter: Meter, pairs: Collection[tuple[str, str]]) -> None:
        self._decoder = decoder
        self._meter = meter
        self._pairs = pairs
        self._state = State.IDLE
        self._mean = Mean()  # of the utterances before this one
        self._head = bytearray()  # of the utterance, for its mean; also what is held
        self._earlier: list[Segment] = []  # of the utterance's earlier pieces
        self._before = 0  # bytes of the earlier pieces
        self._fed = 0  # bytes of the piece
        self._looked = 0  # of them at the last look at the text
        self._text = ""

    def begin(self) -> None:
        """An utterance begins; one that was not finished is given up."""
        self.stop()
        self._head.clear()
        self._earlier.clear()
        self._before = 0
        self._text = ""
        if self._known_bytes() < HOLD_BYTES:
            self._state = State.HOLDING
        else:
            self._start(self._mean)

    def hear(self, pcm: bytes) -> Answer | None:
        """Take audio of an utterance; the answer if the text changed."""
        match self._state:
            case State.HOLDING:
                self._head += pcm
                if self._known_bytes() >= HOLD_BYTES:
                    self._release()
            case State.DECODING:
                self._head += pcm[: max(0, HEAD_BYTES - len(self._head))]
                self._feed(pcm)
        return self._look() if self._state is State.DECODING else None

    def finish(self) -> Answer:
        """The utterance is over."""
        if self._state is State.HOLDING:
            self._release()
        if self._state is State.DECODING:
            self._end_piece()
        self._state = State.IDLE
        understood = understand(self._earlier, self._pairs, ended=True)
        return Answer(understood.text, True, understood.confidence, understood.words)

    def learn(self) -> None:
        """Count the utterance in the call's mean; what takes some milliseconds comes after the answer."""
        self._mean = self._mean.joined(self._meter.mean(bytes(self._head)))
        self._head.clear()

    def stop(self) -> None:
        """Give up what is going on."""
        if self._state is State.DECODING:
            with contextlib.suppress(RuntimeError):  # whatever state an error left the decoder in
                self._decoder.end_utt()
        self._state = State.IDLE

    def _known_bytes(self) -> int:
        return self._mean.frames * FRAME_BYTES + len(self._head)

    def _release(self) -> None:
        """Decode what was held."""
        held = bytes(self._head)
        self._start(self._mean.joined(self._meter.mean(held)))
        self._feed(held)

    def _start(self, mean: Mean) -> None:
        if mean.frames:
            self._decoder.set_cmn(",".join(f"{value:.3f}" for value in mean.values))
        self._decoder.start_utt()
        self._state = State.DECODING
        self._fed = self._looked = 0

    def _feed(self, pcm: bytes) -> None:
        if self._fed >= PIECE_BYTES:
            self._end_piece()
            self._start(self._mean.joined(self._meter.mean(bytes(self._head))))
        self._decoder.process_raw(pcm, False, False)
        self._fed += len(pcm)

    def _end_piece(self) -> None:
        self._decoder.end_utt()
        self._earlier += self._segments()
        self._before += self._fed

    def _look(self) -> Answer | None:
        if self._fed - self._looked < LOOK_BYTES:
            return None
        self._looked = self._fed
        found = understand([*self._earlier, *self._segments()], self._pairs, ended=False)
        if found.text == self._text:
            return None
        self._text = found.text
        return Answer(found.text, False, found.confidence)

    def _segments(self) -> list[Segment]:
        found = self._decoder.seg() if self._decoder.hyp() else ()
        before = self._before // FRAME_BYTES
        return [Segment(each.word, each.end_frame - each.start_frame + 1, before + each.start_frame) for each in found]


class PocketSphinxJob:
    """The Job that `link.worker` runs. Its decoders are made beforehand, so that a call begins without waiting."""

    def __init__(self, decoders: list[Any], meter: Meter, pairs: Collection[tuple[str, str]]) -> None:
        self._decoders = decoders
        self._meter = meter
        self._pairs = pairs
        self._taken: dict[int, Any] = {}
        self._listeners: dict[int, Listener] = {}
        self._done_bytes: dict[int, int] = {}

    def open(self, slot: int, options: dict[str, Any]) -> None:
        """Take a decoder; the pool opens no more slots than there are."""
        self._taken[slot] = self._decoders.pop()
        self._listeners[slot] = Listener(self._taken[slot], self._meter, self._pairs)
        self._done_bytes[slot] = 0

    def message(self, slot: int, payload: Any, send: Send) -> None:
        """BEGIN, audio, FINISH."""
        listener = self._listeners[slot]
        if payload == BEGIN:
            listener.begin()
        elif payload == FINISH:
            send(listener.finish())
            listener.learn()
        else:
            if answer := listener.hear(payload):
                send(answer)
            self._report(slot, len(payload), send)

    def urgent(self, slot: int, payload: Any) -> None:
        """There is nothing urgent."""

    def close(self, slot: int) -> None:
        """Give the decoder back."""
        if listener := self._listeners.pop(slot, None):
            listener.stop()
            self._decoders.append(self._taken.pop(slot))

    def _report(self, slot: int, size: int, send: Send) -> None:
        self._done_bytes[slot] += size
        if self._done_bytes[slot] >= REPORT_BYTES:
            send(self._done_bytes[slot])
            self._done_bytes[slot] = 0


def pocketsphinx_job(lm: str, dictionary: str, pairs: list[tuple[str, str]], slots: int) -> PocketSphinxJob:
    """The factory that the worker calls. A decoder takes some 50 ms to make, and 7 MB."""
    import pocketsphinx

    with tempfile.TemporaryDirectory(prefix="voicewire-") as folder:
        lm_path, dictionary_path = Path(folder) / "lm", Path(folder) / "dict"
        lm_path.write_text(lm)
        dictionary_path.write_text(dictionary)
        common = {"hmm": pocketsphinx.get_model_path("en-us/en-us"), "dict": str(dictionary_path), "loglevel": "FATAL"}
        decoders = [pocketsphinx.Decoder(lm=str(lm_path), **common, **DECODER) for _ in range(slots)]
        meter = Meter(pocketsphinx.Decoder(**common, **METER), dictionary.split(maxsplit=1)[0])
    return PocketSphinxJob(decoders, meter, frozenset((first, second) for first, second in pairs))

"""Speech for a recogniser that wants it whole: cut into pieces, asked for, asked for again, told in order. Pure.

    RECORDING ─ Finish, or long enough ─► WAITING ─ `jobs` ─► ASKED ─ answered ─► DONE
                                             ▲                  │ failed, or no answer in `attempt_s`
                                             └──────────────────┘ while the deadline permits, else DONE and lost

A speech is a row of pieces. It is answered when all of them are, or `final_s` after its end with what is there. A long
one is cut where it is quiet, and its beginning understood while the caller still speaks. The audio of what is not
answered is kept, `KEPT_S` of it in all; what does not fit any more can not be asked for again.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from enum import Enum, auto
from random import Random

import numpy as np
from msgspec import Struct, structs

from audio.events import EarFact, SpeechLost, SpokenWord, Transcript
from audio.stt.kept_audio import BYTES_PER_SAMPLE, KEPT_S
from audio.stt.speeches import MAX_OWED, Piece, joined
from link.backoff import delays
from link.errors import ConfigError

PIECE_S = 10.0
"""A longer speech is cut. Two thirds of what is kept, so that the next piece finds room while this one is asked for."""
SEARCH_S = 3.0
"""The cut is where this much of the piece's end is quietest."""
QUIET_S = 0.2
SHORTEST_S = 0.1
"""Providers refuse less; no word is shorter."""
JOBS_AT_ONCE = 2
"""A speech may be asked for while the one before is not answered; more would only be in each other's way."""


class Waits(Struct, frozen=True, forbid_unknown_fields=True):
    """How long what is waited for may take. Raises ConfigError."""

    final_s: float = 4.0
    """The final transcript, after the end of speech: longer than the 1.5 s after which the call goes on without it, for
    words that come late are heard all the same."""
    attempt_s: float = 2.5
    """One request; then the same audio is sent again."""

    def __post_init__(self) -> None:
        for name, value in (("final_s", self.final_s), ("attempt_s", self.attempt_s)):
            if not value > 0:
                raise ConfigError(f"{name} must be above zero, not {value}")


class Job(Struct, frozen=True):
    """Audio that is to be understood now: a piece, or (`look`) the beginning of one that goes on."""

    number: int
    pcm: bytes
    look: bool = False


class Stage(Enum):
    """How far a piece has come."""

    RECORDING = auto()
    WAITING = auto()
    ASKED = auto()
    DONE = auto()


class _Piece:
    """A stretch of a speech."""

    __slots__ = ("_delays", "begin_ms", "job", "lost", "partial", "pcm", "result", "stage", "until")

    def __init__(self, begin_ms: float, random: Random) -> None:
        self.begin_ms = begin_ms
        self.pcm = bytearray()
        self.stage = Stage.RECORDING
        self.job = 0  # the one that is under way
        self.until = -math.inf  # when it is asked for, or, once it is, when that has taken too long
        self.partial = ""
        self.result = Piece("")
        self.lost = ""  # why nothing, or not all, is known of it
        self._delays = delays(random)

    def next_delay_s(self) -> float:
        """Before it is asked for again."""
        return next(self._delays)

    def end(self, result: Piece, lost: str = "") -> None:
        """It is answered, or given up."""
        self.stage, self.result, self.lost = Stage.DONE, result, lost
        self.pcm = bytearray()


class _Speech:
    """From `Begin` to `Finish`."""

    __slots__ = ("due", "ended", "pieces", "shown")

    def __init__(self) -> None:
        self.pieces: list[_Piece] = []
        self.ended = False
        self.due = math.inf
        self.shown = ""

    @property
    def text(self) -> str:
        """All that is understood so far."""
        return " ".join(filter(None, [piece.result.text or piece.partial for piece in self.pieces]))


class Utterances:
    """What was said on one call and is not answered yet. `now` in seconds, on any clock."""

    def __init__(self, rate_hz: int, waits: Waits, random: Random, look_s: float = math.inf) -> None:
        """While somebody speaks, what there is is looked at each `look_s`; inf: never."""
        self._rate_hz = rate_hz
        self._waits = waits
        self._look_s = look_s
        self._random = random
        self._speeches: deque[_Speech] = deque()
        self._facts: list[EarFact] = []
        self._jobs: dict[int, _Piece] = {}
        self._number = 0
        self._look = 0  # the job of the newest look, if it is under way
        self._looked = 0  # bytes of the piece at that look
        self.lost_bytes = 0
        """Audio that nobody has understood, because it could not be kept."""

    # --- the caller -------------------------------------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """Speech began."""
        if self._recording is not None:
            return
        if len(self._speeches) >= MAX_OWED:
            self._give_up(self._speeches[0], "too many speeches wait to be understood")
        speech = _Speech()
        self._speeches.append(speech)
        self._start_piece(speech, 0.0)

    def audio(self, pcm: bytes, now: float) -> None:
        """More of the speech that goes on; there is none outside of one."""
        piece = self._recording
        if piece is None:
            return
        piece.pcm += pcm
        if len(piece.pcm) >= self._bytes(PIECE_S):
            self._cut(piece)
        self._keep_bound()

    def finish(self, now: float) -> None:
        """Speech ended."""
        piece = self._recording
        if piece is None:
            self._facts.append(Transcript("", True))  # every Finish is answered
            return
        speech = self._speeches[-1]
        speech.ended, speech.due = True, now + self._waits.final_s
        self._complete(piece)
        self._settle()

    # --- jobs -------------------------------------------------------------------------------------------------------

    def jobs(self, now: float) -> list[Job]:
        """What is to be asked for now; each counts as asked for."""
        found = []
        for piece in self._all(Stage.WAITING):
            if piece.until <= now and len(self._jobs) < JOBS_AT_ONCE:
                piece.stage, piece.until = Stage.ASKED, now + self._waits.attempt_s
                found.append(self._job(piece))
        if not found and (look := self._next_look()) is not None:
            found.append(look)
        return found

    def wanted(self, number: int) -> bool:
        """Whether the answer of a job is still of use."""
        return number in self._jobs

    def heard(self, number: int, text: str) -> None:
        """What a job has understood so far."""
        if (piece := self._jobs.get(number)) is not None:
            piece.partial = text
            self._show()

    def answered(self, number: int, result: Piece) -> None:
        """A job is done."""
        piece = self._jobs.pop(number, None)
        if piece is None:
            return
        if number == self._look:
            self._look = 0
            piece.partial = result.text
            self._show()
            return
        piece.end(_moved(result, piece.begin_ms))
        self._settle()

    def failed(self, number: int, reason: str, now: float, *, again_s: float | None = 0.0) -> None:
        """A job has failed; it is worth another after `again_s`, or (None) it is not."""
        piece = self._jobs.pop(number, None)
        if piece is None:
            return
        if number == self._look:
            self._look = 0
        elif again_s is None or not piece.pcm:
            piece.end(Piece(piece.partial), reason)
            self._settle()
        else:
            self._ask_again(piece, max(again_s, piece.next_delay_s()), reason, now)

    def _ask_again(self, piece: _Piece, after_s: float, reason: str, now: float) -> None:
        piece.lost = reason
        if now + after_s >= self._speech_of(piece).due:
            piece.end(Piece(piece.partial), reason)
            self._settle()
        else:
            piece.stage, piece.until = Stage.WAITING, now + after_s

    def _job(self, piece: _Piece, *, look: bool = False) -> Job:
        self._number += 1
        self._jobs[self._number] = piece
        if not look:
            piece.job = self._number
        return Job(self._number, bytes(piece.pcm), look)

    def _next_look(self) -> Job | None:
        """While somebody speaks, and nothing else is to be done."""
        piece = self._recording
        if piece is None or self._jobs or math.isinf(self._look_s):
            return None
        if len(piece.pcm) - self._looked < self._bytes(self._look_s):
            return None
        self._looked = len(piece.pcm)
        job = self._job(piece, look=True)
        self._look = job.number
        return job

    # --- time -------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Time has passed: answer what is late, ask again what was not answered."""
        for speech in [each for each in self._speeches if each.ended and now >= each.due]:
            self._give_up(speech, f"nothing was understood within {self._waits.final_s:g} s")
        for piece in self._all(Stage.ASKED):
            if now >= piece.until:
                del self._jobs[piece.job]
                reason = f"no answer within {self._waits.attempt_s:g} s"
                if piece.pcm:
                    self._ask_again(piece, 0.0, reason, now)
                else:
                    piece.end(Piece(piece.partial), reason)
                    self._settle()

    def deadline(self) -> float:
        """When `tick` or `jobs` is due; inf for never."""
        dues = [speech.due for speech in self._speeches]
        dues += [piece.until for piece in self._all(Stage.ASKED)]
        if len(self._jobs) < JOBS_AT_ONCE:
            dues += [piece.until for piece in self._all(Stage.WAITING)]
        return min(dues, default=math.inf)

    def facts(self) -> list[EarFact]:
        """What is new for the call."""
        new, self._facts = self._facts, []
        return new

    # --- pieces -----------------------------------------------------------------------------------------------------

    @property
    def _recording(self) -> _Piece | None:
        last = self._speeches[-1] if self._speeches else None
        return last.pieces[-1] if last is not None and not last.ended else None

    def _all(self, stage: Stage) -> list[_Piece]:
        return [piece for piece in self._pieces() if piece.stage is stage]

    def _pieces(self) -> Iterator[_Piece]:
        for speech in self._speeches:
            yield from speech.pieces

    def _speech_of(self, piece: _Piece) -> _Speech:
        return next(speech for speech in self._speeches if piece in speech.pieces)

    def _bytes(self, seconds: float) -> int:
        return round(seconds * self._rate_hz) * BYTES_PER_SAMPLE

    def _start_piece(self, speech: _Speech, begin_ms: float) -> _Piece:
        piece = _Piece(begin_ms, self._random)
        speech.pieces.append(piece)
        self._looked = 0
        return piece

    def _cut(self, piece: _Piece) -> None:
        """Go on with a new piece from where the end of this one is quietest."""
        at = self._quietest(piece.pcm)
        begin_ms = piece.begin_ms + at / BYTES_PER_SAMPLE / self._rate_hz * 1000
        rest = self._start_piece(self._speeches[-1], begin_ms)
        rest.pcm += piece.pcm[at:]
        del piece.pcm[at:]
        self._complete(piece)

    def _quietest(self, pcm: bytearray) -> int:
        """Where, in bytes: the middle of the quietest QUIET_S in the last SEARCH_S."""
        samples = np.frombuffer(bytes(pcm), "<i2").astype(np.float64)
        first, width = len(samples) - round(SEARCH_S * self._rate_hz), round(QUIET_S * self._rate_hz)
        power = np.concatenate([[0.0], np.cumsum(samples[first:] ** 2)])
        return (first + int(np.argmin(power[width:] - power[:-width])) + width // 2) * BYTES_PER_SAMPLE

    def _complete(self, piece: _Piece) -> None:
        """It gets no more audio."""
        if self._look and self._jobs.get(self._look) is piece:
            del self._jobs[self._look]
            self._look = 0
        piece.stage = Stage.WAITING
        if len(piece.pcm) < self._bytes(SHORTEST_S):
            piece.end(Piece(""))

    def _keep_bound(self) -> None:
        """The oldest audio goes first: what is under way is not lost by that, only what has not been asked for."""
        over = sum(len(piece.pcm) for piece in self._pieces()) - self._bytes(KEPT_S)
        if over <= 0:
            return
        for piece in self._all(Stage.ASKED) + self._all(Stage.WAITING):
            if over <= 0:
                break
            over -= len(piece.pcm)
            if piece.stage is Stage.WAITING:
                self.lost_bytes += len(piece.pcm)
                piece.end(Piece(piece.partial), piece.lost or "the speech-to-text does not keep up")
            piece.pcm = bytearray()
        self._settle()

    # --- what was understood ----------------------------------------------------------------------------------------

    def _give_up(self, speech: _Speech, reason: str) -> None:
        """Answer with what is there."""
        for piece in speech.pieces:
            if piece.stage is not Stage.DONE:
                self._jobs.pop(piece.job, None)
                piece.end(Piece(piece.partial), piece.lost or reason)
        speech.ended = True
        self._settle()

    def _show(self) -> None:
        """What is understood of the oldest speech so far, if that is new."""
        oldest = self._speeches[0] if self._speeches else None
        if oldest is not None and oldest.text != oldest.shown:
            oldest.shown = oldest.text
            self._facts.append(Transcript(oldest.text, False))

    def _settle(self) -> None:
        """Answer the speeches that are understood, in their order."""
        while self._speeches and self._speeches[0].ended:
            speech = self._speeches[0]
            if any(piece.stage is not Stage.DONE for piece in speech.pieces):
                break
            self._speeches.popleft()
            self._facts.append(joined([piece.result for piece in speech.pieces]))
            if lost := next((piece.lost for piece in speech.pieces if piece.lost), ""):
                self._facts.append(SpeechLost(lost))
        self._show()


def _moved(result: Piece, by_ms: float) -> Piece:
    """With the times of its words from the beginning of the speech."""
    words = tuple(_later(word, by_ms) for word in result.words)
    return structs.replace(result, words=words)


def _later(word: SpokenWord, by_ms: float) -> SpokenWord:
    return structs.replace(word, start_ms=word.start_ms + by_ms, end_ms=word.end_ms + by_ms)

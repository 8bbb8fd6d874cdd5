"""Several voices as one: who fails or is late is replaced, and what was heard is not said again.

    piece ─► asked of the best voice ─ all of its audio ─► done
                  │ it failed, or is late: the same of the next voice, if nothing of it was given
                  │ in its middle: what stands behind the last word that was given, where the voice tells its words
                  └ nobody is left, or nobody knows where it broke off ─► failed

A voice is opened when it is needed first, so a second one costs nothing while all is well. Pieces are given in order,
whoever speaks them. The sound of the others is brought to the rate of the first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import numpy as np
import soxr
from loguru import logger
from msgspec import Struct

from audio.events import Word
from audio.services import Sink, TextToSpeech, Utterance
from audio.tts.speech import has_sound
from link.errors import ProviderError, VoicewireError
from link.inbox import Inbox
from link.preference import Preference, open_first
from link.tasks import Spawn, Task, Work, spawn_guarded

INBOX = 64
CHECK_S = 0.05
"""How often it is seen whether what is said first is still wanted."""


class FallbackPatience(Struct, frozen=True):
    """How long a voice is waited for while another could be asked; the last one has as long as the call has."""

    first_audio_s: float = 1.4
    next_audio_s: float = 1.0
    avoid_s: float = 15.0


class _Piece:
    """What is to be said: `given` samples of it were, and of the text all before `said`, as far as that is known."""

    def __init__(self, frame: int, text: str) -> None:
        self.frame = frame
        self.text = text
        self.given = 0
        self.said = 0
        self.tried: set[int] = set()
        self.attempt: _Attempt | None = None
        self.reason = ""  # why nobody speaks it


class _Attempt:
    """A piece as it is asked of one voice: from `begin` in the text, and `base` samples."""

    def __init__(self, piece: _Piece, number: int, now: float) -> None:
        self.piece = piece
        self.number = number
        self.begin = piece.said
        self.base = piece.given
        self.seen_at = now  # when it was asked, or more of it was given
        self.ended = False  # all of it came
        self.words: tuple[Word, ...] = ()  # whose sound is in the resampler
        self.resampler: soxr.ResampleStream | None = None

    @property
    def begun(self) -> bool:
        """Some of it was given."""
        return self.piece.given > self.base


class _Voice:
    """One of the voices, for one call: a `Sink` for it. Its frames are attempts, each with a number of its own."""

    def __init__(self, number: int, service: TextToSpeech, owner: FallbackVoice) -> None:
        self.number = number
        self.service = service
        self.inbox: Inbox[Utterance] = Inbox(INBOX)
        self._owner = owner
        self._serial = 0
        self._attempts: dict[int, _Attempt] = {}
        self.tasks: set[Task] = set()

    def ask(self, attempt: _Attempt) -> None:
        """Speak it. Raises InboxFull."""
        self._attempts = {serial: each for serial, each in self._attempts.items() if each.piece.attempt is each}
        self._serial += 1
        self._attempts[self._serial] = attempt
        self.inbox.put(Utterance(self._serial, attempt.piece.text[attempt.begin :]))

    def wanted(self, frame: int) -> bool:
        """False for what another voice speaks by now."""
        attempt = self._attempts.get(frame)
        return attempt is not None and self._owner.wants(attempt)

    async def audio(self, frame: int, pcm: bytes, words: tuple[Word, ...] = ()) -> bool:
        """Goes on to the call, in its turn."""
        attempt = self._attempts.get(frame)
        return attempt is not None and await self._owner.on_audio(attempt, pcm, words, self.service.rate_hz)

    def done(self, frame: int) -> None:
        """All of it came."""
        if attempt := self._attempts.pop(frame, None):
            self._owner.on_done(attempt)

    def failed(self, frame: int, reason: str) -> None:
        """Another may speak it."""
        if attempt := self._attempts.pop(frame, None):
            self._owner.on_failed(attempt, reason)


class FallbackVoice:
    """One call's voice of several: a `TextToSpeech`."""

    def __init__(
        self,
        opens: Mapping[str, Callable[[], TextToSpeech]],
        preference: Preference,
        patience: FallbackPatience | None = None,
        *,
        on_out: Callable[[int], None] = lambda _: None,
        attend: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """`opens` by the names that the log shows, the preferred one first; `on_out` hears who fails again and again.

        What `attend` gives is entered meanwhile. Raises what the last of `opens` does, where none has room.
        """
        self._names = list(opens)
        self._opens = list(opens.values())
        self._attend = attend
        self._preference = preference
        self._patience = patience or FallbackPatience()
        self._on_out = on_out
        number, service = open_first(preference, self._opens, _now())
        self.rate_hz = service.rate_hz
        self._voices = {number: _Voice(number, service, self)}
        self._pieces: list[_Piece] = []  # in the order of their frames
        self._news = asyncio.Event()
        self._turn = asyncio.Event()  # another piece is the first
        self._giving = False  # the call has no room

    def close(self) -> None:
        """Give back what the voices hold."""
        for voice in self._voices.values():
            voice.service.close()

    async def run(self, inbox: Inbox[Utterance], sink: Sink, spawn: Spawn) -> None:
        """Speak one utterance after the other, for ever."""
        self._sink, self._spawn = sink, spawn
        for voice in self._voices.values():
            self._start(voice)
        spawn(self._take(inbox))
        with self._attend():
            while True:
                self._news.clear()
                wait_s = await self._first_piece()
                try:
                    async with asyncio.timeout(wait_s):
                        await self._news.wait()
                except TimeoutError:
                    pass

    async def _take(self, inbox: Inbox[Utterance]) -> None:
        while True:
            utterance = await inbox.get()
            piece = _Piece(utterance.frame, utterance.text)
            later = [each for each in self._pieces if each.frame > piece.frame]
            self._pieces = [*(each for each in self._pieces if each not in later), piece, *later]
            self._turn.set()
            for each in (piece, *later):  # a voice speaks in the order in which it is asked
                self._move(each)
            self._news.set()

    # --- the piece that is said first -------------------------------------------------------------------------------

    async def _first_piece(self) -> float | None:
        """End what is over, replace who is late. Returns when to look again; None: when there is news."""
        while self._pieces:
            piece = self._pieces[0]
            attempt = piece.attempt
            if self._sink.wanted(piece.frame):
                if attempt is not None and not attempt.ended:
                    return self._patience_s(attempt)
                if attempt is None:
                    self._sink.failed(piece.frame, piece.reason)
                else:
                    await self._end(attempt)
            piece.attempt = None
            self._pieces.remove(piece)
            if self._pieces and self._pieces[0].attempt is not None:
                self._pieces[0].attempt.seen_at = _now()
            self._turn.set()
            await asyncio.sleep(0)  # the call may say it once more: it comes before what is behind it
        return None

    def _patience_s(self, attempt: _Attempt) -> float:
        """How long the first piece may still take; a voice that has taken longer is replaced."""
        limit_s = self._patience.next_audio_s if attempt.begun else self._patience.first_audio_s
        last = self._preference.best(_now(), attempt.piece.tried) is None
        if self._giving or last or (attempt.begun and attempt.piece.said <= attempt.begin):
            return CHECK_S
        left_s = attempt.seen_at + limit_s - _now()
        if left_s <= 0:
            self.on_failed(attempt, "it gave no audio in time")
        return min(max(left_s, 0.0), CHECK_S)

    async def _end(self, attempt: _Attempt) -> None:
        """All of a piece came: what is left of it in the resampler, and its end."""
        if attempt.resampler is not None:
            tail = attempt.resampler.resample_chunk(np.zeros(0, np.int16), last=True)
            if tail.size:
                await self._give(attempt, tail.astype(np.int16).tobytes())
        if self._preference.worked(attempt.number):
            logger.info("tts: {} speaks again", self._names[attempt.number])
        self._sink.done(attempt.piece.frame)

    # --- what comes of the voices -----------------------------------------------------------------------------------

    def wants(self, attempt: _Attempt) -> bool:
        """Whether it is still to be made."""
        return attempt.piece.attempt is attempt and self._sink.wanted(attempt.piece.frame)

    async def on_audio(self, attempt: _Attempt, pcm: bytes, words: tuple[Word, ...], rate_hz: int) -> bool:
        """More of it; waits for its turn, and for room."""
        piece = attempt.piece
        while self.wants(attempt) and self._pieces[0] is not piece:
            self._turn.clear()
            await self._turn.wait()
        if not self.wants(attempt):
            return False
        pcm = self._resampled(attempt, pcm, rate_hz)
        base_ms = attempt.base * 1000 / self.rate_hz
        attempt.words += tuple(Word(round(word.start_ms + base_ms, 1), attempt.begin + word.end) for word in words)
        return await self._give(attempt, pcm) if pcm else True

    async def _give(self, attempt: _Attempt, pcm: bytes) -> bool:
        piece, words = attempt.piece, attempt.words
        self._giving = True
        try:
            wanted = await self._sink.audio(piece.frame, pcm, words)
        finally:
            self._giving = False
        attempt.words = ()
        attempt.seen_at = _now()
        piece.given += len(pcm) // 2
        piece.said = words[-1].end if words else piece.said
        return wanted and self.wants(attempt)

    def on_done(self, attempt: _Attempt) -> None:
        """All of it came."""
        attempt.ended = True
        self._news.set()

    def on_failed(self, attempt: _Attempt, reason: str) -> None:
        """It broke off, or is late: another goes on with it, and says what this one was to say next."""
        if attempt.piece.attempt is not attempt:
            return
        number = attempt.number
        logger.warning("tts: {} fails: {}", self._names[number], reason)
        if self._preference.failed(number, _now()):
            self._on_out(number)
        for piece in self._pieces:
            asked = piece.attempt
            if asked is not None and asked.number == number and (asked is attempt or not asked.begun):
                piece.reason = reason
                if asked is attempt:
                    self._go_on(piece, attempt)
                else:
                    self._move(piece)
        self._news.set()

    def _resampled(self, attempt: _Attempt, pcm: bytes, rate_hz: int) -> bytes:
        if rate_hz == self.rate_hz:
            return pcm
        if attempt.resampler is None:
            attempt.resampler = soxr.ResampleStream(rate_hz, self.rate_hz, 1, dtype="int16", quality="HQ")
        samples = attempt.resampler.resample_chunk(np.frombuffer(pcm, np.int16))
        return bytes(samples.astype(np.int16).tobytes())

    # --- asking -----------------------------------------------------------------------------------------------------

    def _move(self, piece: _Piece) -> None:
        """Ask anew for a piece of which nothing was given: it did not fail, it has another place."""
        if piece.attempt is not None:
            if piece.attempt.begun:
                return
            piece.tried.discard(piece.attempt.number)
        self._ask(piece)

    def _go_on(self, piece: _Piece, failed: _Attempt) -> None:
        """Ask another for what was not said; nobody can where it is not known what was."""
        if failed.begun and piece.said <= failed.begin:
            piece.attempt = None
        elif failed.begun and not has_sound(piece.text[piece.said :]):
            failed.ended = True
        else:
            self._ask(piece)
        self._turn.set()

    def _ask(self, piece: _Piece) -> None:
        """Ask the best voice that has not failed with it; nobody may be left."""
        piece.attempt = None
        self._turn.set()
        while (number := self._preference.best(_now(), piece.tried)) is not None:
            piece.tried.add(number)
            try:
                attempt = _Attempt(piece, number, _now())
                piece.attempt = attempt
                self._voice(number).ask(attempt)
                return
            except VoicewireError as error:
                piece.attempt = None
                piece.reason = str(error)
                self._blame(number, error)

    def _blame(self, number: int, error: VoicewireError) -> None:
        """It cannot be asked; that it has no room is no failure of it."""
        if isinstance(error, ProviderError):
            if self._preference.failed(number, _now()):
                self._on_out(number)
        else:
            self._preference.avoid(number, _now())

    def _voice(self, number: int) -> _Voice:
        """A voice, which is opened when it is needed first. Raises what opening it does."""
        if number not in self._voices:
            self._voices[number] = _Voice(number, self._opens[number](), self)
            self._start(self._voices[number])
        return self._voices[number]

    # --- the services -----------------------------------------------------------------------------------------------

    def _start(self, voice: _Voice) -> None:
        self._spawn_for(voice, voice.service.run(voice.inbox, voice, lambda work: self._spawn_for(voice, work)))

    def _spawn_for(self, voice: _Voice, work: Work) -> Task:
        task = spawn_guarded(self._spawn, partial(self._guarded, voice), work)
        voice.tasks.add(task)
        task.add_done_callback(voice.tasks.discard)
        return task

    async def _guarded(self, voice: _Voice, work: Work) -> None:
        """A voice that breaks does not take the call down."""
        try:
            await work
        except Exception as error:
            logger.opt(exception=error).error("tts: {} is broken", self._names[voice.number])
            self._broken(voice, f"it is broken: {type(error).__name__}")

    def _broken(self, voice: _Voice, reason: str) -> None:
        """It is made anew when it is asked again."""
        if self._voices.get(voice.number) is not voice:
            return
        del self._voices[voice.number]
        for task in voice.tasks - {asyncio.current_task()}:
            task.cancel()
        voice.service.close()
        for attempt in [each.attempt for each in self._pieces if each.attempt and each.attempt.number == voice.number]:
            self.on_failed(attempt, reason)


def _now() -> float:
    return asyncio.get_running_loop().time()

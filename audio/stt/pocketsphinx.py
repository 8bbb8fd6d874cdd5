"""The embedded speech-to-text: PocketSphinx in worker processes, since it holds the GIL; a call stays with its worker.

It understands what is in its vocabulary (`audio.stt.vocabulary`) and says of the rest that it was not understood. Its
package is a soft dependency, because there is no wheel for arm64 Linux.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from enum import IntEnum
from itertools import product
from pathlib import Path

import msgspec
from loguru import logger

from audio.events import EarFact, Listens, SpeechLost, Transcript
from audio.services import Begin, Finish
from audio.stt.pocketsphinx_job import BEGIN, BYTES_PER_MS, FINISH, RATE_HZ, Answer
from audio.stt.pronunciation import PHONES, Dictionary, read_dictionary
from audio.stt.vocabulary import Language, Phones, build
from link.errors import ConfigError
from link.inbox import Inbox
from link.tasks import Spawn
from link.worker import Slot, WorkerDied, WorkerPool

MESSAGE_BYTES = (
    80 * BYTES_PER_MS
)  # audio goes to the worker in messages of this size: less would cost more than decoding
AHEAD_BYTES = (
    4000 * BYTES_PER_MS
)  # at most sent and not yet worked off; the rest waits in the inbox, which has a policy
LANGUAGE = "en"  # of its sounds; there is no other
STALLED_S = 10.0  # a worker that works off nothing for so long is stuck

SLOTS = 12
"""Calls per worker. With all of them talking at once a core is taken for less than half, so nobody's text is late."""

MOST = {"workers": 64, "slots": 64}
"""More of them than any machine has use for."""

Post = Callable[[EarFact], None]


def default_workers() -> int:
    """All cores but one, which the server's own process needs; at least one."""
    return min(max(1, (os.cpu_count() or 1) - 1), MOST["workers"])


class PocketSphinxEngine:
    """The processes that listen for all calls; `open` gives a call its ears."""

    def __init__(
        self, vocabulary: Sequence[str], *, spawn: Spawn, workers: int | None = None, slots: int = SLOTS
    ) -> None:
        """`vocabulary`: see `audio.stt.vocabulary`. `workers`: processes (None: cores - 1) with `slots` calls each.

        Raises ConfigError for a number out of range.
        """
        self._vocabulary = vocabulary
        self._spawn = spawn
        self._workers = default_workers() if workers is None else workers
        self._slots = slots
        for name, value in (("workers", self._workers), ("slots", slots)):
            if not 1 <= value <= MOST[name]:
                raise ConfigError(f"stt: {name} must be from 1 to {MOST[name]}, not {value}")
        self._pool: WorkerPool | None = None

    async def start(self) -> None:
        """Build the language model and start the processes.

        Raises ConfigError without the package or a usable vocabulary, ProviderError when a process does not start.
        """
        language = load_language(self._vocabulary)
        self._pool = WorkerPool(
            "audio.stt.pocketsphinx_job:pocketsphinx_job",
            workers=self._workers,
            slots=self._slots,
            spawn=self._spawn,
            options={
                "lm": language.lm,
                "dictionary": language.dictionary,
                "pairs": sorted(language.pairs),
                "slots": self._slots,
            },
        )
        await self._pool.start()

    @property
    def free(self) -> int:
        """Calls that can still be opened."""
        return self._pool.free if self._pool else 0

    def pids(self) -> list[int]:
        """The processes, for a benchmark that tells them from the server."""
        return self._pool.pids() if self._pool else []

    def open(self) -> PocketSphinx:
        """Ears for one call. Raises Overloaded when every slot is taken, RuntimeError before `start`."""
        if self._pool is None:
            raise RuntimeError("the engine was not started")
        return PocketSphinx(self._pool.open())

    async def close(self) -> None:
        """End the processes."""
        if self._pool:
            await self._pool.close()


class State(IntEnum):
    """LOST: the worker ended in the middle of the utterance, the rest of which is of no use."""

    IDLE = 0
    SPEAKING = 1
    LOST = 2


class PocketSphinx:
    """A call's ears: a `SpeechToText`. If its worker ends it posts SpeechLost, and goes on with the next utterance."""

    rate_hz = RATE_HZ
    listens: Listens = "speech"

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._state = State.IDLE
        self._awaited = 0  # final answers that the worker owes
        self._waiting = bytearray()  # audio that is not enough for a message yet
        self._ahead = 0  # bytes that were sent and not yet reported as done
        self._reported = asyncio.Event()

    async def run(self, inbox: Inbox[bytes | Begin | Finish], post: Post, spawn: Spawn) -> None:
        """Pass on what the call says, for ever; a second coroutine passes on what was understood."""
        spawn(self._listen(post))
        while True:
            match await inbox.get():
                case Begin():
                    self._begin(post)
                case Finish():
                    self._finish(post)
                case pcm if self._state is State.SPEAKING:
                    await self._hear(pcm)

    def close(self) -> None:
        """Give the slot back."""
        self._slot.close()

    def _begin(self, post: Post) -> None:
        self._waiting.clear()
        if self._slot.up:
            self._state = State.SPEAKING
            self._slot.send(BEGIN)
        else:
            self._state = State.LOST
            post(SpeechLost("the speech-to-text starts again"))

    def _finish(self, post: Post) -> None:
        if self._state is State.SPEAKING:
            self._send_waiting()
            self._slot.send(FINISH)
            self._awaited += 1
        elif self._state is State.LOST:
            post(Transcript("", True))  # every Finish is answered
        self._state = State.IDLE

    async def _hear(self, pcm: bytes) -> None:
        self._waiting += pcm
        if len(self._waiting) < MESSAGE_BYTES:
            return
        self._send_waiting()
        try:
            async with asyncio.timeout(STALLED_S):
                while self._ahead > AHEAD_BYTES:
                    self._reported.clear()
                    await self._reported.wait()
        except TimeoutError:
            self._slot.restart(f"it did nothing for {STALLED_S:.0f} s")

    def _send_waiting(self) -> None:
        if self._waiting:
            self._slot.send(bytes(self._waiting))
            self._ahead += len(self._waiting)
            self._waiting.clear()

    async def _listen(self, post: Post) -> None:
        while True:
            try:
                message = await self._slot.receive()
            except WorkerDied as error:
                self._lose(error, post)
                continue
            if isinstance(message, int):
                self._done(message)
                continue
            answer = msgspec.convert(message, Answer)
            if answer.final and not self._awaited:
                continue  # to a FINISH that was on its way when the Job failed; SpeechLost has answered it
            self._awaited -= answer.final
            post(Transcript(answer.text, answer.final, answer.confidence, answer.words, LANGUAGE))

    def _lose(self, error: WorkerDied, post: Post) -> None:
        self._done(self._ahead)
        if self._state is State.SPEAKING or self._awaited:
            post(SpeechLost(str(error)))
        if self._state is State.SPEAKING:
            self._state = State.LOST
        self._awaited = 0

    def _done(self, size: int) -> None:
        self._ahead = max(0, self._ahead - size)
        self._reported.set()


def load_language(vocabulary: Sequence[str]) -> Language:
    """The vocabulary as what PocketSphinx needs. Raises ConfigError without its package, or without a usable word."""
    try:
        import pocketsphinx
    except ImportError as error:
        raise ConfigError(
            "stt: the package pocketsphinx cannot be imported (it has no wheel for arm64 Linux); "
            'install it, or choose another speech-to-text by stt = "…"'
        ) from error
    model = Path(pocketsphinx.get_model_path("en-us"))

    def look_up(words: Sequence[str]) -> Dictionary:
        with (model / "cmudict-en-us.dict").open(encoding="utf-8") as lines:
            return read_dictionary(lines, words)

    log_math = pocketsphinx.LogMath()
    ngrams = pocketsphinx.NGramModel(pocketsphinx.Config(lm=None), log_math, str(model / "en-us-phone.lm.bin"))
    alone = {phone: log_math.exp(ngrams.prob([phone])) for phone in PHONES}
    # `prob` takes the newest word first.
    after = {(first, second): log_math.exp(ngrams.prob([second, first])) for first, second in product(PHONES, repeat=2)}
    try:
        language = build(vocabulary, look_up, Phones(alone, after))
    except ValueError as error:
        raise ConfigError(
            f"stt: PocketSphinx understands only what is in the agent's vocabulary, but {error}"
        ) from error
    for word, sound in language.guessed.items():
        logger.info('stt: "{}" is in no dictionary; its sound was guessed: {}', word, sound)
    for entry in language.unusable:
        logger.warning("stt: the vocabulary's entry {!r} has no English word and is left out", entry)
    return language

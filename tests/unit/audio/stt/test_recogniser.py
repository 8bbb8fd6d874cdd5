"""A call's place in a worker, and the worker's side of it, without a process between them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, cast

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from audio.stt.local import STALLED_S, WorkerTranscriber
from audio.stt.recogniser import Question, RecogniserJob, Reply
from audio.stt.speeches import Piece
from audio.stt.utterances import Job
from link.errors import ProviderError
from link.worker import JobFailed, Slot
from tests.unit.link.stage import play

PCM = bytes(3200)


class DeskSlot:
    """A `Slot` whose worker is the test."""

    def __init__(self) -> None:
        self.up = True
        self.unread: asyncio.Queue[Any] = asyncio.Queue(99)
        self.sent: list[Question] = []
        self.unwanted: list[int] = []
        self.restarts = 0

    def send(self, question: Question) -> None:
        self.sent.append(question)

    def urgent(self, number: int) -> None:
        self.unwanted.append(number)

    async def receive(self) -> Any:
        item = await self.unread.get()
        if isinstance(item, Exception):
            raise item
        return msgspec.to_builtins(item)

    def restart(self, reason: str) -> None:
        self.restarts += 1

    def fail(self, reason: str) -> None:
        self.unread.put_nowait(JobFailed(reason))

    def answer(self, number: int, text: str) -> None:
        self.unread.put_nowait(Reply(number, Piece(text)))


class Counting:
    """A `Recogniser` that counts."""

    def __init__(self) -> None:
        self.count = 0

    def understand(self, samples: NDArray[np.float32], *, look: bool) -> Piece:
        self.count += 1
        return Piece(f"the {self.count}th")


async def given_up(transcriber: WorkerTranscriber, number: int) -> None:
    """A piece that nobody waits for any more."""
    task = asyncio.ensure_future(transcriber.transcribe(Job(number, PCM), lambda _: None))
    await asyncio.sleep(0.1)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def test_the_answer_to_what_was_given_up_is_not_that_of_the_next() -> None:
    async def scene() -> None:
        slot = DeskSlot()
        transcriber = WorkerTranscriber(cast(Slot, slot))
        await given_up(transcriber, 1)
        assert slot.unwanted == [1]
        slot.answer(1, "old")
        task = asyncio.ensure_future(transcriber.transcribe(Job(2, PCM), lambda _: None))
        await asyncio.sleep(0.1)
        slot.answer(1, "old")
        slot.answer(2, "new")
        assert (await task).text == "new"
        assert [question.number for question in slot.sent] == [1, 2]

    play(scene())


def test_what_was_given_up_and_failed_is_not_the_failure_of_the_next() -> None:
    async def scene() -> None:
        slot = DeskSlot()
        transcriber = WorkerTranscriber(cast(Slot, slot))
        await given_up(transcriber, 1)
        task = asyncio.ensure_future(transcriber.transcribe(Job(2, PCM), lambda _: None))
        await asyncio.sleep(0.1)
        slot.fail("the look at the beginning of it")
        slot.answer(2, "what was said")
        assert (await task).text == "what was said"
        task = asyncio.ensure_future(transcriber.transcribe(Job(3, PCM), lambda _: None))
        await asyncio.sleep(0.1)
        slot.fail("its own")
        with pytest.raises(ProviderError, match="its own") as caught:
            await task
        assert caught.value.fatal

    play(scene())


def test_a_worker_that_answers_nothing_is_started_again() -> None:
    async def scene() -> None:
        slot = DeskSlot()
        transcriber = WorkerTranscriber(cast(Slot, slot))
        await given_up(transcriber, 1)
        await given_up(transcriber, 2)
        assert slot.restarts == 0
        await asyncio.sleep(STALLED_S)
        await given_up(transcriber, 3)
        await given_up(transcriber, 4)
        assert slot.restarts == 1

    play(scene())


def test_what_nobody_waits_for_is_skipped() -> None:
    model, sent = Counting(), list[Any]()
    job = RecogniserJob(model)
    assert model.count == 1, "it is warm"
    job.open(1, {})
    job.urgent(1, 3)
    job.urgent(9, 3)
    for number in (2, 3, 4):
        job.message(1, (number, PCM, False), sent.append)
    assert [(reply.number, reply.piece and reply.piece.text) for reply in sent] == [
        (2, "the 2th"),
        (3, None),
        (4, "the 3th"),
    ]
    job.close(1)

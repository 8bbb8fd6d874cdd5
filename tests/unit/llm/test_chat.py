"""Chat Completions through the real package, against a server that speaks its protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from link.inbox import Inbox
from llm.chat import INFERENCES_AT_ONCE, MAX_INFERENCES, ChatEngine, ChatOptions, ChatService
from llm.events import (
    Ask,
    Cancel,
    Command,
    Delta,
    Fact,
    FunctionCall,
    Infer,
    InferenceFailed,
    Inferred,
    LinkUp,
    ModelSettings,
    Output,
    Prepare,
    ReplyDone,
    ReplyFailed,
    Request,
    Usage,
)
from llm.items import UserMessage
from tests.unit.llm.chat_server import (
    MODEL,
    Asked,
    ChatServer,
    calls,
    ended,
    hello,
    piece,
    refusal,
    silence,
    stall,
)
from tests.unit.llm.chat_stand import at, text_of
from tests.unit.llm.desk import Desk

pytestmark = pytest.mark.asyncio

QUESTION = Request("", (UserMessage("Question"),))
COUNTED = Usage(input_tokens=30, output_tokens=20, cached_tokens=16, reasoning_tokens=4)


async def two_calls(asked: Asked) -> None:
    """An act: two calls, interleaved."""
    await asked.chunk(calls(piece(0, "", "time", "c1"), piece(1, '{"a":', "weather", "c2")))
    await asked.chunk(calls(piece(1, "1}")), calls(piece(0, "{}")))
    await asked.end("tool_calls")


async def endless(asked: Asked) -> None:
    """An act: words without an end."""
    while True:
        await asked.say(*["and "] * 50)
        await asyncio.sleep(0)


# --- answers --------------------------------------------------------------------------------------------------------


async def test_an_answer() -> None:
    async with ChatServer(hello) as server, at(server) as desk, asyncio.timeout(5):
        desk.ask(1)
        await desk.until(ReplyDone)
        assert desk.facts == [LinkUp(), Delta(1, "Hello"), Delta(1, " there."), ReplyDone(1, COUNTED, MODEL)]
        body = server.asked[0].body
        assert body["messages"] == [{"role": "user", "content": "question 1"}]
        assert (body["model"], body["stream"]) == ("m", True)


async def test_calls_are_posted_complete_and_their_pieces_are_signs_of_life() -> None:
    async with ChatServer(two_calls) as server, at(server) as desk, asyncio.timeout(5):
        desk.ask(1)
        await desk.until(ReplyDone)
        assert desk.facts[1:-1] == [FunctionCall(1, "c1", "time", "{}"), FunctionCall(1, "c2", "weather", '{"a":1}')]
        assert desk.signs_of_life == 3


async def test_a_call_begins_before_the_stream_ends() -> None:
    proceed = asyncio.Event()

    async def late_end(asked: Asked) -> None:
        await asked.chunk(calls(piece(0, "{}", "time", "c1")), ended("tool_calls"))
        await proceed.wait()
        await asked.end()

    async with ChatServer(late_end) as server, at(server) as desk, asyncio.timeout(5):
        desk.ask(1)
        await desk.until(FunctionCall)
        proceed.set()
        assert await desk.until(ReplyDone) == ReplyDone(1, COUNTED, MODEL)


async def test_settings_of_a_request_hold_for_it() -> None:
    async with ChatServer() as server, at(server) as desk, asyncio.timeout(5):
        for reply, settings in enumerate((ModelSettings(model="other", extra={"seed": 1}), ModelSettings()), 1):
            desk.tell(Ask(reply, Request("", (UserMessage("Question"),), settings=settings)))
            await desk.until(ReplyDone)
        assert [asked.body["model"] for asked in server.asked] == ["other", "m"]
        assert [asked.body.get("seed") for asked in server.asked] == [1, None]


async def test_a_server_that_refuses_stream_options_is_not_asked_for_usage() -> None:
    async with ChatServer() as server, at(server, usage=False) as desk, asyncio.timeout(5):
        desk.ask(1)
        assert await desk.until(ReplyDone) == ReplyDone(1, model=MODEL)
        assert "stream_options" not in server.asked[0].body


async def test_comments_and_empty_lines_in_the_stream_are_skipped() -> None:
    async def chatty(asked: Asked) -> None:
        await asked.raw(": OPENROUTER PROCESSING\n\n")
        await asked.say("Hello")
        await asked.raw("\r\n\r\n: again\r\n\r\nevent: message\r\nretry: 5\r\n")
        await asked.end()

    async with ChatServer(chatty) as server, at(server) as desk, asyncio.timeout(5):
        desk.ask(1)
        await desk.until(ReplyDone)
        assert text_of(desk, 1) == "Hello"


async def test_one_connection_is_kept_for_one_answer_after_the_other() -> None:
    async with ChatServer(two_calls, hello) as server, at(server) as desk, asyncio.timeout(5):
        for reply in range(1, 6):
            desk.ask(reply)  # at once when the one before is done, as a result of a tool is answered
            await desk.until(ReplyDone)
        assert server.connections == 1


# --- answers that are not wanted any more ---------------------------------------------------------------------------


@pytest.mark.parametrize("stalled", [False, True])
@pytest.mark.parametrize("act", [stall, endless])
async def test_a_cancelled_answer_is_hung_up_on_at_once(act: Any, stalled: bool) -> None:
    async with ChatServer(act, hello) as server, at(server) as desk, asyncio.timeout(5):
        desk.ask(1)
        await desk.until(Delta)
        desk.cancel(1, stalled=stalled)
        await server.asked[0].gone.wait()
        before = len(desk.facts)
        desk.ask(2)
        await desk.until(ReplyDone)
        assert desk.facts[before:] == [Delta(2, "Hello"), Delta(2, " there."), ReplyDone(2, COUNTED, MODEL)]


async def test_an_answer_is_hung_up_on_before_its_headers_too() -> None:
    async with ChatServer(silence, hello) as server, at(server) as desk, asyncio.timeout(5):
        desk.ask(1)
        asked = await server.request(1)
        desk.cancel(1)
        await asked.gone.wait()
        desk.ask(2)
        assert (await desk.until(ReplyDone)).reply == 2
        assert not any(isinstance(fact, ReplyFailed) for fact in desk.facts)


async def test_what_is_cancelled_before_it_began_is_not_asked() -> None:
    async with ChatServer() as server, at(server) as desk, asyncio.timeout(5):
        desk.ask(1)
        desk.cancel(1)
        desk.ask(2)
        await desk.until(ReplyDone)
        assert [asked.body["messages"][0]["content"] for asked in server.asked] == ["question 2"]


@pytest.mark.parametrize("number", [1, 2, 50, 300])
async def test_output_after_the_cancel_is_never_posted(number: int) -> None:
    """The call cancels when it hears a word, and much more is there already: one read holds many chunks."""
    facts: list[Fact] = []
    inbox: Inbox[Command] = Inbox(64)

    def post(fact: Fact) -> None:
        facts.append(fact)
        if len(facts) == number + 1:
            inbox.put(Cancel(1))

    async with ChatServer(endless) as server, asyncio.timeout(5):
        engine = ChatEngine(ChatOptions("m", base_url=server.url))
        await engine.start()
        async with asyncio.TaskGroup() as group:
            call = group.create_task(engine.open().run(inbox, post, group.create_task))
            inbox.put(Ask(1, QUESTION))
            await (await server.request()).gone.wait()
            call.cancel()
        await engine.close()
    assert facts == [LinkUp(), *[Delta(1, "and ")] * number]


async def test_an_error_of_the_call_is_not_taken_for_one_of_the_provider() -> None:
    inbox: Inbox[Command] = Inbox(64)

    def post(fact: Fact) -> None:
        assert isinstance(fact, LinkUp), "a bug of ours"

    async with ChatServer(endless) as server, asyncio.timeout(5):
        engine = ChatEngine(ChatOptions("m", base_url=server.url))
        await engine.start()
        inbox.put(Ask(1, QUESTION))
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.TaskGroup() as group:
                group.create_task(engine.open().run(inbox, post, group.create_task))
        assert caught.group_contains(AssertionError, match="a bug of ours")
        await server.asked[0].gone.wait()
        await engine.close()


class StubbornClient:
    """Stands for a library that goes on although it was cancelled."""

    async def answer(self, reply: int, request: Request, post: Callable[[Output], None]) -> None:
        """Post, whatever happens."""
        try:
            await asyncio.Event().wait()
        finally:
            post(Delta(reply, "still here"))


async def test_a_library_that_does_not_obey_is_not_heard() -> None:
    client: Any = StubbornClient()
    async with Desk(ChatService(client)) as desk:
        desk.ask(1)
        await asyncio.sleep(0.001)
        desk.cancel(1)
        await asyncio.sleep(0.001)
        assert desk.facts == [LinkUp()]


async def test_a_new_question_takes_the_place_of_the_old() -> None:
    async with ChatServer(stall, hello) as server, at(server) as desk, asyncio.timeout(5):
        desk.ask(1)
        await desk.until(Delta)
        desk.ask(2)
        assert (await desk.until(ReplyDone)).reply == 2
        await server.asked[0].gone.wait()


async def test_the_next_answer_does_not_wait_for_the_end_of_the_last() -> None:
    async with ChatServer(silence, hello) as server, at(server) as desk, asyncio.timeout(5):
        desk.ask(1)
        await server.request(1)
        desk.cancel(1, stalled=True)
        desk.ask(2)
        await desk.until(ReplyDone)
        await server.asked[0].gone.wait()


async def test_a_cancel_of_another_answer_changes_nothing() -> None:
    async with ChatServer() as server, at(server) as desk, asyncio.timeout(5):
        desk.cancel(9)
        desk.ask(1)
        desk.cancel(9)
        await desk.until(ReplyDone)
        desk.cancel(1)
        desk.ask(2)
        assert (await desk.until(ReplyDone)).reply == 2
        assert server.connections == 1


async def test_the_end_of_a_call_hangs_up() -> None:
    async with ChatServer(stall) as server, asyncio.timeout(5):
        async with at(server) as desk:
            desk.ask(1)
            desk.tell(Infer(1, QUESTION))
            await desk.until(Delta)
            await server.request(2)
        for asked in server.asked:
            await asked.gone.wait()


# --- beside the conversation ----------------------------------------------------------------------------------------


async def test_an_inference_is_one_text() -> None:
    async with ChatServer() as server, at(server) as desk, asyncio.timeout(5):
        desk.tell(Infer(4, QUESTION))
        assert await desk.until(Inferred) == Inferred(4, "Hello there.", COUNTED)
        assert len(desk.facts) == 2


async def test_an_inference_that_fails_says_why() -> None:
    async with ChatServer(refusal(400, "content_filter")) as server, at(server) as desk, asyncio.timeout(5):
        desk.tell(Infer(4, QUESTION))
        failed = await desk.until(InferenceFailed)
        assert failed == InferenceFailed(4, f"{server.url} answered HTTP 400: content_filter: as told")


async def test_an_inference_does_not_disturb_an_answer_nor_the_reverse() -> None:
    async with ChatServer(stall, stall, hello) as server, at(server) as desk, asyncio.timeout(5):
        desk.tell(Infer(1, QUESTION))
        await server.request(1)
        desk.ask(1)
        await desk.until(Delta)
        desk.cancel(1)
        await server.asked[1].gone.wait()
        desk.tell(Infer(2, QUESTION))
        assert (await desk.until(Inferred)).job == 2
        assert not server.asked[0].gone.is_set()


async def test_few_inferences_are_under_way_at_once_and_not_too_many_wait() -> None:
    free = asyncio.Event()

    async def wait(asked: Asked) -> None:
        await free.wait()
        await hello(asked)

    async with ChatServer(wait) as server, at(server) as desk, asyncio.timeout(5):
        for job in range(1, MAX_INFERENCES + 2):
            desk.tell(Infer(job, QUESTION))
        assert (await desk.until(InferenceFailed)).job == MAX_INFERENCES + 1
        await server.request(INFERENCES_AT_ONCE)
        assert len(server.asked) == INFERENCES_AT_ONCE
        free.set()
        done = {(await desk.until(Inferred)).job for _ in range(MAX_INFERENCES)}
        assert done == set(range(1, MAX_INFERENCES + 1))
        assert server.connections <= INFERENCES_AT_ONCE
        desk.tell(Infer(99, QUESTION))
        assert (await desk.until(Inferred)).job == 99


async def test_an_inference_without_an_end_is_given_up() -> None:
    async def much(asked: Asked) -> None:
        while True:
            await asked.say("x" * 50_000)

    async with ChatServer(much) as server, at(server) as desk, asyncio.timeout(5):
        desk.tell(Infer(4, QUESTION))
        assert "characters" in (await desk.until(InferenceFailed)).reason
        await server.asked[0].gone.wait()


async def test_to_prepare_opens_a_connection_that_the_answer_finds() -> None:
    async with ChatServer() as server, at(server) as desk, asyncio.timeout(5):
        desk.tell(Prepare(QUESTION))
        await server.other()
        desk.tell(Prepare(QUESTION))
        desk.tell(Infer(1, QUESTION))
        await desk.until(Inferred)
        assert server.others == ["GET /v1/models"]
        assert len(desk.facts) == 2, "nothing comes of it"

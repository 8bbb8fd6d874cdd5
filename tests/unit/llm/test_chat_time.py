"""What takes time at a Chat Completions endpoint, in virtual time: limits, retries, and what is not waited for."""

from __future__ import annotations

import asyncio
from pathlib import Path

from llm.chat import ChatOptions
from llm.chat_client import TAIL_S
from llm.events import Delta, Infer, InferenceFailed, Inferred, LinkUp, Prepare, ReplyDone, ReplyFailed, Request, Usage
from llm.items import UserMessage
from tests.unit.link.peer import DeafPeer
from tests.unit.llm.chat_server import MODEL, Act, Asked, ChatServer, ended, hello, silence, stall
from tests.unit.llm.chat_stand import at, call, logged, text_of, transport_to
from tests.unit.llm.service_stand import now
from tests.virtual.loop import run

QUESTION = Request("", (UserMessage("Question"),))
LOCAL = ChatOptions("m", base_url="http://localhost/v1")
BUFFERED_S = 0.01
"""No clock runs while bytes go through a unix socket; this is for timers that are due at once."""


def late(first_s: float) -> Act:
    """An act: an answer whose first word takes so long. Its headers come at once."""

    async def act(asked: Asked) -> None:
        await asked.begin()
        await asyncio.sleep(first_s)
        await hello(asked)

    return act


# --- a late first output --------------------------------------------------------------------------------------------


def test_a_late_request_is_made_once_more(tmp_path: Path) -> None:
    async def main() -> None:
        socket = tmp_path / "s"
        options = {"retry_on_timeout": True, "retry_timeout_secs": 2.0}
        async with ChatServer(silence, late(30), path=socket) as server, at(server, socket, **options) as desk:
            began = now()
            with logged() as lines:
                desk.ask(1)
                await server.request(2)
                assert 2.0 <= now() - began <= 2.0 + BUFFERED_S
                await server.asked[0].gone.wait()
                await desk.until(ReplyDone)  # the second has no limit of ours
            assert 32.0 <= now() - began <= 32.0 + BUFFERED_S
            assert text_of(desk, 1) == "Hello there."
            assert len(server.asked) == 2
            assert lines == [f"INFO llm: {server.url} gave no output within 2.0 s; it is asked once more"]

    run(main())


def test_headers_are_no_output(tmp_path: Path) -> None:
    async def main() -> None:
        socket = tmp_path / "s"
        options = {"retry_on_timeout": True, "retry_timeout_secs": 2.0}
        async with ChatServer(late(60), hello, path=socket) as server, at(server, socket, **options) as desk:
            desk.ask(1)
            await desk.until(ReplyDone)
            assert len(server.asked) == 2
            assert text_of(desk, 1) == "Hello there."

    run(main())


def test_after_the_first_output_there_is_no_limit(tmp_path: Path) -> None:
    async def slow(asked: Asked) -> None:
        await asked.say("Well")
        await asyncio.sleep(60)
        await asked.end()

    async def main() -> None:
        socket = tmp_path / "s"
        async with ChatServer(slow, path=socket) as server, at(server, socket, retry_on_timeout=True) as desk:
            desk.ask(1)
            await desk.until(ReplyDone)
            assert len(server.asked) == 1

    run(main())


def test_unless_it_is_wanted_nothing_is_made_again(tmp_path: Path) -> None:
    async def main() -> None:
        socket = tmp_path / "s"
        async with ChatServer(late(100), path=socket) as server, at(server, socket) as desk:
            desk.ask(1)
            await desk.until(ReplyDone)
            assert len(server.asked) == 1

    run(main())


def test_a_cancel_while_it_is_made_again_ends_it(tmp_path: Path) -> None:
    async def main() -> None:
        socket = tmp_path / "s"
        async with (
            ChatServer(silence, silence, hello, path=socket) as server,
            at(server, socket, retry_on_timeout=True) as desk,
        ):
            desk.ask(1)
            second = await server.request(2)
            desk.cancel(1)
            await second.gone.wait()
            await asyncio.sleep(100)
            assert len(server.asked) == 2
            desk.ask(2)
            await desk.until(ReplyDone)

    run(main())


# --- the end of an answer -------------------------------------------------------------------------------------------


def test_a_server_that_does_not_end_its_stream_keeps_nobody(tmp_path: Path) -> None:
    async def endless(asked: Asked) -> None:
        await asked.say("Hello")
        await asked.chunk(ended())
        await asyncio.Event().wait()

    async def main() -> None:
        socket = tmp_path / "s"
        async with ChatServer(endless, path=socket) as server, at(server, socket) as desk:
            began = now()
            desk.ask(1)
            assert await desk.until(ReplyDone) == ReplyDone(1, Usage(), MODEL)
            assert TAIL_S <= now() - began <= TAIL_S + BUFFERED_S
            await server.asked[0].gone.wait()
            await asyncio.sleep(1)
            assert not any(isinstance(fact, ReplyFailed) for fact in desk.facts)

    run(main())


def test_a_server_that_goes_silent_in_mid_answer_is_left_to_the_core(tmp_path: Path) -> None:
    async def main() -> None:
        socket = tmp_path / "s"
        async with ChatServer(stall, hello, path=socket) as server, at(server, socket) as desk:
            desk.ask(1)
            await desk.until(Delta)
            await asyncio.sleep(30)
            assert len(desk.facts) == 2
            began = now()
            desk.cancel(1, stalled=True)
            desk.ask(2)
            await desk.until(ReplyDone)
            assert now() - began <= BUFFERED_S, "it costs the next answer nothing"

    run(main())


# --- limits ---------------------------------------------------------------------------------------------------------


def test_an_inference_has_its_limit_and_may_wait_for_its_turn(tmp_path: Path) -> None:
    async def main() -> None:
        socket = tmp_path / "s"
        async with ChatServer(*[stall] * 4, hello, path=socket) as server, at(server, socket) as desk:
            for job in range(1, 5):
                desk.tell(Infer(job, QUESTION, limit_s=10.0 + job))
            desk.tell(Infer(5, QUESTION, limit_s=5.0))
            desk.tell(Infer(6, QUESTION, limit_s=60.0))
            assert await desk.until(InferenceFailed) == InferenceFailed(5, "no answer within 5 s")
            assert (await desk.until(InferenceFailed)).job == 1
            assert (await desk.until(Inferred)).job == 6
            assert [(await desk.until(InferenceFailed)).job for _ in range(3)] == [2, 3, 4]
            assert len(desk.facts) == 7
            assert len(server.asked) == 5

    run(main())


def test_a_server_that_reads_nothing_is_given_up_when_the_core_says_so(tmp_path: Path) -> None:
    async def main() -> None:
        async with DeafPeer(tmp_path), call(LOCAL, transport_to(tmp_path / "deaf")) as desk:
            desk.ask(1)
            await asyncio.sleep(30)
            desk.cancel(1, stalled=True)
            desk.tell(Infer(1, QUESTION, limit_s=3.0))
            assert await desk.until(InferenceFailed) == InferenceFailed(1, "no answer within 3 s")
            assert len(desk.facts) == 2

    run(main())


def test_to_prepare_takes_no_longer_than_to_connect(tmp_path: Path) -> None:
    async def main() -> None:
        left_at = asyncio.get_running_loop().create_future()

        async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            left_at.set_result(now())
            writer.close()

        async with (
            await asyncio.start_unix_server(say_nothing, tmp_path / "s"),
            call(LOCAL, transport_to(tmp_path / "s")) as desk,
        ):
            began = now()
            desk.tell(Prepare(QUESTION))
            assert LOCAL.connect_s <= await left_at - began <= LOCAL.connect_s + BUFFERED_S
            assert desk.facts == [LinkUp()]

    run(main())

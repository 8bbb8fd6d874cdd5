"""The brain's Chat Completions server: whom it refuses, how it misbehaves when it is told to, how it ends."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from io import BytesIO
from typing import Any

import openai
import pytest
from aiohttp import ClientSession
from openai.types import ErrorObject

from link.errors import ConfigError
from llm.local import chat_outlet, chat_server
from llm.local.chat_server import PATH, LocalChat
from llm.local.faults import Faults, parse_faults
from llm.local.request import Output, Request, Text
from llm.local.scripted import words
from llm.local.server import MAX_MESSAGE_BYTES
from server.__main__ import main
from tests.unit.llm.local.chat_client import chunk, client_of, serving, until_served, user

pytestmark = pytest.mark.asyncio

HELLO = json.dumps({"messages": user("hello")})
SLOW = Faults(first_token_ms=60_000)


@asynccontextmanager
async def answered(chat: LocalChat, path: str = "", method: str = "POST", **options: Any) -> AsyncIterator[Any]:
    """The answer to a request, as HTTP has it; `path` is a whole one, or what follows the usual one."""
    url = chat.url.removesuffix("/v1") + (path if path.startswith("/") else PATH + path)
    async with ClientSession() as http, http.request(method, url, **{"data": HELLO, **options}) as answer:
        yield answer


async def raw(chat: LocalChat, request: bytes, *, still: bool = False) -> bytes:
    """The head of the answer to whatever it is; `still` reads it when the server has given the client up."""
    host, port = chat.url.removeprefix("http://").removesuffix("/v1").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    if still:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await until_served(chat, 1)
        await until_served(chat, 0)
        writer.transport.resume_reading()  # type: ignore[attr-defined]
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return head


# --- who is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "request_", "status"),
    [
        ({}, {"path": "/v1/nothing"}, 404),
        ({}, {"path": "/v1/%F0%9F%0A"}, 404),
        ({}, {"method": "GET"}, 405),
        ({"token": "t"}, {}, 401),
        ({"token": "t"}, {"headers": {"Authorization": "Bearer u"}}, 401),
        ({"token": "t\u00e9"}, {"headers": {"Authorization": "t"}}, 401),
        ({}, {"headers": {"Origin": "http://example.com"}}, 403),
        ({}, {"headers": {"Origin": "null"}}, 403),
        ({"max_connections": 0}, {}, 503),
        ({}, {"path": "?faults=token_ms:1"}, 400),
        ({"allow_fault_requests": True}, {"path": "?faults=nonsense%FF"}, 400),
        ({"faults": Faults(reject_status=429, retry_after_s=1.5)}, {}, 429),
        ({"faults": Faults(error_event="overloaded")}, {}, 503),
        ({"faults": Faults(error_event="nonsense")}, {}, 400),
        ({}, {"data": b"{"}, 400),
        ({}, {"data": BytesIO(bytes(MAX_MESSAGE_BYTES + 1))}, 413),
    ],
)
async def test_refused(options: Any, request_: Any, status: int) -> None:
    async with serving(**options) as chat, answered(chat, **request_) as answer:
        assert answer.status == status
        ErrorObject.model_validate((await answer.json())["error"], strict=True)
        assert answer.headers.get("Retry-After") == ("1.5" if status == 429 else None)
        assert answer.headers.get("Allow") == ("POST" if status == 405 else None)


async def test_a_body_of_the_largest_size_is_read() -> None:
    async with serving() as chat, answered(chat, data=BytesIO(HELLO.ljust(MAX_MESSAGE_BYTES).encode())) as answer:
        assert answer.status == 200 and answer.content_type == "application/json"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST %b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\r\nContent-Length: 0", 401),
        (b"GET %b/\xff HTTP/1.1\r\nHost: x", 400),
        (b"POST %b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nTransfer-Encoding: chunked\r\n\r\nzz", 400),
        (b"nonsense", 400),
    ],
)
async def test_what_no_client_sends(head: bytes, status: int) -> None:
    async with serving(token="t") as chat:
        answer = await raw(chat, head.replace(b"%b", PATH.encode()) + b"\r\n\r\n")
        assert answer.split()[1] == str(status).encode()
        async with answered(chat, headers={"Authorization": "Bearer t"}) as good:
            assert good.status == 200


async def test_a_body_that_never_comes_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_server, "BODY_TIMEOUT_S", 0.0)
    async with serving() as chat:
        head = await raw(chat, f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{{".encode())
        assert head.split()[1] == b"408" and b"connection: close" in head.lower()


async def test_a_place_is_free_again_when_an_answer_was_heard() -> None:
    async with serving(max_connections=1, faults=SLOW) as chat, client_of(chat) as completions:
        ask: Any = {"model": "m", "messages": user("hello")}
        first = asyncio.create_task(completions.create(**ask))
        await until_served(chat, 1)
        with pytest.raises(openai.InternalServerError) as refused:
            await completions.create(**ask)
        assert (refused.value.status_code, refused.value.code) == (503, "overloaded")
        assert chat.drop_links() == 1
        with pytest.raises(openai.APIConnectionError):
            await first
        chat.faults = Faults()
        assert (await completions.create(**ask)).choices[0].finish_reason == "stop"


async def test_a_fault_in_the_answer_is_told_without_its_reason() -> None:
    def respond(request: Request, now: datetime) -> Iterable[Output]:
        raise ZeroDivisionError

    async with serving(respond) as chat, answered(chat) as answer:
        assert answer.status == 500
        assert "ZeroDivision" not in await answer.text()


# --- how it misbehaves ------------------------------------------------------------------------------------------------


async def heard(chat: LocalChat, *, stream: bool) -> tuple[list[Any], Exception | None]:
    """What their client hears of an answer of four chunks: role, two of words, end. And how it fails."""
    got: list[Any] = []
    try:
        async with client_of(chat) as completions:
            answer = await completions.create(model="m", messages=user("hello"), stream=stream)
            if not stream:
                return [answer.choices[0].message.content, answer.choices[0].finish_reason], None
            async for each in answer:
                got += [each.choices[0].delta.content or each.choices[0].finish_reason]
    except Exception as error:
        return got, error
    return got, None


PIECES = [None, "Answer zero one", " two three."]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    ("fault", "streaming", "whole"),
    [
        ("drop_after_events", openai.APIConnectionError, openai.APIConnectionError),
        ("garbage_after_events", json.JSONDecodeError, json.JSONDecodeError),
        ("fail_after_events", openai.APIError, openai.InternalServerError),
    ],
)
async def test_an_answer_breaks(fault: str, streaming: type[Exception], whole: type[Exception], count: int) -> None:
    async with serving(words(4), faults=parse_faults(f"{fault}:{count}")) as chat:
        got, error = await heard(chat, stream=True)
        assert got == [*PIECES, "stop"][:count]
        too_late = count > 4 or (count == 4 and fault == "fail_after_events")
        assert type(error) is (type(None) if too_late else streaming)
        _, error = await heard(chat, stream=False)
        assert type(error) is (type(None) if too_late else whole)
        assert chat.connections == 0


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_a_filter_ends_an_answer(count: int) -> None:
    async with serving(words(4), faults=Faults(filter_after_events=count)) as chat:
        assert await heard(chat, stream=True) == ([*PIECES[:count], "content_filter"], None)
        said = "".join(filter(None, PIECES[:count]))
        assert await heard(chat, stream=False) == ([said, "content_filter"], None)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("count", [0, 2, 4])
async def test_a_stall_lasts_until_the_client_goes(count: int, *, stream: bool) -> None:
    async with serving(words(4), faults=Faults(stall_after_events=count)) as chat:
        body = json.dumps({"messages": user("hello"), "stream": stream})
        asking = answered(chat, data=body)
        if not stream:
            task = asyncio.create_task(asking.__aenter__())
            await until_served(chat, 1)
            task.cancel()
        else:
            async with asking as answer:
                for _ in range(count):
                    chunk((await answer.content.readuntil(b"\n\n")).removeprefix(b"data: "))
                assert chat.connections == 1
        await until_served(chat, 0)


async def test_a_client_chooses_its_own_when_it_may() -> None:
    async with serving(allow_fault_requests=True) as chat:
        query = {"faults": "error_event:rate_limit_exceeded"}
        async with client_of(chat, default_query=query) as completions:
            with pytest.raises(openai.RateLimitError):
                await completions.create(model="m", messages=user("hello"))
        assert (await heard(chat, stream=False))[1] is None


async def test_the_dice_fall_the_same_for_the_same_seed() -> None:
    async def errors(seed: int) -> list[bool]:
        async with serving(faults=Faults(error_event="server_error", probability=0.5, seed=seed)) as chat:
            return [await status(chat) == 500 for _ in range(32)]

    async def status(chat: LocalChat) -> int:
        async with answered(chat) as answer:
            return int(answer.status)

    first = await errors(1)
    assert 4 < sum(first) < 28
    assert first == await errors(1) != await errors(2)


# --- how it begins and ends -------------------------------------------------------------------------------------------


async def test_the_port_is_taken() -> None:
    async with serving() as chat:
        port = int(chat.url.split(":")[2].split("/")[0])
        with pytest.raises(ConfigError, match=r"cannot listen on 127\.0\.0\.1:"):
            await LocalChat().start(port=port)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch, *, stream: bool) -> None:
    monkeypatch.setattr(chat_outlet, "SEND_TIMEOUT_S", 0.0)
    text = "x" * (16 << 20)  # more than all buffers on the way hold
    body = json.dumps({"messages": user("hello"), "stream": stream})
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    async with serving(lambda _request, _now: [Text(text)]) as chat:
        assert (await raw(chat, (head + body).encode(), still=True)).split()[1] == b"200"


@pytest.mark.parametrize("stream", [True, False])
async def test_close_ends_what_is_on_its_way(*, stream: bool) -> None:
    async with serving(faults=SLOW) as chat:
        hearing = asyncio.create_task(heard(chat, stream=stream))
        await until_served(chat, 1)
        await chat.close()
        got, error = await hearing
        assert (got, type(error), chat.connections) == ([], openai.APIConnectionError, 0)
        await chat.close()


async def test_an_idle_connection_does_not_hold_up_the_end() -> None:
    async with serving() as chat, client_of(chat) as completions:
        await completions.create(model="m", messages=user("hello"))
        await chat.close()
        with pytest.raises(openai.APIConnectionError):
            await completions.create(model="m", messages=user("hello"))


async def test_the_command_serves_both_protocols() -> None:
    command = [sys.executable, "-m", "server", "brain", "--port", "0", "--chat-port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:  # noqa: ASYNC220 - only at its ends
        assert process.stderr
        assert "listening at ws://127.0.0.1:" in process.stderr.readline()
        line = process.stderr.readline()
        assert "Chat Completions at http://127.0.0.1:" in line
        async with openai.AsyncOpenAI(base_url=line.split()[-1], api_key="x") as client:
            answer = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hello"}])
        assert answer.choices[0].message.content
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert "Traceback" not in process.stderr.read()


async def test_a_port_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["brain", "--chat-port", "65536"]) == 2
    assert capsys.readouterr().err == "voicewire brain: --chat-port must be from 0 to 65535, not 65536\n"

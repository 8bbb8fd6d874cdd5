"""What goes wrong at a Chat Completions endpoint: each has one outcome and one line in the log, without secrets."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import openai
import pytest

from llm.chat import ChatOptions
from llm.chat_client import _lost
from llm.events import Delta, Failure, FunctionCall, Infer, InferenceFailed, ReplyDone, ReplyFailed, Request
from llm.items import UserMessage
from tests.unit.llm.chat_server import (
    Act,
    Asked,
    ChatServer,
    calls,
    cut_off,
    ended,
    hello,
    piece,
    refusal,
)
from tests.unit.llm.chat_stand import at, call, logged, text_of
from tests.unit.llm.desk import Desk

pytestmark = pytest.mark.asyncio


async def failure(desk: Desk, reply: int = 1) -> ReplyFailed:
    """What comes of an answer that is asked for."""
    desk.ask(reply)
    return await desk.until(ReplyFailed)


async def failure_at(act: Act, **options: Any) -> tuple[ReplyFailed, list[str]]:
    """What comes of an answer at a server that does this, and what is logged of it; the address is left out."""
    with logged() as lines:
        async with ChatServer(act, hello) as server, at(server, **options) as desk, asyncio.timeout(5):
            failed = await failure(desk)
            desk.ask(2)
            assert (await desk.until(ReplyDone)).reply == 2, "the next answer comes all the same"
            name = server.url
    assert sum(isinstance(fact, ReplyFailed | ReplyDone) and fact.reply == 1 for fact in desk.facts) == 1
    shortened = ReplyFailed(1, failed.reason.replace(name, "it"), failed.kind, failed.retry_after_s)
    return shortened, [line.replace(name, "it") for line in lines]


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "invalid_api_key", "fatal"),
        (403, None, "fatal"),
        (404, "model_not_found", "fatal"),
        (429, "rate_limit_exceeded", "passing"),
        (429, "insufficient_quota", "fatal"),
        (400, "context_length_exceeded", "too_long"),
        (400, "content_filter", "blocked"),
        (400, "unknown_parameter", "blocked"),
        (408, None, "passing"),
        (409, None, "passing"),
        (500, "server_error", "passing"),
        (503, None, "passing"),
    ],
)
async def test_a_refusal_has_its_outcome_and_one_line_in_the_log(status: int, code: str | None, kind: Failure) -> None:
    failed, lines = await failure_at(refusal(status, code))
    reason = f"it answered HTTP {status}: {code or 'a_type'}: as told"
    assert failed == ReplyFailed(1, reason, kind)
    assert lines == [f"{'ERROR' if kind == 'fatal' else 'WARNING'} llm: {reason}"]


@pytest.mark.parametrize(
    ("act", "retry_after_s"),
    [
        (refusal(429, Retry_After="3"), 3.0),
        (refusal(503, Retry_After="3600"), 10.0),
        (refusal(429, Retry_After="soon"), 0.0),
        (refusal(429, retry_after_ms="1500", Retry_After="2"), 1.5),
        (refusal(429, retry_after_ms="x", Retry_After="2"), 2.0),
        (refusal(429, message="Please try again in 20ms."), 0.02),
        (refusal(429, Retry_After="2", message="Please try again in 20ms."), 2.0),
        (refusal(429), 0.0),
    ],
)
async def test_a_provider_says_when_to_ask_again(act: Act, retry_after_s: float) -> None:
    assert (await failure_at(act))[0].retry_after_s == pytest.approx(retry_after_s)


async def test_the_package_does_not_ask_again_by_itself() -> None:
    async with ChatServer(refusal(503, x_should_retry="true")) as server, at(server) as desk, asyncio.timeout(5):
        await failure(desk)
        assert len(server.asked) == 1


async def test_no_secret_comes_back_in_an_error() -> None:
    async def careless(asked: Asked) -> None:
        await asked.refuse(401, {"error": {"message": f"wrong: {dict(asked.headers)} {asked.query}", "code": "x"}})

    secrets = {
        "api_key": "sk-very-secret",
        "headers": {"X-Key": "hidden-in-header"},
        "query": {"key": "hidden-in-query"},
    }
    failed, lines = await failure_at(careless, **secrets)
    assert failed.kind == "fatal"
    assert len(lines) == 1
    assert not [word for word in ("very-secret", "hidden-in") if word in failed.reason + lines[0]]


async def test_headers_are_not_carried_to_another_address() -> None:
    async with ChatServer() as elsewhere:

        async def redirect(asked: Asked) -> None:
            await asked.refuse(307, "", {"Location": f"{elsewhere.url}/chat/completions"})

        failed, _ = await failure_at(redirect, headers={"X-Key": "hidden"})
        assert failed == ReplyFailed(1, "it answered HTTP 307", "fatal")
        assert elsewhere.asked == []


async def test_a_page_of_a_web_server_is_not_logged() -> None:
    async def gateway(asked: Asked) -> None:
        await asked.refuse(502, "<html><h1>Bad Gateway</h1></html>")

    assert (await failure_at(gateway))[0] == ReplyFailed(1, "it answered HTTP 502")


# --- streams that break ---------------------------------------------------------------------------------------------


async def test_a_connection_that_is_cut_is_asked_again() -> None:
    failed, lines = await failure_at(cut_off)
    assert failed.kind == "passing"
    assert failed.reason.startswith("the connection to it failed: RemoteProtocolError")
    assert len(lines) == 1


async def test_a_connection_that_is_cut_before_its_first_word_is_asked_again() -> None:
    async def cut_at_once(asked: Asked) -> None:
        asked.cut()

    assert (await failure_at(cut_at_once))[0].kind == "passing"


async def test_words_before_the_break_were_posted() -> None:
    async with ChatServer(cut_off) as server, at(server) as desk, asyncio.timeout(5):
        await failure(desk)
        assert text_of(desk, 1) == "Well"


async def test_a_stream_that_ends_too_early_is_asked_again() -> None:
    async def half(asked: Asked) -> None:
        await asked.say("Well")

    assert (await failure_at(half))[0] == ReplyFailed(1, "the stream ended before the answer did")


async def test_no_stream_at_all_is_asked_again() -> None:
    async def plain(asked: Asked) -> None:
        await asked.refuse(200, {"id": "x", "choices": [{"message": {"content": "Hello"}}]})

    assert (await failure_at(plain))[0] == ReplyFailed(1, "the stream ended before the answer did")


@pytest.mark.parametrize(
    "garbage",
    [
        "data: }{\n\n",
        "data: 5\n\n",
        "data: null\n\n",
        'data: {"choices": 7}\n\n',
        "data: " + "[" * 100_000 + "\n\n",
        b"data: \xff\xfe\n\n",
    ],
)
async def test_garbage_in_the_stream_is_asked_again(garbage: str | bytes) -> None:
    async def mumble(asked: Asked) -> None:
        await asked.say("Well")
        await asked.raw(garbage)
        await asked.say(" I never")
        await asyncio.Event().wait()

    failed, lines = await failure_at(mumble)
    assert failed.kind == "passing"
    assert failed.reason.startswith("it sent what cannot be read")
    assert len(lines) == 1


async def test_a_stream_with_garbage_in_it_is_hung_up_on() -> None:
    async def mumble(asked: Asked) -> None:
        await asked.raw("data: 5\n\n")
        await asyncio.Event().wait()

    async with ChatServer(mumble) as server, at(server) as desk, asyncio.timeout(5):
        await failure(desk)
        await server.asked[0].gone.wait()


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        ('{"message": "overloaded", "type": "server_error", "code": null}', "passing", "server_error: overloaded"),
        ('{"message": "cut", "code": 502}', "passing", "502: cut"),
        ('{"message": "none left", "code": "insufficient_quota"}', "fatal", "insufficient_quota: none left"),
        ('{"message": "x", "code": "context_length_exceeded"}', "too_long", "context_length_exceeded: x"),
        ('"in words"', "passing", "in words"),
        ('{"message": "Please try again in 2s."}', "passing", "Please try again in 2s."),
    ],
)
async def test_an_error_within_the_stream(error: str, kind: Failure, words: str) -> None:
    async def break_off(asked: Asked) -> None:
        await asked.say("Well")
        await asked.raw(f'data: {{"error": {error}}}\n\n')

    failed, _ = await failure_at(break_off)
    wish_s = 2.0 if "again" in words else 0.0
    assert failed == ReplyFailed(1, f"it broke the answer off: {words}", kind, wish_s)


@pytest.mark.parametrize("after", ["cut", "garbage", "error"])
async def test_an_answer_that_was_complete_is_done_whatever_follows(after: str) -> None:
    async def complete(asked: Asked) -> None:
        await asked.chunk(calls(piece(0, "{}", "time", "c1")), ended("tool_calls"))
        match after:
            case "cut":
                asked.cut()
            case "garbage":
                await asked.raw("data: }{\n\n")
            case _:
                await asked.raw('data: {"error": {"message": "late"}}\n\n')

    with logged() as lines:
        async with ChatServer(complete) as server, at(server) as desk, asyncio.timeout(5):
            desk.ask(1)
            await desk.until(ReplyDone)
            assert [type(fact) for fact in desk.facts[1:]] == [FunctionCall, ReplyDone]
    assert lines == []


async def test_what_the_filter_withholds_is_logged_once() -> None:
    async def withhold(asked: Asked) -> None:
        await asked.end("content_filter")

    failed, lines = await failure_at(withhold)
    assert failed.kind == "blocked"
    assert lines == ["WARNING llm: the provider's content filter withheld the answer"]


# --- no connection --------------------------------------------------------------------------------------------------


async def test_nobody_at_the_address_is_asked_again() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        async with call(ChatOptions("m", base_url=url)) as desk, asyncio.timeout(5):
            failed = await failure(desk)
    assert failed.kind == "passing"
    assert failed.reason.startswith(f"the connection to {url} failed: ConnectionRefusedError")


async def test_a_server_that_speaks_something_else_is_asked_again() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server, asyncio.timeout(5):
        port = server.sockets[0].getsockname()[1]
        for scheme in ("http", "https"):
            url = f"{scheme}://127.0.0.1:{port}/v1"
            async with call(ChatOptions("m", base_url=url)) as desk:
                assert (await failure(desk)).kind == "passing"


async def test_to_connect_has_its_deadline() -> None:
    hung_up = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        hung_up.set()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server, asyncio.timeout(5):
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        async with call(ChatOptions("m", base_url=url, connect_s=0.01)) as desk:
            assert await failure(desk) == ReplyFailed(1, f"{url} did not answer in time")
            await hung_up.wait()


async def test_an_inference_hears_of_it_too() -> None:
    async with call(ChatOptions("m", base_url="http://127.0.0.1:1/v1")) as desk, asyncio.timeout(5):
        desk.tell(Infer(1, Request("", (UserMessage("x"),))))
        assert "ConnectionRefusedError" in (await desk.until(InferenceFailed)).reason


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate for 127.0.0.1 that nobody vouches for."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command = ["openssl", "req", "-x509", *curve, *names, "-days", "1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


async def test_a_certificate_that_nobody_vouches_for_is_fatal(self_signed: ssl.SSLContext) -> None:
    with logged() as lines:
        async with ChatServer(tls=self_signed) as server, at(server) as desk, asyncio.timeout(5):
            failed = await failure(desk)
            name = server.url
    assert failed == ReplyFailed(1, f"the certificate of {name} is not valid: self-signed certificate", "fatal")
    assert lines == [f"ERROR llm: {failed.reason}"]


async def test_over_tls_an_answer_comes_and_is_hung_up_on_as_well(
    self_signed: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx2

    async def stall(asked: Asked) -> None:
        await asked.say("Well")
        await asyncio.Event().wait()

    trust = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
    async with ChatServer(stall, hello, tls=self_signed) as server, asyncio.timeout(5):
        options = ChatOptions("m", base_url=server.url)
        async with call(options, httpx2.AsyncHTTPTransport(verify=trust)) as desk:
            desk.ask(1)
            await desk.until(Delta)
            desk.cancel(1)
            await server.asked[0].gone.wait()
            desk.ask(2)
            assert (await desk.until(ReplyDone)).reply == 2


def dns_failure() -> Exception:
    """As the package raises it where a name is unknown."""
    request: Any = None
    error = openai.APIConnectionError(request=request)
    below = OSError("All connection attempts failed")
    below.__cause__ = socket.gaierror(-2, "Name or service not known")
    error.__cause__ = below
    return error


async def test_a_name_that_nobody_knows_may_be_known_later() -> None:
    failed = _lost(dns_failure(), "http://nowhere/v1")
    assert failed.kind == "passing"
    assert failed.reason == (
        "the connection to http://nowhere/v1 failed: gaierror: [Errno -2] Name or service not known"
    )

"""Requests over HTTP: what comes back, whose fault it is when nothing does, and what is never shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from link.errors import ProviderError
from link.http import File, Form, HttpClient, Json, words_of
from link.websocket import Endpoint
from tests.unit.link.http_peer import Act, HttpPeer, answering, cut, silence
from tests.unit.link.stage import play

SECRET = "sesame-street-1234"
ENDPOINT = Endpoint(f"http://localhost/v1/things?key={SECRET}", (("Authorization", f"Bearer {SECRET}"),))
BODY = Json(b'{"a": 1}')


@asynccontextmanager
async def at(folder: Path, *acts: Act) -> AsyncIterator[tuple[HttpClient, HttpPeer]]:
    """A client and its peer."""
    async with HttpPeer(folder, *acts) as peer:
        client = HttpClient(ENDPOINT, peer.connector)
        try:
            yield client, peer
        finally:
            await client.close()


async def refusal(client: HttpClient) -> ProviderError:
    """Why a request failed."""
    with pytest.raises(ProviderError) as caught:
        async with client.post(BODY) as answer:
            await answer.read()
    assert SECRET not in str(caught.value)
    return caught.value


def test_json_goes_out_and_the_answer_comes_as_it_is_written(tmp_path: Path) -> None:
    async def slowly(request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"] == f"Bearer {SECRET}"
        assert await request.json() == {"a": 1}
        response = web.StreamResponse(headers={"Content-Type": "audio/pcm"})
        await response.prepare(request)
        for part in (b"one", b"two"):
            await response.write(part)
            await asyncio.sleep(1)
        return response

    async def scene() -> None:
        async with at(tmp_path, slowly) as (client, _):
            for _ in range(2):
                async with client.post(BODY) as answer:
                    assert answer.content_type == "audio/pcm"
                    assert [chunk async for chunk in answer.chunks()] == [b"one", b"two"]

    play(scene())


def test_a_form_has_its_fields_and_files(tmp_path: Path) -> None:
    async def act(request: web.Request) -> web.StreamResponse:
        form = await request.post()
        assert form.getall("word[]") == ["a", "ü"]
        file = form["file"]
        assert isinstance(file, web.FileField)
        assert (file.filename, file.content_type, file.file.read()) == ("a.wav", "audio/wav", b"\0\1")
        return web.Response(text="thanks")

    async def scene() -> None:
        async with at(tmp_path, act) as (client, _):
            form = Form((("word[]", "a"), ("word[]", "ü")), (File("file", "a.wav", "audio/wav", b"\0\1"),))
            async with client.post(form) as answer:
                assert await answer.read() == b"thanks"

    play(scene())


@pytest.mark.parametrize(
    ("act", "words", "fatal", "wish"),
    [
        (
            answering('{"error": {"code": "invalid_api_key", "message": "Wrong"}}', 401),
            "invalid_api_key: Wrong",
            True,
            None,
        ),
        (answering(f"no {SECRET}", 400), "HTTP 400: no ***", True, None),
        (answering("<html>", 404), "answered HTTP 404", True, None),
        (answering("", 429, Retry_After="3"), "HTTP 429", False, 3.0),
        (answering('{"error": {"message": "Try again in 2s"}}', 429), "Try again in 2s", False, 2.0),
        (answering('{"error": {"code": "insufficient_quota", "message": "No money"}}', 429), "No money", True, None),
        (answering("", 503), "HTTP 503", False, None),
        (answering("", 302, Location="https://elsewhere.example.org/x"), "moved to https://elsewhere", True, None),
        (cut, "ServerDisconnectedError", False, None),
    ],
)
def test_whose_fault_it_is(tmp_path: Path, act: Act, words: str, fatal: bool, wish: float | None) -> None:
    async def scene() -> None:
        async with at(tmp_path, act) as (client, _):
            error = await refusal(client)
            assert words in str(error)
            assert (error.fatal, error.retry_after_s) == (fatal, wish)

    play(scene())


def test_an_answer_that_breaks_off_is_noticed(tmp_path: Path) -> None:
    async def act(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response

    async def scene() -> None:
        async with at(tmp_path, act) as (client, _):
            assert not (await refusal(client)).fatal

    play(scene())


def test_an_answer_has_a_bound(tmp_path: Path) -> None:
    async def scene() -> None:
        async with at(tmp_path, answering("x" * 2_000_000)) as (client, _):
            assert "more than 1048576 bytes" in str(await refusal(client))

    play(scene())


def test_who_stops_waiting_hangs_up(tmp_path: Path) -> None:
    async def scene() -> None:
        async with at(tmp_path, silence) as (client, peer):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(2), client.post(BODY):
                    pass
            await asyncio.sleep(0.1)
            assert peer.gone == 1

    play(scene())


def test_nobody_is_there(tmp_path: Path) -> None:
    async def scene() -> None:
        peer = HttpPeer(tmp_path)
        client = HttpClient(ENDPOINT, peer.connector)
        assert "cannot connect" in str(await refusal(client)).lower()
        await client.close()
        await client.close()

    play(scene())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"detail": "Not\\nfound"}', "Not found"),
        (b'{"errors": [{"code": "9", "title": "Over"}, {"code": "8"}]}', "9: Over"),
        (b'{"errors": []}', ""),
        (b'["x"]', "['x']"),
        (b'{"error": "no such\\tmodel"}', "no such model"),
        (b"\xff", "\ufffd"),
        (b"", ""),
    ],
)
def test_the_words_of_a_refusal(body: bytes, words: str) -> None:
    assert words_of(body) == words


async def asked(folder: Path, url: str) -> dict[str, str]:
    """The headers with which an address is asked, and the `target` of the request."""
    seen: dict[str, str] = {}

    async def look(request: web.Request) -> web.StreamResponse:
        seen.update(request.headers, target=str(request.raw_path))
        return web.Response(text="well")

    async with HttpPeer(folder, look) as peer:
        client = HttpClient(Endpoint(url, ENDPOINT.headers), peer.connector)
        try:
            async with client.post(BODY) as answer:
                assert await answer.read() == b"well"
        finally:
            await client.close()
    return seen


def test_a_file_with_passwords_does_not_go_in_the_place_of_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine voice.example.org login me password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    async def scene() -> None:
        seen = await asked(tmp_path, "http://voice.example.org/v1/things")
        assert seen["Authorization"] == f"Bearer {SECRET}"

    play(scene())


def test_a_proxy_of_the_environment_is_asked_but_not_for_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://me:secret@proxy.example.org:3128")
    monkeypatch.setenv("no_proxy", "near.example.org")

    async def scene() -> None:
        far = await asked(tmp_path, "http://voice.example.org/v1/things")
        assert (far["target"], far["Proxy-Authorization"]) == (
            "http://voice.example.org/v1/things",
            "Basic bWU6c2VjcmV0",
        )
        for host in ("near.example.org", "localhost"):
            assert (await asked(tmp_path, f"http://{host}/v1/things"))["target"] == "/v1/things"

    play(scene())

"""Who gets a call: how many at once, with which token, from which page; and what the server starts with at all."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from link.errors import ConfigError
from server.admission import check_exposure, origin_allowed
from server.call.shared import Socket
from server.calls import FULL
from server.config import Settings
from server.door.request import same
from server.protocols.native import NativeWire
from tests.unit.server.call.session_stand import MemorySocket, virtual
from tests.unit.server.server_stand import ServerStand

NO_EARS = "the server has no free speech recogniser or voice"
ONE_EAR = {"name": "tests.unit.server.parts:ears", "free": 1}
TOKEN = "s3cret-token"


# --- how many at once -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("settings", "why"), [({"max_calls": 1}, FULL), ({"stt": ONE_EAR}, NO_EARS)])
@virtual
async def test_one_call_too_many_is_refused_before_the_upgrade(settings: dict[str, Any], why: str) -> None:
    async with ServerStand(**settings) as stand:
        first = await stand.call()
        refused = await stand.client()
        assert (refused.status, refused.body) == (503, f"No call: {why}.\n")
        assert refused.head["retry-after"] == "5"
        assert await stand.json("/ready") == (503, {"ready": False, "why": why})
        assert await stand.count("voicewire_refused_total", why="503") == 1
        await first.say("end")
        await stand.over()
        assert (await stand.call()).status == 101


@pytest.mark.parametrize("settings", [{"max_calls": 1}, {"stt": ONE_EAR}])
@virtual
async def test_a_connection_that_has_not_said_a_word_has_its_place_already(settings: dict[str, Any]) -> None:
    async with ServerStand(**settings) as stand:
        first = await stand.client()
        assert (await stand.client()).status == 503
        await first.say("start")
        await first.hears("ready")


@virtual
async def test_a_connection_that_leaves_without_a_word_gives_its_place_back() -> None:
    async with ServerStand(max_calls=1) as stand:
        (await stand.client()).cut()
        await asyncio.sleep(0.1)
        assert (await stand.call()).status == 101
        assert await stand.count("voicewire_refused_total", why="1006") == 1


@virtual
async def test_ears_that_are_lost_during_the_upgrade_are_said_after_it() -> None:
    async with ServerStand() as stand:
        client = await stand.client()
        ears: Any = stand.server.engines.stt
        free, ears.free = ears.free, 0
        await client.say("start")
        assert await client.closed() == 1013
        assert client.messages == []
        assert await stand.count("voicewire_refused_total", why="1013") == 1
        ears.free = free


@virtual
async def test_of_several_upgrades_for_the_last_place_one_becomes_a_call() -> None:
    async with ServerStand(max_calls=1) as stand:
        sockets = [MemorySocket(asyncio.get_running_loop().time) for _ in range(3)]
        ends = [asyncio.ensure_future(hold(stand, socket)) for socket in sockets]
        await asyncio.sleep(2)
        assert [socket.closed and socket.closed[0] for socket in sockets] == [None, 1013, 1013]
        sockets[0].incoming.put_nowait('{"type":"end"}')
        assert [(await end) for end in ends] == [1000, 1013, 1013]


async def hold(stand: ServerStand, socket: Socket) -> int:
    """A call on a socket whose upgrade is over."""
    return (await stand.server.calls.hold(socket, NativeWire(), trusted=False)).code


# --- the token --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["start", "header"])
@pytest.mark.parametrize(("shown", "code"), [(TOKEN, None), ("wrong", 1008), ("", 1008), (TOKEN + "x", 1008)])
@virtual
async def test_a_token_is_shown_in_the_start_or_in_a_header(way: str, shown: str, code: int | None) -> None:
    async with ServerStand(token=TOKEN) as stand:
        headers = (f"Authorization: Bearer {shown}",) if way == "header" else ()
        client = await stand.client(headers=headers)
        await client.say("start", **({"token": shown} if way == "start" else {}))
        if code is None:
            await client.hears("ready")
            await client.say("end")
        assert await client.closed() == (code or 1000)
        assert client.close_reason == ("the token is missing or wrong" if code else "the client ended the call")
        assert await stand.count("voicewire_refused_total", why="1008") == (1 if code else 0)


@virtual
async def test_a_client_without_a_token_gets_nothing() -> None:
    async with ServerStand(token=TOKEN) as stand:
        client = await stand.client()
        for _ in range(9):
            await asyncio.sleep(0.1)
            assert stand.server.engines.free == 100, "nothing is opened for a client that nobody knows"
        assert await client.closed() == 1008  # it was silent, so the defaults came, and they have no token
        assert client.messages == []
        assert await stand.count("voicewire_calls_total") == 0


@virtual
async def test_an_address_is_no_place_for_a_token() -> None:
    async with ServerStand(token=TOKEN) as stand:
        client = await stand.client(target=f"/ws?token={TOKEN}")
        await client.say("start")
        assert await client.closed() == 1008


@virtual
async def test_a_token_stands_in_no_line_of_the_log() -> None:
    async with ServerStand(token=TOKEN) as stand:
        for shown in (TOKEN, "wr0ng-token"):
            client = await stand.client()
            await client.say("start", token=shown)
            await client.say("end")
            await client.closed()
        assert not stand.log.said(TOKEN)
        assert not stand.log.said("wr0ng-token")
        assert stand.log.said("no call: the token is missing or wrong", "INFO")


@virtual
async def test_the_page_and_the_health_need_no_token() -> None:
    async with ServerStand(token=TOKEN) as stand:
        assert [(await stand.get(path))[0] for path in ("/", "/health", "/ready", "/metrics")] == [200] * 4


@pytest.mark.parametrize(
    ("given", "equal"),
    [("s3cret", True), ("", False), ("s3cre", False), ("s3crét", False), ("s3cret\udcff", False), ("\ud800", False)],
)
def test_secrets_of_any_kind_can_be_compared(given: str, equal: bool) -> None:
    assert same(given, "s3cret") is equal
    assert same("s3cret", given) is equal


# --- the page that asks -----------------------------------------------------------------------------------------------

LOOPBACK: dict[str, Any] = {}
OPEN: dict[str, Any] = {"host": "0.0.0.0", "insecure": True}
PROXY: dict[str, Any] = {"public_url": "https://voice.example.org"}
LISTED: dict[str, Any] = {"origins": ["https://shop.example.org", "http://localhost:3000"]}
ORIGINS: dict[str, tuple[dict[str, Any], str, str, bool]] = {
    "our own page": (LOOPBACK, "http://127.0.0.1:8080", "127.0.0.1:8080", True),
    "our own page by name": (LOOPBACK, "http://localhost:8080", "localhost:8080", True),
    "our own page over IPv6": (LOOPBACK, "http://[::1]:8080", "[::1]:8080", True),
    "our own page over TLS": (LOOPBACK, "https://localhost:8080", "localhost:8080", True),
    "another port": (LOOPBACK, "http://localhost:3000", "localhost:8080", False),
    "another name of this machine": (LOOPBACK, "http://localhost:8080", "127.0.0.1:8080", False),
    "a foreign page": (LOOPBACK, "https://evil.example", "localhost:8080", False),
    "a foreign page whose name points here": (LOOPBACK, "http://evil.example:8080", "evil.example:8080", False),
    "a name that begins like ours": (LOOPBACK, "http://localhost.evil.example", "localhost.evil.example", False),
    "a file or a sandbox": (LOOPBACK, "null", "localhost:8080", False),
    "no address": (LOOPBACK, "localhost:8080", "localhost:8080", False),
    "a port that is none": (LOOPBACK, "http://localhost:99999999", "localhost:8080", False),
    "a bracket too few": (LOOPBACK, "http://[::1", "[::1", False),
    "another machine's view of us": (OPEN, "http://192.0.2.7:8080", "192.0.2.7:8080", True),
    "a foreign page, from another machine": (OPEN, "https://evil.example", "192.0.2.7:8080", False),
    "the public page": (PROXY, "https://voice.example.org", "127.0.0.1:8080", True),
    "the public page with the usual port": (PROXY, "https://voice.example.org:443", "127.0.0.1:8080", True),
    "the public page without TLS": (PROXY, "http://voice.example.org", "voice.example.org", False),
    "the public page at another port": (PROXY, "https://voice.example.org:444", "voice.example.org:444", False),
    "the address behind the proxy": (PROXY, "http://127.0.0.1:8080", "127.0.0.1:8080", False),
    "below the public name": (PROXY, "https://x.voice.example.org", "127.0.0.1:8080", False),
    "a listed page": (LISTED, "https://shop.example.org", "localhost:8080", True),
    "another listed page": (LISTED, "http://localhost:3000", "localhost:8080", True),
    "our own page beside listed ones": (LISTED, "http://localhost:8080", "localhost:8080", True),
    "a page that is not listed": (LISTED, "https://evil.example", "localhost:8080", False),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "origin", "host", "allowed"), ORIGINS.values(), ids=ORIGINS)
@virtual
async def test_which_pages_may_connect(settings: dict[str, Any], origin: str, host: str, allowed: bool) -> None:
    assert origin_allowed(origin, host, msgspec.convert(settings, Settings)) is allowed
    async with ServerStand(**settings) as stand:
        client = await stand.client(host=host, headers=(f"Origin: {origin}",))
        assert client.status == (101 if allowed else 403)
        assert await stand.count("voicewire_refused_total", why="origin") == (0 if allowed else 1)
        if not allowed:
            assert client.body == "This page may not connect here.\n"
            assert stand.log.said(f"a page of {origin} was refused; allow it with origins = ['{origin}']", "WARNING")


@virtual
async def test_a_program_that_names_no_page_may_connect() -> None:
    async with ServerStand(**PROXY) as stand:
        assert (await stand.call()).status == 101


@virtual
async def test_a_foreign_page_does_not_learn_that_the_server_is_full() -> None:
    async with ServerStand(max_calls=1) as stand:
        await stand.call()
        assert (await stand.client(headers=("Origin: https://evil.example",))).status == 403


# --- what the server starts with --------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_on_loopback_no_token_is_needed(host: str) -> None:
    check_exposure(Settings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "voice.example.org", ""])
def test_beyond_loopback_a_token_is_needed(host: str) -> None:
    with pytest.raises(ConfigError, match=r"set a token \(VOICEWIRE_TOKEN=…\), or say --insecure"):
        check_exposure(Settings(host=host))
    check_exposure(Settings(host=host, token="x"))
    check_exposure(Settings(host=host, insecure=True))


@virtual
async def test_a_server_without_what_it_needs_is_not_made() -> None:
    with pytest.raises(ConfigError, match=r"host 0\.0\.0\.0 can be reached from other machines"):
        ServerStand(host="0.0.0.0")

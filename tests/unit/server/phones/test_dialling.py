"""Calls that we make: who may ask for one, what the carrier is told, and what the agent says first."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, UnixConnector, web

from server.__main__ import main
from tests.unit.link.http_peer import Act, HttpPeer, answering
from tests.unit.server.door import signers
from tests.unit.server.phones.hooks import FORM, PHONES, hook, media, stream_of
from tests.unit.server.phones.test_webhooks import Noted
from tests.unit.server.server_stand import ServerStand
from tests.virtual.loop import run

WISH = {"from": "+492", "to": "+491", "greeting": "Good morning, this is the shop."}
TOKEN = "the-token-of-the-server"
TWILIO = {"twilio": {**PHONES["twilio"], "account_sid": "AC1", "base_url": "http://localhost"}}
BOTH = {**TWILIO, "plivo": {"auth_id": "MA1", "auth_token": "x"}}


async def ask(stand: ServerStand, wish: Any, token: str = TOKEN) -> tuple[int, Any]:
    """`POST /calls`: the status and what is said."""
    async with (
        ClientSession(connector=UnixConnector(str(stand.path))) as http,
        http.post("http://localhost/calls", data=json.dumps(wish), headers={"Authorization": f"Bearer {token}"}) as got,
    ):
        return got.status, json.loads(await got.text())


def stand(**settings: Any) -> ServerStand:
    """A server with Twilio's keys."""
    return ServerStand(**{"public_url": signers.SITE, "phones": TWILIO, "token": TOKEN, **settings})


def leads_to(server: ServerStand, peer: HttpPeer) -> None:
    """The carrier's REST interface is the peer."""
    server.server._carriers._controls["twilio"]._rest._http._connector = peer.connector  # type: ignore[attr-defined]


def test_a_call_is_made_and_the_greeting_is_what_was_wanted(tmp_path: Path) -> None:
    async def scene() -> None:
        noted = Noted("main")
        async with HttpPeer(tmp_path, answering('{"sid": "CA1"}')) as peer, stand(agent=noted.agent) as server:
            leads_to(server, peer)
            assert await ask(server, WISH) == (200, {"carrier": "twilio", "call_id": "CA1"})
            more = {"From": "+492", "To": "+491", "Direction": "outbound-api"}
            path, parameters = stream_of("twilio", (await hook(server, "twilio", "/twilio/voice", {**FORM, **more}))[1])
            assert parameters["agent"] == "+492"
            await media(server, "twilio", path, **parameters)
            await asyncio.sleep(4)
            assert "Good morning" in str(noted.calls[0].log)
            assert "This is main" not in str(noted.calls[0].log)

    run(scene())


@pytest.mark.parametrize(
    ("wish", "phones", "words"),
    [
        ({"from": "+492"}, TWILIO, "missing required field `to`"),
        ({**WISH, "to": "you"}, TWILIO, "`to` is no telephone number"),
        ({**WISH, "speak": 1}, TWILIO, "unknown field `speak`"),
        ({**WISH, "greeting": "x" * 3000}, TWILIO, "`greeting` has more than"),
        ({**WISH, "carrier": "telnyx"}, TWILIO, "set phones.telnyx.api_key and phones.telnyx.connection_id"),
        ({**WISH, "carrier": "pigeon"}, TWILIO, "there is no carrier 'pigeon'"),
        (WISH, BOTH, "name the `carrier`: one of twilio, plivo"),
        (WISH, {}, "no carrier has its keys"),
        ([], TWILIO, "Expected `object`"),
    ],
)
def test_what_is_wrong_with_a_wish_is_said(wish: Any, phones: Any, words: str) -> None:
    async def scene() -> None:
        async with stand(phones=phones) as server:
            status, said = await ask(server, wish)
            assert (status, words in said["error"]) == (400, True), said

    run(scene())


def test_nobody_is_called_for_strangers() -> None:
    async def scene() -> None:
        async with stand() as server:
            assert (await ask(server, WISH, "wrong"))[0] == 401
        async with stand(token="") as server:
            assert (await ask(server, WISH, ""))[0] == 401

    run(scene())


@pytest.mark.parametrize("act", [answering('{"code": 21215, "message": "geo"}', 400)])
def test_what_the_carrier_says_is_told(tmp_path: Path, act: Act) -> None:
    async def scene() -> None:
        async with HttpPeer(tmp_path, act) as peer, stand(expects_failures=True) as server:
            leads_to(server, peer)
            status, said = await ask(server, WISH)
            assert (status, "allow the country" in said["error"]) == (502, True)

    run(scene())


def test_the_command_wants_a_token(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOICEWIRE_TOKEN", raising=False)
    assert main(["dial", "--from", "+492", "--to", "+491"]) == 2
    assert "set VOICEWIRE_TOKEN" in capsys.readouterr().err


def event(kind: str, **payload: str) -> dict[str, Any]:
    """One of Telnyx' Call Control."""
    more = {"call_control_id": "CA1", "from": "+491", "to": "+492", **payload}
    return {"data": {"event_type": kind, "payload": more}}


@pytest.mark.parametrize("made", [True, False])
def test_telnyx_call_control_takes_calls_and_streams_ours_but_no_other_leg(tmp_path: Path, made: bool) -> None:
    async def scene() -> None:
        asked: list[tuple[str, Any]] = []

        async def act(request: web.Request) -> web.StreamResponse:
            asked.append((request.path, await request.json()))
            return web.json_response({"data": {"call_control_id": "CA1"}})

        table = {**PHONES["telnyx"], "api_key": "k", "connection_id": "7", "base_url": "http://localhost"}
        noted = Noted()
        async with HttpPeer(tmp_path, act) as peer, stand(agent=noted.agent, phones={"telnyx": table}) as server:
            server.server._carriers._controls["telnyx"]._rest._http._connector = peer.connector  # type: ignore[attr-defined]
            if made:
                await ask(server, WISH)
                first = event("call.answered")
            else:
                assert (await hook(server, "telnyx", "/telnyx/voice", event("call.answered")))[0] == 204
                await hook(server, "telnyx", "/telnyx/voice", event("call.initiated", direction="outgoing"))
                assert asked == []
                first = event("call.initiated", direction="incoming")
            assert (await hook(server, "telnyx", "/telnyx/voice", first))[0] == 204
            path, body = asked[-1]
            assert path == f"/v2/calls/CA1/actions/{'streaming_start' if made else 'answer'}"
            await media(server, "telnyx", body["stream_url"].removeprefix("wss://voice.example.org"))
            await asyncio.sleep(1)
            assert len(noted.calls) == 1

    run(scene())

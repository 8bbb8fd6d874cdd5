"""A carrier's REST interface on a unix socket, for virtual time: it notes what it is asked, and answers as told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec import Struct

from server.phones.control.carriers import Carriers
from server.phones.options import Phones
from server.protocols.wire import Phone
from tests.unit.link.http_peer import Act, HttpPeer

PUBLIC_URL = "https://voice.example.org"
NOW = 1_800_000_000.0
SECRET = "sesame-street-1234"
TABLES: dict[str, dict[str, str]] = {
    "twilio": {"account_sid": "AC1", "auth_token": SECRET},
    "telnyx": {"api_key": SECRET, "connection_id": "77"},
    "plivo": {"auth_id": "MA1", "auth_token": SECRET},
    "exotel": {"account_sid": "ex1", "api_key": "k1", "api_token": SECRET, "app_id": "42"},
    "vonage": {"application_id": "app-1"},
}
PHONES = {name: Phone(name, call_id="c/1", caller="+491", called="+492") for name in TABLES}
RSA = generate_private_key(65537, 2048)


class Asked(Struct, frozen=True):
    """A request, as it came."""

    method: str
    path: str
    body: Any
    headers: dict[str, str]


class Exchange:
    """What a carrier was asked."""

    def __init__(self, carriers: Carriers, peer: HttpPeer) -> None:
        self.carriers = carriers
        self.peer = peer
        self.asked: list[Asked] = []

    @property
    def brief(self) -> list[tuple[str, str, Any]]:
        """Methods, paths and bodies; the names of commands apart, which are chosen by dice."""
        return [(each.method, each.path, _without_name(each.body)) for each in self.asked]


@asynccontextmanager
async def exchange(folder: Path, *acts: Act, **tables: dict[str, str]) -> AsyncIterator[Exchange]:
    """All carriers, whose interfaces are one server; the acts answer in turn."""
    key = folder / "private.pem"
    key.write_bytes(RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    wanted = {**TABLES, "vonage": {**TABLES["vonage"], "private_key": str(key)}, **tables}
    based = {name: {**table, "base_url": "http://localhost"} for name, table in wanted.items()}
    async with HttpPeer(folder) as peer:
        carriers = Carriers(msgspec.convert(based, Phones), PUBLIC_URL, Random(1), lambda: NOW, peer.connector)
        found = Exchange(carriers, peer)
        peer.acts = [_noting(found.asked, act) for act in acts]
        try:
            yield found
        finally:
            await carriers.close()


def _noting(asked: list[Asked], act: Act) -> Act:
    async def noting(request: web.Request) -> web.StreamResponse:
        text = await request.text()
        form = request.content_type == "application/x-www-form-urlencoded"
        body = dict(parse_qsl(text)) if form else msgspec.json.decode(text) if text else None
        asked.append(Asked(request.method, request.raw_path, body, dict(request.headers)))
        return await act(request)

    return noting


def _without_name(body: Any) -> Any:
    return {name: value for name, value in body.items() if name != "command_id"} if isinstance(body, dict) else body

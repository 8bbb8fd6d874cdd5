"""The real server in virtual time, with its carriers' webhooks as they are signed, and their media."""

from __future__ import annotations

import json
import time
from secrets import token_hex
from typing import Any
from xml.etree.ElementTree import fromstring

from aiohttp import ClientSession, UnixConnector

from server.door.request import Request
from tests.corpus.raw import TEXT, RawClient
from tests.unit.server.door import signers
from tests.unit.server.server_stand import ServerStand

PHONES = {
    "twilio": {"auth_token": signers.TOKEN},
    "telnyx": {"public_key": signers.TELNYX_PUBLIC},
    "plivo": {"auth_token": signers.TOKEN},
    "exotel": {"username": "exo", "password": signers.TOKEN},
    "vonage": {"signature_secret": signers.TOKEN * 2},
}
FORM = {"CallSid": "CA1", "From": "+491", "To": "+492", "Direction": "inbound", "CallStatus": "ringing"}
PLIVO = {"CallUUID": "CA1", "From": "491", "To": "492", "Direction": "inbound", "CallStatus": "ringing"}
VONAGE = {"uuid": "CA1", "from": "491", "to": "492", "direction": "inbound", "status": "ringing"}


def signed(carrier: str, target: str, fields: dict[str, Any]) -> Request:
    """A webhook as this carrier sends it."""
    match carrier:
        case "twilio":
            return signers.twilio(signers.SITE, target, list(fields.items()))
        case "plivo":
            return signers.plivo(target, fields)
        case "telnyx" if "data" not in fields:
            form = signers.twilio(signers.SITE, target, list(fields.items()))
            shown = signers.telnyx(form.body, time.time()).headers
            return Request("POST", signers.SITE, target, {**shown, **signers.FORM}, form.body)
        case "telnyx":
            return signers.telnyx(json.dumps(fields).encode(), time.time())
        case "vonage":
            body = json.dumps(fields).encode()
            claims = {"iat": int(time.time())}
            return Request("POST", signers.SITE, target, signers.vonage(claims, body).headers, body)
        case _:
            login = signers.basic("exo", signers.TOKEN).headers
            form = signers.twilio(signers.SITE, target, list(fields.items()))
            return Request("POST", signers.SITE, target, {**login, **signers.FORM}, form.body)


async def send(stand: ServerStand, target: str, request: Request) -> tuple[int, str]:
    """Send it to a path; the status and the text that come back."""
    headers = {**request.headers}
    if "content-type" not in headers and request.body:
        headers["content-type"] = "application/json"
    async with (
        ClientSession(connector=UnixConnector(str(stand.path))) as http,
        http.request(request.method, f"http://localhost{target}", data=request.body, headers=headers) as got,
    ):
        return got.status, await got.text()


async def hook(stand: ServerStand, carrier: str, target: str, fields: dict[str, Any]) -> tuple[int, str]:
    """A signed webhook; the status and the text that come back."""
    return await send(stand, target, signed(carrier, target, fields))


def stream_of(carrier: str, text: str) -> tuple[str, dict[str, str]]:
    """The path of the websocket in an answer, and its parameters."""
    parameters: dict[str, str] = {}
    match carrier:
        case "twilio" | "telnyx":
            noun = fromstring(text)[0][0]
            url = noun.attrib["url"]
            parameters = {each.attrib["name"]: each.attrib["value"] for each in noun}
        case "plivo":
            noun = fromstring(text)[0]
            url = noun.text or ""
            parameters = dict(each.split("=") for each in noun.attrib["extraHeaders"].split(","))
        case "vonage":
            endpoint = json.loads(text)[0]["endpoint"][0]
            url, parameters = endpoint["uri"], endpoint["headers"]
        case _:
            url = json.loads(text)["url"]
    assert url.startswith("wss://voice.example.org/")
    return url.removeprefix("wss://voice.example.org"), parameters


MULAW = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
STARTS: dict[str, dict[str, Any]] = {
    "twilio": {"streamSid": "MZ1", "start": {"streamSid": "MZ1", "callSid": "CA1", "mediaFormat": MULAW}},
    "telnyx": {
        "stream_id": "st1",
        "start": {
            "call_control_id": "CA1",
            "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
        },
    },
    "plivo": {"start": {"callId": "CA1", "streamId": "s1", "mediaFormat": MULAW}, "extra_headers": "{}"},
    "exotel": {
        "stream_sid": "s1",
        "start": {"stream_sid": "s1", "call_sid": "CA1", "media_format": {"encoding": "base64", "sample_rate": "8000"}},
    },
}
"""How each begins a call; Vonage has no `start`."""


def _shown(carrier: str, target: str) -> dict[str, str]:
    """What a carrier shows besides a ticket."""
    match carrier:
        case "twilio":
            return signers.twilio(signers.SOCKET, target).headers
        case "vonage":
            return signers.vonage({"iat": int(time.time()), "jti": token_hex(8)}).headers
        case "exotel" if target == "/exotel":
            return signers.basic("exo", signers.TOKEN).headers
        case _:
            return {}


async def media(stand: ServerStand, carrier: str, target: str, **parameters: str) -> RawClient:
    """The carrier's websocket, which has opened a call of these parameters."""
    headers = tuple(f"{name}: {value}" for name, value in _shown(carrier, target).items())
    client = await stand.client(target=target, host="voice.example.org", headers=headers)
    assert client.status == 101, (client.status, client.body)
    if carrier == "vonage":
        first: dict[str, Any] = {"event": "websocket:connected", "content-type": "audio/l16;rate=8000", **parameters}
    else:
        start: dict[str, Any] = STARTS[carrier]["start"]
        custom = {"customParameters": parameters} if carrier == "twilio" else {}
        first = {"event": "start", **STARTS[carrier], "start": {**start, **custom}}
    await client.frame(TEXT, json.dumps(first).encode())
    return client

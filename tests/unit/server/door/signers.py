"""Requests as the carriers sign them: by their own packages where they have one, else by hand from their documents."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from plivo.utils.signature_v3 import construct_get_url, construct_post_url, get_signature_v3
from twilio.request_validator import RequestValidator

from server.door.request import Request

NOW_S = 1_800_000_000.0
TOKEN = "auth-token-0123456789abcdef"
SITE = "https://voice.example.org"
SOCKET = "wss://voice.example.org"
FORM = {"content-type": "application/x-www-form-urlencoded"}
TELNYX_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TELNYX_PUBLIC = base64.b64encode(TELNYX_KEY.public_key().public_bytes_raw()).decode()
GENESYS_KEY = "the-api-key-of-genesys"
GENESYS_SECRET = base64.b64encode(b"the client secret of genesys").decode()


def twilio(
    base: str, target: str, form: list[tuple[str, str]] | None = None, body: bytes = b"", token: str = TOKEN
) -> Request:
    """A webhook or, with no form and no body, an upgrade."""
    fields: dict[str, list[str]] = {}
    for name, value in form or ():
        fields.setdefault(name, []).append(value)
    signature = RequestValidator(token).compute_signature(base + target, Many(fields))
    headers = {"x-twilio-signature": signature, **(FORM if form is not None else {})}
    return Request(
        "POST" if form is not None or body else "GET", base, target, headers, body or urlencode(form or ()).encode()
    )


class Many(dict[str, list[str]]):
    """A form whose names may come several times, as the package takes one."""

    def getall(self, name: str) -> list[str]:
        """All values of a name."""
        return self[name]


def telnyx(body: bytes, at_s: float = NOW_S) -> Request:
    """A webhook."""
    timestamp = str(int(at_s))
    signature = TELNYX_KEY.sign(timestamp.encode() + b"|" + body)
    headers = {
        "telnyx-timestamp": timestamp,
        "telnyx-signature-ed25519": base64.b64encode(signature).decode(),
        "content-type": "application/json",
    }
    return Request("POST", SITE, "/telnyx/voice", headers, body)


def plivo(target: str, form: Mapping[str, str] | None = None, token: str = TOKEN, nonce: str = "12345") -> Request:
    """A webhook, by POST if there is a form."""
    url = SITE + target
    made = construct_get_url(url, {}) if form is None else construct_post_url(url, dict(form))
    headers = {
        "x-plivo-signature-v3": get_signature_v3(token, made.decode(), nonce).decode(),
        "x-plivo-signature-v3-nonce": nonce,
    }
    if form is None:
        return Request("GET", SITE, target, headers)
    return Request("POST", SITE, target, headers | FORM, urlencode(form).encode())


def vonage(claims: Mapping[str, Any] | None = None, body: bytes = b"", secret: str = TOKEN * 2) -> Request:
    """A websocket, or a webhook if there is a body; `claims` go above the usual ones, None takes one away."""
    usual = {"iat": int(NOW_S), "jti": "c5ba8f24", "iss": "Vonage", "application_id": "app-1", "api_key": "a1b2c3d"}
    if body:
        usual["payload_hash"] = hashlib.sha256(body).hexdigest()
    said = {name: value for name, value in (usual | dict(claims or {})).items() if value is not None}
    headers = {"authorization": f"Bearer {jwt.encode(said, secret, algorithm='HS256')}"}
    return Request("POST" if body else "GET", SITE, "/vonage", headers, body)


def genesys(
    components: str = "@request-target @authority audiohook-organization-id audiohook-session-id"
    " audiohook-correlation-id x-api-key",
    *,
    api_key: str = GENESYS_KEY,
    secret: str = GENESYS_SECRET,
    target: str = "/genesys",
    **parameters: str | int,
) -> Request:
    """An upgrade; `parameters` go above the usual ones."""
    fields = {
        "audiohook-organization-id": "d7934305-0972-4844-938e-9060eef73d05",
        "audiohook-session-id": "30b0e395-84d3-4570-ac13-9a62d8f514c0",
        "audiohook-correlation-id": "e160e428-53e2-487c-977d-96989bf5c99d",
        "x-api-key": api_key,
    }
    usual = {"keyid": api_key, "nonce": "VGhpc0lzQVVuaXF1ZU5vbmNl", "alg": "hmac-sha256"}
    times = {"created": int(NOW_S), "expires": int(NOW_S) + 10}
    said = "".join(f";{name}={json.dumps(value)}" for name, value in (usual | times | parameters).items())
    values = fields | {"@request-target": target, "@authority": "voice.example.org"}
    names = components.split()
    signed = f"({' '.join(json.dumps(name) for name in names)}){said}"
    text = "\n".join([*(f'"{name}": {values[name]}' for name in names), f'"@signature-params": {signed}'])
    signature = base64.b64encode(hmac.digest(base64.b64decode(secret), text.encode(), "sha256")).decode()
    return Request(
        "GET", SOCKET, target, fields | {"signature-input": f"sig1={signed}", "signature": f"sig1=:{signature}:"}
    )


def basic(username: str, password: str, remote: str = "") -> Request:
    """An upgrade with a user name and a password."""
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    return Request("GET", SOCKET, "/asterisk", {"authorization": f"Basic {pair}"}, remote=remote)

"""Twilio's signature (and SignalWire's), of webhooks and of media streams. Pure.

https://www.twilio.com/docs/usage/webhooks/webhooks-security: HMAC-SHA1 with the account's auth token over the address
and, of a form, its sorted names and values. A body that is no form has its SHA-256 in the query, `bodySHA256`.
The signature has no time: whoever saw one may show it again (THREAT_MODEL.md).
"""

from __future__ import annotations

import binascii
import hmac
from hashlib import sha256
from urllib.parse import urlsplit

from server.door.request import Refused, Request, encoded, same

PORTS = {"https": 443, "wss": 443}


def check(request: Request, auth_token: str) -> None:
    """Raises Refused."""
    shown = request.header("x-twilio-signature")
    signed = _parameters(request)
    wanted = [_signature(auth_token, base + request.target + signed) for base in _bases(request.base)]
    if not any(same(shown, each) for each in wanted):
        raise Refused("its signature does not fit; are phones.twilio.auth_token and public_url right?")


def _parameters(request: Request) -> str:
    """What of the body is signed with the address."""
    form = request.form
    if form is not None:
        return "".join(name + value for name, value in sorted(set(form)))
    hashes = [value for name, value in request.query if name == "bodySHA256"]
    if (request.body or hashes) and hashes != [sha256(request.body).hexdigest()]:  # no secret: it is in the address
        raise Refused("its body is not the one that was signed")
    return ""


def _bases(base: str) -> tuple[str, str]:
    """Without the port and with it: Twilio signs now the one, now the other."""
    parts = urlsplit(base)
    host = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
    return f"{parts.scheme}://{host}", f"{parts.scheme}://{host}:{parts.port or PORTS.get(parts.scheme, 80)}"


def _signature(auth_token: str, text: str) -> str:
    digest = hmac.digest(auth_token.encode(), encoded(text), "sha1")
    return binascii.b2a_base64(digest, newline=False).decode()

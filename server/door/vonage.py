"""Vonage's signature: a JSON web token (HS256) in the header Authorization, of webhooks and websockets. Pure.

https://developer.vonage.com/en/getting-started/concepts/webhooks#decoding-signed-webhooks. The token holds when it was
made (`iat`), a name of its own (`jti`), the application, and of a webhook with a body its SHA-256 (`payload_hash`).
What stands in the query of a GET is not signed.
"""

from __future__ import annotations

import math
from hashlib import sha256
from typing import Any

import msgspec

from server.door.request import Refused, Request, same

MAX_AGE_S = 300.0
MIN_KEY_BYTES = 32


def load() -> None:
    """Import the library now: it takes 0.1 s."""
    import jwt  # noqa: F401


def check(request: Request, secret: str, application_id: str, now_s: float) -> str:
    """The token's own name, by which a socket's is spent. `now_s` is Unix time. Raises Refused."""
    claims = _claims(request, secret)
    if abs(now_s - _seconds(claims, "iat", math.inf)) > MAX_AGE_S:
        raise Refused(f"its token was made more than {MAX_AGE_S:g} s ago, or will be; is the clock right?")
    if _seconds(claims, "exp", math.inf) <= now_s or _seconds(claims, "nbf", 0) > now_s + MAX_AGE_S:
        raise Refused("its token has expired, or is not good yet")
    if application_id and not same(str(claims.get("application_id", application_id)), application_id):
        raise Refused("its token is of another application than phones.vonage.application_id")
    if request.body and not same(str(claims.get("payload_hash", "")).lower(), sha256(request.body).hexdigest()):
        raise Refused("its body is not the one that was signed")
    name = claims.get("jti")
    if not isinstance(name, str) or not name:
        raise Refused("its token has no name (jti)")
    return name


def _claims(request: Request, secret: str) -> dict[str, Any]:
    import jwt

    scheme, _, token = request.header("authorization").partition(" ")
    if scheme.lower() != "bearer":
        raise Refused("its header authorization holds no token")
    # HMAC fills a short key up with zeros (RFC 2104); done here, the library does not warn of it at each call.
    key = secret.encode().ljust(MIN_KEY_BYTES, b"\0")
    try:
        claims = msgspec.json.decode(jwt.PyJWS().decode(token.strip(), key, algorithms=["HS256"]), type=dict[str, Any])
    except (jwt.InvalidTokenError, ValueError):
        raise Refused("its token does not fit; is phones.vonage.signature_secret right?") from None
    return claims


def _seconds(claims: dict[str, Any], name: str, default: float) -> float:
    value = claims.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(f"its token has a time ({name}) that is none")
    return float(value)

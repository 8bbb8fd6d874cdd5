"""Telnyx's signature of webhooks: Ed25519 over "{timestamp}|{body}". Pure.

https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks. Its media sockets carry none.
"""

from __future__ import annotations

from server.door.request import Refused, Request
from server.phones.options import from_base64

MAX_AGE_S = 300.0
"""As Telnyx's own packages have it, for times in the future too."""
MAX_DIGITS = 12


def load() -> None:
    """Import the library now."""
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: F401


def check(request: Request, public_key: str, now_s: float) -> None:
    """`public_key` is base64 of 32 bytes; `now_s` is Unix time. Raises Refused."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    signature = from_base64(request.header("telnyx-signature-ed25519"))
    timestamp = request.header("telnyx-timestamp")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= MAX_DIGITS):
        raise Refused("its timestamp is none")
    try:
        key = Ed25519PublicKey.from_public_bytes(from_base64(public_key) or b"")
        key.verify(signature or b"", timestamp.encode() + b"|" + request.body)
    except (InvalidSignature, ValueError):
        raise Refused("its signature does not fit; is phones.telnyx.public_key right?") from None
    if abs(now_s - int(timestamp)) > MAX_AGE_S:
        raise Refused(f"it was signed more than {MAX_AGE_S:g} s ago, or will be; is the clock right?")

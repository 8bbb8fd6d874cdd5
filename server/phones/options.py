"""What a user says of the carriers: `[phones.twilio]` and so on. Secrets, and by what their owners are known. Pure.

    [phones.twilio]                         VOICEWIRE_PHONES__TWILIO__AUTH_TOKEN=…
    auth_token = "…"

No table shows its values when it is printed: they may be secret.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from ipaddress import ip_network

from msgspec import Struct

from link.addresses import can_be_key

ED25519_BYTES = 32
NO_SECRETS = ("base_url", "private_key")
NUMBER = re.compile(r"\+?[0-9]{2,20}")


class Twilio(Struct, frozen=True, forbid_unknown_fields=True):
    """Twilio, and SignalWire, which signs in the same way."""

    account_sid: str = ""
    """The account, `AC…`."""
    auth_token: str = ""
    """The account's auth token: webhooks and media streams are signed with it."""
    base_url: str = "https://api.twilio.com"
    """Where its REST interface is; SignalWire's is `https://<space>.signalwire.com/api/laml`."""

    def __repr__(self) -> str:
        return _without_values(self)


class Telnyx(Struct, frozen=True, forbid_unknown_fields=True):
    """Telnyx."""

    public_key: str = ""
    """The account's public key, base64: webhooks are signed for it."""
    api_key: str = ""
    """A key of the REST interface, `KEY…`."""
    connection_id: str = ""
    """The Call Control application that makes calls."""
    base_url: str = "https://api.telnyx.com"
    """Where its REST interface is."""

    def __repr__(self) -> str:
        return _without_values(self)


class Plivo(Struct, frozen=True, forbid_unknown_fields=True):
    """Plivo."""

    auth_id: str = ""
    """The account, `MA…`."""
    auth_token: str = ""
    """The account's auth token: webhooks are signed with it."""
    base_url: str = "https://api.plivo.com"
    """Where its REST interface is."""

    def __repr__(self) -> str:
        return _without_values(self)


class Exotel(Struct, frozen=True, forbid_unknown_fields=True):
    """Exotel. It signs nothing; whoever comes needs all that is given here of `username`, `password`, `addresses`."""

    username: str = ""
    """With `password`: what stands before the @ in the address that Exotel is given, `wss://username:password@…`."""
    password: str = ""
    """Comes with `username`."""
    addresses: tuple[str, ...] = ()
    """Where Exotel connects from: addresses or networks. All its customers share them; no proxy may stand between."""
    account_sid: str = ""
    """The account, to make calls."""
    api_key: str = ""
    """A key of the REST interface."""
    api_token: str = ""
    """Comes with `api_key`."""
    app_id: str = ""
    """The flow with the Voicebot applet, into which calls are made."""
    base_url: str = "https://api.exotel.com"
    """Where its REST interface is: `https://api.in.exotel.com` in India."""

    def __repr__(self) -> str:
        return _without_values(self)


class Vonage(Struct, frozen=True, forbid_unknown_fields=True):
    """Vonage."""

    signature_secret: str = ""
    """The account's signature secret: webhooks and websockets carry a token that is signed with it."""
    application_id: str = ""
    """The application; a token of another one is refused."""
    private_key: str = ""
    """The file of the application's private key (PEM): requests to the REST interface are signed with it."""
    base_url: str = "https://api.nexmo.com"
    """Where its REST interface is."""

    def __repr__(self) -> str:
        return _without_values(self)


class Genesys(Struct, frozen=True, forbid_unknown_fields=True):
    """Genesys Cloud AudioHook."""

    api_key: str = ""
    """The integration's API key."""
    client_secret: str = ""
    """Its client secret, base64: connections are signed with it."""

    def __repr__(self) -> str:
        return _without_values(self)


class Asterisk(Struct, frozen=True, forbid_unknown_fields=True):
    """Asterisk with chan_websocket."""

    username: str = ""
    """With `password`: those of the connection in websocket_client.conf."""
    password: str = ""
    """Comes with `username`."""

    def __repr__(self) -> str:
        return _without_values(self)


class Phones(Struct, frozen=True, forbid_unknown_fields=True):
    """The carriers. The path of one whose secrets are missing is closed."""

    numbers: dict[str, str] = {}
    """Who answers where it is not the agent that is served: `"+4930…" = "sales.py"`, or `"shop.py:night"`."""
    twilio: Twilio = Twilio()
    telnyx: Telnyx = Telnyx()
    plivo: Plivo = Plivo()
    exotel: Exotel = Exotel()
    vonage: Vonage = Vonage()
    genesys: Genesys = Genesys()
    asterisk: Asterisk = Asterisk()


def fault_of(phones: Phones) -> str:
    """What is wrong with the tables, without any value; empty: nothing."""
    return next(_faults(phones), "")


def _faults(phones: Phones) -> Iterator[str]:
    for number in phones.numbers:
        if not NUMBER.fullmatch(number):
            yield f"phones.numbers: {number!r} is no telephone number; write it as +4930…"
    for carrier in (name for name in phones.__struct_fields__ if name != "numbers"):
        table = getattr(phones, carrier)
        for key in table.__struct_fields__:
            value = getattr(table, key)
            if key == "base_url" and not value.startswith(("https://", "http://")):
                yield f"phones.{carrier}.base_url must be like https://api.example.org"
            if isinstance(value, str) and key not in NO_SECRETS and value and not can_be_key(value):
                yield f"phones.{carrier}.{key} holds a character that no key has; was it copied whole?"
    if (key := phones.telnyx.public_key) and len(from_base64(key) or b"") != ED25519_BYTES:
        yield f"phones.telnyx.public_key must be {ED25519_BYTES} bytes in base64"
    if (secret := phones.genesys.client_secret) and not from_base64(secret):
        yield "phones.genesys.client_secret must be base64"
    for name, each in (("exotel", phones.exotel), ("asterisk", phones.asterisk)):
        if bool(each.username) != bool(each.password):
            yield f"phones.{name}.username and password belong together; give both"
        if ":" in each.username:
            yield f"phones.{name}.username must not have a colon"
    for address in phones.exotel.addresses:
        if not _is_network(address):
            yield "phones.exotel.addresses must be like 203.0.113.7 or 203.0.113.0/24"


def from_base64(text: str) -> bytes | None:
    """Bytes of strict base64; None where it is none."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:  # binascii.Error is one, so is what is no ASCII
        return None


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _without_values(table: Struct) -> str:
    given = [key for key in table.__struct_fields__ if getattr(table, key)]
    return f"{type(table).__name__}({', '.join(given)})"

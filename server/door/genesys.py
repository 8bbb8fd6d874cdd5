"""Genesys AudioHook: an API key, and an HTTP message signature (RFC 9421) of the upgrade. Pure.

https://developer.genesys.cloud/devapps/audiohook/session-walkthrough#establishing-connection. One signature, by
`hmac-sha256` with the client secret, over the address, the key and the names of organization, session and
correlation. Nonces are spent: see `check`.
"""

from __future__ import annotations

import hmac
import re

from msgspec import Struct

from server.door.request import Refused, Request, encoded, same
from server.phones.options import from_base64

MAX_AGE_S = 30.0
"""Of a signature, in both directions; Genesys' own server takes 10 s, and this one may have a worse clock."""
MIN_NONCE = 22  # characters: 128 bits in base64
COVERED = frozenset(
    """
    @request-target @authority audiohook-organization-id audiohook-session-id audiohook-correlation-id x-api-key
    """.split()
)
"""All of these must be signed."""
_LABEL = r"([a-z*][a-z0-9_.*-]{0,63})"
_PARAMETER = r'; *([a-z]+)=("[ !#-\[\]-~]*"|[0-9]{1,12})'
_INPUT = re.compile(rf'{_LABEL}=\(("[@a-z0-9-]+"(?: "[@a-z0-9-]+")*)\)((?:{_PARAMETER})+)')
_SIGNATURE = re.compile(rf"{_LABEL}=:([0-9A-Za-z+/=]{{1,100}}):")


class _Input(Struct, frozen=True):
    """What a signature says of itself."""

    label: str
    components: list[str]
    parameters: dict[str, str]
    serialized: str
    """As it goes into the text that is signed."""


def check(request: Request, api_key: str, client_secret: str, now_s: float) -> str:
    """The signature's nonce, which may be spent once. `client_secret` is base64, `now_s` Unix time. Raises Refused."""
    shown = request.header("x-api-key")
    signed = _read_input(request.header("signature-input"))
    signature = _read_signature(request.header("signature"), signed.label)
    digest = hmac.digest(from_base64(client_secret) or b"", encoded(_signed_text(request, signed)), "sha256")
    if not hmac.compare_digest(signature, digest) or not same(shown, api_key):
        raise Refused("its key or signature does not fit; are phones.genesys and public_url right?")
    _check_parameters(signed.parameters, shown, now_s)
    return signed.parameters["nonce"]


def _check_parameters(parameters: dict[str, str], api_key: str, now_s: float) -> None:
    if parameters.get("alg", "hmac-sha256") != "hmac-sha256":
        raise Refused("its signature is by an algorithm other than hmac-sha256")
    if not same(parameters.get("keyid", ""), api_key):
        raise Refused("its signature is by another key than it shows")
    if len(parameters.get("nonce", "")) < MIN_NONCE:
        raise Refused("its signature has no nonce, or a short one")
    created, expires = parameters.get("created", ""), parameters.get("expires", "999999999999")
    if not (created.isdigit() and expires.isdigit()):
        raise Refused("its signature does not say when it was made")
    if abs(now_s - int(created)) > MAX_AGE_S or int(expires) + MAX_AGE_S < now_s:
        raise Refused(f"it was signed more than {MAX_AGE_S:g} s ago, or will be; is the clock right?")


def _read_input(text: str) -> _Input:
    found = _INPUT.fullmatch(text)
    if not found:
        raise Refused("its header signature-input is not one that Genesys sends")
    components = re.findall('"([^"]*)"', found[2])
    pairs = re.findall(_PARAMETER, found[3])
    parameters = {name: value.strip('"') for name, value in pairs}
    if len(parameters) != len(pairs) or len(set(components)) != len(components):
        raise Refused("its header signature-input names something twice")
    if not set(components) >= COVERED:
        raise Refused("its signature does not cover all that it must")
    return _Input(found[1], components, parameters, f"({found[2]}){''.join(f';{n}={v}' for n, v in pairs)}")


def _read_signature(text: str, label: str) -> bytes:
    found = _SIGNATURE.fullmatch(text)
    signature = from_base64(found[2]) if found and found[1] == label else None
    if not signature:
        raise Refused("its header signature is not one that Genesys sends")
    return signature


def _signed_text(request: Request, signed: _Input) -> str:
    """The signature base: RFC 9421, 2.5."""
    lines = [f'"{name}": {_value(request, name)}' for name in signed.components]
    return "\n".join([*lines, f'"@signature-params": {signed.serialized}'])


def _value(request: Request, name: str) -> str:
    match name:
        case "@request-target":
            return request.target
        case "@authority":
            return _authority(request.base)
        case _ if name.startswith("@"):
            raise Refused("its signature is over a part of the request that Genesys does not sign")
        case _:
            return request.header(name).strip()


def _authority(base: str) -> str:
    """Host and port, without the usual one: RFC 9421, 2.2.3."""
    scheme, _, authority = base.lower().partition("://")
    return authority.removesuffix({"wss": ":443", "https": ":443"}.get(scheme, ":80"))

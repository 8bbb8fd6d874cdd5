"""Plivo's signature of webhooks, version 3. Pure.

https://www.plivo.com/docs/voice/concepts/signature-validation: HMAC-SHA256 with the account's auth token over the
address, its sorted query, the sorted parameters of the form, and a nonce. It has no time: whoever saw one may show it
again (THREAT_MODEL.md).
Whether media sockets carry one is unverified, so they need a ticket.
"""

from __future__ import annotations

import binascii
import hmac

from server.door.request import Refused, Request, encoded, same


def check(request: Request, auth_token: str) -> None:
    """Raises Refused."""
    shown = request.header("x-plivo-signature-v3")
    nonce = request.header("x-plivo-signature-v3-nonce")
    form = request.form
    if form is None and request.body:
        raise Refused("its body is no form, so nothing signs it")
    text = f"{_address(request, bool(form))}{''.join(name + value for name, value in sorted(form or ()))}.{nonce}"
    digest = hmac.digest(auth_token.encode(), encoded(text), "sha256")
    wanted = binascii.b2a_base64(digest, newline=False).decode()
    if not any(same(each.strip(), wanted) for each in shown.split(",")):  # several while a token is replaced
        raise Refused("its signature does not fit; are phones.plivo.auth_token and public_url right?")


def _address(request: Request, has_form: bool) -> str:
    """The address with its query in order; what follows from a form stands after a `.`, if there is a query."""
    path = request.base + request.target.partition("?")[0]
    query = "&".join(f"{name}={value}" for name, value in sorted(request.query))
    if has_form:
        return f"{path}?{query}." if query else f"{path}?"
    return f"{path}?{query}" if query else path

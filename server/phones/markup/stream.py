"""Where a carrier is to stream a call to. Pure."""

from __future__ import annotations

from urllib.parse import quote

from msgspec import Struct


class Stream(Struct, frozen=True):
    """A websocket of ours, and what its first message is to say of the call."""

    url: str
    """With a ticket in its path or query where the carrier does not sign the connection."""
    parameters: tuple[tuple[str, str], ...] = ()
    """Names and values that come back in the first message; names have letters only: some take no others."""
    status_url: str = ""
    """Told when the stream begins, ends or fails; empty: nobody is."""


def with_query(url: str, parameters: tuple[tuple[str, str], ...]) -> str:
    """An address with further parameters in its query."""
    more = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in parameters)
    return f"{url}{'&' if '?' in url else '?'}{more}" if more else url

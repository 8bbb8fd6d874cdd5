"""Plivo XML. Pure.

<https://www.plivo.com/docs/voice/xml/the-stream-element>
"""

from __future__ import annotations

import re

from server.phones.markup.stream import Stream
from server.phones.markup.xml import document, element

CONTENT_TYPE = "text/xml"
AUDIO = "audio/x-mulaw;rate=8000"
NOT_TAKEN = re.compile("[^A-Za-z0-9]")
"""Extra headers have letters and digits only, and 512 bytes."""
MAX_HEADERS = 512


def connect(stream: Stream) -> str:
    """Connect the call to our websocket, mu-law both ways; when that is closed, the call ends."""
    made = element(
        "Stream",
        stream.url,
        bidirectional="true",
        keepCallAlive="true",
        contentType=AUDIO,
        extraHeaders=_headers(stream.parameters),
        statusCallbackUrl=stream.status_url,
    )
    return document(made)


def dial(number: str, caller_id: str = "") -> str:
    """Connect the caller to a number, or to a `sip:` address."""
    noun = element("User" if number.startswith("sip:") else "Number", number)
    return document(element("Dial", noun, callerId=caller_id))


def hang_up() -> str:
    """End the call."""
    return document(element("Hangup"))


def reject() -> str:
    """Take no call: the caller hears that the line is busy."""
    return document(element("Hangup", reason="busy"))


def _headers(parameters: tuple[tuple[str, str], ...]) -> str:
    """`caller=4930123,called=…`; one that would be too long is left out."""
    text = ""
    for name, value in parameters:
        longer = f"{text}{',' if text else ''}{NOT_TAKEN.sub('', name)}={NOT_TAKEN.sub('', value)}"
        text = longer if len(longer) <= MAX_HEADERS else text
    return text

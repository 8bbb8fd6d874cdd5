"""TwiML. Pure.

<https://www.twilio.com/docs/voice/twiml>. SignalWire speaks it too.
"""

from __future__ import annotations

from server.phones.markup.stream import Stream
from server.phones.markup.xml import document, element

CONTENT_TYPE = "text/xml"


def connect(stream: Stream) -> str:
    """Connect the call to our websocket; when that is closed, the call ends. The url has no query: Twilio drops it."""
    parameters = [element("Parameter", name=name, value=value) for name, value in stream.parameters]
    made = element("Stream", *parameters, url=stream.url, statusCallback=stream.status_url)
    return document(element("Connect", made))


def dial(number: str, caller_id: str = "") -> str:
    """Connect the caller to a number (or `sip:` address); when they are done, the call ends."""
    noun = element("Sip" if number.startswith("sip:") else "Number", number)
    return document(element("Dial", noun, callerId=caller_id, answerOnBridge="true"))


def conference(room: str, words: str = "", *, ends: bool = False) -> str:
    """Put somebody into a conference, after they have heard some words. `ends`: it is over when they leave."""
    noun = element("Conference", room, beep="false", endConferenceOnExit="true" if ends else "")
    said = [element("Say", words)] if words else []
    return document(*said, element("Dial", noun))


def hang_up() -> str:
    """End the call."""
    return document(element("Hangup"))


def reject() -> str:
    """Take no call: the caller hears that the line is busy, and nothing is paid."""
    return document(element("Reject", reason="busy"))

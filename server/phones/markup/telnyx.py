"""TeXML. Pure.

<https://developers.telnyx.com/docs/voice/programmable-voice/texml-verbs/stream>
"""

from __future__ import annotations

from server.phones.markup import twilio
from server.phones.markup.stream import Stream
from server.phones.markup.xml import document, element

CONTENT_TYPE = "text/xml"
CODEC = "PCMU"

dial, hang_up, reject = twilio.dial, twilio.hang_up, twilio.reject  # TeXML has these verbs of TwiML as they are


def connect(stream: Stream) -> str:
    """Connect the call to our websocket, mu-law both ways: without a mode Telnyx wants MP3, one message a second."""
    parameters = [element("Parameter", name=name, value=value) for name, value in stream.parameters]
    made = element(
        "Stream",
        *parameters,
        url=stream.url,
        track="inbound_track",
        codec=CODEC,
        bidirectionalMode="rtp",
        bidirectionalCodec=CODEC,
        statusCallback=stream.status_url,
    )
    return document(element("Connect", made))

"""What carriers are answered, beside what their own packages make of the same."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree.ElementTree import Element, fromstring

import msgspec
import pytest
from plivo import plivoxml
from twilio.twiml.voice_response import Connect, Dial, VoiceResponse
from twilio.twiml.voice_response import Stream as TwilioStream

from server.phones.markup import exotel, plivo, telnyx, twilio, vonage
from server.phones.markup.stream import Stream

NASTY = 'wss://voice.example.org/x?a=1&b="2"<Hangup/>'
WORDS = 'Frau "Müller" & <Söhne>]]> \U0001f600'
STREAM = Stream(
    "wss://voice.example.org/twilio/4930", (("caller", "+4917"), ("note", WORDS)), "https://v.example.org/s"
)


def tree(xml: str) -> Any:
    """An XML document as what can be compared."""
    return _tree(fromstring(xml))


def _tree(element: Element) -> Any:
    return element.tag, dict(element.attrib), (element.text or "").strip(), [_tree(each) for each in element]


def twilios(stream: Stream, **attributes: str) -> str:
    """What its package makes of a stream."""
    response, connect = VoiceResponse(), Connect()
    noun = TwilioStream(url=stream.url, status_callback=stream.status_url or None, **attributes)
    for name, value in stream.parameters:
        noun.parameter(name=name, value=value)
    response.append(connect.append(noun))
    return str(response)


@pytest.mark.parametrize("stream", [STREAM, Stream(NASTY)])
def test_twilio_connects(stream: Stream) -> None:
    assert tree(twilio.connect(stream)) == tree(twilios(stream))


@pytest.mark.parametrize("stream", [STREAM, Stream(NASTY)])
def test_texml_is_twiml_with_a_mode_and_a_codec(stream: Stream) -> None:
    more = {"track": "inbound_track", "codec": "PCMU", "bidirectionalMode": "rtp", "bidirectionalCodec": "PCMU"}
    assert tree(telnyx.connect(stream)) == tree(twilios(stream, **more))


@pytest.mark.parametrize(("to", "noun"), [("+4930", "number"), ("sip:a&b@example.org", "sip")])
def test_twilio_dials(to: str, noun: str) -> None:
    dial = Dial(caller_id="+491", answer_on_bridge=True)
    getattr(dial, noun)(to)
    response = VoiceResponse()
    response.append(dial)
    assert tree(twilio.dial(to, "+491")) == tree(telnyx.dial(to, "+491")) == tree(str(response))


def test_twilio_holds_a_conference() -> None:
    dial, response = Dial(), VoiceResponse()
    dial.conference("room-1", beep="false", end_conference_on_exit=True)
    response.say(WORDS)
    response.append(dial)
    assert tree(twilio.conference("room-1", WORDS, ends=True)) == tree(str(response))


def test_twilio_ends_calls() -> None:
    ended, refused = VoiceResponse(), VoiceResponse()
    ended.hangup()
    refused.reject(reason="busy")
    assert tree(twilio.hang_up()) == tree(telnyx.hang_up()) == tree(str(ended))
    assert tree(twilio.reject()) == tree(telnyx.reject()) == tree(str(refused))


@pytest.mark.parametrize("url", ["wss://voice.example.org/plivo/4930?ticket=a.b", NASTY])
def test_plivo_connects(url: str) -> None:
    stream = Stream(url, (("caller", "+49 (30) 1"), ("called", "+4917")), "https://v.example.org/s?a=1&b=2")
    wanted = plivoxml.ResponseElement()
    wanted.add(
        plivoxml.StreamElement(
            url,
            bidirectional=True,
            keepCallAlive=True,
            contentType="audio/x-mulaw;rate=8000",
            extraHeaders="caller=49301,called=4917",
            statusCallbackUrl=stream.status_url,
        )
    )
    assert tree(plivo.connect(stream)) == tree(wanted.to_string())


def test_plivo_dials_and_ends_calls() -> None:
    dial = plivoxml.ResponseElement().add(plivoxml.DialElement(caller_id="+491").add(plivoxml.NumberElement("+4930")))
    user = plivoxml.ResponseElement().add(plivoxml.DialElement().add(plivoxml.UserElement("sip:a@example.org")))
    busy = plivoxml.ResponseElement().add(plivoxml.HangupElement(reason="busy"))
    over = plivoxml.ResponseElement().add(plivoxml.HangupElement())
    assert tree(plivo.dial("+4930", "+491")) == tree(dial.to_string())
    assert tree(plivo.dial("sip:a@example.org")) == tree(user.to_string())
    assert tree(plivo.reject()) == tree(busy.to_string())
    assert tree(plivo.hang_up()) == tree(over.to_string())


def test_the_headers_of_plivo_have_a_bound() -> None:
    stream = Stream("wss://x", (("a", "1" * 300), ("b", "2" * 300), ("c", "3")))
    headers = fromstring(plivo.connect(stream))[0].get("extraHeaders")
    assert headers == f"a={'1' * 300},c=3"


@pytest.mark.parametrize("make", [twilio.connect, telnyx.connect, plivo.connect])
def test_nothing_that_was_sent_to_us_becomes_markup(make: Any) -> None:
    stream = Stream(NASTY + "\0\x1f\ud800\uffff", (('"><Hangup/>', "\0<Hangup/>\x0b"),))
    root = fromstring(make(stream))
    assert not list(root.iter("Hangup"))
    assert "\0" not in make(stream)


def test_exotel_gets_a_url_with_the_parameters_in_its_query() -> None:
    answer = msgspec.json.decode(exotel.connect(Stream("wss://x/exotel?t=1", (("note", WORDS),))))
    assert parse_qsl(urlsplit(answer["url"]).query) == [("t", "1"), ("note", WORDS)]
    assert msgspec.json.decode(exotel.connect(Stream("wss://x/exotel"))) == {"url": "wss://x/exotel"}


def test_exotel_dials() -> None:
    number = {"fetch_after_attempt": False, "destination": {"numbers": ["+91"]}}
    assert msgspec.json.decode(exotel.dial("+91")) == number
    assert msgspec.json.decode(exotel.dial("+91", "+92")) == {**number, "outgoing_phone_number": "+92"}


def test_vonage_connects() -> None:
    assert msgspec.json.decode(vonage.connect(STREAM)) == [
        {
            "action": "connect",
            "endpoint": [
                {
                    "type": "websocket",
                    "uri": STREAM.url,
                    "content-type": "audio/l16;rate=8000",
                    "headers": {"caller": "+4917", "note": WORDS},
                }
            ],
            "eventUrl": ["https://v.example.org/s"],
        }
    ]


def test_vonage_dials() -> None:
    phone = {"action": "connect", "from": "491", "endpoint": [{"type": "phone", "number": "4930"}]}
    sip = {"action": "connect", "endpoint": [{"type": "sip", "uri": "sip:a@example.org"}]}
    assert msgspec.json.decode(vonage.dial("+4930", "+491")) == [phone]
    assert msgspec.json.decode(vonage.dial("sip:a@example.org")) == [sip]
    assert vonage.reject() == "[]"

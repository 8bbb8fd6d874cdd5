"""The carriers' REST interfaces: what they are asked, what is tried again, and what an error says."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web

from server.phones.control.carriers import Carriers
from server.phones.control.needs import lacking
from server.phones.control.rest import ATTEMPT_S, ATTEMPTS, Call, ControlError
from server.phones.markup import twilio
from server.phones.markup.stream import Stream
from server.phones.options import Phones
from server.protocols.wire import Phone
from tests.unit.link.http_peer import Act, answering, cut, silence
from tests.unit.link.stage import play
from tests.unit.server.phones.exchange import NOW, PHONES, RSA, SECRET, TABLES, exchange

Verb = Callable[[Carriers, Phone], Awaitable[object]]
TO = "+4930"
OK = answering("{}")
LOGIN = {"twilio": "AC1", "plivo": "MA1", "exotel": "k1"}


async def hang_up(carriers: Carriers, phone: Phone) -> None:
    await carriers.hang_up(phone)


async def transfer(carriers: Carriers, phone: Phone) -> None:
    await carriers.transfer(phone, TO, "")


async def press(carriers: Carriers, phone: Phone) -> None:
    await carriers.send_digits(phone, "12#")


async def dial(carriers: Carriers, phone: Phone) -> str:
    return await carriers.dial(phone.carrier, Call("+491", "+492", detect_machine=True))


CALLS = "/2010-04-01/Accounts/AC1/Calls"
ASKED: list[tuple[str, Verb, tuple[str, str, Any]]] = [
    ("twilio", hang_up, ("POST", f"{CALLS}/c%2F1.json", {"Status": "completed"})),
    ("twilio", transfer, ("POST", f"{CALLS}/c%2F1.json", {"Twiml": twilio.dial(TO)})),
    ("telnyx", hang_up, ("POST", "/v2/calls/c%2F1/actions/hangup", {})),
    ("telnyx", transfer, ("POST", "/v2/calls/c%2F1/actions/transfer", {"to": TO})),
    ("telnyx", press, ("POST", "/v2/calls/c%2F1/actions/send_dtmf", {"digits": "12#"})),
    ("plivo", hang_up, ("DELETE", "/v1/Account/MA1/Call/c%2F1/", None)),
    (
        "plivo",
        transfer,
        (
            "POST",
            "/v1/Account/MA1/Call/c%2F1/",
            {"legs": "aleg", "aleg_url": "https://voice.example.org/plivo/transfer", "aleg_method": "POST"},
        ),
    ),
    ("plivo", press, ("POST", "/v1/Account/MA1/Call/c%2F1/DTMF/", {"digits": "12#", "leg": "aleg"})),
    ("vonage", hang_up, ("PUT", "/v1/calls/c%2F1", {"action": "hangup"})),
    (
        "vonage",
        transfer,
        (
            "PUT",
            "/v1/calls/c%2F1",
            {
                "action": "transfer",
                "destination": {
                    "type": "ncco",
                    "ncco": [{"action": "connect", "from": "492", "endpoint": [{"type": "phone", "number": "4930"}]}],
                },
            },
        ),
    ),
    ("vonage", press, ("PUT", "/v1/calls/c%2F1/dtmf", {"digits": "12#"})),
]


@pytest.mark.parametrize(("carrier", "verb", "wanted"), ASKED)
def test_a_carrier_is_asked(tmp_path: Path, carrier: str, verb: Verb, wanted: tuple[str, str, Any]) -> None:
    async def scene() -> None:
        async with exchange(tmp_path, OK) as found:
            await verb(found.carriers, PHONES[carrier])
            assert found.brief == [wanted]
            scheme, shown = found.asked[0].headers["Authorization"].split()
            if carrier in LOGIN:
                assert (scheme, base64.b64decode(shown).decode()) == ("Basic", f"{LOGIN[carrier]}:{SECRET}")
            elif carrier == "telnyx":
                assert (scheme, shown) == ("Bearer", SECRET)
            else:
                claims = jwt.decode(
                    shown, RSA.public_key(), algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
                )
                assert (claims["application_id"], claims["iat"]) == ("app-1", NOW)

    play(scene())


@pytest.mark.parametrize(
    ("carrier", "answer", "path", "wanted"),
    [
        (
            "twilio",
            '{"sid": "CA9"}',
            f"{CALLS}.json",
            {
                "From": "+491",
                "To": "+492",
                "Url": "https://voice.example.org/twilio/voice",
                "StatusCallback": "https://voice.example.org/twilio/status",
                "MachineDetection": "DetectMessageEnd",
                "AsyncAmd": "true",
                "AsyncAmdStatusCallback": "https://voice.example.org/twilio/status",
            },
        ),
        (
            "telnyx",
            '{"data": {"call_control_id": "CA9"}}',
            "/v2/calls",
            {
                "connection_id": "77",
                "from": "+491",
                "to": "+492",
                "webhook_url": "https://voice.example.org/telnyx/voice",
                "answering_machine_detection": "greeting_end",
            },
        ),
        (
            "plivo",
            '{"request_uuid": "CA9"}',
            "/v1/Account/MA1/Call/",
            {
                "from": "491",
                "to": "492",
                "answer_url": "https://voice.example.org/plivo/answer",
                "answer_method": "POST",
                "hangup_url": "https://voice.example.org/plivo/status",
                "machine_detection": "true",
                "machine_detection_url": "https://voice.example.org/plivo/status",
            },
        ),
        (
            "exotel",
            '{"Call": {"Sid": "CA9"}}',
            "/v1/Accounts/ex1/Calls/connect.json",
            {
                "From": "+492",
                "CallerId": "+491",
                "Url": "http://my.exotel.com/ex1/exoml/start_voice/42",
                "StatusCallback": "https://voice.example.org/exotel/status",
                "StatusCallbackEvents[0]": "terminal",
                "StatusCallbackContentType": "application/json",
            },
        ),
        (
            "vonage",
            '{"uuid": "CA9"}',
            "/v1/calls",
            {
                "to": [{"type": "phone", "number": "492"}],
                "from": {"type": "phone", "number": "491"},
                "answer_url": ["https://voice.example.org/vonage/answer"],
                "answer_method": "POST",
                "event_url": ["https://voice.example.org/vonage/event"],
                "advanced_machine_detection": {"behavior": "continue", "mode": "detect_beep"},
            },
        ),
    ],
)
def test_a_call_is_made(tmp_path: Path, carrier: str, answer: str, path: str, wanted: Any) -> None:
    async def scene() -> None:
        async with exchange(tmp_path, answering(answer)) as found:
            assert await dial(found.carriers, PHONES[carrier]) == "CA9"
            assert found.brief == [("POST", path, wanted)]

    play(scene())


GONE = {
    "twilio": answering('{"code": 20404, "message": "The requested resource was not found", "status": 404}', 404),
    "telnyx": answering('{"errors": [{"code": "90018", "title": "Call has already ended"}]}', 422),
    "plivo": answering('{"api_id": "1", "error": "call not found"}', 404),
    "vonage": answering('{"title": "Not found", "type": "https://errors/#not-found"}', 404),
}


@pytest.mark.parametrize("carrier", GONE)
def test_a_call_that_is_gone_has_been_hung_up(tmp_path: Path, carrier: str) -> None:
    async def scene() -> None:
        async with exchange(tmp_path, GONE[carrier]) as found:
            await found.carriers.hang_up(PHONES[carrier])
            assert found.peer.requests == 1
            with pytest.raises(ControlError):
                await found.carriers.transfer(PHONES[carrier], TO, "")

    play(scene())


@pytest.mark.parametrize("trouble", [cut, answering("", 503), answering("", 429, Retry_After="2")])
@pytest.mark.parametrize("carrier", GONE)
def test_a_hang_up_is_tried_again(tmp_path: Path, carrier: str, trouble: Act) -> None:
    async def scene() -> None:
        async with exchange(tmp_path, trouble, trouble, OK) as found:
            await found.carriers.hang_up(PHONES[carrier])
            assert found.peer.requests == ATTEMPTS
            names = {each.body["command_id"] for each in found.asked if carrier == "telnyx"}
            assert len(names) <= 1, "Telnyx does a command of one name once"

    play(scene())


@pytest.mark.parametrize(
    ("carrier", "requests"), [("twilio", 1), ("plivo", 1), ("exotel", 1), ("vonage", 1), ("telnyx", 3)]
)
def test_a_call_is_not_made_twice_when_an_answer_is_lost(tmp_path: Path, carrier: str, requests: int) -> None:
    async def scene() -> None:
        async with exchange(tmp_path, cut) as found:
            with pytest.raises(ControlError):
                await dial(found.carriers, PHONES[carrier])
            assert found.peer.requests == requests

    play(scene())


def test_a_call_that_was_not_looked_at_is_made_again(tmp_path: Path) -> None:
    async def scene() -> None:
        async with exchange(tmp_path, answering("", 429), answering('{"sid": "CA9"}')) as found:
            assert await dial(found.carriers, PHONES["twilio"]) == "CA9"

    play(scene())


def test_a_carrier_that_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    async def scene() -> None:
        async with exchange(tmp_path, silence) as found:
            begun = asyncio.get_running_loop().time()
            with pytest.raises(ControlError, match="Twilio did not answer within 5 s"):
                await found.carriers.transfer(PHONES["twilio"], TO, "")
            assert asyncio.get_running_loop().time() - begun == pytest.approx(ATTEMPT_S, abs=0.1)

    play(scene())


@pytest.mark.parametrize(
    ("carrier", "act", "words"),
    [
        ("twilio", answering(f"no {SECRET}", 401), "are phones.twilio.account_sid and auth_token right?"),
        ("plivo", answering("", 401), "are phones.plivo.auth_id and auth_token right?"),
        ("telnyx", answering("", 403), "are phones.telnyx.api_key right?"),
        ("exotel", answering("", 401), "phones.exotel.account_sid, api_key and api_token right?"),
        ("vonage", answering("", 401), "phones.vonage.application_id and private_key right?"),
        ("twilio", answering("", 404), "another account"),
        ("twilio", answering('{"code": 21210, "message": "not verified"}', 400), "must be a number of this account"),
        ("twilio", answering('{"code": 21215, "message": "geo"}', 400), "allow the country"),
        ("vonage", answering("<html>"), "no JSON"),
        ("plivo", answering("", 429), "too many requests"),
    ],
)
def test_an_error_says_what_to_do(tmp_path: Path, carrier: str, act: Act, words: str) -> None:
    async def scene() -> None:
        async with exchange(tmp_path, act) as found:
            with pytest.raises(ControlError) as caught:
                await dial(found.carriers, PHONES[carrier])
            assert words in str(caught.value)
            assert SECRET not in str(caught.value)

    play(scene())


@pytest.mark.parametrize("carrier", ["twilio", "exotel"])
def test_who_cannot_press_keys_says_so(tmp_path: Path, carrier: str) -> None:
    async def scene() -> None:
        async with exchange(tmp_path, OK) as found:
            with pytest.raises(ControlError, match="tones"):
                await found.carriers.send_digits(PHONES[carrier], "1")

    play(scene())


def test_telnyx_takes_calls_and_streams_those_of_ours(tmp_path: Path) -> None:
    async def scene() -> None:
        async with exchange(tmp_path, OK) as found:
            for outbound in (False, True):
                await found.carriers.answer("v3:1", Stream("wss://v/telnyx/t"), outbound=outbound)
            body = {
                "stream_url": "wss://v/telnyx/t",
                "stream_track": "inbound_track",
                "stream_codec": "PCMU",
                "stream_bidirectional_mode": "rtp",
                "stream_bidirectional_codec": "PCMU",
            }
            assert found.brief == [
                ("POST", "/v2/calls/v3:1/actions/answer", body),
                ("POST", "/v2/calls/v3:1/actions/streaming_start", body),
            ]

    play(scene())


@pytest.mark.parametrize("carrier", ["twilio", "telnyx", "plivo", "vonage", "genesys", "asterisk"])
def test_a_carrier_without_keys_is_told_nothing_and_says_why(tmp_path: Path, carrier: str) -> None:
    async def scene() -> None:
        tables: dict[str, dict[str, str]] = {name: {} for name in TABLES}
        async with exchange(tmp_path, OK, **tables) as found:
            phone = Phone(carrier, call_id="1")
            await found.carriers.hang_up(phone)
            with pytest.raises(ControlError, match=f"{carrier} cannot be told anything"):
                await found.carriers.transfer(phone, TO, "")
            with pytest.raises(ControlError, match="by which name"):
                await found.carriers.transfer(Phone(carrier), TO, "")

    play(scene())


@pytest.mark.parametrize(("carrier", "key"), [("telnyx", "connection_id"), ("exotel", "app_id")])
def test_what_is_missing_to_make_calls_is_named(tmp_path: Path, carrier: str, key: str) -> None:
    async def scene() -> None:
        tables = {carrier: {**TABLES[carrier], key: ""}}
        async with exchange(tmp_path, OK, **tables) as found:
            with pytest.raises(ControlError, match=f"set phones.{carrier}.{key}"):
                await dial(found.carriers, PHONES[carrier])

    play(scene())


def test_the_keys_that_are_missing_are_named() -> None:
    assert lacking(Phones(), "twilio") == ["phones.twilio.account_sid", "phones.twilio.auth_token"]
    assert lacking(Phones(), "exotel") == []
    assert "phones.exotel.app_id" in lacking(Phones(), "exotel", to_dial=True)


def test_an_answer_that_is_not_read_is_not_an_error_for_a_hang_up(tmp_path: Path) -> None:
    async def empty(_: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    async def scene() -> None:
        async with exchange(tmp_path, empty) as found:
            await found.carriers.hang_up(PHONES["plivo"])

    play(scene())

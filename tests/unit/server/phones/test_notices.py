"""What webhooks say, with the carriers' documented fields; and what is known of calls that are to come."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from server.call.line_events import AnsweredBy
from server.phones.expected import KEPT_S, MOST, Expected
from server.phones.notices import Notice, read, read_call_control

TWILIO = {"CallSid": "CA1", "From": "+491", "To": "+492", "Direction": "inbound", "CallStatus": "ringing"}
PLIVO = {"CallUUID": "u1", "From": "491", "To": "492", "Direction": "inbound", "CallStatus": "ringing"}
EXOTEL = {"CallSid": "e1", "CallFrom": "0801", "CallTo": "0802", "Direction": "incoming", "Status": "completed"}
VONAGE = {"uuid": "v1", "from": "491", "to": "492", "direction": "outbound", "status": "machine"}


@pytest.mark.parametrize(
    ("carrier", "fields", "wanted"),
    [
        ("twilio", TWILIO, Notice("CA1", "+491", "+492", status="ringing")),
        ("telnyx", TWILIO, Notice("CA1", "+491", "+492", status="ringing")),
        ("plivo", PLIVO, Notice("u1", "491", "492", status="ringing")),
        ("exotel", EXOTEL, Notice("e1", "0801", "0802", status="completed")),
        (
            "vonage",
            VONAGE,
            Notice("v1", "491", "492", outbound=True, status="machine", answered_by=AnsweredBy("machine")),
        ),
        ("vonage", {"uuid": 7, "from": None, "to": ["x"]}, Notice()),
        ("twilio", {}, Notice()),
    ],
)
def test_a_webhook_says(carrier: str, fields: dict[str, Any], wanted: Notice) -> None:
    assert read(carrier, fields) == wanted


@pytest.mark.parametrize(
    ("carrier", "fields", "wanted"),
    [
        ("twilio", {"AnsweredBy": "human"}, AnsweredBy("human")),
        ("twilio", {"AnsweredBy": "machine_start"}, AnsweredBy("machine")),
        ("twilio", {"AnsweredBy": "machine_end_beep"}, AnsweredBy("machine", may_speak=True)),
        ("twilio", {"AnsweredBy": "machine_end_silence"}, AnsweredBy("machine", may_speak=True)),
        ("twilio", {"AnsweredBy": "fax"}, AnsweredBy("fax")),
        ("twilio", {"AnsweredBy": "unknown"}, AnsweredBy("unknown")),
        ("twilio", {"AnsweredBy": "a new word"}, AnsweredBy("unknown")),
        ("plivo", {"Machine": "true"}, AnsweredBy("machine")),
        ("plivo", {"Machine": "false"}, AnsweredBy("human")),
        ("plivo", {"Machine": ""}, None),
        ("vonage", {"status": "human"}, AnsweredBy("human")),
        ("vonage", {"status": "machine", "sub_state": "beep_start"}, AnsweredBy("machine", may_speak=True)),
        ("vonage", {"status": "answered"}, None),
    ],
)
def test_who_answered(carrier: str, fields: dict[str, str], wanted: AnsweredBy | None) -> None:
    assert read(carrier, fields).answered_by == wanted


def event(kind: str, **payload: str) -> bytes:
    """An event of Call Control."""
    more = {"call_control_id": "v3:1", "from": "+491", "to": "+492", "direction": "incoming", **payload}
    return msgspec.json.encode({"data": {"event_type": kind, "id": "x", "payload": more}, "meta": {}})


def test_call_control_says() -> None:
    notice = read_call_control(event("call.initiated", state="parked"))
    assert notice == Notice("v3:1", "+491", "+492", status="call.initiated")
    assert read_call_control(event("call.hangup", direction="outgoing")).ended
    who = [
        read_call_control(event(kind, result=result)).answered_by
        for kind, result in (
            ("call.machine.detection.ended", "machine"),
            ("call.machine.premium.detection.ended", "human_residence"),
            ("call.machine.greeting.ended", "beep_detected"),
            ("call.machine.detection.ended", "not_sure"),
            ("call.answered", ""),
        )
    ]
    assert who == [
        AnsweredBy("machine"),
        AnsweredBy("human"),
        AnsweredBy("machine", may_speak=True),
        AnsweredBy("unknown"),
        None,
    ]
    with pytest.raises(msgspec.DecodeError):
        read_call_control(b'{"data": 7}')


@pytest.mark.parametrize("status", "completed busy failed no-answer canceled timeout call.hangup Completed".split())
def test_a_call_is_over(status: str) -> None:
    assert Notice(status=status).ended


@pytest.mark.parametrize("status", "queued ringing in-progress answered started machine call.answered".split())
def test_a_call_goes_on(status: str) -> None:
    assert not Notice(status=status).ended


def test_our_number_is_the_other_one_when_we_call() -> None:
    assert Notice(caller="a", called="b").ours == "b"
    assert Notice(caller="a", called="b", outbound=True).ours == "a"


def test_what_is_known_of_a_call_is_there_when_it_comes_and_only_once() -> None:
    expected = Expected()
    expected.dialled("1", "Good morning.", 0.0)
    expected.answered("1", AnsweredBy("human"), 5.0)
    found = expected.take("1", 6.0)
    assert found is not None
    assert (found.greeting, found.answered_by) == ("Good morning.", AnsweredBy("human"))
    assert expected.take("1", 6.0) is None


def test_calls_that_never_come_are_forgotten() -> None:
    expected = Expected()
    for number in range(MOST + 1):
        expected.dialled(str(number), None, 0.0)
    assert expected.take("0", 1.0) is None
    assert expected.take("1", KEPT_S) is not None
    assert expected.take("2", KEPT_S + 1) is None
    expected.forget("3")
    assert expected.take("3", 1.0) is None

"""What the carriers' webhooks say of a call, in one form. Pure.

Each carrier has its own names for the same: fields of a form, of a query, or of JSON. What it does not say is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from server.call.line_events import AnsweredBy

ENDED = frozenset(
    """
    completed busy failed no-answer canceled cancelled timeout rejected unanswered hangup call.hangup terminal
    """.split()
)
"""The states from which no call comes back, in the words of all carriers."""


class Notice(Struct, frozen=True):
    """What a webhook says."""

    call_id: str = ""
    caller: str = ""
    called: str = ""
    outbound: bool = False
    """We made the call: the caller is our own number."""
    status: str = ""
    """As the carrier calls it."""
    answered_by: AnsweredBy | None = None

    @property
    def ours(self) -> str:
        """Which of our numbers the call came to, or came from."""
        return self.caller if self.outbound else self.called

    @property
    def ended(self) -> bool:
        """Whether the call is over."""
        return self.status.lower() in ENDED


def read(carrier: str, fields: Mapping[str, Any]) -> Notice:
    """What the fields of a carrier's webhook say; fields of a wrong kind are as if they were not there."""
    texts = {name: value if isinstance(value, str) else "" for name, value in fields.items()}
    return READERS[carrier](texts)


def _twilio(fields: Mapping[str, str]) -> Notice:
    return Notice(
        call_id=fields.get("CallSid", ""),
        caller=fields.get("From", ""),
        called=fields.get("To", ""),
        outbound=fields.get("Direction", "").startswith("outbound"),
        status=fields.get("CallStatus", ""),
        answered_by=_who(fields.get("AnsweredBy", "")),
    )


def _plivo(fields: Mapping[str, str]) -> Notice:
    machine = {"true": "machine", "false": "human"}.get(fields.get("Machine", "").lower(), "")
    return Notice(
        call_id=fields.get("CallUUID", ""),
        caller=fields.get("From", ""),
        called=fields.get("To", ""),
        outbound=fields.get("Direction", "") == "outbound",
        status=fields.get("CallStatus", ""),
        answered_by=_who(machine),
    )


def _exotel(fields: Mapping[str, str]) -> Notice:
    return Notice(
        call_id=fields.get("CallSid", ""),
        caller=fields.get("CallFrom", "") or fields.get("From", ""),
        called=fields.get("CallTo", "") or fields.get("To", ""),
        outbound=fields.get("Direction", "").startswith("outbound"),
        status=fields.get("Status", "") or fields.get("CallStatus", ""),
    )


def _vonage(fields: Mapping[str, str]) -> Notice:
    status, beep = fields.get("status", ""), fields.get("sub_state", "") == "beep_start"
    return Notice(
        call_id=fields.get("uuid", ""),
        caller=fields.get("from", ""),
        called=fields.get("to", ""),
        outbound=fields.get("direction", "") == "outbound",
        status=status,
        answered_by=_who(f"{status}_end" if beep else status) if status in ("human", "machine") else None,
    )


READERS: dict[str, Callable[[Mapping[str, str]], Notice]] = {
    "twilio": _twilio,
    "telnyx": _twilio,  # TeXML has its names
    "plivo": _plivo,
    "exotel": _exotel,
    "vonage": _vonage,
}


class _Payload(Struct):
    call_control_id: str = ""
    caller: str = msgspec.field(name="from", default="")
    called: str = msgspec.field(name="to", default="")
    direction: str = ""
    result: str = ""


class _Data(Struct):
    event_type: str = ""
    payload: _Payload = msgspec.field(default_factory=_Payload)


class _CallControl(Struct):
    data: _Data


_event = msgspec.json.Decoder(_CallControl)


def read_call_control(body: bytes) -> Notice:
    """An event of Telnyx' Call Control; its type is the status. Raises msgspec.DecodeError."""
    data = _event.decode(body).data
    payload = data.payload
    result = {"ended": "machine_end", "beep_detected": "machine_end"}.get(payload.result, payload.result)
    return Notice(
        call_id=payload.call_control_id,
        caller=payload.caller,
        called=payload.called,
        outbound=payload.direction == "outgoing",
        status=data.event_type,
        answered_by=_who(result) if data.event_type.startswith("call.machine.") else None,
    )


def _who(text: str) -> AnsweredBy | None:
    """Twilio's words and Telnyx': `human`, `human_residence`, `machine_start`, `machine_end_beep`, `fax_detected`, …"""
    if not text:
        return None
    kinds: tuple[Literal["human", "machine", "fax"], ...] = ("human", "machine", "fax")
    for kind in kinds:
        if text.startswith(kind):
            return AnsweredBy(kind, may_speak=text.startswith("machine_end"))
    return AnsweredBy("unknown")

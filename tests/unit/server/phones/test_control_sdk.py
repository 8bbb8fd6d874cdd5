"""The same requests as the carriers' own packages make."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import plivo
import pytest
import requests
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from server.phones.control.rest import Call
from server.phones.markup import twilio as twiml
from tests.unit.link.http_peer import answering
from tests.unit.link.stage import play
from tests.unit.server.phones.exchange import PHONES, SECRET, exchange

Brief = tuple[str, str, Any]


class Noting(HttpClient):  # type: ignore[misc]
    """What Twilio's package would send."""

    def __init__(self) -> None:
        self.asked: list[Brief] = []

    def request(self, method: str, url: str, *more: Any, data: Any = None, **others: Any) -> Response:
        """Note it."""
        self.asked.append((method.upper(), urlsplit(url).path, data))
        return Response(200, '{"sid": "CA9"}')


def ours(folder: Path, carrier: str, act: Any) -> list[Brief]:
    """What we send when we hang up, transfer and dial."""
    briefs: list[Brief] = []

    async def scene() -> None:
        async with exchange(folder, answering('{"sid": "CA9", "request_uuid": "CA9"}')) as found:
            await act(found.carriers, msgspec.structs.replace(PHONES[carrier], call_id="CA1"))
            briefs.extend(found.brief)

    play(scene())
    return briefs


def test_twilio(tmp_path: Path) -> None:
    async def act(carriers: Any, phone: Any) -> None:
        await carriers.hang_up(phone)
        await carriers.transfer(phone, "+4930", "")
        await carriers.dial("twilio", Call("+491", "+492", detect_machine=True))

    noting = Noting()
    client = Client("AC1", SECRET, http_client=noting)
    client.calls("CA1").update(status="completed")
    client.calls("CA1").update(twiml=twiml.dial("+4930"))
    client.calls.create(
        from_="+491",
        to="+492",
        url="https://voice.example.org/twilio/voice",
        status_callback="https://voice.example.org/twilio/status",
        machine_detection="DetectMessageEnd",
        async_amd="true",
        async_amd_status_callback="https://voice.example.org/twilio/status",
    )
    assert ours(tmp_path, "twilio", act) == noting.asked


def test_plivo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(carriers: Any, phone: Any) -> None:
        await carriers.hang_up(phone)
        await carriers.transfer(phone, "+4930", "")
        await carriers.send_digits(phone, "12#")
        await carriers.dial("plivo", Call("+491", "+492", detect_machine=True))

    asked: list[Brief] = []

    def note(_: Any, request: Any, **more: Any) -> requests.Response:
        body = msgspec.json.decode(request.body) if request.body else {}
        body.pop("call_uuid", None)  # it stands in the path; their package repeats it
        asked.append((request.method, urlsplit(request.url).path, body))
        response = requests.Response()
        response.status_code, response._content = (204 if request.method == "DELETE" else 202), b'{"api_id": "1"}'
        return response

    monkeypatch.setattr(requests.Session, "send", note)
    client = plivo.RestClient("MA1" + "X" * 17, SECRET)
    client.calls.delete("CA1")
    client.calls.transfer("CA1", legs="aleg", aleg_url="https://voice.example.org/plivo/transfer", aleg_method="POST")
    client.calls.send_digits("CA1", "12#", leg="aleg")
    client.calls.create(
        from_="491",
        to_="492",
        answer_url="https://voice.example.org/plivo/answer",
        answer_method="POST",
        hangup_url="https://voice.example.org/plivo/status",
        machine_detection="true",
        machine_detection_url="https://voice.example.org/plivo/status",
    )
    made = ours(tmp_path, "plivo", act)
    theirs = [
        (
            method,
            path.replace("MA1" + "X" * 17, "MA1"),
            {key: body[key] for key in mine or {}} or None,
        )  # not its defaults
        for (method, path, body), (_, _, mine) in zip(asked, made, strict=True)
    ]
    assert made == theirs

"""Transfers through the carriers' REST interfaces: warm ones, and those of which a carrier asks later where they go."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from server.phones.control.rest import ControlError
from server.phones.markup import twilio
from tests.unit.link.http_peer import answering
from tests.unit.link.stage import play
from tests.unit.server.phones.exchange import PHONES, exchange

TO = "+4930"
OK = answering("{}")
CALLS = "/2010-04-01/Accounts/AC1/Calls"


def test_a_warm_transfer_waits_for_whoever_is_called(tmp_path: Path) -> None:
    async def scene() -> None:
        states = [answering(f'{{"status": "{each}"}}') for each in ("queued", "ringing", "in-progress")]
        async with exchange(tmp_path, answering('{"sid": "CA9"}'), *states, OK) as found:
            await found.carriers.transfer(PHONES["twilio"], TO, "A caller.")
            room = "voicewire-c/1"
            whisper = {"From": "+492", "To": TO, "Twiml": twilio.conference(room, "A caller.", ends=True)}
            assert found.brief == [
                ("POST", f"{CALLS}.json", whisper),
                *[("GET", f"{CALLS}/CA9.json", None)] * 3,
                ("POST", f"{CALLS}/c%2F1.json", {"Twiml": twilio.conference(room, ends=True)}),
            ]

    play(scene())


def test_a_warm_transfer_that_nobody_takes_leaves_the_caller_where_they_are(tmp_path: Path) -> None:
    async def scene() -> None:
        async with exchange(tmp_path, answering('{"sid": "CA9"}'), answering('{"status": "busy"}')) as found:
            with pytest.raises(ControlError, match="busy"):
                await found.carriers.transfer(PHONES["twilio"], TO, "A caller.")
            assert found.brief[-1] == ("POST", f"{CALLS}/CA9.json", {"Status": "completed"})

    play(scene())


def test_a_caller_who_leaves_during_a_warm_transfer_calls_nobody_any_more(tmp_path: Path) -> None:
    async def scene() -> None:
        async with exchange(tmp_path, answering('{"sid": "CA9"}'), answering('{"status": "ringing"}')) as found:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(3.5):
                    await found.carriers.transfer(PHONES["twilio"], TO, "A caller.")
            assert found.brief[-1] == ("POST", f"{CALLS}/CA9.json", {"Status": "completed"})

    play(scene())


@pytest.mark.parametrize("carrier", ["telnyx", "plivo", "exotel", "vonage"])
def test_who_cannot_transfer_warmly_says_so(tmp_path: Path, carrier: str) -> None:
    async def scene() -> None:
        async with exchange(tmp_path, OK) as found:
            with pytest.raises(ControlError, match="without words"):
                await found.carriers.transfer(PHONES[carrier], TO, "A caller.")
            assert found.asked == []

    play(scene())


@pytest.mark.parametrize("carrier", ["plivo", "exotel"])
def test_who_asks_later_where_a_call_goes_is_told_once(tmp_path: Path, carrier: str) -> None:
    async def scene() -> None:
        async with exchange(tmp_path, OK) as found:
            await found.carriers.transfer(PHONES[carrier], TO, "")
            assert [found.carriers.bound_for("c/1") for _ in range(2)] == [TO, ""]

    play(scene())


def test_a_transfer_that_plivo_refused_leads_nowhere(tmp_path: Path) -> None:
    async def scene() -> None:
        async with exchange(tmp_path, answering("", 400)) as found:
            with pytest.raises(ControlError):
                await found.carriers.transfer(PHONES["plivo"], TO, "")
            assert found.carriers.bound_for("c/1") == ""

    play(scene())

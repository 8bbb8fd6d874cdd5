"""The carriers' webhooks at the real server: what lets a carrier in, who takes a call, and what a call hears later."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from server.agent import Agent
from server.call.handle import CallHandle
from server.call.line_events import AnsweredBy
from server.phones.webhooks import BODY_S
from tests.unit.server.door import signers
from tests.unit.server.phones.hooks import FORM, PHONES, PLIVO, VONAGE, hook, media, send, signed, stream_of
from tests.unit.server.server_stand import ServerStand
from tests.virtual.loop import run

WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "twilio": ("/twilio/voice", FORM),
    "telnyx": ("/telnyx/voice", FORM),
    "plivo": ("/plivo/answer", PLIVO),
    "exotel": ("/exotel/answer", {"CallSid": "CA1", "CallFrom": "+491", "CallTo": "+492", "Direction": "incoming"}),
    "vonage": ("/vonage/answer", VONAGE),
}
STATUS = {"twilio": "/twilio/status", "plivo": "/plivo/status", "vonage": "/vonage/event", "telnyx": "/telnyx/status"}


def stand(agent: Agent | None = None, **settings: Any) -> ServerStand:
    """A server whose carriers can all be proven."""
    return ServerStand(agent, **{"public_url": signers.SITE, "phones": PHONES, **settings})


class Noted:
    """An agent that notes its calls."""

    def __init__(self, name: str = "") -> None:
        self.agent = Agent(greeting=f"This is {name}.")
        self.calls: list[CallHandle] = []
        self.answered: list[AnsweredBy] = []
        self.ends: list[str] = []

        @self.agent.on("call_started")
        async def started(call: CallHandle) -> None:
            self.calls.append(call)

        @self.agent.on("answered_by")
        async def answered(call: CallHandle, event: AnsweredBy) -> None:
            self.answered.append(event)

        @self.agent.on("call_ended")
        async def ended(call: CallHandle, event: Any) -> None:
            self.ends.append(event.reason)


@pytest.mark.parametrize("carrier", WAYS)
def test_a_call_comes_in_by_the_answer_to_its_webhook(carrier: str) -> None:
    async def scene() -> None:
        noted = Noted()
        async with stand(noted.agent) as server:
            status, text = await hook(server, carrier, *WAYS[carrier])
            assert status == 200
            target, parameters = stream_of(carrier, text)
            await media(server, carrier, target, **parameters)
            await asyncio.sleep(1)
            phone = noted.calls[0].phone
            assert phone is not None
            assert phone.carrier == carrier
            if carrier != "exotel":  # its own first message says who calls whom
                assert [each.removeprefix("+") for each in (phone.caller, phone.called)] == ["491", "492"]

    run(scene())


@pytest.mark.parametrize("carrier", WAYS)
def test_nobody_else_is_answered(carrier: str) -> None:
    async def scene() -> None:
        target, fields = WAYS[carrier]
        async with stand() as server:
            good = signed(carrier, target, fields)
            for header in [name for name in good.headers if "signature" in name or name == "authorization"]:
                bad = type(good)(good.method, good.base, target, {**good.headers, header: "x"}, good.body)
                assert (await send(server, target, bad))[0] == 403
            assert (await send(server, target, type(good)("POST", good.base, target, signers.FORM, good.body)))[
                0
            ] == 403
        async with stand(phones={}) as server:
            assert (await hook(server, carrier, target, fields))[0] == 403, "no secrets: closed"

    run(scene())


def test_a_number_has_an_agent_of_its_own() -> None:
    async def scene() -> None:
        main, sales = Noted("main"), Noted("sales")
        for carrier in ("twilio", "plivo", "vonage"):
            target, fields = WAYS[carrier]
            async with stand(main.agent, numbers={"+492": sales.agent}) as server:
                for called in ("+492", "+493"):
                    more = {"to": called} if carrier == "vonage" else {"To": called}
                    path, parameters = stream_of(carrier, (await hook(server, carrier, target, {**fields, **more}))[1])
                    await media(server, carrier, path, **parameters)
                    await asyncio.sleep(1)
        assert (len(main.calls), len(sales.calls)) == (3, 3)

    run(scene())


@pytest.mark.parametrize(
    ("carrier", "fields", "who"),
    [
        ("twilio", {"CallSid": "CA1", "AnsweredBy": "machine_end_beep"}, AnsweredBy("machine", may_speak=True)),
        ("plivo", {"CallUUID": "CA1", "Machine": "true"}, AnsweredBy("machine")),
        ("vonage", {"uuid": "CA1", "status": "human"}, AnsweredBy("human")),
        (
            "telnyx",
            {
                "data": {
                    "event_type": "call.machine.detection.ended",
                    "payload": {"call_control_id": "CA1", "result": "human"},
                }
            },
            AnsweredBy("human"),
        ),
    ],
)
@pytest.mark.parametrize("early", [True, False])
def test_the_agent_is_told_who_answered_also_when_it_was_known_before(
    carrier: str, fields: dict[str, Any], who: AnsweredBy, early: bool
) -> None:
    async def scene() -> None:
        noted = Noted()
        async with stand(noted.agent) as server:
            _, text = await hook(server, carrier, *WAYS[carrier])
            path, parameters = stream_of(carrier, text)
            for now in (True, False):
                if now is early:
                    assert (await hook(server, carrier, STATUS[carrier], fields))[0] == 204
                if now:
                    await media(server, carrier, path, **parameters)
                    await asyncio.sleep(1)
            await asyncio.sleep(1)
            assert noted.answered == [who]

    run(scene())


def test_a_call_that_the_carrier_ended_is_over() -> None:
    async def scene() -> None:
        noted = Noted()
        async with stand(noted.agent) as server:
            path, parameters = stream_of("twilio", (await hook(server, "twilio", *WAYS["twilio"]))[1])
            await media(server, "twilio", path, **parameters)
            await asyncio.sleep(1)
            await hook(server, "twilio", "/twilio/status", {"CallSid": "CA1", "CallStatus": "in-progress"})
            assert noted.ends == []
            await hook(server, "twilio", "/twilio/status", {"CallSid": "CA1", "CallStatus": "completed"})
            await server.over()
            assert noted.ends == ["the carrier ended the call (completed)"]

    run(scene())


def test_a_call_that_there_is_no_room_for_is_refused_in_the_carriers_words() -> None:
    async def scene() -> None:
        async with stand(max_calls=1) as server:
            await server.call()
            answers = {carrier: await hook(server, carrier, *WAYS[carrier]) for carrier in WAYS}
        assert "<Reject" in answers["twilio"][1]
        assert "<Reject" in answers["telnyx"][1]
        assert "<Hangup" in answers["plivo"][1]
        assert answers["vonage"][1] == "[]"
        assert answers["exotel"][0] == 503

    run(scene())


@pytest.mark.parametrize(
    ("carrier", "body", "status"),
    [("telnyx", b"}{", 400), ("telnyx", b'{"data": 7}', 400), ("telnyx", b"x" * 70_000, 403), ("telnyx", b"[]", 400)],
)
def test_what_cannot_be_read_is_refused(carrier: str, body: bytes, status: int) -> None:
    async def scene() -> None:
        async with stand() as server:
            shown = signers.telnyx(body, time.time())
            assert (await send(server, "/telnyx/voice", shown))[0] == status

    run(scene())


def test_a_transfer_that_is_asked_for_later() -> None:
    async def scene() -> None:
        async with stand() as server:
            status, text = await hook(server, "plivo", "/plivo/transfer", PLIVO)
            assert (status, "<Hangup" in text) == (200, True)
            server.server._carriers._forwarding.put("CA1", "+4930")
            assert "<Number>+4930</Number>" in (await hook(server, "plivo", "/plivo/transfer", PLIVO))[1]
            server.server._carriers._forwarding.put("CA1", "+4930")
            login = signers.basic("exo", signers.TOKEN).headers["authorization"]
            status, text, _ = await server.get("/exotel/transfer?CallSid=CA1", Authorization=login)
            assert json.loads(text)["destination"] == {"numbers": ["+4930"]}
            assert (await server.get("/exotel/transfer?CallSid=CA1", Authorization=login))[0] == 404

    run(scene())


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def scene() -> None:
        async with stand() as server:
            reader, writer = await asyncio.open_unix_connection(str(server.path))
            writer.write(b"POST /twilio/voice HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345")
            began = asyncio.get_running_loop().time()
            assert (await reader.readline()).startswith(b"HTTP/1.1 403")
            assert asyncio.get_running_loop().time() - began == pytest.approx(BODY_S)
            writer.close()

    run(scene())

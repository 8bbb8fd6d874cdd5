"""The receptionist takes a call: the real session, the brain that comes with voicewire, and a carrier that is told."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from link.errors import ProviderError
from link.websocket import HANDSHAKES_AT_ONCE, Endpoint
from llm.responses import ResponsesCodec, ResponsesSettings
from llm.websocket import WebsocketLLMService
from server.agent import load_agent
from server.call.line import Control
from server.protocols.wire import Phone
from tests.unit.examples.talk import EXAMPLES, ExampleTalk
from tests.unit.server.call.session_stand import Stand, virtual
from tests.unit.server.call.test_session_line import Exchange
from tests.virtual.link import Provider

PHONE = Phone("twilio", "CA1", caller="+491", called="+492")
DISCLAIMER = "This call may be recorded."
GREETING = "Hello, this is the bicycle workshop. Do you call about an order, or do you want sales or repairs?"


@asynccontextmanager
async def calling(
    control: Control | None, phone: Phone | None = PHONE, *, expects_failures: bool = False
) -> AsyncIterator[Stand]:
    """Somebody calls, and has heard the greeting."""
    with tempfile.TemporaryDirectory() as folder:
        brain = Provider(Path(folder) / "brain", ())
        await brain.start()
        model = WebsocketLLMService(
            Endpoint("ws://localhost/v1/responses"),
            ResponsesCodec(ResponsesSettings("brain")),
            random=Random(1),
            gate=asyncio.Semaphore(HANDSHAKES_AT_ONCE),
            opener=brain.open,
        )
        agent = load_agent(EXAMPLES / "receptionist.py")
        try:
            async with Stand(
                agent, model=model, control=control, phone=phone, expects_failures=expects_failures
            ) as stand:
                await stand.hears_the_bot(DISCLAIMER)
                yield stand
        finally:
            await brain.stop()


async def asks(stand: Stand, text: str, answer: str) -> None:
    """The caller says something, and hears this among the answer."""
    stand.send("text", text=text)
    await heard(stand, answer)


async def heard(stand: Stand, words: str) -> None:
    """Until the bot has said it."""
    for _ in range(400):
        if any(words in said for said in stand.bot):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{words!r} is not among {stand.bot}")


def test_what_it_offers_to_the_ears_the_brain_understands() -> None:
    vocabulary = ExampleTalk("receptionist").vocabulary
    for sentence in vocabulary:
        talk = ExampleTalk("receptionist")
        talk.answer("i call about an order")
        answer = talk.answer(sentence.replace("<digits>", "five six seven eight"))
        assert "(" in answer or answer == "Which order number?", sentence


@virtual
async def test_an_order_is_looked_up_by_its_keys_and_the_caller_connected() -> None:
    carrier = Exchange()
    async with calling(carrier) as stand:
        await stand.hears_the_bot(GREETING)
        await asks(stand, "where is my order", "Which order number?")
        stand.send("dtmf", digits="12")
        await asyncio.sleep(1.0)
        stand.send("dtmf", digits="34#")
        await heard(stand, "Your order is on its way, and comes on friday.")
        await asks(stand, "sales please", "I am connecting you with sales.")
        assert (await stand.ended()).reason == "the call was transferred"
        assert carrier.told == [("transfer", "CA1", "+12025550143", "")]


@virtual
async def test_nobody_talks_over_the_disclaimer_nor_over_who_is_being_connected() -> None:
    carrier = Exchange()
    async with calling(carrier) as stand:
        stand.send("interrupt")
        await asks(stand, "repairs", "I am connecting you with repairs.")
        for _ in range(3):
            stand.send("interrupt")
            await asyncio.sleep(0.2)
        await stand.ended()
        assert stand.bot.count(DISCLAIMER) == 1
        assert carrier.told == [("transfer", "CA1", "+12025550178", "")]


@virtual
async def test_the_star_leads_to_a_person_at_any_time() -> None:
    carrier = Exchange()
    async with calling(carrier) as stand:
        stand.send("dtmf", digits="*")
        await heard(stand, "I am connecting you with a colleague.")
        assert (await stand.ended()).reason == "the call was transferred"
        assert carrier.told == [("transfer", "CA1", "+12025550100", "")]


@virtual
@pytest.mark.parametrize("phone", [PHONE, None])
async def test_who_cannot_be_connected_is_told_so_and_may_ask_for_more(phone: Phone | None) -> None:
    carrier = Exchange(ProviderError("the line is busy"))
    async with calling(carrier, phone, expects_failures=phone is not None) as stand:
        await asks(stand, "sales", "I am connecting you with sales.")
        await heard(stand, "I cannot reach anybody now.")
        await asks(stand, "my order number is nine zero zero zero", "Your order is ready to be collected.")
        assert stand.end is None

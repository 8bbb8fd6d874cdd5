"""A carrier's call over a real session: the wire answers by itself, on hold is muted, the carrier's end is the end."""

from __future__ import annotations

import asyncio

import pytest

from server.call.writer import FAREWELL_S
from server.protocols.genesys import GenesysWire
from server.protocols.wire import Phone
from tests.corpus import genesys
from tests.unit.server.call.session_stand import Stand
from tests.virtual.loop import run


def call() -> Stand:
    """A call of Genesys that is opened."""
    return Stand(wire=GenesysWire(), opening=genesys.opening().text, ready="opened")


def test_a_wire_answers_by_itself_during_a_call() -> None:
    async def scene() -> None:
        async with call() as stand:
            assert stand.session.handle.phone == Phone(
                "genesys",
                genesys.CONVERSATION,
                genesys.SESSION,
                "d7934305-0972-4844-938e-9060eef73d05",
                "+15551234567",
                "+15557654321",
            )
            stand.socket.incoming.put_nowait(genesys.said("ping").text)
            pong = await stand.hears("pong")
            assert (pong["seq"], pong["clientseq"]) == (2, 2)
            stand.socket.incoming.put_nowait(genesys.said("close", {"reason": "end"}, seq=3).text)
            end = await stand.ended()
            assert (end.code, end.reason) == (1000, "Genesys closed the session: 'end'")
            assert [each["type"] for each in stand.seen] == ["opened", "pong", "closed"]

    run(scene())


def test_when_we_hang_up_genesys_has_the_last_word_and_closes() -> None:
    async def scene() -> None:
        async with call() as stand:
            await stand.session.handle.hang_up()
            await stand.hears("disconnect")
            stand.socket.incoming.put_nowait(genesys.said("close", {"reason": "disconnect"}).text)
            await stand.hears("closed")
            assert stand.socket.closed is None, "the client closes"
            stand.gone()
            assert (await stand.ended()).code == 1000
            assert [each["type"] for each in stand.seen] == ["opened", "disconnect", "closed"]

    run(scene())


@pytest.mark.parametrize("answers", [True, False])
def test_a_client_that_does_not_close_is_closed_after_a_while(answers: bool) -> None:
    async def scene() -> None:
        async with call() as stand:
            await stand.session.handle.hang_up()
            await stand.hears("disconnect")
            if answers:
                stand.socket.incoming.put_nowait(genesys.said("close", {"reason": "disconnect"}).text)
            began = asyncio.get_running_loop().time()
            await stand.ended()
            assert asyncio.get_running_loop().time() - began == pytest.approx(FAREWELL_S, abs=0.1)
            assert stand.socket.closed
            assert stand.socket.closed[0] == 1000

    run(scene())


def test_a_client_that_breaks_the_rules_is_closed_at_once() -> None:
    async def scene() -> None:
        async with call() as stand:
            began = asyncio.get_running_loop().time()
            stand.socket.incoming.put_nowait(genesys.said("ping", version="1").text)
            end = await stand.ended()
            assert (end.code, asyncio.get_running_loop().time() - began < 0.1) == (1008, True)
            assert [each["type"] for each in stand.seen] == ["opened", "disconnect"]

    run(scene())


def test_what_the_wire_counts_is_in_the_statistics() -> None:
    async def scene() -> None:
        async with call() as stand:
            stand.socket.incoming.put_nowait(genesys.said("ping", seq=5).text)
            await stand.hears("pong")
            stand.socket.incoming.put_nowait(genesys.said("close", {"reason": "end"}, seq=6).text)
            await stand.ended()
            assert stand.dropped["wire_lost"] == 3

    run(scene())

"""A carrier's call over a real session: the wire answers by itself, on hold is muted, the carrier's end is the end."""

from __future__ import annotations

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


def test_what_the_wire_counts_is_in_the_statistics() -> None:
    async def scene() -> None:
        async with call() as stand:
            stand.socket.incoming.put_nowait(genesys.said("ping", seq=5).text)
            await stand.hears("pong")
            stand.socket.incoming.put_nowait(genesys.said("close", {"reason": "end"}, seq=6).text)
            await stand.ended()
            assert stand.dropped["wire_lost"] == 3

    run(scene())

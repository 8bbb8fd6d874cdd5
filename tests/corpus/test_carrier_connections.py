"""All that is bad on the carriers' wires, over real websockets of the real application, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest
from msgspec import Struct

from server.door.door import Path
from tests.corpus import asterisk, carriers, genesys, vonage
from tests.corpus.binary_carriers import CarrierCase, Corpus
from tests.corpus.carrier_dialects import ALL
from tests.corpus.native import Step, Wait
from tests.corpus.raw import PING, RawClient
from tests.corpus.steps import LONG, do, hears_every_second, is_alive
from tests.unit.server.server_stand import ServerStand
from tests.virtual.loop import run

AT_ONCE = 50
BEGIN = Wait(0.1)
"""Let the call begin: who is closed while an answer of theirs to a ping is on its way may not see the close code."""
HEADERS = {"asterisk": ("Sec-WebSocket-Protocol: media",)}


class Bad(Struct, frozen=True):
    """What one connection sends, from its first message on, and how it ends; None: it goes on."""

    path: Path
    name: str
    steps: tuple[Step, ...]
    closes: int | None
    alone: bool


def bad(path: Path, case: carriers.Case | CarrierCase, opening: tuple[Step, ...]) -> Bad:
    """A case of any corpus. A flood ends a call here in any case: a codec alone has no clock."""
    ends = case.ends if isinstance(case, carriers.Case) else case.hangs_up
    closes = 1000 if ends else case.closes or (1008 if "flood" in case.name else None)
    return Bad(path, case.name, (*opening, BEGIN, *case.steps) if case.start else case.steps, closes, case.alone)


def _all() -> Iterator[Bad]:
    binary: dict[Path, Corpus] = {"vonage": vonage.CORPUS, "genesys": genesys.CORPUS, "asterisk": asterisk.CORPUS}
    for by, cases in ALL:
        yield from (bad(by.name, case, by.opening()) for case in cases)  # type: ignore[arg-type]
    for path, corpus in binary.items():
        yield from (bad(path, case, corpus.start) for case in corpus.cases)


CASES = list(_all())
PATHS = list(dict.fromkeys(case.path for case in CASES))


def names(cases: Sequence[Bad]) -> list[str]:
    return [f"{case.path}: {case.name}" for case in cases]


async def tell(stand: ServerStand, case: Bad) -> None:
    """One connection, which sends what the case has; checks how it ends, or that it goes on."""
    client = await stand.client(target=f"/{case.path}", headers=HEADERS.get(case.path, ()))
    assert client.status == 101, client.body
    for step in case.steps:
        await do(client, step)
    if case.closes is None:
        await answers(client, case)
    else:
        assert await client.closed() == case.closes, names([case])
    client.cut()


async def answers(client: RawClient, case: Bad) -> None:
    """It is read on: a ping has its pong."""
    await client.frame(PING, b"alive")
    for _ in range(100):
        if b"alive" in client.pongs or client.over:
            break
        await asyncio.sleep(0.01)
    assert not client.over, f"{names([case])} is closed with {client.close_code}"
    assert b"alive" in client.pongs, names([case])


def stand_of() -> ServerStand:
    """A server to which every carrier may come; who speaks to it is told a long story."""
    return ServerStand(insecure=True, llm={"name": "tests.unit.server.parts:model", "answers": [[LONG]]})


async def bystander(stand: ServerStand) -> RawClient:
    """A call of another wire, which is told the story."""
    client = await stand.client()
    await client.say("start")
    await client.say("text", text="tell me a long story")
    await client.hears("bot_started")
    return client


@pytest.mark.parametrize("path", PATHS)
def test_a_call_goes_on_without_a_gap_while_a_carrier_sends_all_that_is_bad(path: Path) -> None:
    cases = [case for case in CASES if case.path == path]

    async def scene() -> None:
        async with stand_of() as stand:
            good = await bystander(stand)
            for first in range(0, len(cases), AT_ONCE):
                async with asyncio.TaskGroup() as group:
                    listener = group.create_task(hears_every_second(good))
                    await asyncio.gather(*(tell(stand, case) for case in cases[first : first + AT_ONCE]))
                    listener.cancel()
                await stand.over(left=1)
            assert good.close_code is None
            codes = Counter(case.closes for case in cases if case.closes not in (None, 1000))
            ended = {code: await stand.count("voicewire_calls_ended_total", code=str(code)) for code in codes}
            assert ended == codes
            await is_alive(good)

    run(scene())


def test_every_case_of_every_carrier_is_among_them() -> None:
    assert PATHS == ["twilio", "telnyx", "plivo", "exotel", "vonage", "genesys", "asterisk"]
    assert len(CASES) >= 1000
    assert sum(not case.alone for case in CASES) >= 40, "floods, and what is too large"

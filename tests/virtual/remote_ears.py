"""Ears over a websocket, with one fault at one message of a conversation: no word may be lost, or heard twice.

A service is one line of `EARS`: the server that speaks its protocol, and the ears at it. The rest is the same for all.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from msgspec import Struct

from audio.stt.deepgram import DeepgramHearing, DeepgramSettings
from audio.stt.deepgram_flux import FluxHearing, FluxSettings
from audio.stt.hearing import Hearing, Patience
from audio.stt.openai_events import RealtimeSettings
from audio.stt.openai_realtime import RealtimeHearing
from audio.stt.websocket import WebsocketEars
from link.websocket import Endpoint
from server.services.ears import CONNECT_S
from tests.unit.audio.stt import flux, nova, realtime
from tests.unit.audio.stt.booth import Booth
from tests.unit.link.dice import LongestDelays
from tests.unit.link.faults import DOORS, MISFITS, Door, Wire
from tests.unit.link.peer import Act, Peer
from tests.unit.server.logbook import Logbook
from tests.virtual.loop import run

URL = Endpoint("ws://localhost/ears", (("Authorization", "Token sesame-street"),), connect_s=CONNECT_S)
SAID = ((1, 2, 3, 4), (5, 6), (7,))
PAUSE_S = 1.0
DROPS = ("reset", "1000", "1001", "1011", "1012", "1013")
TURNS = re.compile("(started (eager (resumed )?)*ended )*")
PATIENCE_S = 30.0
LONGEST_S = 300.0


class Ears(Struct, frozen=True):
    """A service, and the server that it is tested with."""

    hearing: Callable[[], Hearing]
    act: Callable[[Wire], Act]
    misfits: Mapping[str, str | bytes]
    stalled_s: float
    """The latest answer where the provider falls silent: it is noticed, and all is heard again."""

    def at(self, peer: Peer) -> WebsocketEars:
        """A call's ears there."""
        return WebsocketEars(URL, self.hearing(), random=LongestDelays(), gate=asyncio.Semaphore(1), opener=peer.open)

    @property
    def faults(self) -> tuple[str, ...]:
        """What may happen at a message."""
        return (*DROPS, "stall", "twice", "again", *MISFITS, *self.misfits)


EARS = {
    "nova": Ears(
        lambda: DeepgramHearing(DeepgramSettings("nova-3"), Patience()),
        lambda wire: nova.Nova(wire).act,
        nova.MISFITS,
        2.7,
    ),
    "flux": Ears(
        lambda: FluxHearing(FluxSettings("flux-general-en", eager_eot_threshold=0.5), Patience()),
        lambda wire: flux.Flux(wire).act,
        flux.MISFITS,
        7.0,
    ),
    "openai": Ears(
        lambda: RealtimeHearing(RealtimeSettings("gpt-live-transcribe"), Patience()),
        lambda wire: realtime.Realtime(wire).act,
        realtime.MISFITS,
        2.7,
    ),
}
PROMPT_S = 1.0
"""The latest answer where a loss is noticed at once."""
DEAF_S = 3.5
"""The same where nobody answers the handshake, and it is tried again."""


class Cell(Struct, frozen=True):
    """One conversation with one fault: after so many messages, or in a handshake (-1: the first, -2: the second)."""

    service: str
    fault: str
    at: int

    @property
    def wire(self) -> dict[int, str]:
        """The faults of messages. There is a second handshake where the connection before is lost."""
        return {self.at: self.fault} if self.at >= 0 else {5: "reset"} if self.at == -2 else {}

    @property
    def door(self) -> dict[int, str]:
        """Those of handshakes."""
        return {-self.at: self.fault} if self.at < 0 else {}


def sample(cells: Sequence[Cell], count: int) -> list[Cell]:
    """So many of those of each service and fault, always the same ones."""
    by_kind: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        by_kind.setdefault((cell.service, cell.fault), []).append(cell)
    return [cell for kind, found in by_kind.items() for cell in Random(str(kind)).sample(found, min(count, len(found)))]


def hold(cell: Cell, folder: Path) -> list[str]:
    """Hold the conversation; what was wrong with it."""
    ears = EARS[cell.service]
    wire, door = Wire(cell.wire, ears.misfits), Door(cell.door)

    async def scene() -> list[str]:
        peer = Peer(folder, ears.act(wire), door.admit)
        async with asyncio.timeout(LONGEST_S), peer, Booth(ears.at(peer)) as booth:
            await _talk(booth)
            return _wrong(booth, _limit_s(cell))

    with Logbook() as book:
        wrong = run(scene())
    noted = [each for each in book.failures if "websockets.server" not in each]
    leaks = ["the key is in the log"] if book.said("sesame") else []
    return wrong + noted + leaks


async def _talk(booth: Booth) -> None:
    """All speeches, and time for their answers."""
    for words in SAID:
        await booth.be_silent(PAUSE_S)
        await booth.say(*words)
    waited = 0.0
    while waited < PATIENCE_S and len(booth.words) < sum(map(len, SAID)):
        await booth.be_silent(0.5)
        waited += 0.5
    await booth.be_silent(2.0)


def _wrong(booth: Booth, limit_s: float) -> list[str]:
    """The oracle."""
    said = [f"w{number}" for words in SAID for number in words]
    wrong = [] if booth.words == said else [f"said {' '.join(said)}, heard {' '.join(booth.words)}"]
    wrong += [f"lost: {each}" for each in booth.lost]
    if booth.ears.listens == "always":
        if not TURNS.fullmatch("".join(f"{kind} " for kind in booth.hints)):
            wrong.append(f"turns: {booth.hints}")
        if len(booth.finals) < len(SAID):
            wrong.append(f"{len(booth.finals)} answers")
    elif booth.finals != [" ".join(f"w{number}" for number in words) for words in SAID]:
        wrong.append(f"answers: {booth.finals}")
    latest_s = max((booth.answered_after(number) for number in range(min(len(SAID), len(booth.finals)))), default=0.0)
    return wrong + ([f"an answer came {latest_s:.2f} s late"] if latest_s > limit_s else [])


def _limit_s(cell: Cell) -> float:
    if cell.at < 0:
        return DEAF_S if cell.fault == "deaf" else PROMPT_S
    return EARS[cell.service].stalled_s if cell.fault == "stall" else PROMPT_S


@cache
def messages(service: str) -> int:
    """How many messages the conversation has where nothing happens."""
    wire, ears = Wire(), EARS[service]

    async def scene() -> None:
        with TemporaryDirectory() as folder:
            async with Peer(Path(folder), ears.act(wire)) as peer, Booth(ears.at(peer)) as booth:
                await _talk(booth)

    run(scene())
    return wire.messages


def cells() -> list[Cell]:
    """Every service, every fault, every message; and the handshakes."""
    found = [Cell(name, fault, at) for name in EARS for fault in DOORS for at in (-1, -2)]
    for name, ears in EARS.items():
        count = messages(name)
        found += [Cell(name, fault, at) for fault in ears.faults for at in range(count)]
    return found

"""Voices over a websocket, with one fault at one message of a conversation: nothing is said twice, or lost in silence.

A service is one of `DIALECTS`: what its server says. The conversation, with a barge-in, and the oracle are the same.
"""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.unit.audio.tts.provider import CHAR_MS, DIALECTS, Provider, Stand, sound, words_of
from tests.unit.link.faults import DOORS, MISFITS, Door
from tests.unit.server.logbook import Logbook
from tests.virtual.loop import run
from tests.virtual.remote_ears import DROPS, Cell

GREETING, DROPPED, UNASKED, ANSWER, END = range(5)
TEXTS = (
    "One two, three.",
    "Four five six seven eight nine ten.",
    "Never mind.",
    "Yes, of course I can.",
    "And that was all.",
)
TIMED = ("elevenlabs", "cartesia")
"""They tell the times of words: nothing that breaks off is lost."""


def faults_of(service: str) -> list[str]:
    """What may happen at a message. A binary message is audio to some."""
    dialect = DIALECTS[service]()
    sound = {"binary", "no utf-8"} if service not in TIMED else set()
    faults = (*DROPS, str(dialect.close), "stall", "twice", "again", *MISFITS, *dialect.misfits)
    return [fault for fault in dict.fromkeys(faults) if fault not in sound]


def provider_of(service: str) -> Provider:
    """Who speaks; what nobody wants any more goes on for a while."""
    return Provider(DIALECTS[service](), stop_s=0.05)


def hold(cell: Cell, folder: Path) -> list[str]:
    """Hold the conversation; what was wrong with it."""
    provider, door = provider_of(cell.service), Door(cell.door)
    provider.wire.faults = cell.wire

    async def scene() -> list[str]:
        async with asyncio.timeout(1000), Stand(folder, provider, door.admit) as stand:
            ends = await _talk(stand)
            return _wrong(stand, ends, sure=cell.service in TIMED and cell.at >= 0)

    with Logbook() as book:
        wrong = run(scene())
    noted = [each for each in book.failures if "websockets.server" not in each]
    leaks = ["the key is in the log"] if book.said("verysecret") else []
    return wrong + noted + leaks


async def _talk(stand: Stand) -> dict[int, str]:
    """A greeting, an answer that is interrupted when half a second of it was heard, another, and one more."""
    sink = stand.call.sink
    ends = {}
    for frame in (GREETING, DROPPED, UNASKED):
        stand.call.say(frame, TEXTS[frame])
    ends[GREETING] = await _end_of(stand, GREETING)
    await sink.until_given(DROPPED, len(sound("ten charac")))
    sink.dropped |= {DROPPED, UNASKED} - {frame for frame, _ in sink.ends}
    heard = stand.heard(DROPPED)
    for frame in (ANSWER, END):
        stand.call.say(frame, TEXTS[frame])
    for frame in (ANSWER, END):
        ends[frame] = await _end_of(stand, frame)
    await asyncio.sleep(3.0)
    if stand.heard(DROPPED) != heard or stand.heard(UNASKED):
        ends[DROPPED] = "it was heard after it was dropped"
    return ends


async def _end_of(stand: Stand, frame: int) -> str:
    """How a frame ended; of one of which nothing was heard the core says all once more."""
    how = await stand.call.sink.end_of(frame)
    if how != "done" and not stand.heard(frame):
        stand.call.sink.ends.remove((frame, how))
        stand.call.say(frame, TEXTS[frame])
        how = await stand.call.sink.end_of(frame)
    return how


def _wrong(stand: Stand, ends: dict[int, str], *, sure: bool) -> list[str]:
    """The oracle. `sure`: whatever happens, all is said."""
    wrong = []
    for frame, text in enumerate(TEXTS):
        heard = _letters(stand.heard(frame))
        if frame in (DROPPED, UNASKED):
            if not _letters(text).startswith(heard) or frame in ends:
                wrong.append(f"{text!r}: heard {heard!r} {ends.get(frame, '')}")
        elif ends[frame] == "done" and heard != _letters(text):
            wrong.append(f"{text!r}: heard {heard!r} and was told that it was said")
        elif ends[frame] != "done" and (sure or not _letters(text).startswith(heard)):
            wrong.append(f"{text!r}: heard {heard!r}: {ends[frame]}")
        length_ms = len(stand.heard(frame)) * CHAR_MS
        times = [word.start_ms for word in stand.call.sink.words.get(frame, ())]
        wrong += [f"{text!r}: a word at {start_ms} ms" for start_ms in times if not 0 <= start_ms <= length_ms]
        told = stand.words(frame, text)
        if told != words_of(text)[: len(told)]:
            wrong.append(f"{text!r}: the words {told}")
    if sum(how != "done" for how in ends.values()) > 1:
        wrong.append(f"one fault cost more than one sentence: {ends}")
    return wrong


def _letters(text: str) -> str:
    """Without the pauses: where a text goes on after a loss there is another one."""
    return "".join(text.split())


@cache
def messages(service: str) -> int:
    """How many messages the conversation has where nothing happens."""
    provider = provider_of(service)

    async def scene() -> None:
        with TemporaryDirectory() as folder:
            async with Stand(Path(folder), provider) as stand:
                await _talk(stand)

    run(scene())
    return provider.wire.messages


def cells() -> list[Cell]:
    """Every service, every fault, every message; and the handshakes."""
    found = [Cell(name, fault, at) for name in DIALECTS for fault in DOORS for at in (-1, -2)]
    for name in DIALECTS:
        count = messages(name)
        found += [Cell(name, fault, at) for fault in faults_of(name) for at in range(count)]
    return found

"""The connection breaks again and again, and between two answers; the rest: tests/virtual/remote_voices.py."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.unit.audio.tts.provider import DIALECTS, Provider, Stand, words_of
from tests.virtual.loop import run

TEXTS = ("One two, three.", "Four five six seven eight.", "Nine ten.")
FLAVOURS = ("reset", "1011", "garbage")


def letters(text: str) -> str:
    """Without the pauses: where a text goes on after a loss there is another one."""
    return "".join(text.split())


def talk(folder: Path, provider: Provider) -> tuple[list[str], list[str]]:
    """What is heard of each text, and how it ended; a frame of which nothing was said is given once more."""

    async def main() -> tuple[list[str], list[str]]:
        async with Stand(folder, provider) as stand:
            for frame, text in enumerate(TEXTS):
                stand.call.say(frame, text)
            for frame, text in enumerate(TEXTS):
                if await stand.call.sink.end_of(frame) != "done" and not stand.heard(frame):
                    stand.call.sink.ends = [each for each in stand.call.sink.ends if each[0] != frame]
                    stand.call.say(frame, text)
                    await stand.call.sink.end_of(frame)
            heard = [stand.heard(frame) for frame in range(len(TEXTS))]
            ends = [await stand.call.sink.end_of(frame) for frame in range(len(TEXTS))]
            for frame, text in enumerate(TEXTS):
                told = stand.words(frame, text)
                assert told == words_of(text)[: len(told)]
            return heard, ends

    return run(main())


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("seed", range(1, 8))
def test_many_drops(tmp_path: Path, name: str, seed: int) -> None:
    provider = Provider(DIALECTS[name]())
    provider.wire.faults = {n: FLAVOURS[n % len(FLAVOURS)] for n in range(seed, 60, seed + 1)}
    heard, ends = talk(tmp_path, provider)
    for said, how_it_ended, text in zip(heard, ends, TEXTS, strict=True):
        assert letters(said) == letters(text) if how_it_ended == "done" else letters(text).startswith(letters(said))


@pytest.mark.parametrize("name", DIALECTS)
def test_a_drop_between_two_answers(tmp_path: Path, name: str) -> None:
    provider = Provider(DIALECTS[name]())

    async def main() -> None:
        async with Stand(tmp_path, provider) as stand:
            assert await stand.call.speak(1, TEXTS[0]) == "done"
            stand.peer.cut()
            assert await stand.call.speak(2, TEXTS[1]) == "done"
            assert words_of(stand.heard(2)) == words_of(TEXTS[1])
            await asyncio.sleep(1.0)

    run(main())

"""Ears at `/audio/transcriptions`, in virtual time: one final for each `Finish`, in order; no word is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import httpx2
import openai
import pytest

from audio.events import SpokenWord, Transcript
from audio.stt.openai_transcriber import OpenAITranscriber
from audio.stt.openai_transcription import PATH, TranscriptionSettings
from audio.stt.utterance_ears import UtteranceEars
from audio.stt.utterances import Waits
from audio.wav import wav_of
from link.http import HttpClient
from link.websocket import Endpoint
from tests.unit.audio.stt.booth import Booth, spoken
from tests.unit.audio.stt.transcriptions import FAULTS, Transcriptions
from tests.unit.link.http_peer import HttpPeer
from tests.unit.link.stage import play
from tests.unit.llm.chat_stand import logged, transport_to

KEY = "sesame-street-1234"
URL = Endpoint(f"http://localhost/v1{PATH}", (("Authorization", f"Bearer {KEY}"),))
SAID = ((1, 2, 3, 4, 5), (6, 7), (8, 9, 10))
WAITS = Waits()
STREAMED, WHOLE = TranscriptionSettings("m"), TranscriptionSettings("m", stream=False)


def names(*numbers: int) -> str:
    """The text of these words."""
    return " ".join(f"w{number}" for number in numbers)


@asynccontextmanager
async def at(
    folder: Path, server: Transcriptions, settings: TranscriptionSettings = STREAMED, waits: Waits = WAITS
) -> AsyncIterator[tuple[Booth, HttpPeer]]:
    """A call whose ears are there."""
    async with HttpPeer(folder, server.act) as peer:
        client = HttpClient(URL, peer.connector)
        try:
            async with Booth(UtteranceEars(OpenAITranscriber(client, settings, 16000), waits, Random(1))) as booth:
                yield booth, peer
        finally:
            await client.close()


@pytest.mark.parametrize("settings", [STREAMED, WHOLE], ids=["stream", "whole"])
def test_each_speech_is_answered_once_with_what_was_said(tmp_path: Path, settings: TranscriptionSettings) -> None:
    async def scene() -> None:
        server = Transcriptions()
        async with at(tmp_path, server, settings) as (booth, _):
            for number, words in enumerate(SAID, 1):
                await booth.say(*words)
                await booth.until(number)
                assert booth.answered_after(number - 1) == pytest.approx(0.2, abs=0.06)
            assert booth.finals == [names(*words) for words in SAID]
            assert not booth.lost
            assert bool(booth.partials) == settings.stream
            assert server.headers[0]["Authorization"] == f"Bearer {KEY}"

    play(scene())


def test_words_have_times_and_speech_a_language(tmp_path: Path) -> None:
    async def scene() -> None:
        async with at(tmp_path, Transcriptions(), TranscriptionSettings("m", "en", words=True, stream=False)) as (
            booth,
            _,
        ):
            await booth.say(1, 2)
            await booth.until(1)
            words = (SpokenWord("w1", 0, 200), SpokenWord("w2", 200, 400))
            assert booth.facts == [Transcript("w1 w2", True, None, words, "en")]

    play(scene())


def test_speech_while_the_last_is_being_transcribed_keeps_its_order(tmp_path: Path) -> None:
    async def scene() -> None:
        server = Transcriptions(delays_s=(2.0, 0.1, 0.1))
        async with at(tmp_path, server) as (booth, _):
            for words in SAID:
                await booth.say(*words)
            await booth.until(3)
            assert booth.finals == [names(*words) for words in SAID]
            assert len(server.heard) == 3, "nobody was asked twice"

    play(scene())


@pytest.mark.parametrize("settings", [STREAMED, WHOLE], ids=["stream", "whole"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_fault_at_any_request_loses_no_word_and_doubles_none(
    tmp_path: Path, fault: str, number: int, settings: TranscriptionSettings
) -> None:
    async def scene() -> None:
        server = Transcriptions({number: fault})
        async with at(tmp_path, server, settings) as (booth, _):
            for count, words in enumerate(SAID, 1):
                await booth.say(*words)
                await booth.until(count)
            assert booth.finals == [names(*words) for words in SAID]
            assert not booth.lost
            assert len(server.heard) <= 4, "what failed was sent again, once"
            assert max(booth.answered_after(each) for each in range(3)) <= 3.2, "a request that hangs, and another"

    play(scene())


@pytest.mark.parametrize("seed", range(15))
def test_any_faults_lose_no_word_and_double_none(tmp_path: Path, seed: int) -> None:
    dice = Random(seed)
    faults: Mapping[int, str] = {at: dice.choice(FAULTS) for at in dice.sample(range(1, 12), dice.randint(1, 4))}
    settings = dice.choice((STREAMED, WHOLE))
    said: list[tuple[int, ...]] = []

    async def scene() -> None:
        number = 0
        server = Transcriptions(faults, (dice.choice((0.0, 0.2, 0.8)),))
        async with at(tmp_path, server, settings, Waits(final_s=20.0)) as (booth, _):
            for _ in range(dice.randint(2, 5)):
                count = dice.randint(0, 8)
                said.append(tuple(range(number + 1, number + count + 1)))
                number += count
                await booth.say(*said[-1])
                await asyncio.sleep(dice.choice((0.0, 0.1, 3.0)))
            await booth.until(len(said))
            assert booth.finals == [names(*words) for words in said]
            assert not booth.lost

    play(scene())


def test_speech_of_a_minute_loses_no_word(tmp_path: Path) -> None:
    async def scene() -> None:
        words = [number for count in range(1, 101) for number in (count, 0, 0)]
        server = Transcriptions()
        async with at(tmp_path, server) as (booth, _):
            await booth.say(*words)
            await booth.until(1)
            assert booth.finals == [names(*range(1, 101))]
            assert booth.answered_after(0) < 0.3, "most of it was understood long ago"
            assert len(server.heard) > 5

    play(scene())


def test_a_provider_that_hangs_costs_no_more_than_the_deadline(tmp_path: Path) -> None:
    async def scene() -> None:
        server = Transcriptions(dict.fromkeys(range(1, 10), "stall"))
        async with at(tmp_path, server) as (booth, peer):
            await booth.say(1, 2)
            await booth.until(1)
            await asyncio.sleep(0.1)
            assert booth.answered_after(0) == pytest.approx(4.0, abs=0.01)
            assert (booth.finals, booth.lost) == ([""], ["no answer within 2.5 s"])
            assert peer.gone == 2, "who is not waited for is hung up on"

    play(scene())


@pytest.mark.parametrize("fault", ["400", "401"])
def test_what_asking_again_cannot_cure_is_told_at_once_and_without_the_key(tmp_path: Path, fault: str) -> None:
    async def scene() -> None:
        server = Transcriptions({1: fault, 2: fault})
        with logged() as lines:
            async with at(tmp_path, server) as (booth, _):
                for count in range(1, 4):
                    await booth.say(count)
                    await booth.until(count)
        why = f"http://localhost/v1/audio/transcriptions answered HTTP {fault}: as_told: refused ***"
        assert (booth.finals, booth.lost) == (["", "", "w3"], [why, why])
        assert lines == [f"ERROR stt: {why}"], "told once"

    play(scene())


def test_the_end_of_a_call_hangs_up(tmp_path: Path) -> None:
    async def scene() -> None:
        async with at(tmp_path, Transcriptions({1: "stall"})) as (booth, peer):
            await booth.say(1)
            await asyncio.sleep(0.5)
            assert peer.requests == 1
        assert peer.gone == 1

    play(scene())


def test_the_sdk_says_and_hears_the_same(tmp_path: Path) -> None:
    """So the server of these tests speaks the protocol, and our form is the SDK's."""
    settings = TranscriptionSettings("m", "en", "A shop.", ("puncture", "Brooks"), logprobs=True)

    async def scene() -> None:
        server = Transcriptions()
        async with at(tmp_path, server, settings) as (booth, _):
            await booth.say(1, 2)
            await booth.until(1)
            ours = booth.finals
            client = httpx2.AsyncClient(transport=transport_to(tmp_path / "web"))
            async with openai.AsyncOpenAI(api_key=KEY, base_url="http://localhost/v1", http_client=client) as sdk:
                stream = await sdk.audio.transcriptions.create(
                    file=("speech.wav", wav_of(spoken(1, 2, 0), 16000), "audio/wav"),
                    model="m",
                    language="en",
                    prompt="A shop.",
                    keywords=["puncture", "Brooks"],
                    include=["logprobs"],
                    response_format="json",
                    stream=True,
                )
                theirs = [event.text async for event in stream if event.type == "transcript.text.done"]
                verbose = await sdk.audio.transcriptions.create(
                    file=("speech.wav", wav_of(spoken(3), 16000)),
                    model="m",
                    response_format="verbose_json",
                    timestamp_granularities=["word"],
                )
            assert ours == theirs == ["w1 w2"]
            assert server.fields[0] == server.fields[1]
            assert [word.word for word in verbose.words or ()] == ["w3"]

    play(scene())

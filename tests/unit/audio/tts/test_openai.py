"""OpenAI's speech: requests fit the SDK's types, and the SDK itself understands the server that ours is tested with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from openai import AsyncOpenAI
from openai.types.audio.speech_create_params import SpeechCreateParams
from pydantic import TypeAdapter

from audio.tts.delivery import Patience
from audio.tts.http import HttpVoice
from audio.tts.openai import OpenAISpeech
from link.http import HttpClient
from link.tasks import Task, Work
from link.websocket import Endpoint
from tests.unit.audio.tts.provider import CHARS, RATE_HZ, heard, sound
from tests.unit.audio.tts.sinks import SpeakingCall
from tests.unit.link.http_peer import HttpPeer
from tests.virtual.loop import run

TEXTS = ("One two, three.", "Four five six seven eight nine.", "Ten!", "Eleven twelve thirteen.")
SPEECH = OpenAISpeech("some-model", "some-voice", RATE_HZ, {"instructions": "Be calm.", "speed": 1.2})
WHERE = Endpoint("http://localhost/v1/audio/speech", (("Authorization", "Bearer s3cr3t-key"),))
REQUEST: TypeAdapter[Any] = TypeAdapter(SpeechCreateParams)


class Speech:
    """The provider: checks each request by the SDK's type, and speaks it. `faults`: of the n-th request, from 1."""

    def __init__(self, delay_s: float = 0.1, gap_s: float = 0.02) -> None:
        self.delay_s = delay_s
        self.gap_s = gap_s
        self.asked: list[str] = []
        self.said: list[str] = []
        """What was spoken to its end."""
        self.faults: dict[int, str] = {}
        self.refusal: web.Response | None = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        body = REQUEST.validate_python(json.loads(await request.read()), strict=True)
        assert request.path == "/v1/audio/speech"
        assert body["response_format"] == "pcm"
        self.asked.append(body["input"])
        fault = self.faults.get(len(self.asked), "")
        if fault.isdecimal():
            headers = {"Retry-After": "1"} if fault == "429" else {}
            return web.json_response({"error": {"message": "no"}}, status=int(fault), headers=headers)
        if fault == "json":
            return web.json_response({"audio": "no"})
        return await self._speak(request, body["input"], fault)

    async def _speak(self, request: web.Request, text: str, fault: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "audio/pcm"})
        await asyncio.sleep(1e6 if fault == "silence" else self.delay_s)
        how, _, at = fault.partition(" after ")
        if how == "hung up":
            assert request.transport
            request.transport.abort()
        await response.prepare(request)
        if fault == "nothing":
            return response
        pcm = sound(text)
        size = len(pcm) // len(text) * CHARS - 1  # messages end in the middle of a sample
        for number, place in enumerate(range(0, len(pcm), size)):
            if str(number) == at and how == "stall":
                await asyncio.sleep(1e6)
            if str(number) == at and how == "cut":
                assert request.transport
                request.transport.abort()
            await response.write(pcm[place : place + size])
            await asyncio.sleep(self.gap_s)
        self.said.append(text)
        return response


class Stand:
    """A call whose voice is at the provider, while it is entered."""

    def __init__(self, folder: Path, provider: Speech, ahead: int = 2) -> None:
        self.provider = provider
        self.peer = HttpPeer(folder, provider.answer)
        self._ahead = ahead
        self.tasks: list[Task] = []

    async def __aenter__(self) -> Stand:
        """Open the call."""
        await self.peer.__aenter__()
        self.client = HttpClient(WHERE, self.peer.connector)
        self.call = SpeakingCall(HttpVoice(self.client, SPEECH, self._ahead, Patience()), self._spawn)
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the call, and the process."""
        await self.call.stop()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.client.close()
        await self.peer.__aexit__(None, None, None)

    def heard(self, frame: int) -> str:
        """What the sink got of a frame."""
        return heard(self.call.sink.pcm.get(frame, b""))

    def _spawn(self, work: Work) -> Task:
        self.tasks.append(asyncio.ensure_future(work))
        return self.tasks[-1]


def at(folder: Path, provider: Speech, act: Callable[[Stand], Awaitable[None]], ahead: int = 2) -> None:
    """Let a call act at the provider."""

    async def main() -> None:
        async with Stand(folder, provider, ahead) as stand:
            await act(stand)

    run(main())


def now() -> float:
    return asyncio.get_running_loop().time()


# --- what is asked ----------------------------------------------------------------------------------------------------


def test_a_request_is_one_of_the_sdk() -> None:
    for voice in ("some-voice", {"id": "voice_1234"}):
        speech = OpenAISpeech("some-model", voice, 24000, {"instructions": "Be calm.", "speed": 1.2})
        told = json.loads(speech.request("Hello “you”."))
        assert REQUEST.validate_python(told, strict=True) == told
        assert told == {
            "input": "Hello “you”.",
            "model": "some-model",
            "voice": voice,
            "response_format": "pcm",
            "instructions": "Be calm.",
            "speed": 1.2,
        }


@pytest.mark.asyncio
async def test_the_sdk_gets_from_our_provider_what_we_do() -> None:
    provider = Speech(delay_s=0.0, gap_s=0.0)
    app = web.Application()
    app.router.add_post("/v1/audio/speech", provider.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    where = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        async with AsyncOpenAI(api_key="k", base_url=where) as sdk:
            asking = sdk.audio.speech.with_streaming_response.create(
                model="some-model", voice="some-voice", input=TEXTS[0], response_format="pcm"
            )
            async with asking as answer:
                theirs = await answer.read()
        client = HttpClient(Endpoint(f"{where}/audio/speech"))
        call = SpeakingCall(HttpVoice(client, SPEECH, 1))
        assert await call.speak(1, TEXTS[0]) == "done"
        await call.stop()
        await client.close()
    finally:
        await runner.cleanup()
    assert theirs == call.sink.pcm[1] == sound(TEXTS[0])


# --- speaking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [1, 2, 4])
def test_frames_are_spoken_in_order_and_the_next_is_asked_ahead(tmp_path: Path, ahead: int) -> None:
    provider = Speech()

    async def act(stand: Stand) -> None:
        for frame, text in enumerate(TEXTS):
            stand.call.say(frame, text)
        await asyncio.sleep(0.05)
        assert sorted(provider.asked) == sorted(TEXTS[:ahead]), "at once, so in any order"
        assert await stand.call.sink.end_of(len(TEXTS) - 1) == "done"
        assert [stand.heard(frame) for frame in range(len(TEXTS))] == [*TEXTS]
        assert stand.call.sink.ends == [(frame, "done") for frame in range(len(TEXTS))]
        frames = [frame for frame, _, _ in stand.call.sink.chunks]
        assert frames == sorted(frames)
        assert all(size % 2 == 0 for _, size, _ in stand.call.sink.chunks)

    at(tmp_path, provider, act, ahead)


def test_audio_is_given_as_it_comes(tmp_path: Path) -> None:
    async def act(stand: Stand) -> None:
        stand.call.say(1, TEXTS[1])
        await asyncio.sleep(0.7)
        assert TEXTS[1].startswith(stand.heard(1))
        assert stand.heard(1)
        assert not stand.call.sink.ends

    at(tmp_path, Speech(gap_s=0.5), act)


def test_a_barge_in_hangs_up_at_once_and_the_next_answer_is_spoken(tmp_path: Path) -> None:
    provider = Speech(gap_s=0.5)

    async def act(stand: Stand) -> None:
        stand.call.say(1, TEXTS[1])
        stand.call.say(2, TEXTS[3])
        await asyncio.sleep(0.7)
        stand.call.sink.dropped |= {1, 2}
        await asyncio.sleep(0.1)
        assert stand.peer.gone == 2
        assert await stand.call.speak(3, TEXTS[0]) == "done"
        assert stand.heard(3) == TEXTS[0]
        assert provider.said == [TEXTS[0]]

    at(tmp_path, provider, act)


def test_a_full_playout_is_waited_for(tmp_path: Path) -> None:
    async def act(stand: Stand) -> None:
        stand.call.sink.room.clear()
        for frame, text in enumerate(TEXTS):
            stand.call.say(frame, text)
        await asyncio.sleep(60.0)
        stand.call.sink.room.set()
        assert await stand.call.sink.end_of(len(TEXTS) - 1) == "done"
        assert [stand.heard(frame) for frame in range(len(TEXTS))] == [*TEXTS]

    at(tmp_path, Speech(), act)


# --- what goes wrong --------------------------------------------------------------------------------------------------


AGAIN = ["500", "503", "429", "408", "silence", "nothing", "hung up", "cut after 0", "stall after 0"]


@pytest.mark.parametrize("fault", AGAIN)
def test_what_failed_before_it_was_heard_is_asked_again(tmp_path: Path, fault: str) -> None:
    provider = Speech()
    provider.faults = {1: fault}

    async def act(stand: Stand) -> None:
        assert await stand.call.speak(1, TEXTS[1]) == "done"
        assert stand.heard(1) == TEXTS[1]
        assert len(provider.asked) == 2
        waited = stand.peer.tried_at[1] - stand.peer.tried_at[0] >= 1.0
        assert waited == (fault in ("429", "silence", "stall after 0"))

    at(tmp_path, provider, act)


@pytest.mark.parametrize("fault", [f"{how} after {count}" for how in ("cut", "stall") for count in (1, 2, 3)])
def test_what_breaks_off_in_the_middle_is_not_said_again(tmp_path: Path, fault: str) -> None:
    provider = Speech(gap_s=0.3)
    provider.faults = {1: fault}

    async def act(stand: Stand) -> None:
        stand.call.say(1, TEXTS[1])
        stand.call.say(2, TEXTS[2])
        assert await stand.call.sink.end_of(1) != "done"
        assert await stand.call.sink.end_of(2) == "done"
        assert TEXTS[1].startswith(stand.heard(1))
        assert stand.heard(1)
        assert stand.heard(2) == TEXTS[2]
        assert provider.asked.count(TEXTS[1]) == 1

    at(tmp_path, provider, act)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("401", "http://localhost/v1/audio/speech answered HTTP 401: no"),
        ("400", "http://localhost/v1/audio/speech answered HTTP 400: no"),
        ("json", "http://localhost/v1/audio/speech answered with application/json, which is no audio"),
    ],
)
def test_what_asking_again_cannot_help_fails_at_once(tmp_path: Path, fault: str, words: str) -> None:
    provider = Speech()
    provider.faults = {1: fault}

    async def act(stand: Stand) -> None:
        began = now()
        assert await stand.call.speak(1, TEXTS[0]) == words
        assert now() - began < 0.1
        assert await stand.call.speak(2, TEXTS[0]) == "done", "another text may be better"
        assert provider.asked == [TEXTS[0]] * 2

    at(tmp_path, provider, act)


def test_a_provider_that_is_silent_costs_no_more_than_the_patience_of_the_call(tmp_path: Path) -> None:
    provider = Speech()
    provider.faults = dict.fromkeys(range(1, 9), "silence")

    async def act(stand: Stand) -> None:
        began = now()
        assert await stand.call.speak(1, TEXTS[0]) == "the voice gave no audio in time"
        assert now() - began == pytest.approx(2.8, abs=0.01)
        assert len(provider.asked) == 2
        assert stand.heard(1) == ""

    at(tmp_path, provider, act)


def test_nobody_is_there(tmp_path: Path) -> None:
    provider = Speech()

    async def act(stand: Stand) -> None:
        await stand.peer.__aexit__(None, None, None)
        assert "the connection to http://localhost/v1/audio/speech failed" in await stand.call.speak(1, TEXTS[0])
        assert "s3cr3t" not in str(stand.call.sink.ends)

    at(tmp_path, provider, act)

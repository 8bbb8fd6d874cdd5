"""A voice behind a websocket: order, barge-in, deadlines and refusals, in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from audio.tts.deepgram import FLUSHES
from audio.tts.delivery import Patience
from audio.tts.elevenlabs import MAX_CONTEXTS
from tests.unit.audio.tts.provider import DIALECTS, Provider, Stand, words_of
from tests.unit.link.peer import Admit, admitting, refusing
from tests.unit.server.logbook import Logbook
from tests.virtual.loop import run

TEXTS = ("One two, three.", "Four five six seven eight nine.", "Ten!", "Eleven twelve thirteen.")
Act = Callable[[Stand], Awaitable[None]]


def at(
    folder: Path, provider: Provider, act: Act, *, admit: Admit = admitting, patience: Patience | None = None
) -> None:
    """Let a call act at a provider."""

    async def main() -> None:
        async with Stand(folder, provider, admit, patience) as stand:
            await act(stand)

    run(main())


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.fixture(params=DIALECTS)
def provider(request: pytest.FixtureRequest) -> Provider:
    """Each of the providers."""
    return Provider(DIALECTS[request.param]())


# --- speaking ---------------------------------------------------------------------------------------------------------


def test_frames_are_spoken_in_order(tmp_path: Path, provider: Provider) -> None:
    async def act(stand: Stand) -> None:
        for frame, text in enumerate(TEXTS):
            stand.call.say(frame, text)
        assert await stand.call.sink.end_of(len(TEXTS) - 1) == "done"
        assert [words_of(stand.heard(frame)) for frame in range(len(TEXTS))] == [words_of(text) for text in TEXTS]
        frames = [frame for frame, _, _ in stand.call.sink.chunks]
        assert frames == sorted(frames)
        assert stand.call.sink.ends == [(frame, "done") for frame in range(len(TEXTS))]
        assert provider.connections == 1

    at(tmp_path, provider, act)


@pytest.mark.parametrize("name", ["elevenlabs", "cartesia"])
def test_words_come_with_their_audio(tmp_path: Path, name: str) -> None:
    async def act(stand: Stand) -> None:
        await stand.call.speak(1, TEXTS[1])
        assert stand.words(1, TEXTS[1]) == TEXTS[1].split()
        assert [word.start_ms for word in stand.call.sink.words[1]] == [0, 100, 200, 280, 400, 520]

    at(tmp_path, Provider(DIALECTS[name]()), act)


def test_audio_is_given_as_it_comes(tmp_path: Path, provider: Provider) -> None:
    provider.gap_s = 0.5

    async def act(stand: Stand) -> None:
        stand.call.say(1, TEXTS[1])
        await asyncio.sleep(0.7)
        assert stand.heard(1)
        assert not stand.call.sink.ends

    at(tmp_path, provider, act)


@pytest.mark.parametrize("name", ["elevenlabs", "cartesia"])
def test_the_next_frame_is_asked_ahead(tmp_path: Path, name: str) -> None:
    provider = Provider(DIALECTS[name]())

    async def act(stand: Stand) -> None:
        for frame, text in enumerate(TEXTS):
            stand.call.say(frame, text)
        await asyncio.sleep(0.05)
        assert [text.strip() for text in provider.asked] == [*TEXTS[:2]]

    at(tmp_path, provider, act)


def test_marks_alone_are_not_asked(tmp_path: Path, provider: Provider) -> None:
    async def act(stand: Stand) -> None:
        assert await stand.call.speak(1, " … ") == "done"
        assert provider.asked == []

    at(tmp_path, provider, act)


def test_a_full_playout_is_waited_for(tmp_path: Path, provider: Provider) -> None:
    async def act(stand: Stand) -> None:
        stand.call.sink.room.clear()
        for frame, text in enumerate(TEXTS):
            stand.call.say(frame, text)
        await asyncio.sleep(60.0)
        assert stand.call.sink.ends == []
        stand.call.sink.room.set()
        assert await stand.call.sink.end_of(len(TEXTS) - 1) == "done"
        assert [words_of(stand.heard(frame)) for frame in range(len(TEXTS))] == [words_of(text) for text in TEXTS]

    at(tmp_path, provider, act)


def test_much_audio_waits_at_the_provider(tmp_path: Path, provider: Provider) -> None:
    provider.gap_s = 0.0
    text = " ".join(["word"] * 2000)  # 200 s of audio

    async def act(stand: Stand) -> None:
        stand.call.sink.room.clear()
        stand.call.say(1, text)
        stand.call.say(2, "End.")
        await asyncio.sleep(5.0)
        stand.call.sink.room.set()
        assert await stand.call.sink.end_of(2) == "done"
        assert words_of(stand.heard(1)) == words_of(text)
        assert words_of(stand.heard(2)) == ["End."]

    at(tmp_path, provider, act)


# --- barge-in ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after_ms", range(0, 400, 25))
def test_a_barge_in_at_any_time(tmp_path: Path, provider: Provider, after_ms: int) -> None:
    """What is not wanted ends at once; the answer after it is spoken on the same connection."""

    async def act(stand: Stand) -> None:
        for frame, text in enumerate(TEXTS):
            stand.call.say(frame, text)
        await asyncio.sleep(after_ms / 1000)
        ended = {frame for frame, _ in stand.call.sink.ends}
        stand.call.sink.dropped = set(range(len(TEXTS))) - ended
        stand.call.say(10, "Yes, of course.")
        assert await stand.call.sink.end_of(10) == "done"
        assert words_of(stand.heard(10)) == ["Yes,", "of", "course."]
        assert {frame for frame, _ in stand.call.sink.ends} == ended | {10}
        assert provider.connections == 1

    at(tmp_path, provider, act)


def test_a_barge_in_cancels_that_context_only(tmp_path: Path) -> None:
    provider = Provider(DIALECTS["cartesia"]())

    async def act(stand: Stand) -> None:
        stand.call.say(1, TEXTS[1])
        stand.call.say(2, TEXTS[2])  # protected
        await asyncio.sleep(0.1)
        stand.call.sink.dropped.add(1)
        assert await stand.call.sink.end_of(2) == "done"
        cancels = [message["context_id"] for message in provider.received if message.get("cancel")]
        assert [context.split("-")[0] for context in cancels] == ["1"]

    at(tmp_path, provider, act)


def test_many_barge_ins_keep_to_the_contexts_of_a_connection(tmp_path: Path) -> None:
    provider = Provider(DIALECTS["elevenlabs"](), gap_s=0.2)  # cancelled ones speak on, and hold their places

    async def act(stand: Stand) -> None:
        for frame in range(0, 20, 2):
            stand.call.say(frame, "A long, long answer.")
            stand.call.say(frame + 1, "And more of it, too.")
            await asyncio.sleep(0.12)
            stand.call.sink.dropped |= {frame, frame + 1}
        assert await stand.call.speak(50, "Well.") == "done"
        opened = [message["context_id"] for message in provider.received if message.get("text") == " "]
        assert len(opened) >= MAX_CONTEXTS
        assert provider.connections == 1

    at(tmp_path, provider, act)


def test_a_cancelled_context_that_never_ends_costs_the_connection(tmp_path: Path) -> None:
    provider = Provider(DIALECTS["aura"]())

    async def act(stand: Stand) -> None:
        stand.call.say(1, TEXTS[1])
        await asyncio.sleep(0.11)
        provider.wire.faults = dict.fromkeys(range(1, 99), '{"type": "Metadata"}')
        provider.dialect.stopped = lambda: '{"type": "Odd"}'  # type: ignore[method-assign, union-attr]
        stand.call.sink.dropped.add(1)
        since = now()
        assert await stand.call.speak(2, "Yes.") == "done"
        assert provider.connections == 2
        assert now() - since < 2.0

    at(tmp_path, provider, act)


# --- deadlines --------------------------------------------------------------------------------------------------------


def test_a_provider_that_says_nothing_is_left_and_asked_again(tmp_path: Path, provider: Provider) -> None:
    provider.wire.faults = {1: "stall"}

    async def act(stand: Stand) -> None:
        since = now()
        assert await stand.call.speak(1, TEXTS[1]) == "done"
        assert words_of(stand.heard(1)) == words_of(TEXTS[1])
        assert provider.connections == 2
        assert now() - since < 3.0  # or the core would have given it up

    at(tmp_path, provider, act)


def test_a_frame_fails_before_the_core_gives_it_up(tmp_path: Path, provider: Provider) -> None:
    provider.delay_s = 100.0

    async def act(stand: Stand) -> None:
        since = now()
        assert await stand.call.speak(1, TEXTS[1]) == "the voice gave no audio in time"
        assert 2.5 < now() - since < 3.0

    at(tmp_path, provider, act)


def test_what_fails_is_said_first_when_it_is_given_again(tmp_path: Path, provider: Provider) -> None:
    provider.delay_s = 100.0

    async def act(stand: Stand) -> None:
        stand.call.say(1, TEXTS[1])
        stand.call.say(2, TEXTS[2])
        await stand.call.sink.end_of(1)
        provider.delay_s = 0.1
        stand.call.sink.ends.clear()
        stand.call.say(1, TEXTS[1])
        assert await stand.call.sink.end_of(2) == "done"
        assert stand.call.sink.ends == [(1, "done"), (2, "done")]

    at(tmp_path, provider, act)


def test_nobody_is_there(tmp_path: Path, provider: Provider) -> None:
    async def act(stand: Stand) -> None:
        reason = await stand.call.speak(1, TEXTS[1])
        assert reason == "ws://localhost/speak answered the handshake with HTTP 503"
        assert await stand.call.speak(2, TEXTS[2]) == reason

    at(tmp_path, provider, act, admit=refusing(503))


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_a_wrong_key_fails_each_frame_at_once(tmp_path: Path, provider: Provider) -> None:
    async def act(stand: Stand) -> None:
        since = now()
        for frame in range(3):
            reason = await stand.call.speak(frame, TEXTS[frame])
            assert reason == "ws://localhost/speak answered the handshake with HTTP 401"
        assert now() == since
        assert len(stand.peer.tried_at) == 1

    with Logbook() as book:
        at(tmp_path, provider, act, admit=refusing(401))
    assert len(book.failures) == 1
    assert not book.said("verysecret")


def test_an_unknown_voice(tmp_path: Path) -> None:
    provider = Provider(DIALECTS["elevenlabs"]())
    refusal = {"message": "A voice with the key verysecret is not there.", "error": "voice_id_does_not_exist"}
    provider.wire.faults = {1: json.dumps(refusal)}

    async def act(stand: Stand) -> None:
        reason = await stand.call.speak(1, TEXTS[1])
        assert reason == ("elevenlabs refuses: voice_id_does_not_exist: A voice with the key *** is not there.")
        assert await stand.call.speak(2, TEXTS[2]) == reason
        assert provider.connections == 1

    at(tmp_path, provider, act)


def test_a_refusal_that_passes_is_asked_again(tmp_path: Path) -> None:
    provider = Provider(DIALECTS["cartesia"]())
    refusal = {"type": "error", "message": "Too many", "status_code": 429, "done": True, "context_id": "1-1"}
    provider.wire.faults = {1: json.dumps(refusal)}

    async def act(stand: Stand) -> None:
        assert await stand.call.speak(1, TEXTS[1]) == "done"
        assert len(provider.asked) == 2
        assert provider.connections == 1
        assert words_of(stand.heard(1)) == words_of(TEXTS[1])

    at(tmp_path, provider, act)


# --- idle and worn connections ----------------------------------------------------------------------------------------


def test_a_connection_that_was_closed_while_idle_is_made_again_at_once(tmp_path: Path, provider: Provider) -> None:
    async def act(stand: Stand) -> None:
        for n in range(5):
            await asyncio.sleep(60.0)
            assert provider.connections == n + 1
            stand.peer.cut()
        await asyncio.sleep(1.0)
        since = now()
        assert await stand.call.speak(1, "Yes.") == "done"
        assert now() - since < 0.2

    at(tmp_path, provider, act)


def test_aura_is_not_flushed_too_often_on_one_connection(tmp_path: Path) -> None:
    provider = Provider(DIALECTS["aura"](), delay_s=0.01, gap_s=0.01)

    async def act(stand: Stand) -> None:
        for frame in range(2 * FLUSHES + 1):
            assert await stand.call.speak(frame, "Yes.") == "done"
            assert words_of(stand.heard(frame)) == ["Yes."]
        assert provider.connections == 3

    at(tmp_path, provider, act)

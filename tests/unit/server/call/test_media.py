"""A call's sound by itself: what ears and voice detector get of the caller, and what the playout gets of the voice."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from audio.echo import EchoGuard
from audio.events import SpeechFailed, SpeechStarted, SpeechStopped, Synthesised, Word
from audio.matching import matched
from audio.pcm import MicResampler
from audio.playout import Playout, PlayoutOptions
from audio.services import Begin, Finish
from audio.spoken import unchanged
from link.inbox import Inbox
from server.call import events as e
from server.call.core import Core
from server.call.hub import Hub
from server.call.media import PREROLL_MS, EarSide, Heard, VoiceSide
from server.call.policy import CallSettings
from tests.unit.server.call.session_stand import virtual

# --- the caller -------------------------------------------------------------------------------------------------------


class NotedVad:
    """A detector that decides nothing and notes everything."""

    def __init__(self) -> None:
        self.heard = b""
        self.resets = 0
        self.closed = 0

    def feed(self, pcm: bytes) -> None:
        """Note it."""
        self.heard += pcm

    def reset(self) -> None:
        """Note it."""
        self.resets += 1

    def close(self) -> None:
        """Note it."""
        self.closed += 1


class Ears:
    """An `EarSide` with what it gives to whom."""

    def __init__(
        self, rate_in: int = 16000, ears_rate: int = 16000, vad_rate: int = 16000, *, guarded: bool = False
    ) -> None:
        self.rate_in = rate_in
        self.now = 100.0
        self._inbox: Inbox[Heard] = Inbox(1 << 20)
        self.facts: list[e.Fact] = []
        self.vad = NotedVad()
        guard = EchoGuard(rate_in, rate_in) if guarded else None
        if guard is not None:  # the bot says something
            guard.played.send(bytes(2 * rate_in), self.now)
        self.side = EarSide(rate_in, ears_rate, self._inbox, self.facts.append, "speech", guard=guard)
        self.side.attach(self.vad, vad_rate)

    def hear(self, ms: float, level: int = 1) -> bytes:
        """A message of so many milliseconds, all samples alike, once that time is over."""
        pcm = level.to_bytes(2, "little") * round(ms * self.rate_in / 1000)
        self.now += ms / 1000
        self.side.audio(pcm, self.now)
        return pcm

    async def got(self) -> list[Heard]:
        """What the ears got since the last time."""
        return [await self._inbox.get() for _ in range(len(self._inbox))]


@virtual
async def test_the_ears_get_the_newest_of_what_came_before_the_voice() -> None:
    ears = Ears()
    pcm = [ears.hear(20, level) for level in range(1, 51)]
    assert await ears.got() == []
    ears.side.on_speech(SpeechStarted())
    assert await ears.got() == [Begin(), *pcm[-round(PREROLL_MS / 20) :]]


@pytest.mark.parametrize("ms", [7, 40, 299, 300, 301, 2000])
@virtual
async def test_what_came_before_is_at_least_300_ms_and_less_than_a_message_more(ms: int) -> None:
    ears = Ears()
    for _ in range(5000 // ms + 1):
        ears.hear(ms)
    ears.side.on_speech(SpeechStarted())
    _, *pcm = await ears.got()
    got_ms = sum(len(each) for each in pcm if isinstance(each, bytes)) / 32
    assert PREROLL_MS <= got_ms < PREROLL_MS + ms


@pytest.mark.parametrize("ms", [7, 20, 60, 301])
@virtual
async def test_the_ears_get_a_telephone_at_their_rate_each_speech_as_one_stream(ms: int) -> None:
    ears = Ears(8000, 16000, 8000)
    for speech in range(3):
        came = [ears.hear(ms, speech * 500 + number) for number in range(600 // ms + 1)]
        ears.side.on_speech(SpeechStarted(64))
        came += [ears.hear(ms, 3000 + number) for number in range(5)]
        ears.side.on_speech(SpeechStopped(200))
        begin, *pcm, end = await ears.got()
        assert (begin, end) == (Begin(), Finish())
        heard = b"".join(each for each in pcm if isinstance(each, bytes))
        wire_bytes = len(heard) // 2
        assert PREROLL_MS <= wire_bytes / 16 - 5 * ms < PREROLL_MS + ms + 1
        assert heard == MicResampler(8000, 16000).feed(b"".join(came)[-wire_bytes:])


@virtual
async def test_while_somebody_speaks_the_ears_get_everything_once() -> None:
    ears = Ears()
    before = ears.hear(20, 9)
    ears.side.on_speech(SpeechStarted(64))
    first = [ears.hear(20, level) for level in (1, 2, 3)]
    ears.side.on_speech(SpeechStopped(200))
    pause = ears.hear(20, 4)
    ears.side.on_speech(SpeechStarted(64))
    second = ears.hear(20, 5)
    assert await ears.got() == [Begin(), before, *first, Finish(), Begin(), pause, second]
    assert ears.facts == [SpeechStarted(64), SpeechStopped(200), SpeechStarted(64)]


@virtual
async def test_the_detector_hears_all_of_it_whoever_speaks() -> None:
    ears = Ears()
    before = ears.hear(100)
    ears.side.on_speech(SpeechStarted())
    after = ears.hear(100, 2)
    assert ears.vad.heard == before + after


@pytest.mark.parametrize(
    ("wire", "ears_rate", "vad_rate", "as_it_came"),
    [
        (16000, 16000, 16000, True),
        (8000, 16000, 8000, True),
        (8000, 8000, 8000, True),
        (48000, 16000, 16000, False),
        (16000, 24000, 16000, True),
        (48000, 24000, 16000, False),
    ],
)
@virtual
async def test_the_detector_hears_its_own_rate(wire: int, ears_rate: int, vad_rate: int, as_it_came: bool) -> None:
    ears = Ears(wire, ears_rate, vad_rate)
    pcm = ears.hear(1000)
    assert len(ears.vad.heard) / 2 == pytest.approx(vad_rate, abs=vad_rate / 100)
    assert (ears.vad.heard == pcm) is as_it_came


@virtual
async def test_a_muted_caller_is_heard_by_nobody_and_the_past_is_forgotten() -> None:
    ears = Ears()
    ears.hear(100)
    ears.side.mute(True)
    assert ears.vad.resets == 1
    heard = ears.vad.heard
    ears.hear(100)
    assert ears.vad.heard == heard
    ears.side.mute(False)
    fresh = ears.hear(20, 7)
    ears.side.on_speech(SpeechStarted())
    assert await ears.got() == [Begin(), fresh]


@pytest.mark.parametrize("how", ["muted", "silent"])
@virtual
async def test_what_an_echo_guard_holds_back_is_heard_before_the_voice_is_over_and_never_later(how: str) -> None:
    ears = Ears(guarded=True)
    given = b"".join(ears.hear(20, level) for level in range(1, 21))
    ears.side.on_speech(SpeechStarted())
    if how == "muted":
        ears.side.mute(True)
    else:
        ears.side.check(ears.now + 1.0)
    assert len(ears.vad.heard) == len(given)
    assert ears.vad.resets == 1
    ears.side.mute(False)
    ears.now += 10
    before = len(ears.vad.heard)
    fresh = ears.hear(20, 99)
    assert ears.vad.heard[before:] == fresh


@virtual
async def test_a_voice_of_which_no_more_comes_is_over_after_a_second() -> None:
    ears = Ears()
    ears.side.on_speech(SpeechStarted())
    ears.hear(100)
    ears.side.check(ears.now + 0.9)
    assert ears.vad.resets == 0
    ears.side.check(ears.now + 1.0)
    assert ears.vad.resets == 1


@virtual
async def test_a_caller_who_does_not_speak_may_be_silent_in_every_way() -> None:
    ears = Ears()
    ears.hear(100)
    ears.side.check(ears.now + 100)
    assert ears.vad.resets == 0


@virtual
async def test_messages_without_a_sample_are_nothing() -> None:
    ears = Ears()
    ears.side.on_speech(SpeechStarted())
    ears.side.audio(b"", ears.now)
    assert await ears.got() == [Begin()]


@virtual
async def test_after_the_end_nobody_hears_anything() -> None:
    ears = Ears()
    ears.side.close()
    ears.side.close()
    ears.hear(100)
    ears.side.mute(True)
    ears.side.check(ears.now + 100)
    assert (ears.vad.closed, ears.vad.heard, ears.vad.resets) == (1, b"", 0)


# --- the voice --------------------------------------------------------------------------------------------------------


class Mouth:
    """A `VoiceSide` on a real hub; the greeting is frame 1."""

    def __init__(self, rate_in: int = 16000, rate_out: int = 16000, capacity_ms: float = 45_000.0) -> None:
        self._loop = asyncio.get_running_loop()
        self.playout = Playout(PlayoutOptions(rate_hz=rate_out, capacity_ms=capacity_ms))
        core = Core(CallSettings(greeting="Good morning to you."), self.playout)
        self.hub = Hub(core, self.playout, self._loop.time, lambda _: None)
        self.facts: list[e.Fact] = []
        self.can_play = 0
        self.voice = VoiceSide(self.hub, self._post, rate_in, rate_out, self._on_audio)
        self.hub.post(e.Ready())
        self.frame = next(self.playout.frames())

    def _post(self, fact: e.Fact) -> None:
        self.facts.append(fact)
        self.hub.post(fact)

    def _on_audio(self) -> None:
        self.can_play += 1

    async def say(self, ms: float, words: tuple[Word, ...] = ()) -> bool:
        """Audio of the greeting, at the voice's rate of 16 kHz."""
        return await self.voice.audio(self.frame.id, b"\1\0" * round(ms * 16), words)


@virtual
async def test_audio_of_a_frame_is_queued_with_its_words_and_can_be_played() -> None:
    mouth = Mouth()
    words = (Word(0.0, 4), Word(50.0, 12))
    assert await mouth.say(100, words)
    assert (mouth.frame.queued, mouth.frame.words) == (1600, list(words))
    assert mouth.can_play == 1
    mouth.voice.done(mouth.frame.id)
    assert mouth.facts == [Synthesised(mouth.frame.id)]
    assert not mouth.voice.wanted(mouth.frame.id), "a frame that is done gets no more audio"
    assert await mouth.say(100) is False


@virtual
async def test_a_frame_that_was_dropped_is_not_wanted() -> None:
    mouth = Mouth()
    assert mouth.voice.wanted(mouth.frame.id)
    mouth.hub.post(e.Interrupt())
    assert not mouth.voice.wanted(mouth.frame.id)
    assert await mouth.say(100) is False
    mouth.voice.done(mouth.frame.id)
    assert (mouth.facts, mouth.can_play) == ([], 0)


@virtual
async def test_a_frame_that_cannot_be_spoken_is_told() -> None:
    mouth = Mouth()
    mouth.voice.failed(mouth.frame.id, "no voice")
    assert mouth.facts == [SpeechFailed(mouth.frame.id, "no voice")]


async def full_mouth() -> Mouth:
    """The greeting is complete and fills the playout; `say` is about the words after it."""
    mouth = Mouth(capacity_ms=1000.0)
    assert await mouth.say(1000)
    mouth.voice.done(mouth.frame.id)
    mouth.hub.post(e.Say("What else?"))
    *_, mouth.frame = mouth.playout.frames()
    return mouth


@virtual
async def test_a_frame_that_is_not_complete_is_not_waited_for_although_the_playout_is_full() -> None:
    mouth = Mouth(capacity_ms=1000.0)
    assert await mouth.say(1000)
    assert await mouth.say(500), "nothing else could make room"


@virtual
async def test_the_voice_waits_while_the_playout_is_full() -> None:
    mouth = await full_mouth()
    waiting = asyncio.get_running_loop().create_task(mouth.say(100))
    await asyncio.sleep(1)
    mouth.voice.make_room()  # somebody looked, and nothing was played
    await asyncio.sleep(1)
    assert not waiting.done()
    mouth.playout.take(asyncio.get_running_loop().time())
    mouth.hub.progress()
    mouth.voice.make_room()
    assert await waiting
    assert mouth.frame.queued == 100 * 16


@virtual
async def test_a_frame_that_is_dropped_while_the_voice_waits_lets_it_go() -> None:
    mouth = await full_mouth()
    waiting = asyncio.get_running_loop().create_task(mouth.say(100))
    await asyncio.sleep(1)
    mouth.hub.post(e.Interrupt())
    mouth.voice.make_room()
    assert await waiting is False


HISS = np.random.default_rng(1).normal(0, 3000, 16_000).astype("<i2").tobytes()  # a second of it


@pytest.mark.parametrize("rate_out", [8000, 16000])
@virtual
async def test_the_words_of_a_voice_that_tells_none_are_placed_by_its_pauses(rate_out: int) -> None:
    mouth = Mouth(rate_out=rate_out)
    mouth.voice.expect(mouth.frame.id, unchanged("Good morning to you."))
    for pcm in (HISS[:16_000], bytes(8000), HISS[:12_000]):
        await mouth.voice.audio(mouth.frame.id, pcm)
    assert [word.end for word in mouth.frame.places] == [4, 12, 15, 20]
    mouth.voice.done(mouth.frame.id)
    assert mouth.frame.places[2].start_ms == pytest.approx(750, abs=10)
    assert mouth.frame.text_at(740 * rate_out // 1000, rate_out) == "Good morning"
    assert mouth.frame.text_at(770 * rate_out // 1000, rate_out) == "Good morning to"


@virtual
async def test_the_places_of_words_are_those_in_what_was_written() -> None:
    mouth = Mouth()
    mouth.voice.expect(mouth.frame.id, matched("Good morning to you.", "Good day, to you."))
    await mouth.voice.audio(mouth.frame.id, HISS)
    mouth.voice.done(mouth.frame.id)
    assert [word.end for word in mouth.frame.places] == [4, 12, 15, 20]


@virtual
async def test_what_a_voice_tells_of_its_words_goes_before() -> None:
    mouth = Mouth()
    mouth.voice.expect(mouth.frame.id, unchanged("Good morning to you."))
    await mouth.voice.audio(mouth.frame.id, HISS[:3200])
    assert mouth.frame.places
    words = (Word(0.0, 4), Word(50.0, 12))
    await mouth.voice.audio(mouth.frame.id, HISS, words)
    places = mouth.frame.places
    mouth.voice.done(mouth.frame.id)
    assert mouth.frame.begins == list(words)
    assert mouth.frame.places == places, "nothing is guessed any more"


@pytest.mark.parametrize("rate_out", [8000, 16000, 24000, 44100, 48000])
@virtual
async def test_all_of_a_frame_arrives_at_the_rate_of_the_wire(rate_out: int) -> None:
    mouth = Mouth(rate_out=rate_out)
    for _ in range(10):
        await mouth.say(100)
    mouth.voice.done(mouth.frame.id)
    assert mouth.frame.queued == pytest.approx(rate_out, abs=2)


@virtual
async def test_nothing_of_a_frame_that_was_cut_off_is_heard_in_the_next() -> None:
    mouth = Mouth(rate_out=8000)
    await mouth.voice.audio(mouth.frame.id, b"\0\x40" * 1600)
    mouth.hub.post(e.Interrupt())
    mouth.hub.post(e.Say("Something else."))
    (frame,) = mouth.playout.frames()
    await mouth.voice.audio(frame.id, bytes(32_000))
    assert len(frame.pcm) > 8000
    assert np.abs(np.frombuffer(bytes(frame.pcm), "<i2")).max() <= 2  # the resampler dithers

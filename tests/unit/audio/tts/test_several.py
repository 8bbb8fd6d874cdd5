"""Several voices as one, in virtual time: services that fail, stall and break at each point; no word is said twice."""

from __future__ import annotations

import asyncio

import pytest

from link.breaker import BreakerOptions, State
from link.errors import Overloaded
from tests.unit.audio.tts.provider import CHAR_MS, RATE_HZ
from tests.unit.audio.tts.several_stand import GAP_S, Source, Stand, at, now
from tests.unit.server.logbook import Logbook

TEXT = "One two, three four five."
OTHERS = ("Six seven eight.", "Nine.")


# --- all is well ------------------------------------------------------------------------------------------------------


def test_the_first_speaks_and_the_second_costs_nothing() -> None:
    first, second = Source(), Source()

    async def act(stand: Stand) -> None:
        assert await stand.speak(TEXT, *OTHERS) == ["done"] * 3
        assert [stand.heard(number) for number in (1, 2, 3)] == [TEXT, *OTHERS]
        words = [(word.start_ms, TEXT[: word.end].rsplit(maxsplit=1)[-1]) for word in stand.call.sink.words[1]]
        assert words == [(0, "One"), (80, "two,"), (180, "three"), (300, "four"), (400, "five.")]
        assert second.opened == []
        assert first.asked == [TEXT, *OTHERS]

    at(act, first, second)


def test_a_barge_in_stops_who_speaks() -> None:
    first = Source()

    async def act(stand: Stand) -> None:
        stand.call.say(1, TEXT)
        stand.call.say(2, TEXT)
        await asyncio.sleep(0.15)
        stand.call.sink.dropped |= {1, 2}
        assert await stand.call.speak(3, "Nine.") == "done"
        assert stand.heard(3) == "Nine."
        assert TEXT.startswith(stand.heard(1))
        assert stand.heard(2) == ""

    at(act, first, Source())


def test_a_full_playout_is_nobodys_fault() -> None:
    first, second = Source(), Source()

    async def act(stand: Stand) -> None:
        stand.call.sink.room.clear()
        stand.call.say(1, TEXT)
        await asyncio.sleep(60.0)
        stand.call.sink.room.set()
        assert await stand.call.sink.end_of(1) == "done"
        assert stand.heard(1) == TEXT
        assert second.opened == []

    at(act, first, second)


# --- who fails is replaced --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["fail", "stall", "raise"])
@pytest.mark.parametrize("place", range(len(TEXT) + 1))
def test_wherever_the_first_breaks_off_the_second_goes_on(kind: str, place: int) -> None:
    first, second = Source(f"{kind} {place}"), Source()

    async def act(stand: Stand) -> None:
        assert await stand.speak(TEXT, *OTHERS) == ["done"] * 3
        said = stand.heard(1)
        begun = len(TEXT[:place].split())
        cut = TEXT[:place]
        if place and not TEXT[place - 1].isspace() and not TEXT[place : place + 1].isspace():
            whole = TEXT.split()[begun - 1]
            assert said in (cut + TEXT[cut.rfind(" ") + 1 + len(whole) :], cut), "the word that broke is not said again"
        else:
            assert said.split() == TEXT.split(), "no word is lost, none said twice"
        ends = [word.end for word in stand.call.sink.words[1]]
        assert [TEXT[:end].rsplit(maxsplit=1)[-1] for end in ends] == TEXT.split()
        starts = [word.start_ms for word in stand.call.sink.words[1]]
        assert starts == sorted(starts)
        await asyncio.sleep(3.0)
        assert first.opened[0].alive == (kind != "raise"), "nothing is left of a broken voice"
        assert [stand.heard(2), stand.heard(3)] == [*OTHERS]
        assert stand.call.sink.ends == [(1, "done"), (2, "done"), (3, "done")]

    with Logbook():
        at(act, first, second)


@pytest.mark.parametrize("place", [0, 7, len(TEXT)])
def test_without_word_times_only_what_was_not_begun_is_said_by_another(place: int) -> None:
    first, second = Source(f"fail {place}", told=False), Source(told=False)

    async def act(stand: Stand) -> None:
        assert await stand.speak(TEXT, *OTHERS) == ["it broke off" if place else "done", "done", "done"]
        assert [stand.heard(number) for number in (1, 2, 3)] == [TEXT[:place] if place else TEXT, *OTHERS]

    at(act, first, second)


def test_who_is_late_is_replaced_on_time_and_comes_too_late() -> None:
    first, second = Source(delay_s=5.0), Source()

    async def act(stand: Stand) -> None:
        began = now()
        stand.call.say(1, TEXT)
        stand.call.say(2, OTHERS[0])
        await asyncio.sleep(1.39)
        assert second.asked == []
        assert await stand.call.sink.end_of(1) == "done"
        assert now() - began == pytest.approx(1.4 + 0.1 + 9 * GAP_S, abs=0.06)
        await asyncio.sleep(10.0)
        assert [stand.heard(1), stand.heard(2)] == [TEXT, OTHERS[0]]
        assert second.asked == [TEXT, OTHERS[0]], "what was behind it does not wait for the voice that hangs"
        assert first.asked == [TEXT]

    at(act, first, second)


def test_three_voices_of_which_two_fail_in_the_middle() -> None:
    first, second, third = Source("fail 8"), Source("fail 6"), Source()

    async def act(stand: Stand) -> None:
        assert await stand.speak(TEXT) == ["done"]
        assert stand.heard(1).split() == TEXT.split()
        assert third.asked == [" four five."]

    at(act, first, second, third)


def test_when_nobody_is_left_the_call_hears_of_it_and_goes_on() -> None:
    first, second = Source("fail 0", "fail 0"), Source("fail 0")

    async def act(stand: Stand) -> None:
        assert await stand.speak(TEXT, *OTHERS) == ["it broke off", "done", "done"]
        assert [stand.heard(number) for number in (1, 2, 3)] == ["", *OTHERS]
        assert await stand.call.speak(4, TEXT) == "done"

    at(act, first, second)


def test_a_piece_that_the_call_says_once_more_comes_before_those_behind_it() -> None:
    first = Source("fail 0")

    async def act(stand: Stand) -> None:
        stand.call.say(1, TEXT)
        stand.call.say(2, OTHERS[0])
        assert await stand.call.sink.end_of(1) == "it broke off"
        began = now()
        stand.call.say(1, TEXT)
        assert await stand.call.sink.end_of(2) == "done"
        assert now() - began < 1.0, "nobody waits for another"
        assert stand.call.sink.ends == [(1, "it broke off"), (1, "done"), (2, "done")]
        assert [stand.heard(1), stand.heard(2)] == [TEXT, OTHERS[0]]

    at(act, first, Source("fail 0"))


def test_a_voice_without_room_is_none() -> None:
    first, second = Source(), Source()
    first.free = 0

    async def act(stand: Stand) -> None:
        assert stand.engine.free == 9
        assert await stand.speak(TEXT) == ["done"]
        assert stand.heard(1) == TEXT
        second.free = 0
        with pytest.raises(Overloaded):
            stand.engine.open()

    at(act, first, second)


def test_a_voice_without_room_is_not_blamed() -> None:
    first, second = Source(), Source("fail 0", "fail 0", "fail 0")
    second.free = 0

    async def act(stand: Stand) -> None:
        first.faults = ["fail 0"] * 3
        for number in range(1, 4):
            assert await stand.call.speak(number, TEXT) == "every place is taken"
        assert [each.state for each in stand.engine.breakers] == [State.OPEN, State.CLOSED]

    at(act, first, second)


# --- coming back ------------------------------------------------------------------------------------------------------


def test_the_first_speaks_again_after_a_while() -> None:
    first, second = Source("fail 0"), Source()

    async def act(stand: Stand) -> None:
        await stand.call.speak(1, TEXT)
        await stand.call.speak(2, "Two.")
        await asyncio.sleep(15.0)
        await stand.call.speak(3, "Three.")
        assert first.asked == [TEXT, "Three."]
        assert second.asked == [TEXT, "Two."]

    at(act, first, second)


def test_the_first_waits_for_its_turn_when_it_is_back_in_the_middle() -> None:
    first, second = Source("fail 0"), Source()

    async def act(stand: Stand) -> None:
        stand.call.sink.room.clear()
        stand.call.say(1, TEXT)
        await asyncio.sleep(16.0)
        stand.call.say(2, OTHERS[0])
        await asyncio.sleep(1.0)
        assert first.asked == [TEXT, OTHERS[0]]
        stand.call.sink.room.set()
        assert await stand.call.sink.end_of(2) == "done"
        assert [stand.heard(1), stand.heard(2)] == [TEXT, OTHERS[0]]
        frames = [frame for frame, _, _ in stand.call.sink.chunks]
        assert frames == sorted(frames)

    at(act, first, second)


def test_who_fails_again_and_again_is_left_alone_until_a_probe_says_otherwise() -> None:
    first, second = Source(*["fail 0"] * 3), Source()

    async def act(stand: Stand) -> None:
        for number in range(3):
            await stand.call.speak(number, TEXT)
            await asyncio.sleep(15.1)
        assert stand.engine.breakers[0].state is State.CLOSED, "a probe found it well"
        assert first.asked == [TEXT] * 3 + ["One."]
        assert len(first.opened) == 2
        assert first.opened[1].closed
        await stand.call.speak(4, "Four.")
        assert first.asked[-1] == "Four."

    with Logbook() as logbook:
        at(act, first, second)
    assert logbook.said("is back", "INFO")


def test_a_probe_of_a_voice_that_is_still_out() -> None:
    first, second = Source(*["fail 0"] * 4), Source()

    async def act(stand: Stand) -> None:
        for number in range(3):
            await stand.call.speak(number, TEXT)
        first.faults = ["fail 0", "fail 0"]
        await asyncio.sleep(6.0)
        assert stand.engine.breakers[0].state is State.OPEN
        assert first.asked[-1] == "One."
        assert first.opened[-1].closed

    at(act, first, second, breaker=BreakerOptions(failures=1))


# --- rates ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate_hz", [16000, 22050, 24000])
def test_the_sound_of_another_is_brought_to_the_rate_of_the_first(rate_hz: int) -> None:
    first, second = Source("fail 8"), Source(rate_hz=rate_hz)

    async def act(stand: Stand) -> None:
        assert stand.call.voice.rate_hz == RATE_HZ
        assert await stand.speak(TEXT, *OTHERS) == ["done"] * 3
        for number, text in enumerate((TEXT, *OTHERS), 1):
            samples = len(stand.call.sink.pcm[number]) // 2
            assert samples == pytest.approx(len(text) * CHAR_MS * RATE_HZ / 1000, abs=2)
        words = stand.call.sink.words[1]
        assert [TEXT[: word.end].rsplit(maxsplit=1)[-1] for word in words] == TEXT.split()
        assert [word.start_ms for word in words] == [0, 80, 180, 300, 400]

    at(act, first, second)

"""What a caller hears of a server whose every message is made up, so that the right numbers are known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.listener import Heard, Listener, Player, Window
from bench.speech import Turn

RATE_HZ = 16_000
CHUNK_S = 0.04
CHUNK = round(CHUNK_S * RATE_HZ)
ALWAYS = Window(0.0, 1e9)


def turns(*begins: float) -> Iterator[Turn]:
    """Voices of 2 s; to the net they last 80 ms longer."""
    yield from (Turn(begin, begin + 2.0, begin + 2.08) for begin in begins)
    yield Turn(1e6, 1e6, 1e6)


def listener(*begins: float, page: bool = True, window: Window = ALWAYS) -> Listener:
    return Listener(turns(*begins), window, rate_hz=RATE_HZ, page=page, silence_ms=300, lead_ms=200)


def speak(to: Listener, begin: float, length_s: float, lead_s: float = 0.2) -> float:
    """The bot speaks as the server paces it; returns when its last message came."""
    count = round(length_s / CHUNK_S)
    at = begin
    for n in range(count):
        at = begin + max(0.0, (n + 1) * CHUNK_S - lead_s)
        to.audio(at, CHUNK)
    return at


def test_a_response_is_timed_from_the_last_voiced_sample_without_the_configured_silence() -> None:
    ear = listener(1.0)
    speak(ear, 3.4, 1.0)
    heard = ear.finish(10.0)
    assert heard.responses == [pytest.approx(100)]
    assert heard.responses_net == [pytest.approx(20)]
    assert (heard.missed, heard.talked_over, heard.stale) == (0, 0, [])


def test_a_turn_without_an_answer_is_missed() -> None:
    ear = listener(1.0, 5.0)
    speak(ear, 7.35, 0.2)
    heard = ear.finish(10.0)
    assert heard.missed == 1
    assert heard.responses == [pytest.approx(50)]


def test_only_turns_inside_the_window_count() -> None:
    ear = listener(1.0, 5.0, 9.0, window=Window(2.0, 10.0))
    for at in (3.4, 7.4, 11.4):
        speak(ear, at, 0.2)
    assert len(ear.finish(12.0).responses) == 1


def test_the_greeting_is_no_response() -> None:
    ear = listener(5.0)
    speak(ear, 0.1, 2.0)
    assert ear.finish(20.0) == Heard(missed=1, late=ear.heard.late)


def test_a_client_that_pauses_is_silent_with_the_pause() -> None:
    ear = listener(1.0)
    speak(ear, 0.0, 1.32)  # the last message comes at 1.12, and would last until 1.32
    ear.message(1.15, "pause")
    ear.message(1.35, "clear")
    speak(ear, 3.4, 0.4)
    heard = ear.finish(9.0)
    assert heard.pauses == [pytest.approx(150)]
    assert heard.clears == [pytest.approx(350)]
    assert heard.stale == [pytest.approx(120)]
    assert heard.silent == [pytest.approx(150)]
    assert heard.silent_plain == []


def test_a_client_that_only_plays_is_silent_when_what_it_has_is_over() -> None:
    ear = listener(1.0, page=False)
    speak(ear, 0.0, 1.32)
    ear.message(1.15, "clear")
    heard = ear.finish(9.0)
    assert heard.silent_plain == [pytest.approx(320)]
    assert heard.silent == []
    assert heard.clears == [pytest.approx(150)]


def test_a_bot_that_goes_on_after_a_pause_is_heard_to_its_end() -> None:
    ear = listener(1.0)
    speak(ear, 0.0, 1.32)
    ear.message(1.1, "pause")
    ear.message(1.6, "resume")
    ear.audio(1.6, CHUNK)
    heard = ear.finish(9.0)
    assert heard.stale == [pytest.approx(600)]
    assert heard.silent == [pytest.approx(1000 * (0.6 + 0.22 + CHUNK_S))]


def test_a_bot_that_was_silent_when_the_voice_began_was_not_interrupted() -> None:
    ear = listener(1.0)
    speak(ear, 0.0, 0.8)
    assert ear.finish(9.0).stale == []


def test_a_bot_that_begins_while_the_caller_speaks_talks_over() -> None:
    ear = listener(1.0)
    speak(ear, 2.0, 0.4)
    heard = ear.finish(9.0)
    assert (heard.talked_over, heard.missed, heard.stale) == (1, 1, [])


def test_a_stream_that_is_on_time_is_not_late() -> None:
    ear = listener()
    speak(ear, 0.0, 4.0)
    heard = ear.finish(9.0)
    assert len(heard.late) == 99
    assert max(heard.late) == pytest.approx(0, abs=1e-6)
    assert heard.gaps == []


def test_a_message_is_late_against_the_instant_at_which_the_lead_had_room_for_it() -> None:
    ear = listener()
    at = speak(ear, 0.0, 1.0)
    ear.audio(at + CHUNK_S + 0.07, CHUNK)
    heard = ear.finish(9.0)
    assert heard.late[-1] == pytest.approx(70)
    assert heard.gaps == []


def test_audio_that_comes_after_the_last_was_played_is_a_gap_and_the_clock_starts_again() -> None:
    ear = listener()
    speak(ear, 0.0, 1.0)
    ear.audio(1.03, CHUNK)
    ear.audio(1.03, CHUNK)
    heard = ear.finish(9.0)
    assert heard.gaps == [pytest.approx(30)]
    assert heard.late[-2:] == [pytest.approx(190), pytest.approx(0, abs=1e-6)]


def test_the_silence_between_two_answers_is_no_gap() -> None:
    ear = listener(1.0, 6.0)
    speak(ear, 3.4, 1.0)
    speak(ear, 8.4, 1.0)
    heard = ear.finish(20.0)
    assert heard.gaps == []
    assert max(heard.late) == pytest.approx(0, abs=1e-6)


def test_what_all_callers_heard_is_put_together() -> None:
    both = Heard(responses=[1.0], missed=1)
    both.add(Heard(responses=[2.0], gaps=[3.0], missed=2))
    assert both == Heard(responses=[1.0, 2.0], gaps=[3.0], missed=3)


def test_a_player_counts_what_was_played_and_not_what_was_skipped() -> None:
    player = Player(RATE_HZ, obeys=True)
    player.push(0.0, RATE_HZ)
    assert player.played(0.25) == RATE_HZ // 4
    player.pause(0.25)
    player.push(0.5, RATE_HZ)
    assert player.played(9.0) == RATE_HZ // 4
    player.resume(9.0)
    assert player.played(9.25) == RATE_HZ // 2
    player.clear(9.25)
    assert player.until == 9.25
    player.push(10.0, RATE_HZ)
    assert player.played(20.0) == RATE_HZ // 2 + RATE_HZ


def test_a_player_that_does_not_obey_plays_all() -> None:
    player = Player(RATE_HZ, obeys=False)
    player.push(0.0, RATE_HZ)
    player.pause(0.1)
    player.clear(0.2)
    assert player.until == 1.0
    assert player.played(2.0) == RATE_HZ

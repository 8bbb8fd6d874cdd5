"""The limits of a connection, on a clock of numbers."""

from __future__ import annotations

import pytest

from link.errors import ClientError
from server.call.guard import Guard
from server.config import Limits

RATE = 16_000
LIMITS = Limits()


def audio(guard: Guard, seconds: float, now: float) -> None:
    """So much audio in one message."""
    guard.audio(round(seconds * RATE), now)


def code(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    """What the client is told."""
    return error.value.code, str(error.value)


# --- how fast ---------------------------------------------------------------------------------------------------------


def test_as_much_audio_as_twice_the_window_is_taken_and_no_sample_more() -> None:
    guard = Guard(LIMITS, RATE, 100.0)
    audio(guard, 10.0, 100.0)
    with pytest.raises(ClientError) as error:
        guard.audio(1, 104.9)
    assert code(error) == (1008, "audio came at over 2 times real time for 5 s")


def test_a_window_begins_anew_after_its_time() -> None:
    guard = Guard(LIMITS, RATE, 100.0)
    for number in range(5):
        audio(guard, 10.0, 100.0 + 5 * number)


def test_what_came_before_a_pause_does_not_count_after_it() -> None:
    guard = Guard(LIMITS, RATE, 100.0)
    audio(guard, 10.0, 101.0)
    audio(guard, 10.0, 200.0)
    with pytest.raises(ClientError):
        guard.audio(1, 200.0)


def test_audio_counts_at_the_rate_of_the_wire() -> None:
    slow = Guard(LIMITS, 8_000, 0.0)
    with pytest.raises(ClientError):
        audio(slow, 5.1, 1.0)


@pytest.mark.parametrize(("messages", "allowed"), [("control", 500), ("audio", 5000)])
def test_messages_are_counted_however_short_they_are(messages: str, allowed: int) -> None:
    guard = Guard(LIMITS, RATE, 0.0)

    def send() -> None:
        guard.message(4.9) if messages == "control" else guard.audio(0, 4.9)

    for _ in range(allowed):
        send()
    with pytest.raises(ClientError) as error:
        send()
    assert code(error) == (1008, f"over {allowed // 5} messages a second for 5 s")


def test_control_messages_and_audio_are_counted_apart() -> None:
    guard = Guard(LIMITS, RATE, 0.0)
    for _ in range(500):
        guard.message(1.0)
        guard.audio(1, 1.0)


# --- how silent -------------------------------------------------------------------------------------------------------


def test_a_connection_of_which_nothing_ever_came_is_cut_off_after_5_s() -> None:
    guard = Guard(LIMITS, RATE, 101.0, silent_since=100.0)
    guard.check(104.9, None)
    with pytest.raises(ClientError) as error:
        guard.check(105.0, None)
    assert code(error) == (1008, "nothing came for 5 s after the connection was opened")


def test_one_sign_of_life_is_enough_for_the_first_limit() -> None:
    guard = Guard(LIMITS, RATE, 101.0, silent_since=100.0)
    guard.alive(104.9)
    guard.check(164.8, None)


def test_a_connection_without_a_sign_of_life_is_cut_off_after_60_s() -> None:
    guard = Guard(LIMITS, RATE, 100.0)
    guard.alive(150.0)
    guard.check(209.9, None)
    with pytest.raises(ClientError) as error:
        guard.check(210.0, None)
    assert code(error) == (1001, "no sign of life for 60 s")


def test_a_client_that_does_not_read_is_cut_off_after_5_s() -> None:
    guard = Guard(LIMITS, RATE, 100.0)
    guard.check(104.9, 100.0)
    with pytest.raises(ClientError) as error:
        guard.check(105.0, 100.0)
    assert code(error) == (4408, "the client did not read for 5 s")


def test_a_client_that_does_not_read_is_told_that_and_not_that_it_is_silent() -> None:
    guard = Guard(LIMITS, RATE, 100.0, silent_since=100.0)
    with pytest.raises(ClientError, match="did not read"):
        guard.check(200.0, 100.0)


def test_a_ping_is_due_every_20_s_and_once_each_time() -> None:
    guard = Guard(LIMITS, RATE, 100.0)
    due = [now for now in range(100, 165) if guard.should_ping(float(now))]
    assert due == [120, 140, 160]


def test_every_limit_is_a_setting() -> None:
    limits = Limits(flood_s=1.0, audio_speed=3.0, messages_per_s=1.0, first_message_s=2.0, idle_s=3.0, write_s=0.5)
    guard = Guard(limits, RATE, 0.0, silent_since=0.0)
    audio(guard, 3.0, 0.5)
    with pytest.raises(ClientError, match=r"audio came at over 3 times real time for 1 s"):
        guard.audio(1, 0.5)
    guard = Guard(limits, RATE, 0.0, silent_since=0.0)
    guard.message(0.5)
    with pytest.raises(ClientError, match=r"over 1 messages a second for 1 s"):
        guard.message(0.6)
    with pytest.raises(ClientError, match=r"the client did not read for 0\.5 s"):
        guard.check(1.0, 0.5)
    with pytest.raises(ClientError, match=r"nothing came for 2 s"):
        guard.check(2.0, None)
    guard.alive(2.0)
    with pytest.raises(ClientError, match=r"no sign of life for 3 s"):
        guard.check(5.0, None)

"""The virtual microphone: recordings at real time, and where a voice ends."""

from __future__ import annotations

import numpy as np
import pytest

from server.talk.microphone import QUIETEST_DB, VirtualMicrophone, floor_db, voiced_samples

RATE = 16000
FRAME = RATE // 50  # samples
BEGAN = 500.0


def voice(samples: int, gain: float = 0.5) -> bytes:
    """Something loud."""
    return (np.resize([gain, -gain], samples) * 32767).astype("<i2").tobytes()


@pytest.fixture
def microphone() -> VirtualMicrophone:
    microphone = VirtualMicrophone(RATE)
    microphone.begin(BEGAN)
    return microphone


def test_a_frame_leaves_when_it_is_over(microphone: VirtualMicrophone) -> None:
    assert microphone.read(BEGAN + 0.0199) == b""
    assert microphone.read(BEGAN + 0.02) == bytes(FRAME * 2)
    assert microphone.read(BEGAN + 0.02) == b""


def test_it_is_silent_until_it_is_given_something_to_say(microphone: VirtualMicrophone) -> None:
    sound = voice(FRAME + FRAME // 2)
    assert microphone.read(BEGAN + 0.02) == bytes(FRAME * 2)
    microphone.say(sound)
    speaking = [microphone.speaking]
    assert microphone.read(BEGAN + 0.04) == sound[: FRAME * 2]
    speaking.append(microphone.speaking)
    assert microphone.read(BEGAN + 0.06) == sound[FRAME * 2 :] + bytes(FRAME)
    speaking.append(microphone.speaking)
    assert speaking == [True, True, False]
    assert microphone.read(BEGAN + 0.08) == bytes(FRAME * 2)


def test_a_late_reader_gets_all_that_is_due(microphone: VirtualMicrophone) -> None:
    sound = voice(FRAME * 10)
    microphone.say(sound)
    assert microphone.read(BEGAN + 0.119) == sound[: 5 * FRAME * 2]
    assert microphone.read(BEGAN + 0.12) == sound[5 * FRAME * 2 : 6 * FRAME * 2]


def test_the_clock_is_absolute(microphone: VirtualMicrophone) -> None:
    times = [BEGAN + n * 0.0237 for n in range(1, 1000)]
    sent = sum(len(microphone.read(now)) for now in times) // 2
    assert sent == int((times[-1] - BEGAN) / 0.02) * FRAME


def test_a_rate_with_no_whole_frames_does_not_drift() -> None:
    microphone = VirtualMicrophone(11025)
    microphone.begin(BEGAN)
    sent = sum(len(microphone.read(BEGAN + n * 0.02)) for n in range(1, 3001)) // 2
    assert sent == 60 * 11025


def test_who_slept_goes_on_where_it_stopped(microphone: VirtualMicrophone) -> None:
    sound = voice(FRAME * 3)
    microphone.say(sound)
    assert microphone.read(BEGAN + 0.02) == sound[: FRAME * 2]
    assert microphone.read(BEGAN + 30.0) == sound[FRAME * 2 : 2 * FRAME * 2]
    assert microphone.dropouts == 1
    assert microphone.read(BEGAN + 30.02) == sound[2 * FRAME * 2 :]


def test_the_last_voiced_sample_is_found_to_five_ms() -> None:
    sound = bytes(RATE) + voice(RATE) + bytes(RATE)  # half a second, a second, half a second
    assert voiced_samples(sound, RATE, floor_db(sound, RATE)) == RATE // 2 + RATE
    assert voiced_samples(bytes(RATE), RATE, QUIETEST_DB) == 0
    assert voiced_samples(b"", RATE, QUIETEST_DB) == 0


def test_noise_after_the_voice_is_none() -> None:
    noise = (np.random.default_rng(3).normal(0, 0.01, RATE) * 32767).astype("<i2").tobytes()
    sound = noise + voice(RATE) + noise
    assert voiced_samples(sound, RATE, floor_db(sound, RATE)) == pytest.approx(2 * RATE, abs=RATE // 200)


def test_a_faint_end_of_a_word_is_voice() -> None:
    sound = bytes(RATE) + voice(RATE) + voice(RATE // 10, 0.5 * 10 ** (-28 / 20)) + bytes(RATE)
    assert voiced_samples(sound, RATE, floor_db(sound, RATE)) == RATE // 2 + RATE + RATE // 10


def test_the_floor_of_nothing_and_of_a_single_sound() -> None:
    assert floor_db(b"", RATE) == QUIETEST_DB
    assert floor_db(bytes(1000), RATE) == QUIETEST_DB
    sound = voice(RATE)  # no quiet part: everything is voice
    assert voiced_samples(sound, RATE, floor_db(sound, RATE)) == RATE

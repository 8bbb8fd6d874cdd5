"""Conversions, the level, and the resampler: tones that must pass, tones that must not, and any cut into chunks."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from audio.pcm import SILENCE_DB, MicResampler, level_db, to_float, to_pcm

Numbers = NDArray[np.float64]
AMPLITUDE = 16384.0

TO_8K = [(rate_hz, 8000) for rate_hz in (11025, 16000, 22050, 24000, 32000, 44100, 48000)]
TO_16K = [(rate_hz, 16000) for rate_hz in (8000, 11025, 22050, 24000, 32000, 44100, 48000)]
ODD = [(44101, 16000), (8001, 16000), (47999, 8000), (16000, 48000)]
PAIRS = TO_8K + TO_16K + ODD
DOWN = [pair for pair in PAIRS if pair[0] > pair[1]]


def tone(hertz: float, rate_hz: int, seconds: float = 0.5) -> bytes:
    wave = AMPLITUDE * np.sin(2 * np.pi * hertz * np.arange(int(rate_hz * seconds)) / rate_hz)
    return bytes(np.rint(wave).astype("<i2").tobytes())


def numbers(pcm: bytes) -> Numbers:
    return np.frombuffer(pcm, "<i2").astype(np.float64)


def gain_db(hertz: float, rate_in: int, rate_out: int) -> float:
    """How loud a tone comes out, at whatever frequency, once the filter is full."""
    out = numbers(MicResampler(rate_in, rate_out).feed(tone(hertz, rate_in)))[200:]
    return 20 * float(np.log10(np.sqrt(np.mean(out**2)) / (AMPLITUDE / 2**0.5) + 1e-9))


def fit(out: Numbers, hertz: float, rate_hz: int) -> tuple[float, float, float]:
    """The sine that fits best: its amplitude, its delay in ms, and what is left over, in dB below it."""
    angle = 2 * np.pi * hertz * np.arange(len(out)) / rate_hz
    steady = slice(200, None)
    basis = np.stack([np.sin(angle), np.cos(angle)], axis=1)[steady]
    (sine, cosine), *_ = np.linalg.lstsq(basis, out[steady], rcond=None)
    rest = out[steady] - basis @ [sine, cosine]
    amplitude = float(np.hypot(sine, cosine))
    delay_ms = float(-np.arctan2(cosine, sine) / (2 * np.pi * hertz) * 1000)
    return amplitude, delay_ms, 20 * float(np.log10(rest.std() * 2**0.5 / amplitude))


def test_floats_and_back_is_the_same() -> None:
    every = np.arange(-32768, 32768).astype("<i2").tobytes()
    floats = to_float(every)
    assert floats.dtype == np.float32
    assert (floats[0], floats[32768]) == (-1.0, 0.0)
    assert floats[-1] == pytest.approx(1.0, abs=1e-4)
    assert to_pcm(floats) == every


def test_too_loud_is_clipped_and_never_wraps() -> None:
    assert numbers(to_pcm(np.array([1.5, 1.0, -1.0, -1.5]))).tolist() == [32767, 32767, -32768, -32768]


def test_rounding_is_to_the_nearest() -> None:
    assert numbers(to_pcm(np.array([0.6, -0.6, 1.4]) / 32768)).tolist() == [1, -1, 1]


def test_the_level_of_known_sounds() -> None:
    loudest = np.rint(32767 * np.sin(np.arange(16000) * 0.1)).astype("<i2").tobytes()
    assert level_db(loudest) == pytest.approx(-3.01, abs=0.01)
    assert level_db(tone(440, 16000)) == pytest.approx(-9.03, abs=0.01)
    assert level_db(np.full(100, -32768, "<i2").tobytes()) == 0.0
    assert level_db(np.ones(100, "<i2").tobytes()) == pytest.approx(-90.3, abs=0.01)
    assert level_db(bytes(640)) == level_db(b"") == SILENCE_DB < -90.3


def test_half_a_sample_is_refused() -> None:
    for use in (level_db, to_float, MicResampler(48000, 16000).feed):
        with pytest.raises(ValueError, match="multiple"):
            use(bytes(3))


def test_equal_rates_pass_the_bytes_through() -> None:
    resampler = MicResampler(16000, 16000)
    pcm = tone(440, 16000)
    assert resampler.feed(pcm) is pcm
    assert resampler.delay_ms == 0


@pytest.mark.parametrize("pair", [(7999, 16000), (16000, 7999), (48001, 16000), (0, 8000)])
def test_rates_beyond_the_range_are_refused(pair: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="from 8000 to 48000 Hz"):
        MicResampler(*pair)


@pytest.mark.parametrize(("rate_in", "rate_out"), PAIRS)
def test_speech_passes_unchanged(rate_in: int, rate_out: int) -> None:
    """Flat to within 0.1 dB up to 0.4 of the lower rate (3.2 kHz of 8, 6.4 of 16) and 1 dB up to 0.42."""
    lower = min(rate_in, rate_out)
    for part in (0.01, 0.05, 0.1, 0.2, 0.3, 0.35, 0.4):
        assert abs(gain_db(part * lower, rate_in, rate_out)) < 0.1, part
    assert abs(gain_db(0.42 * lower, rate_in, rate_out)) < 1


@pytest.mark.parametrize(("rate_in", "rate_out"), DOWN)
def test_what_would_alias_is_gone(rate_in: int, rate_out: int) -> None:
    """Tones over half the output's rate leave less than -50 dB, wherever they would fold to."""
    highest = rate_in / 2 / rate_out
    for part in (0.505, 0.52, 0.55, 0.6, 0.68, 0.75, 0.9, 1.1, 1.4, 1.9, 2.4, 2.9):
        if part < highest:
            assert gain_db(part * rate_out, rate_in, rate_out) < -50, part


@pytest.mark.parametrize(("rate_in", "rate_out"), PAIRS)
def test_a_tone_stays_one_tone_and_comes_as_late_as_promised(rate_in: int, rate_out: int) -> None:
    resampler = MicResampler(rate_in, rate_out)
    hertz = 0.3 * min(rate_in, rate_out)
    _, delay_ms, rest_db = fit(numbers(resampler.feed(tone(hertz, rate_in))), hertz, rate_out)
    assert rest_db < -55
    assert 0 < resampler.delay_ms <= 2
    period_ms = 1000 / hertz
    assert (delay_ms - resampler.delay_ms + period_ms / 2) % period_ms - period_ms / 2 == pytest.approx(0, abs=0.001)


@pytest.mark.parametrize(("rate_in", "rate_out"), PAIRS)
def test_a_click_comes_out_where_the_delay_says(rate_in: int, rate_out: int) -> None:
    """So the delay is not off by a whole period."""
    click = np.zeros(rate_in // 10, "<i2")
    click[rate_in // 20] = 32767
    resampler = MicResampler(rate_in, rate_out)
    peak = int(np.argmax(np.abs(numbers(resampler.feed(click.tobytes())))))
    assert peak / rate_out == pytest.approx(0.05 + resampler.delay_ms / 1000, abs=0.6 / rate_out + 1 / rate_in)


@pytest.mark.parametrize(("rate_in", "rate_out"), PAIRS)
def test_the_output_does_not_depend_on_the_chunks(rate_in: int, rate_out: int) -> None:
    """Noise at full scale, cut at random, in single samples, and with empty chunks: the same to the bit."""
    noise = np.random.default_rng(rate_in).integers(-32768, 32768, 6000).astype("<i2").tobytes()
    whole = MicResampler(rate_in, rate_out).feed(noise)
    for seed, longest in ((1, 1), (2, 7), (3, 400), (4, 3000)):
        random, resampler, parts, at = Random(seed), MicResampler(rate_in, rate_out), [], 0
        while at < len(noise):
            size = 2 * random.randint(0, longest)
            parts.append(resampler.feed(noise[at : at + size]))
            at += size
        assert b"".join(parts) == whole


@pytest.mark.parametrize(("rate_in", "rate_out"), PAIRS)
def test_as_much_time_comes_out_as_went_in(rate_in: int, rate_out: int) -> None:
    """After any number of frames: no drift, and no sample kept that could be given."""
    resampler = MicResampler(rate_in, rate_out)
    fed = given = 0
    for _ in range(150):
        fed += rate_in // 50
        given += len(resampler.feed(bytes(2 * (rate_in // 50)))) // 2
        assert given == -(-fed * rate_out // rate_in)


def test_loud_sounds_are_clipped_not_wrapped() -> None:
    square = np.where(np.arange(4800) // 60 % 2, 32767, -32768).astype("<i2")
    out = numbers(MicResampler(48000, 16000).feed(square.tobytes()))[100:]
    assert (out.max(), out.min()) == (32767, -32768)
    assert np.abs(np.diff(out)).max() < 45000, "an overshoot that wrapped would jump by 65535"


@pytest.mark.parametrize(("rate_in", "rate_out"), [(8000, 16000), (8000, 24000), (16000, 48000)])
def test_the_way_to_a_multiple_of_the_rate_is_the_way_to_any(rate_in: int, rate_out: int) -> None:
    pcm = np.random.default_rng(3).integers(-32768, 32768, 1000).astype("<i2").tobytes()
    quick, slow = MicResampler(rate_in, rate_out), MicResampler(rate_in, rate_out)
    samples = np.concatenate([slow._past, np.frombuffer(pcm, "<i2")])
    assert np.array_equal(quick._whole(samples), slow._any(samples, 1000 * rate_out // rate_in))

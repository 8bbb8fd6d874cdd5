"""Sound files of every kind, read as mono PCM16 at the rate that is wanted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from audio import files
from audio.files import SoundWriter, read_sound
from link.errors import ConfigError

SECONDS = 0.5
TONE_HZ = 440


def tone(rate_hz: int, gain: float = 0.5) -> NDArray[np.float64]:
    """Half a second of a tone."""
    return gain * np.sin(2 * np.pi * TONE_HZ * np.arange(int(SECONDS * rate_hz)) / rate_hz)


def samples(pcm: bytes) -> NDArray[np.float64]:
    """PCM16 as numbers."""
    return np.frombuffer(pcm, "<i2") / 32768


def pitch_hz(pcm: bytes, rate_hz: int) -> float:
    """The strongest frequency."""
    spectrum = np.abs(np.fft.rfft(samples(pcm) * np.hanning(len(pcm) // 2)))
    return float(np.argmax(spectrum)) * rate_hz / (len(pcm) // 2)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3", "aiff", "au", "caf", "w64"])
@pytest.mark.parametrize("rate_hz", [8000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_format_rate_and_number_of_channels(tmp_path: Path, kind: str, rate_hz: int, channels: int) -> None:
    path = tmp_path / f"tone.{kind}"
    soundfile.write(path, np.stack([tone(rate_hz)] * channels, axis=1), rate_hz)
    pcm = read_sound(path, 16000)
    assert len(pcm) // 2 == pytest.approx(SECONDS * 16000, rel=0.02)
    assert pitch_hz(pcm, 16000) == pytest.approx(TONE_HZ, abs=3)
    middle = samples(pcm)[2000:-2000]
    assert float(np.sqrt(np.mean(middle**2))) == pytest.approx(0.5 / 2**0.5, rel=0.03)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "FLOAT", "DOUBLE", "ULAW", "ALAW"])
def test_any_sample_format(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(16000), 16000, subtype=subtype)
    assert samples(read_sound(path, 16000))[:8000] == pytest.approx(tone(16000), abs=0.03)


def test_the_same_rate_is_not_resampled(tmp_path: Path) -> None:
    path = tmp_path / "noise.wav"
    noise = np.random.default_rng(1).integers(-32768, 32768, 100_000).astype(np.int16)  # more than one block
    soundfile.write(path, noise, 16000)
    assert read_sound(path, 16000) == noise.tobytes()


def test_channels_are_averaged(tmp_path: Path) -> None:
    path = tmp_path / "sides.wav"
    soundfile.write(path, np.stack([tone(16000, 0.8), tone(16000, 0.2)], axis=1), 16000)
    assert samples(read_sound(path, 16000)) == pytest.approx(tone(16000, 0.5), abs=0.001)


def test_a_resampled_file_keeps_its_length_to_the_sample(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(3 * 44100 + 441), 44100)
    assert len(read_sound(path, 16000)) // 2 == 3 * 16000 + 160


def test_numbers_that_are_none_are_silence_and_loud_ones_are_clipped(tmp_path: Path) -> None:
    path = tmp_path / "broken.wav"
    soundfile.write(path, np.array([np.nan, np.inf, -np.inf, 7.0, -7.0]), 16000, subtype="FLOAT")
    assert np.frombuffer(read_sound(path, 16000), "<i2").tolist() == [0, 32767, -32768, 32767, -32768]


def test_an_empty_recording_is_no_sound(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    soundfile.write(path, np.zeros(0), 44100)
    assert read_sound(path, 16000) == b""


def test_what_is_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, tone(16000), 16000)
    monkeypatch.setattr(files, "MAX_S", 0.4)
    with pytest.raises(ConfigError, match=r"long\.wav is longer than"):
        read_sound(path, 16000)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gone.wav", None, "does not exist"),
        ("text.wav", b"hello", "cannot be read: "),
        ("nothing.wav", b"", "cannot be read: "),
        ("headerless.raw", bytes(100), "convert it to WAV"),
    ],
)
def test_what_is_no_sound_file_is_named(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=words) as caught:
        read_sound(path, 16000)
    assert name in str(caught.value)


def test_a_folder_is_no_sound_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        read_sound(tmp_path, 16000)


@pytest.mark.parametrize("name", ["out.wav", "out.flac", "out"])
def test_what_is_written_can_be_read(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(2).integers(-32768, 32768, 3000).astype(np.int16).tobytes()
    with SoundWriter(tmp_path / name, 24000) as writer:
        writer.write(noise[:2000])
        writer.write(b"")
        writer.write(noise[2000:])
    assert soundfile.info(tmp_path / name).samplerate == 24000
    assert read_sound(tmp_path / name, 24000) == noise


def test_samples_of_two_channels_take_turns(tmp_path: Path) -> None:
    with SoundWriter(tmp_path / "out.wav", 8000, 2) as writer:
        writer.write(np.array([1, -1, 2, -2, 3, -3], np.int16).tobytes())
    sound, _ = soundfile.read(tmp_path / "out.wav", dtype="int16")
    assert sound.tolist() == [[1, -1], [2, -2], [3, -3]]


@pytest.mark.parametrize(
    ("name", "words"), [("no/out.wav", "there is no folder"), ("out.txt", "there is no format TXT")]
)
def test_what_cannot_be_written_is_named(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        SoundWriter(tmp_path / name, 16000)

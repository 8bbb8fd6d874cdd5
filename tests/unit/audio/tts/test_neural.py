"""Piper and Kokoro, by their own packages, with models of random weights: in this process and in one of their own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audio.events import Word
from audio.tts import kokoro_job, piper_job
from audio.tts.neural_job import Made, job_of
from audio.tts.phonemes import Phoneme
from audio.tts.voice_job import Chunk, Say, VoiceJob
from link.errors import ConfigError
from server.factories import Engine
from server.services import kokoro, piper
from tests.unit.audio.tts.sinks import SpeakingCall
from tests.unit.audio.tts.tiny_models import HOP, KOKORO_FRAME, PIPER_HZ, kokoro_voice, piper_voice
from tests.unit.house import CODE, imports, source_of, tree_of
from tests.unit.server.services.given import given

TEXT = "Well, hello there. It costs 42 dollars, doesn't it? Good!"
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both voices."""
    found = tmp_path_factory.mktemp("voices")
    piper_voice(found)
    kokoro_voice(found)
    return found


def piper_of(folder: Path, **options: Any) -> VoiceJob:
    """Piper in this process."""
    model = str(folder / "voice.onnx")
    table: dict[str, Any] = {"place": "tts", "model": model, "config": f"{model}.json", "speaker": None}
    return piper_job.piper(**table | {"speed": 1, "volume": 1} | options)


def kokoro_of(folder: Path, **options: Any) -> VoiceJob:
    """Kokoro in this process."""
    files = {"model": str(folder / "kokoro.onnx"), "voices": str(folder / "voices.bin")}
    table: dict[str, Any] = {"place": "tts", **files, "voice": "ann", "language": "en-us", "speed": 1}
    return kokoro_job.kokoro(**table | options)


JOBS: dict[str, tuple[Callable[..., VoiceJob], int]] = {"piper": (piper_of, PIPER_HZ), "kokoro": (kokoro_of, 24000)}
by_name = pytest.mark.parametrize("name", JOBS)


def spoken(job: VoiceJob, text: str, slot: int = 1) -> list[Chunk]:
    """All chunks of a text."""
    chunks: list[Chunk] = []
    job.open(slot, {})
    job.message(slot, Say(1, text), chunks.append)
    while chunks[-1].more:
        job.message(slot, Say(1), chunks.append)
    return chunks


def words_of(text: str, words: list[Word]) -> list[str]:
    ends = [0, *(word.end for word in words)]
    return [text[begin:end].strip() for begin, end in pairwise(ends)]


# --- the job ----------------------------------------------------------------------------------------------------------


@by_name
def test_sentences_come_one_by_one_with_their_words(folder: Path, name: str) -> None:
    make, rate_hz = JOBS[name]
    chunks = spoken(make(folder), TEXT)
    assert len(chunks) >= 3
    assert [chunk.done for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    words = [word for chunk in chunks for word in chunk.words]
    assert words_of(TEXT, words) == TEXT.split()
    starts = [word.start_ms for word in words]
    assert starts == sorted(starts)
    given_ms = 0.0
    for chunk in chunks:
        ends_ms = given_ms + len(chunk.pcm) / 2 / rate_hz * 1000
        assert all(given_ms <= word.start_ms < ends_ms - 100 for word in chunk.words), "each in its own sentence"
        given_ms = ends_ms
    assert given_ms > 1000


@by_name
def test_the_times_of_words_are_those_that_the_model_tells(folder: Path, name: str) -> None:
    (chunk,) = spoken(JOBS[name][0](folder), "Nine big red dogs.")
    step_ms = {"piper": HOP / PIPER_HZ, "kokoro": KOKORO_FRAME / 24000}[name] * 1000
    first, *others = (word.start_ms for word in chunk.words)
    assert len(others) == 3
    for ms in others:
        steps = (ms - first) / step_ms
        assert steps == pytest.approx(round(steps), abs=0.02)
        assert round(steps) > 0


@by_name
def test_what_is_not_wanted_any_more_is_not_made(folder: Path, name: str) -> None:
    job = JOBS[name][0](folder)
    chunks: list[Chunk] = []
    job.open(1, {})
    job.message(1, Say(1, TEXT), chunks.append)
    job.urgent(1, 1)
    job.message(1, Say(1), chunks.append)
    assert len(chunks) == 1
    job.message(1, Say(2, "Hello."), chunks.append)
    assert chunks[-1].serial == 2
    assert chunks[-1].pcm


@by_name
def test_the_speed_is_kept(folder: Path, name: str) -> None:
    make, _ = JOBS[name]
    slow, fast = (sum(len(chunk.pcm) for chunk in spoken(make(folder, speed=speed), TEXT)) for speed in (0.5, 2.0))
    assert slow > 1.5 * fast


@by_name
def test_what_has_no_sound_gives_none(folder: Path, name: str) -> None:
    for text in ("…", "?!", " ", "😀"):
        (chunk,) = spoken(JOBS[name][0](folder), text)
        assert (chunk.pcm, chunk.words, chunk.done) == (b"", (), True)


def test_without_times_words_share_those_of_their_sentence(tmp_path: Path) -> None:
    kokoro_voice(tmp_path, durations=False)
    words = [word for chunk in spoken(kokoro_of(tmp_path), TEXT) for word in chunk.words]
    assert words_of(TEXT, words) == TEXT.split()


def test_silence_around_a_sentence_is_cut_off_and_its_words_move() -> None:
    tone = np.full(1600, 1000, np.int16)
    quiet = np.zeros(8000, np.int16)
    made = Made(np.concatenate([quiet, tone, quiet]), [Phoneme("a", 500.0), Phoneme(" ", 550.0), Phoneme("b", 560.0)])
    (chunk,) = spoken(job_of(lambda _: made, 16000, "en"), "A bee.")
    assert len(chunk.pcm) // 2 == 48 + 1600 + 48 + 3200, "3 ms before and after, and a pause of 200 ms"
    assert [(word.start_ms, word.end) for word in chunk.words] == [(3.0, 1), (63.0, 6)]


def test_a_speaker_by_name_and_by_number(tmp_path: Path) -> None:
    piper_voice(tmp_path, speakers=3)
    for speaker in ("speaker1", 2, None):
        assert spoken(piper_of(tmp_path, speaker=speaker), "Hello.")[0].pcm
    for speaker in ("ann", 3, -1):
        with pytest.raises(ConfigError) as caught:
            piper_of(tmp_path, speaker=speaker)
        there_are = "speaker0, speaker1, speaker2, 0 to 2"
        assert str(caught.value) == f"tts.speaker: the voice has no speaker {speaker!r}; it has {there_are}"


# --- what is missing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "package"), [("piper", "piper-tts"), ("kokoro", "kokoro-onnx")])
def test_a_missing_package(folder: Path, name: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package.replace("-", "_").removesuffix("_tts"), None)
    with pytest.raises(ConfigError) as caught:
        JOBS[name][0](folder)
    install = f".venv/bin/pip install -e '.[{name}]'"
    assert str(caught.value) == f"tts: the package {package} is missing; {install}"


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("piper", {"model": "nowhere.onnx"}, "tts.model: there is no file 'nowhere.onnx'; give the path of a voice of"),
        (
            "piper",
            {"model": __file__},
            f"tts.config: there is no file '{__file__}.json'; give the path of the `.onnx.j",
        ),
        ("piper", {"config": __file__}, f"tts.config: {__file__} is no configuration of a voice of Piper: "),
        ("piper", {"speed": 5}, "tts.speed must be from 0.25 to 4, not 5"),
        ("piper", {"volume": 0}, "tts.volume must be from 0.1 to 2, not 0"),
        ("piper", {"voice": "x"}, "there is no key tts.voice"),
        ("kokoro", {"model": ""}, "tts.model: there is no file ''; give the path of Kokoro, an `.onnx` file"),
        (
            "kokoro",
            {"voices": "/"},
            "tts.voices: there is no file '/'; give the path of the voices of Kokoro, a `.bin`",
        ),
        ("kokoro", {"voice": " "}, "tts.voice is empty: say which voice"),
        ("kokoro", {"slots": 0}, "tts.slots must be from 1 to 1024, not 0"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_loaded(
    folder: Path, name: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        engine(folder, name, **options)
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("piper", {"model": __file__}, f"tts.model: {__file__} cannot be loaded as a voice of Piper: "),
        ("kokoro", {"model": __file__}, f"tts.model: {__file__} cannot be loaded as Kokoro, with "),
        ("kokoro", {"voice": "eve"}, "tts.voice: there is no voice 'eve' in "),
        ("kokoro", {"language": "xx"}, "tts.language: 'xx' cannot be spoken: "),
    ],
)
def test_what_cannot_be_loaded_is_one_sentence(folder: Path, name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        JOBS[name][0](folder, **options)
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


# --- the process ------------------------------------------------------------------------------------------------------


def engine(folder: Path, name: str, **options: Any) -> Engine[Any]:
    """The engine of a table."""
    context = given("tts", spawn=asyncio.create_task)
    if name == "piper":
        return piper.voice(context, **{"model": str(folder / "voice.onnx"), **options})
    files = {"model": str(folder / "kokoro.onnx"), "voices": str(folder / "voices.bin")}
    return kokoro.voice(context, **{**files, "voice": "ann", **options})


@by_name
@pytest.mark.asyncio
async def test_a_call_speaks_and_is_interrupted(folder: Path, name: str) -> None:
    made = engine(folder, name)
    async with asyncio.timeout(PATIENCE_S):
        await made.start()
        assert made.free in (4, 8)
        call = SpeakingCall(made.open())
        assert call.voice.rate_hz == JOBS[name][1]
        assert await call.speak(1, TEXT) == "done"
        assert words_of(TEXT, call.sink.words[1]) == TEXT.split()
        call.sink.room.clear()
        call.say(2, TEXT)
        await call.sink.waiting.wait()
        call.sink.dropped.add(2)
        call.sink.room.set()
        assert await call.speak(3, "Good!") == "done"
        assert words_of("Good!", call.sink.words[3]) == ["Good!"]
        assert 2 not in call.sink.pcm
        await call.stop()
        await made.close()


def test_what_brings_gpl_code_is_imported_in_the_child_only() -> None:
    children = {piper_job.__name__, kokoro_job.__name__}  # the parent names them in a text
    assert [file for file in CODE for name in imports(tree_of(file)) if source_of(name) in children] == []

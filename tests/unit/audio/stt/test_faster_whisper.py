"""faster-whisper with a small model of random weights: it loads, and what is asked of it reaches the model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from audio.events import SpokenWord
from audio.stt import faster_whisper
from audio.stt.faster_whisper import check, is_path
from audio.stt.faster_whisper_job import faster_whisper_job, piece_of
from audio.stt.speeches import Piece
from link.errors import ConfigError
from tests.unit.audio.stt.whisper_model import write_whisper

TALKATIVE = 6
"""A seed whose model says something."""
SOUND = np.random.default_rng(0).normal(0, 0.1, 32000).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model."""
    return write_whisper(tmp_path_factory.mktemp("whisper"), TALKATIVE)


def heard(folder: Path, *, look: bool = False, **settings: object) -> Piece:
    """What the model makes of the sound."""
    job = faster_whisper_job({"model": str(folder), **settings}, 1)
    return job._recogniser.understand(SOUND, look=look)


def test_words_have_times_and_a_confidence(folder: Path) -> None:
    found = heard(folder)
    assert found.text and found.language == "en"
    assert found.confidence is not None and 0 < found.confidence < 1
    assert "".join(word.text for word in found.words) == found.text.replace(" ", "")
    assert all(0 <= word.start_ms <= word.end_ms <= 2000 for word in found.words)
    assert all(type(word.confidence) is float for word in found.words), "numpy's cannot be sent"


def test_a_look_and_who_wants_no_words_get_none(folder: Path) -> None:
    assert heard(folder, look=True) == heard(folder, words=False)
    assert heard(folder, look=True).words == ()


def test_the_prompt_the_hotwords_and_the_beam_reach_the_model(folder: Path) -> None:
    texts = [heard(folder).text]
    texts += [
        heard(folder, hotwords=["puncture"]).text,
        heard(folder, prompt="A shop.").text,
        heard(folder, beam_size=5).text,
    ]
    assert len(set(texts)) > 2


def test_segments_are_one_text() -> None:
    def segment(text: str, logprob: float, *words: object) -> SimpleNamespace:
        return SimpleNamespace(text=text, avg_logprob=logprob, tokens=[1, 2], words=list(words) or None)

    word = SimpleNamespace(word=" two", start=1.0, end=1.5, probability=np.float64(0.25))
    found = piece_of([segment(" one", -0.5), segment(" two", -0.1, word)], "de")
    assert found == Piece("one two", (SpokenWord("two", 1000, 1500, 0.25),), 0.741, "de")
    assert piece_of([], "en") == Piece("", (), None, "en")


def test_what_is_missing_is_told(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check("stt", str(folder))
    check("stt", "small")
    with pytest.raises(ConfigError, match=r"stt.model: the folder .*nowhere has no model.bin; make one with `"):
        check("stt", str(tmp_path / "nowhere"))
    monkeypatch.setattr(faster_whisper, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"\.venv/bin/pip install -e '\.\[faster-whisper\]'"):
        check("stt", "small")


def test_a_name_is_looked_up_on_this_machine_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=r"'small' cannot be loaded: it is not on this machine; get it with `python"):
        faster_whisper_job({"model": "small"}, 1)
    with pytest.raises(ConfigError, match="it is not on this machine"):
        faster_whisper_job({"model": "no-such-model"}, 1)


@pytest.mark.parametrize(
    ("model", "path"),
    [("small", False), ("Systran/faster-whisper-small", False), ("./small", True), ("~/m", True), ("a/b/c", True)],
)
def test_names_and_paths(model: str, path: bool) -> None:
    assert is_path(model) == path

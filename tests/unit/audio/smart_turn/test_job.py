"""The model in its process: what it says of a voice, and one sentence for each file that is no such model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
from onnx import TensorProto

from audio.pcm import to_float, to_pcm
from audio.smart_turn.features import RATE_HZ, log_mel
from audio.smart_turn.job import Judge, Judged, SmartTurnJob, SmartTurnModel
from link.errors import ConfigError
from tests.unit.audio.smart_turn import nets
from tests.unit.audio.smart_turn.test_features import recorded, reference
from tests.unit.audio.smart_turn.voices import voice


def judged(file: Path, samples: np.ndarray[Any, Any], rate_hz: int = RATE_HZ) -> float:
    """What the Job says."""
    sent: list[Judged] = []
    SmartTurnJob(str(file)).message(1, [7, rate_hz, to_pcm(samples)], sent.append)
    assert [each.serial for each in sent] == [7]
    return sent[0].complete


def sentence(file: Path) -> str:
    """What is said of a file that is no such model: one line, which names the key and says where there are some."""
    with pytest.raises(ConfigError) as caught:
        SmartTurnModel(str(file))
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("turn_model: ")
    return text.removeprefix("turn_model: ").replace(str(file), "FILE")


@pytest.mark.parametrize("name", ["jfk.flac", "cards_001.flac"])
def test_it_says_what_the_model_says_of_the_references_features(tmp_path: Path, name: str) -> None:
    samples = recorded(name)
    wanted = nets.judgement(reference(samples))
    assert judged(nets.save(tmp_path / "net.onnx"), samples) == pytest.approx(wanted, abs=1e-3)


def test_a_voice_that_fades_has_ended_and_one_that_stops_has_not(tmp_path: Path) -> None:
    file = nets.save(tmp_path / "net.onnx")
    assert judged(file, voice(fades=True)) > 0.9
    assert judged(file, voice(fades=False)) < 0.1


def test_a_model_of_eight_bits_says_about_the_same(tmp_path: Path) -> None:
    file = nets.save_int8(tmp_path / "int8.onnx")
    for fades in (True, False):
        wanted = nets.judgement(log_mel(voice(fades=fades)))
        assert judged(file, voice(fades=fades)) == pytest.approx(wanted, abs=0.1)


@pytest.mark.parametrize("fades", [True, False])
def test_audio_of_8_khz_is_judged_at_16(tmp_path: Path, fades: bool) -> None:
    file = nets.save(tmp_path / "net.onnx")
    narrow = soxr.resample(voice(fades=fades), RATE_HZ, 8000)
    wide = soxr.resample(to_float(to_pcm(narrow)), 8000, RATE_HZ)
    assert judged(file, narrow, 8000) == pytest.approx(nets.judgement(log_mel(wide)), abs=1e-3)
    assert (judged(file, narrow, 8000) > 0.5) is fades


def test_what_goes_through_the_pipe_is_a_question() -> None:
    import msgspec

    asked = Judge(1, 8000, b"\1\0")
    assert msgspec.convert(msgspec.msgpack.decode(msgspec.msgpack.encode(asked)), Judge) == asked


# --- files that are no such model -------------------------------------------------------------------------------------

FORM = "FILE is no model in the form of Smart Turn v3: "
GET = "; such models are at Hugging Face, in pipecat-ai/smart-turn-v3"


def test_a_missing_file(tmp_path: Path) -> None:
    assert sentence(tmp_path / "none.onnx") == f"there is no file FILE{GET}"


def test_a_missing_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    told = sentence(nets.save(tmp_path / "net.onnx"))
    assert told == "the package onnxruntime is missing: .venv/bin/pip install -e '.[smart-turn]'"


def test_a_file_of_something_else(tmp_path: Path) -> None:
    file = tmp_path / "page.onnx"
    file.write_text("<html>not found</html>")
    assert sentence(file).startswith("onnxruntime cannot load FILE: ")


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"takes": "audio"}, "it takes audio where input_features is wanted"),
        (
            {"shape": ("n", 80, 3000)},
            "its input_features is (n, 80, 3000) of tensor(float), not (n, 80, 800) of tensor(float)",
        ),
        (
            {"kind": TensorProto.FLOAT16},
            "its input_features is (n, 80, 800) of tensor(float16), not (n, 80, 800) of tensor(float)",
        ),
        ({"last": "Identity"}, "it gives -7.5, which is no probability"),
    ],
)
def test_a_model_of_another_form(tmp_path: Path, faults: dict[str, Any], words: str) -> None:
    assert sentence(nets.save(tmp_path / "net.onnx", **faults)) == f"{FORM}{words}{GET}"


def test_a_model_for_one_pause_at_a_time_will_do(tmp_path: Path) -> None:
    assert judged(nets.save(tmp_path / "net.onnx", shape=(1, 80, 800)), voice(fades=True)) > 0.9


def test_what_is_no_probability_later_on_is_refused(tmp_path: Path) -> None:
    model = SmartTurnModel(str(nets.save(tmp_path / "net.onnx", last="Identity", bias=0.5)))
    with pytest.raises(ValueError, match=r"it gives .*, which is no probability"):
        model.judge(voice(fades=True))

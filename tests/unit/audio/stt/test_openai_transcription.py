"""The fields of a request and the answers to it, beside the SDK's own."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.audio import Transcription, TranscriptionTextDeltaEvent, TranscriptionTextDoneEvent
from openai.types.audio.transcription import Logprob
from openai.types.audio.transcription_create_params import TranscriptionCreateParamsStreaming
from openai.types.audio.transcription_language import TranscriptionLanguage
from openai.types.audio.transcription_segment import TranscriptionSegment
from openai.types.audio.transcription_verbose import TranscriptionVerbose
from openai.types.audio.transcription_word import TranscriptionWord

from audio.events import SpokenWord
from audio.stt.openai_transcription import Stream, TranscriptionSettings, fields_of, piece_of
from audio.stt.speeches import Piece
from link.errors import ProviderError

ALL = TranscriptionSettings(
    "m",
    "en",
    "A bicycle shop.",
    ("puncture", "Brooks"),
    words=True,
    logprobs=True,
    stream=True,
    extra={"temperature": "0"},
)


def test_only_what_is_said_goes_out() -> None:
    assert fields_of(TranscriptionSettings("m", stream=False)) == (("model", "m"), ("response_format", "json"))


def test_each_field_is_one_of_the_sdk() -> None:
    assert {name.removesuffix("[]") for name, _ in fields_of(ALL)} <= set(
        TranscriptionCreateParamsStreaming.__annotations__
    )


def test_a_field_of_the_operator_goes_before_ours() -> None:
    fields = fields_of(TranscriptionSettings("m", extra={"stream": "false"}))
    assert [field for field in fields if field[0] == "stream"] == [("stream", "false")]


def test_plain_answers() -> None:
    plain = Transcription(text=" hello \n", logprobs=[Logprob(logprob=-0.1), Logprob(logprob=-0.3), Logprob()])
    assert piece_of(plain.model_dump_json().encode(), "en") == Piece("hello", (), 0.819, "en")
    spanish = Transcription(text="hola", languages=[TranscriptionLanguage(code="es")])
    assert piece_of(spanish.model_dump_json().encode(), "en").language == "es"
    assert piece_of(b'{"text": ""}', "") == Piece("")


def test_verbose_answers() -> None:
    numbers: dict[str, Any] = dict.fromkeys(("id", "compression_ratio", "no_speech_prob", "seek", "temperature"), 0)
    segment = TranscriptionSegment(avg_logprob=-0.2, start=0, end=1, text="a b", tokens=[], **numbers)
    words = [TranscriptionWord(word=" a", start=0.1, end=0.2), TranscriptionWord(word="b", start=0.3, end=0.45)]
    whole = TranscriptionVerbose(duration=1, language="english", text="a b", segments=[segment], words=words)
    found = piece_of(whole.model_dump_json().encode(), "")
    assert found == Piece("a b", (SpokenWord("a", 100, 200), SpokenWord("b", 300, 450)), 0.819, "")


def test_words_that_stand_in_the_segments() -> None:
    word = b'{"word": "a", "start": 0, "end": 1, "probability": 0.5}'
    body = b'{"text": "a", "language": "en", "segments": [{"words": [' + word + b"]}]}"
    assert piece_of(body, "") == Piece("a", (SpokenWord("a", 0, 1000, 0.5),), None, "en")


def stream_of(*texts: str) -> bytes:
    """A stream as the SDK reads it."""
    events: list[str] = [
        TranscriptionTextDeltaEvent(delta=text, type="transcript.text.delta").model_dump_json() for text in texts
    ]
    events.append(TranscriptionTextDoneEvent(text="".join(texts), type="transcript.text.done").model_dump_json())
    return "".join(f"event: e\r\ndata: {event}\r\n\r\n" for event in [*events, "[DONE]"]).encode()


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_stream_may_be_cut_anywhere(size: int) -> None:
    stream, sent, texts = Stream("de"), stream_of("Grü", "ß ", "Gott"), []
    for at in range(0, len(sent), size):
        stream.feed(sent[at : at + size])
        texts.append(stream.text)
    assert texts[-1] == "Grüß Gott"
    assert stream.piece == Piece("Grüß Gott", (), None, "de")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"}{", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b'{"words": []}', "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
    ],
)
def test_garbage(body: bytes, words: str) -> None:
    with pytest.raises(ProviderError, match=words):
        piece_of(body, "")


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"data: }{\n", "cannot be read"),
        (b'data: {"type": "error", "error": {"code": "x", "message": "too bad"}}\n', "broke off: x: too bad"),
        (b'data: {"type": "error"}\n', "it does not say why"),
        (b"x" * (2 << 20), "no events"),
    ],
)
def test_a_stream_that_is_of_no_use(sent: bytes, words: str) -> None:
    with pytest.raises(ProviderError, match=words):
        Stream("").feed(sent)

"""OpenAI's `/audio/transcriptions`: the fields of a request, and what the answers say, whole or as a stream. Pure.

The names and fields are those of `openai.types.audio`; what is not listed is not read. Other servers that speak this
protocol leave fields out, and some add the probability of a word.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from audio.events import SpokenWord
from audio.stt.hearing import mean
from audio.stt.speeches import Piece
from link.errors import ProviderError

PATH = "/audio/transcriptions"
STREAM_TYPE = "text/event-stream"
MAX_EVENT = 1 << 20
LONGEST_CODE = 3
"""`verbose_json` names a language in English ("english"); only a code is of use."""


class TranscriptionSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What a request asks for; the names are OpenAI's. Empty means that nothing is said of it."""

    model: str
    language: str = ""
    """ISO 639-1."""
    prompt: str = ""
    keywords: tuple[str, ...] = ()
    """Words to listen for; not every model takes them."""
    words: bool = False
    """Ask for the times of words; not every model gives them."""
    logprobs: bool = False
    """Ask how sure the model is of its tokens; not every model says."""
    stream: bool = True
    """Ask for text as it is found. A model that cannot do so answers whole."""
    extra: dict[str, str] = {}


def fields_of(settings: TranscriptionSettings) -> tuple[tuple[str, str], ...]:
    """The fields of the form, besides the file."""
    named = [("model", settings.model), ("language", settings.language), ("prompt", settings.prompt)]
    fields = [field for field in named if field[1]]
    fields += [("keywords[]", each) for each in settings.keywords]
    fields.append(("response_format", "verbose_json" if settings.words else "json"))
    if settings.words:
        fields.append(("timestamp_granularities[]", "word"))
    if settings.logprobs:
        fields.append(("include[]", "logprobs"))
    if settings.stream:
        fields.append(("stream", "true"))
    return (*(field for field in fields if field[0] not in settings.extra), *settings.extra.items())


class _Logprob(Struct, frozen=True):
    logprob: float | None = None


class _Language(Struct, frozen=True):
    code: str = ""


class _Word(Struct, frozen=True):
    word: str
    start: float = 0.0
    end: float = 0.0
    probability: float | None = None


class _Segment(Struct, frozen=True):
    avg_logprob: float | None = None
    text: str = ""
    words: tuple[_Word, ...] | None = None
    """Some servers list them here only."""


class _Whole(Struct, frozen=True):
    """`Transcription`, `TranscriptionVerbose` and `TranscriptionTextDoneEvent`."""

    text: str
    language: str | None = None
    languages: tuple[_Language, ...] | None = None
    logprobs: tuple[_Logprob, ...] | None = None
    segments: tuple[_Segment, ...] | None = None
    words: tuple[_Word, ...] | None = None


class _Error(Struct, frozen=True):
    message: str | None = None
    code: str | None = None


class _Event(Struct, frozen=True):
    type: str = ""
    delta: str | None = None
    error: _Error | None = None


def piece_of(body: bytes, language: str) -> Piece:
    """A whole answer; `language` is what was asked for. Raises ProviderError for garbage."""
    try:
        whole = msgspec.json.decode(body, type=_Whole)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProviderError(f"the transcription cannot be read: {error}") from error
    segments = whole.segments or ()
    words = whole.words or tuple(word for segment in segments for word in segment.words or ())
    return Piece(
        whole.text.strip(),
        tuple(SpokenWord(each.word.strip(), each.start * 1000, each.end * 1000, each.probability) for each in words),
        _confidence(whole.logprobs or (), segments),
        _language(whole) or language,
    )


def _confidence(logprobs: Sequence[_Logprob], segments: Sequence[_Segment]) -> float | None:
    known = [(each.logprob, 1) for each in logprobs if each.logprob is not None]
    known += [(each.avg_logprob, max(len(each.text), 1)) for each in segments if each.avg_logprob is not None]
    found = mean(known)
    return None if found is None else round(math.exp(min(found, 0.0)), 3)


def _language(whole: _Whole) -> str:
    code = next((each.code for each in whole.languages or ()), whole.language or "")
    return code if len(code) <= LONGEST_CODE else ""


class Stream:
    """An answer that comes in events."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._unread = b""
        self.text = ""
        """What was understood so far."""
        self.piece: Piece | None = None
        """All of it, once it is there."""

    def feed(self, chunk: bytes) -> None:
        """More of the answer. Raises ProviderError for garbage, and for an error that is told in the stream."""
        for data in self._events(chunk):
            if data != b"[DONE]":
                self._take(data)

    def _events(self, chunk: bytes) -> Iterator[bytes]:
        *lines, self._unread = (self._unread + chunk).split(b"\n")
        if len(self._unread) > MAX_EVENT:
            raise ProviderError("the stream of a transcription holds no events")
        for line in lines:
            if line.startswith(b"data:"):  # each event has all of its JSON on one such line
                yield line[5:].strip()

    def _take(self, data: bytes) -> None:
        try:
            event = msgspec.json.decode(data, type=_Event)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ProviderError(f"an event of the transcription cannot be read: {error}") from error
        match event.type:
            case "transcript.text.delta":
                self.text += event.delta or ""
            case "transcript.text.done":
                self.piece = piece_of(data, self._language)
            case "error":
                trouble = event.error or _Error()
                words = ": ".join(filter(None, [trouble.code, trouble.message]))
                raise ProviderError(f"the transcription broke off: {words or 'it does not say why'}")

"""OpenAI: transcription as ears, of whole speeches or while they are said, and a voice.

stt = {name = "openai-stt", model = "…"}                # or any server that speaks this protocol, at `base_url`
stt = {name = "openai-realtime-stt", model = "…"}
tts = {name = "openai-tts", model = "…", voice = "…"}
"""

from __future__ import annotations

from random import Random
from typing import Any, Literal

from msgspec import Struct

from audio.services import SpeechToText, TextToSpeech
from audio.stt.hearing import Patience
from audio.stt.openai_events import RealtimeSettings
from audio.stt.openai_realtime import PATH, RealtimeHearing
from audio.stt.openai_transcriber import OpenAITranscriber
from audio.stt.openai_transcription import PATH as TRANSCRIPTION_PATH
from audio.stt.openai_transcription import TranscriptionSettings
from audio.stt.utterance_ears import UtteranceEars
from audio.stt.utterances import Waits
from audio.tts import openai as voice_wire
from link.http import HttpClient
from server.services.access import Access, Provider, endpoint
from server.services.ears import Way, terms, way_of, websocket_ears
from server.services.options import named, one_of, parted, within
from server.services.remote import Given, HttpEngine, RemoteEngine
from server.services.voices import VoicePatience, checked_ahead, http_voice, patience_of

REALTIME = Provider("wss://api.openai.com/v1", "OPENAI_API_KEY")
OVER_HTTP = Provider("https://api.openai.com/v1", "OPENAI_API_KEY")


class TranscriptionOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`stt = {name = "openai-stt", model = "…"}`: each speech is a request."""

    model: str
    """Which model; it must be given."""
    language: str = ""
    """ISO 639-1."""
    prompt: str = ""
    """What the model is told of what it will hear."""
    keywords: list[str] | None = None
    """Words to listen for, where the model takes them; not given: as `terms` says."""
    terms: Literal["keywords", "prompt", "no"] | None = None
    """The terms of the agent's vocabulary: `keywords`, for a model that takes them, `prompt`, behind the prompt, or
    `no`; not given: `prompt`, which the log tells."""
    words: bool = False
    """Ask for the times of words (`verbose_json`), where the model has them."""
    logprobs: bool = False
    """Ask how sure the model is, where it says so."""
    stream: bool = True
    """Ask for the text as it is found; without `words` only."""
    rate_hz: int = 16000
    """Of the audio that is sent: 8000, 16000 or 24000."""
    extra: dict[str, str] = {}
    """Further fields of the form, as they are: temperature, chunking_strategy, …"""


def transcription(given: Given, **options: Any) -> HttpEngine[SpeechToText]:
    """Ears that send each speech once it is over."""
    place = given.place
    chosen, access, waits = parted(place, options, TranscriptionOptions, Access, Waits)
    named(place, model=chosen.model)
    rate_hz = one_of(place, "rate_hz", chosen.rate_hz, (8000, 16000, 24000))
    prompt, keywords = _told(given, chosen, "prompt")
    settings = TranscriptionSettings(
        chosen.model,
        chosen.language,
        prompt,
        keywords,
        words=chosen.words,
        logprobs=chosen.logprobs,
        stream=chosen.stream and not chosen.words,
        extra=chosen.extra,
    )
    where = endpoint(place, OVER_HTTP, access, TRANSCRIPTION_PATH, ("http", "https"))
    random = Random()

    def ears(client: HttpClient) -> SpeechToText:
        return UtteranceEars(OpenAITranscriber(client, settings, rate_hz), waits, random)

    return HttpEngine(HttpClient(where), ears)


class RealtimeOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`stt = {name = "openai-realtime-stt", model = "…"}`: OpenAI's realtime transcription."""

    model: str
    """Which model; it must be given."""
    language: str = ""
    """ISO 639-1."""
    prompt: str = ""
    """What the model is told of what it will hear, where it takes a prompt."""
    keywords: list[str] | None = None
    """Words to listen for, where the model takes them; not given: as `terms` says."""
    terms: Literal["keywords", "prompt", "no"] | None = None
    """The terms of the agent's vocabulary: `keywords`, for a model that takes them, `prompt`, behind the prompt, or
    `no`; not given: `no`, which the log tells."""
    delay: str = ""
    """How long the model may wait for more before it writes, where it takes that: `low`, `high`, …"""
    noise_reduction: str = ""
    """`near_field` or `far_field`."""


def realtime(given: Given, **options: Any) -> RemoteEngine[SpeechToText]:
    """Ears that write while they listen."""
    place = given.place
    chosen, access, patience = parted(place, options, RealtimeOptions, Access, Patience)
    named(place, model=chosen.model)
    settings = RealtimeSettings(
        chosen.model,
        chosen.language,
        *_told(given, chosen, "no"),
        chosen.delay,
        chosen.noise_reduction,
    )
    where = endpoint(place, REALTIME, access, PATH, ("ws", "wss"))
    return websocket_ears(where, lambda: RealtimeHearing(settings, patience))


def _told(given: Given, chosen: TranscriptionOptions | RealtimeOptions, default: Way) -> tuple[str, tuple[str, ...]]:
    """The prompt and the keywords; by `default` the terms of the vocabulary go where any model takes them."""
    found = terms(f"{given.place}.keywords", chosen.keywords, given.agent.vocabulary)
    if chosen.keywords is not None:
        return chosen.prompt, found
    way = way_of(given.place, chosen.terms, default, "keywords", found)
    prompt = " ".join(filter(None, (chosen.prompt, ", ".join(found if way == "prompt" else ()))))
    return prompt, found if way == "keywords" else ()


class VoiceOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`tts = {name = "openai-tts", model = "…", voice = "…"}`: OpenAI's speech, or of a server like it."""

    voice: str | dict[str, str]
    """Its name, or `{id = "…"}` for one of your own; it must be given."""
    model: str
    """Which model; it must be given."""
    instructions: str = ""
    """How it is to speak, in words, where the model takes that."""
    speed: float | None = None
    """0.25 to 4; not given: the model's own."""
    rate_hz: int = voice_wire.RATE_HZ
    """Of its audio. OpenAI's is 24000; servers like it may have another."""
    extra: dict[str, Any] = {}
    """Goes into each request as it is."""
    ahead: int = 2
    """Sentences that are made at once, 1 to 4."""


def voice(given: Given, **options: Any) -> HttpEngine[TextToSpeech]:
    """A voice: one request for each sentence."""
    place = given.place
    chosen, access, patience = parted(place, options, VoiceOptions, Access, VoicePatience)
    times = patience_of(given, patience)
    own = chosen.voice if isinstance(chosen.voice, str) else chosen.voice.get("id", "")
    named(place, voice=own, model=chosen.model)
    low, high = voice_wire.SPEED
    if chosen.speed is not None:
        within(place, "speed", chosen.speed, low, high)
    within(place, "rate_hz", chosen.rate_hz, 8000, 48000)
    extra: dict[str, Any] = {"instructions": chosen.instructions} if chosen.instructions else {}
    extra |= {"speed": chosen.speed} if chosen.speed is not None else {}
    where = endpoint(place, OVER_HTTP, access, voice_wire.PATH, ("http", "https"))
    speech = voice_wire.OpenAISpeech(chosen.model, chosen.voice, chosen.rate_hz, {**extra, **chosen.extra})
    return http_voice(where, speech, checked_ahead(place, chosen.ahead), times)

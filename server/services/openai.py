"""OpenAI: transcription as ears, of whole speeches or while they are said, and a voice.

stt = {name = "openai-stt", model = "…"}                # or any server that speaks this protocol, at `base_url`
stt = {name = "openai-realtime-stt", model = "…"}
tts = {name = "openai-tts", model = "…", voice = "…"}
"""

from __future__ import annotations

from random import Random
from typing import Any

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
from server.services.ears import terms, websocket_ears
from server.services.options import named, one_of, parted, within
from server.services.remote import Given, HttpEngine, RemoteEngine
from server.services.voices import VoicePatience, checked_ahead, http_voice

REALTIME = Provider("wss://api.openai.com/v1", "OPENAI_API_KEY")
OVER_HTTP = Provider("https://api.openai.com/v1", "OPENAI_API_KEY")
KEYWORDS_OF = ("gpt-transcribe", "gpt-live-transcribe")
"""Models that take words to listen for."""


class TranscriptionOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`stt = {name = "openai-stt", model = "…"}`: each speech is a request."""

    model: str
    """Which model; it must be given."""
    language: str = ""
    """ISO 639-1."""
    prompt: str | None = None
    """What the model is told of what it will hear; not given: the terms of the agent's vocabulary, unless they are
    `keywords`."""
    keywords: list[str] | None = None
    """Words to listen for; not given: the terms of the agent's vocabulary, where the model takes them."""
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
    vocabulary = given.agent.vocabulary
    keywords = terms(f"{place}.keywords", chosen.model, chosen.keywords, vocabulary, KEYWORDS_OF)
    spoken_of = ", ".join(terms(place, chosen.model, None, vocabulary, ("",)))
    settings = TranscriptionSettings(
        chosen.model,
        chosen.language,
        chosen.prompt if chosen.prompt is not None else "" if keywords else spoken_of,
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
    """Words to listen for; not given: the terms of the agent's vocabulary, where the model takes them."""
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
        chosen.prompt,
        terms(f"{place}.keywords", chosen.model, chosen.keywords, given.agent.vocabulary, KEYWORDS_OF),
        chosen.delay,
        chosen.noise_reduction,
    )
    where = endpoint(place, REALTIME, access, PATH, ("ws", "wss"))
    return websocket_ears(where, lambda: RealtimeHearing(settings, patience))


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
    return http_voice(where, speech, checked_ahead(place, chosen.ahead), patience)

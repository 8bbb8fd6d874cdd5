"""Any voice with `cache = "/var/cache/voicewire"`: the agent's fixed sentences are made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from loguru import logger

from audio.pieces import Pieces
from audio.services import TextToSpeech
from audio.tts.cache import CachedVoice, SentenceCache
from link.errors import ConfigError
from server.agent import Agent
from server.call.wording import Wording
from server.config import Settings
from server.factories import Engine
from server.services.remote import Given

NOT_HEARD = frozenset({"api_key", "key_env", "headers", "ahead", "first_audio_s"})
"""Options that a voice sounds the same with."""


class CachedEngine:
    """Another engine, whose voices have fixed sentences from a folder."""

    def __init__(self, engine: Engine[TextToSpeech], folder: Path, identity: str, fixed: frozenset[str]) -> None:
        """`identity`: all that makes the voice."""
        self._engine = engine
        self._folder = folder
        self._identity = identity
        self._fixed = fixed
        self._cache: SentenceCache | None = None  # its rate is known by the first voice

    async def start(self) -> None:
        """Start the other."""
        await self._engine.start()

    @property
    def free(self) -> int:
        """As the other."""
        return self._engine.free

    def open(self) -> TextToSpeech:
        """A voice for one call."""
        voice = self._engine.open()
        if self._cache is None:
            self._cache = SentenceCache(self._folder, self._identity, voice.rate_hz)
        return CachedVoice(voice, self._cache, self._fixed)

    async def close(self) -> None:
        """Close the other."""
        await self._engine.close()


def cached(engine: Engine[TextToSpeech], folder: Any, table: dict[str, Any], given: Given) -> CachedEngine:
    """An engine with a cache; `table` is that of its voice. Raises ConfigError for a folder that cannot be one."""
    if not isinstance(folder, str) or not folder:
        raise ConfigError(f"{given.place}.cache must name a folder")
    path = Path(folder).expanduser()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{given.place}.cache: the folder {path} cannot be made: {error.strerror}") from error
    told = {key: value for key, value in table.items() if key not in NOT_HEARD}
    identity = msgspec.json.encode(told, order="deterministic").decode()
    return CachedEngine(engine, path, identity, fixed_sentences(given.settings, given.agent))


def fixed_sentences(settings: Settings, agent: Agent) -> frozenset[str]:
    """The greeting, the agent's `fixed`, and what the call says by itself, in the pieces that come to the voice."""
    said = agent.call_settings(settings)
    to_caller = ("apology", "fatal", "idle", "idle_again", "idle_goodbye", "too_long")
    fixed = (said.greeting, *agent.fixed, *(getattr(said.sentences, name) for name in to_caller))
    own = (spec.filler for spec in agent.tools.specs() if spec.filler)
    whole = ((text,) for text in (*said.sentences.fillers, *own))
    wording = agent.wording(settings)
    return frozenset(piece for pieces in (*map(_cut, fixed), *whole) for piece in _worded(pieces, wording))


def _cut(text: str) -> tuple[str, ...]:
    """As `Speaking.say` cuts it; fillers are not cut."""
    pieces = Pieces()
    return (*pieces.feed(text), *pieces.flush())


def _worded(pieces: tuple[str, ...], wording: Wording) -> Iterator[str]:
    """As `Session` words them."""
    before = ""
    for piece in pieces:
        try:
            yield wording.said(piece, before).text
        except Exception as error:  # a filter of the agent
            logger.warning("tts: a fixed sentence cannot be kept: {}: {}", type(error).__name__, error)
        before += piece

"""What the ears of all providers share: their terms, and how a `Hearing` becomes an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Literal

import msgspec
from loguru import logger

from audio.services import SpeechToText
from audio.stt.hearing import Hearing
from audio.stt.websocket import WebsocketEars
from link.errors import ConfigError
from link.websocket import Endpoint
from server.services.remote import RemoteEngine

Way = Literal["keyterms", "keywords", "prompt", "no"]
"""How a model is told what to listen for."""
CONNECT_S = 2.0
"""A handshake that takes longer is tried again while what was said is still kept (`Patience.link_s`)."""
MAX_TERMS = 100
MAX_TERM_CHARS = 1500
"""Deepgram takes 500 tokens of keyterms, and refuses the connection beyond; a token has 3 characters or more."""
MAX_TERM_WORDS = 4
"""A longer entry of the vocabulary is an example sentence, no term."""


def websocket_ears(endpoint: Endpoint, make: Callable[[], Hearing]) -> RemoteEngine[SpeechToText]:
    """Ears behind a websocket; `make` gives each call its own state."""
    address = msgspec.structs.replace(endpoint, connect_s=CONNECT_S)

    def ears(random: Random, gate: asyncio.Semaphore) -> SpeechToText:
        return WebsocketEars(address, make(), random=random, gate=gate)

    return RemoteEngine(address, ears)


def terms(key: str, given: Sequence[str] | None, vocabulary: Iterable[str]) -> tuple[str, ...]:
    """What is listened for: what is given, else the terms of the vocabulary, as many as the provider takes.

    `key` is where they are given. Raises ConfigError for too many.
    """
    if given is not None:
        if len(given) > MAX_TERMS or sum(map(len, given)) > MAX_TERM_CHARS:
            raise ConfigError(
                f"{key}: at most {MAX_TERMS} words to listen for, of {MAX_TERM_CHARS} characters together"
            )
        return tuple(given)
    found: list[str] = []
    left = MAX_TERM_CHARS
    for term in dict.fromkeys(each.strip() for each in vocabulary):
        if term and len(term.split()) <= MAX_TERM_WORDS and len(term) <= left and len(found) < MAX_TERMS:
            found.append(term)
            left -= len(term)
    return tuple(found)


def way_of(place: str, chosen: Way | None, default: Way, takes: Way, found: Sequence[str]) -> Way:
    """Where the terms of the vocabulary go: as the table says, else by `default`, and that is told in the log.

    A model refuses what it does not take, and no name of a model says what that is. `takes`: what it might.
    """
    if chosen is None and found:
        now = "are not told to the model" if default == "no" else f"stand in the {default}"
        told = '{}: the agent\'s terms ({}) {}; if the model takes {}, set {}.terms = "{}", else "{}"'
        logger.info(told, place, len(found), now, takes, place, takes, default)
    return chosen or default

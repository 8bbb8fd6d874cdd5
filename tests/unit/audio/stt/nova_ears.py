"""Ears at Nova, as the tests of them need them."""

from __future__ import annotations

import asyncio
from random import Random

from audio.stt.deepgram import DeepgramHearing, DeepgramSettings
from audio.stt.hearing import Patience
from audio.stt.websocket import WebsocketEars
from link.websocket import Endpoint, Opener
from tests.unit.link.dice import LongestDelays

URL = Endpoint("ws://localhost/v1/listen?model=nova-3", (("Authorization", "Token sesame-street"),))


def ears(opener: Opener, random: Random | None = None, patience: Patience | None = None) -> WebsocketEars:
    """Ears at a peer; unlucky dice, so that delays are known."""
    hearing = DeepgramHearing(DeepgramSettings("nova-3", language="en"), patience or Patience())
    return WebsocketEars(URL, hearing, random=random or LongestDelays(), gate=asyncio.Semaphore(1), opener=opener)


def names(*numbers: int) -> str:
    """The text of these words."""
    return " ".join(f"w{number}" for number in numbers)


def now() -> float:
    """The virtual clock."""
    return asyncio.get_running_loop().time()

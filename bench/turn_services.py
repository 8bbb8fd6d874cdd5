"""Services for `bench.turns`: ears that know what is said, and a model that takes its time. Named in a configuration.

    stt = {name = "bench.turn_services:ears", follows_turns = true}
    llm = {name = "bench.turn_services:model", first_token_ms = 300.0}

The ears stand in for engines that punctuate, or follow turns themselves, and are never wrong. They recognise the
recordings by their samples, so they need the callers of `bench.turn_calls`, which send frames of 20 ms as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec import Struct

from audio.events import EarFact, Listens, Transcript, TurnHint
from audio.services import Begin, Finish
from bench.speech import FRAME, FRAME_MS
from bench.turn_scenes import Scene, sentences
from link.inbox import Inbox
from link.tasks import Spawn
from llm.local.faults import Faults
from llm.local.scripted import words
from llm.local.server import LocalBrain
from llm.responses import ResponsesSettings
from server.models import ModelEngine

Item = bytes | Begin | Finish

FINAL_S = 0.06
"""From the end of an utterance to its final transcript."""
EAGER_MS = 120
"""From the last voiced sample to the guess that the turn may be over, which such an engine has in each pause."""
END_MS = 260
"""From the last voiced sample to the end of the turn. Deepgram's Flux says of itself that it takes about that long."""


class Place(Struct, frozen=True):
    """A frame of a scene: its number, from 0."""

    scene: Scene
    frame: int


class Follower:
    """Tells what is said, from the frames alone. Pure."""

    def __init__(self, places: dict[bytes, Place]) -> None:
        self._places = places
        self._scene: Scene | None = None
        self._frame = 0  # of the scene; goes on in the silence after it
        self._said = 0  # parts
        self._hinted = 0  # parts after which something was told

    def hear(self, frame: bytes) -> list[EarFact]:
        """The next 20 ms; what is told is as an engine that follows turns tells it."""
        place = self._places.get(frame)
        if place and (place.scene is not self._scene or place.frame < self._frame):
            self._scene, self._said, self._hinted = place.scene, 0, 0
        self._frame = place.frame if place else self._frame + 1
        return self._facts(self._scene) if self._scene else []

    def fresh_text(self, *, punctuated: bool) -> str:
        """What was said since this was asked last."""
        scene = self._scene
        if scene is None:
            return ""
        ended = sum(end // FRAME <= self._frame for _, end in scene.parts)
        text = " ".join(scene.texts[self._said : ended])
        self._said = max(ended, self._said)
        return f"{text}." if text and punctuated and ended == len(scene.texts) else text

    def _facts(self, scene: Scene) -> list[EarFact]:
        if self._hinted == len(scene.parts):
            return []
        last = self._hinted == len(scene.parts) - 1
        end = scene.parts[self._hinted][1] // FRAME + (END_MS if last else EAGER_MS) // FRAME_MS
        if self._frame < end:
            return []
        self._hinted += 1
        if last:
            return [Transcript(" ".join(scene.texts), True), TurnHint("ended")]
        return [Transcript(" ".join(scene.texts[: self._hinted]), False), TurnHint("eager")]


class Ears:
    """Meets `SpeechToText`."""

    rate_hz = 16_000

    def __init__(self, places: dict[bytes, Place], *, follows_turns: bool) -> None:
        self.listens: Listens = "always" if follows_turns else "speech"
        self._follower = Follower(places)
        self._follows = follows_turns

    async def run(self, inbox: Inbox[Item], post: Callable[[EarFact], None], spawn: Spawn) -> None:
        """Hear for ever."""
        del spawn
        while True:
            item = await inbox.get()
            if isinstance(item, bytes):
                for fact in self._follower.hear(item):
                    if self._follows:
                        post(fact)
            elif isinstance(item, Finish) and not self._follows:
                text = self._follower.fresh_text(punctuated=True)
                await asyncio.sleep(FINAL_S)
                post(Transcript(text, True))

    def close(self) -> None:
        """Nothing is held."""


class EarsEngine:
    """The ears of a process."""

    free = 1 << 30

    def __init__(self, *, follows_turns: bool) -> None:
        self._follows = follows_turns
        self._places: dict[bytes, Place] = {}

    async def start(self) -> None:
        """Learn all recordings."""
        size = FRAME * 2
        for scene in sentences():
            for frame in range(scene.frames):
                self._places[scene.pcm[frame * size : (frame + 1) * size]] = Place(scene, frame)

    def open(self) -> Ears:
        """For one call."""
        return Ears(self._places, follows_turns=self._follows)

    async def close(self) -> None:
        """Nothing is held."""


def ears(follows_turns: bool = False) -> EarsEngine:
    """`stt = {name = "bench.turn_services:ears"}`."""
    return EarsEngine(follows_turns=follows_turns)


def model(first_token_ms: float = 0.0, token_ms: float = 0.0, count: int = 4) -> ModelEngine:
    """Answers with `count` words; the first of them come after `first_token_ms`."""
    brain = LocalBrain(words(count), faults=Faults(first_token_ms=first_token_ms, token_ms=token_ms))
    return ModelEngine(ResponsesSettings("scripted"), None, brain)

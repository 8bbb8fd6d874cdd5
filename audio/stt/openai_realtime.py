"""OpenAI's realtime transcription: audio while somebody speaks, a commit at the end, text by item. Pure.

There are no offsets, so nothing is final before a speech is: after a loss all of it goes out again, as far as it is
kept. Items become ours in the order of the commits, and may be completed in any.
"""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import TypeVar

from msgspec import Struct

from audio.events import EarFact, Listens
from audio.stt.hearing import Patience, Received
from audio.stt.openai_events import (
    RATE_HZ,
    SETTINGS_ID,
    Committed,
    Completed,
    Delta,
    Error,
    Event,
    Failed,
    RealtimeSettings,
    Trouble,
    append_message,
    commit_message,
    read,
    settings_message,
)
from audio.stt.speeches import Piece, Speech, Speeches
from audio.stt.uplink import Mark, Uplink
from link.errors import ProviderError

T = TypeVar("T")

PATH = "/realtime?intent=transcription"
FATAL_CODES = frozenset({"invalid_api_key", "insufficient_quota", "model_not_found", "account_deactivated"})
RENEWED_CODES = frozenset({"session_expired"})
"""The connection is of no more use, another one is: a session lasts for an hour."""


MAX_ITEMS = 64
"""More items at once are not remembered: a session that completes none of them is given up long before."""
MAX_TEXT = 16 * 1024
"""Characters of one speech."""


class _Commit(Struct, frozen=True):
    event_id: str
    speech: Speech


class RealtimeHearing:
    """One call's ears at OpenAI: a `Hearing`."""

    listens: Listens = "speech"
    rate_hz = RATE_HZ
    farewell = ""

    def __init__(self, settings: RealtimeSettings, patience: Patience) -> None:
        self._settings = settings
        self._uplink = Uplink(RATE_HZ)
        self._speeches = Speeches(self._uplink, patience)
        self._numbers = count(1)
        self._greeted = False
        self._commits: deque[_Commit] = deque()  # that no item is known of, on this connection
        self._items: dict[str, Speech] = {}  # not completed, on this connection
        self._texts: dict[str, str] = {}
        self._done: dict[str, None] = {}  # items that were completed, oldest first

    # --- the caller -------------------------------------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """Speech began."""
        self._speeches.begin(now)

    def audio(self, pcm: bytes, now: float) -> None:
        """More of it."""
        self._speeches.audio(pcm)

    def finish(self, now: float) -> None:
        """Speech ended."""
        self._speeches.finish(now)

    # --- the link ---------------------------------------------------------------------------------------------------

    def connected(self, now: float) -> None:
        """Every speech that is not answered goes out again."""
        self._speeches.connected(now)
        self._greeted = False
        self._commits.clear()
        self._items.clear()
        self._texts.clear()
        self._done.clear()

    def disconnected(self, now: float) -> None:
        """The connection is lost."""
        self._speeches.disconnected(now)

    def refused(self, reason: str) -> None:
        """There will be no connection any more."""
        self._speeches.refused(reason)

    def message(self, now: float) -> str | bytes | None:
        """The settings, then audio, and a commit after each speech."""
        if not self._greeted:
            self._greeted = True
            return settings_message(self._settings)
        match self._uplink.take():
            case Mark(position):
                return self._commit(position)
            case bytes() as pcm:
                return append_message(pcm)
            case _:
                return None

    def _commit(self, position: int) -> str:
        event_id = f"commit_{next(self._numbers)}"
        speech = self._speeches.ending_at(position)
        assert speech is not None  # its mark goes when it does
        self._commits.append(_Commit(event_id, speech))
        return commit_message(event_id)

    def receive(self, message: str | bytes, now: float) -> Received:
        """What OpenAI says. Raises ProviderError for garbage, and for what ends the session."""
        self._speeches.heard_at = now
        event = read(message)
        if event is None:
            return Received()
        if isinstance(event, Trouble):
            return self._on_trouble(event.error)
        return self._on_event(event)

    # --- what was understood ----------------------------------------------------------------------------------------

    def _on_event(self, event: Event) -> Received:
        match event:
            case Committed(item_id):
                self._committed(item_id)
                return Received()
            case Delta(item_id, delta):
                self._add(item_id, delta or "")
                return Received(useful=True)
            case Completed(item_id, transcript, languages):
                language = languages[0].code if languages else self._settings.language
                self._complete(item_id, Piece(transcript.strip(), language=language))
                return Received(useful=True)
            case Failed(item_id, error):
                self._complete(item_id, None)
                return Received(warning=f"a speech was not understood: {error}")
            case _:
                return Received()

    def _committed(self, item_id: str) -> None:
        """An item is that of the oldest commit; its text may have begun before."""
        if not self._commits or item_id in self._items or item_id in self._done:  # it may be told again
            return
        self._items[item_id] = self._commits.popleft().speech
        _forget_oldest(self._items)

    def _add(self, item_id: str, delta: str) -> None:
        """Text that comes before the commit is of what was being said."""
        speech = self._items.get(item_id)
        if speech is None:
            speech = self._commits[0].speech if self._commits else self._speeches.current
        if speech is None:
            return
        self._texts[item_id] = (self._texts.get(item_id, "") + delta)[:MAX_TEXT]
        _forget_oldest(self._texts)
        if speech.answer is None:
            speech.partial = self._texts[item_id].strip()
            self._speeches.show(speech)

    def _complete(self, item_id: str, piece: Piece | None) -> None:
        """A speech is understood, or never will be: then what is there counts."""
        if item_id not in self._items and self._commits:
            self._committed(item_id)
        self._texts.pop(item_id, None)
        self._done[item_id] = None
        _forget_oldest(self._done)
        speech = self._items.pop(item_id, None)
        if speech is None or speech.answer is not None:
            return
        if piece is not None:
            speech.partial = ""
            speech.pieces.append(piece)
        self._speeches.settle(speech)

    def _on_trouble(self, error: Error) -> Received:
        """An error of a commit is that of its speech. One of the settings cannot be cured by trying again."""
        for commit in self._commits:
            if commit.event_id == error.event_id:
                self._commits.remove(commit)
                self._speeches.settle(commit.speech)
                return Received(warning=str(error))
        if error.event_id == SETTINGS_ID or error.code in FATAL_CODES:
            raise ProviderError(f"OpenAI refuses the session: {error}", fatal=True)
        if error.code in RENEWED_CODES:
            raise ProviderError(f"OpenAI ended the session: {error}")
        return Received(warning=str(error))

    # --- time -------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> str:
        """Time has passed."""
        return self._speeches.tick(now)

    def deadline(self) -> float:
        """When `tick` is due."""
        return self._speeches.deadline()

    def facts(self) -> list[EarFact]:
        """What is new for the call."""
        return self._speeches.facts()


def _forget_oldest(items: dict[str, T]) -> None:
    if len(items) > MAX_ITEMS:
        del items[next(iter(items))]

"""An answer that is asked for before the caller's turn is known to be over, and held until it is. Pure.

    NONE ─ the caller pauses ─► AHEAD ─ asked for in earnest, in the same words ─► NONE, and the answer counts
                                AHEAD ─ the caller goes on, or the log says something else ─► NONE, and no trace is left

Nothing that is held has any effect: the log does not have it, no tool runs, nothing is said. At most its beginning is
spoken by the voice already, into frames that have no place in the playout yet (server/call/speaking.py).
"""

from __future__ import annotations

from msgspec import Struct, structs

from audio.pieces import Pieces
from audio.turn import Turn
from llm.context import Log
from llm.events import Ask, Cancel, Delta, FunctionCall, Output, ReplyDone, ReplyFailed, Request
from llm.items import AssistantMessage, Item, UserMessage
from llm.turn_completion import Marks
from server.call import model_events as of_model
from server.call.outbox import Outbox
from server.call.policy import CallSettings
from server.call.request import request
from server.call.sizes import size_bytes


class Ahead(Struct, frozen=True):
    """An answer that was asked for: the number of its reply, when, and what came of it so far."""

    number: int
    asked_at: float
    held: tuple[Output, ...]


class Early:
    """One answer at a time."""

    def __init__(self, log: Log, out: Outbox) -> None:
        self._log = log
        self._out = out
        self._number = 0  # of the reply that is ahead; 0 for none
        self._request = Request("", ())
        self._text = ""
        self._asked_at = 0.0
        self._held: list[Output] = []
        self._bytes = 0
        self._pieces = Pieces()
        self._marks: Marks | None = None
        self._cut: list[str] = []  # for the voice
        self._in_vain = ""  # what the caller said, and nothing came of asking for the answer early

    @property
    def number(self) -> int:
        """Of its reply; 0 for none."""
        return self._number

    @property
    def ahead(self) -> bool:
        """An answer was asked for, and nobody knows yet whether it is wanted."""
        return self._number > 0

    def worth(self, text: str) -> bool:
        """The answer to this was not asked for in vain already, in this pause."""
        return not self.ahead and text != self._in_vain

    def begin(self, number: int, text: str, settings: CallSettings, now: float) -> None:
        """Ask for the answer to what the caller has said until now."""
        items = (*map(_forgotten, self._log.items()), UserMessage(text))
        self._number, self._text, self._asked_at = number, text, now
        self._request = request(settings, items)
        self._held, self._bytes = [], 0
        self._pieces, self._marks, self._cut = Pieces(), marks_of(settings, self._log), []
        self._out.emit(Ask(number, self._request))

    def hold(self, fact: Output, most_bytes: int) -> bool:
        """Keep what comes of it; False for another's. One that fails or is too long is not wanted any more."""
        if fact.reply != self._number:
            return False
        self._bytes += size_bytes(fact) + 1  # signs of life have an end too
        if isinstance(fact, ReplyFailed) or self._bytes > most_bytes:
            self.drop(cancel=not isinstance(fact, ReplyFailed))
            self._in_vain = self._text
        else:
            self._held.append(fact)
        return True

    def pieces(self, fact: Output, most: int) -> list[str]:
        """What the voice may speak ahead now that this came: the first `most` pieces, just as they will be said."""
        if not self.ahead:
            return []
        match fact:
            case Delta(_, text):
                spoken = self._marks.feed(text)[1] if self._marks else text
                cut = self._pieces.feed(spoken)
            case FunctionCall() | ReplyDone():
                rest = self._marks.end()[1] if self._marks else ""
                cut = [*self._pieces.feed(rest), *self._pieces.flush()]
            case _:
                cut = []
        wanted = [piece for piece in cut if piece.strip()][: most - len(self._cut)]
        self._cut += wanted
        return wanted

    def watch(self, turn: Turn, *, over: bool) -> None:
        """Forget it when the caller goes on, or says something else. `over`: their turn is, and is to be answered."""
        if not (turn.pausing and turn.text == self._text):
            self._in_vain = ""
            if not over:
                self.drop()

    def take(self, wanted: Request) -> Ahead | None:
        """What came of it, if that is what is wanted now; else nothing, and it is forgotten."""
        if not self.ahead:
            return None
        if wanted != self._request:
            self.drop()
            return None
        taken = Ahead(self._number, self._asked_at, tuple(self._held))
        self._out.tell(self._told(used=True))
        self._number, self._held = 0, []
        return taken

    def drop(self, *, cancel: bool = True) -> None:
        """It is not wanted; `cancel` tells the provider, where there still is one."""
        if self.ahead:
            self._out.tell(self._told(used=False))
            if cancel:
                self._out.emit(Cancel(self._number))
        self._number, self._held = 0, []

    def _told(self, *, used: bool) -> of_model.EarlyAnswer:
        return of_model.EarlyAnswer(self._number, used, len(self._held), sum(map(len, self._cut)))


def marks_of(settings: CallSettings, log: Log) -> Marks | None:
    """By which an answer says whether the caller was done, where it may."""
    options = settings.turn_completion
    return Marks(options) if options.filter_incomplete_user_turns or log.marked else None


def _forgotten(item: Item) -> Item:
    """A message as it will stand in the log after a turn of the caller: without the model's thoughts."""
    is_thoughtful = isinstance(item, AssistantMessage) and item.reasoning
    return structs.replace(item, reasoning=()) if is_thoughtful else item

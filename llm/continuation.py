"""What the provider at the other end of one connection remembers, and so what a request can leave out. Pure.

The log is the truth and this is a cache of it. A response that was heard to its end is known: the items it was asked
with, then its own words and calls. A request that goes on from there sends what is new and the id of the response.
Whatever differs (words that were cut, a summary, another model) makes it the whole log, and so does an answer that
was given up or failed: the provider then holds something else than the log does, or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, structs

from llm.events import Request
from llm.items import AssistantMessage, Call, Item

Made = tuple[str, str, str]
"""A call as the model made it: its id, name and arguments."""


class Plan(Struct, frozen=True):
    """What goes out: the whole log, or after the response `previous` the `results` of its calls and the items `begin:`.

    Instructions, tools and settings are not carried over by the protocol; they go out each time.
    """

    request: Request
    model: str
    previous: str = ""
    results: tuple[Call, ...] = ()
    begin: int = 0

    @property
    def items(self) -> tuple[Item, ...]:
        """The items of the log that go out as they are."""
        return self.request.items[self.begin :]


class _Known(Struct, frozen=True):
    """A response that the provider keeps, with the conversation that it ends."""

    response_id: str
    model: str
    items: tuple[Item, ...]
    letters: str
    calls: tuple[Made, ...]


class Continuation:
    """One connection's memory: the last response, if it is known."""

    def __init__(self, *, incremental: bool = True) -> None:
        """Where not `incremental`, every request is the whole log."""
        self._incremental = incremental
        self._known: _Known | None = None
        self._latest: Plan | None = None  # whose end is waited for

    def ask(self, request: Request, model: str) -> Plan:
        """How to ask for an answer. Until that is `answered`, nothing is known."""
        self._latest = self._plan(request, model)
        self._known = None
        return self._latest

    def warm(self, request: Request, model: str) -> Plan | None:
        """How to warm up for a request that will begin like this one; None if the provider knows all of it.

        What was known stays so until the warm-up is over: whoever asks meanwhile goes on from there.
        """
        request = structs.replace(request, note="")
        if self._known is not None and self._rest(self._known, request, model) == (len(request.items), ()):
            return None
        self._latest = self._plan(request, model)
        return self._latest

    def whole(self, plan: Plan) -> Plan:
        """The same request again, without anything left out: the provider does not know what it should."""
        whole = Plan(plan.request, plan.model)
        if plan is self._latest:
            self._latest, self._known = whole, None
        return whole

    def answered(self, plan: Plan, response_id: str, text: str, calls: Sequence[Made]) -> None:
        """A response came to its end. One that was asked with a note is not gone on from: no log has the note."""
        if plan is self._latest and self._incremental and response_id and not plan.request.note:
            self._known = _Known(response_id, plan.model, plan.request.items, _letters(text), tuple(calls))

    def failed(self, plan: Plan) -> None:
        """An exchange failed or was given up."""
        if plan is self._latest:
            self._latest = self._known = None

    def _plan(self, request: Request, model: str) -> Plan:
        rest = self._rest(self._known, request, model) if self._known is not None else None
        if self._known is None or rest is None:
            return Plan(request, model)
        begin, results = rest
        if begin == len(request.items) and not results and not request.note:
            return Plan(request, model)  # nothing is new: an empty input may be taken for a mistake
        return Plan(request, model, self._known.response_id, results, begin)

    def _rest(self, known: _Known, request: Request, model: str) -> tuple[int, tuple[Call, ...]] | None:
        """Where the new items begin, and the results that go before them; None where the log went another way."""
        begin = len(known.items)
        if model != known.model or not _same(request.items[:begin], known.items):
            return None
        if not known.letters and not known.calls:
            return begin, ()
        answer = request.items[begin] if begin < len(request.items) else None
        if (
            not isinstance(answer, AssistantMessage)
            or _letters(answer.text) != known.letters
            or made(answer) != known.calls
        ):
            return None
        return begin + 1, answer.calls


def made(message: AssistantMessage) -> tuple[Made, ...]:
    """The calls of a message, without what came of them."""
    return tuple((call.call_id, call.name, call.arguments) for call in message.calls)


def _same(items: tuple[Item, ...], known: tuple[Item, ...]) -> bool:
    """Equal but for what the model thought, which a log may forget."""
    if items == known:  # most items are the very same objects
        return True
    return len(items) == len(known) and all(map(_equal, items, known))


def _equal(item: Item, known: Item) -> bool:
    if isinstance(item, AssistantMessage) and isinstance(known, AssistantMessage):
        return item.text == known.text and item.calls == known.calls
    return item == known


def _letters(text: str) -> str:
    """A text without its white space, which the voice and the log put where they need it."""
    return "".join(text.split())

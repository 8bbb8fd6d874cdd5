"""What the application does to the log: messages that it brings, and a conversation that it writes anew. Pure.

A call of ours has one result, whatever copy of the log is written back: its message stays what it is. Calls that came
from elsewhere do not run here, so those without a result are cancelled.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from llm.context import Log
from llm.entry import Entry
from llm.function_calls import Ledger
from llm.items import Item
from llm.messages import call_ids, running_calls, settled


class Editing:
    """The application's hand in one log."""

    def __init__(self, log: Log, ledger: Ledger, context: Sequence[Item]) -> None:
        """`context` stands in the log from the beginning."""
        self._log = log
        self._ledger = ledger
        for item in settled(context):
            self._append(item)

    def append(self, item: Item) -> None:
        """Add a message."""
        for each in settled([item]):
            self._append(each)

    def rewrite(self, items: Sequence[Item], going_on: Collection[Entry]) -> None:
        """Make these the conversation. A message that still waits for a result of ours is the log's, as it is now."""
        known = self._log.calling()
        strangers = [item for item in items if not call_ids(item) & known.keys()]
        cancelled = settled(strangers)
        others, notes = iter(cancelled[: len(strangers)]), cancelled[len(strangers) :]
        wanted: list[Item] = []
        taken: set[Entry] = set()
        for item in items:
            ours = {known[call_id] for call_id in call_ids(item) & known.keys()}
            if not ours:
                wanted.append(next(others))
            elif all(entry.finished for entry in ours) and not ours & taken and not running_calls([item]):
                wanted.append(item)
            else:
                wanted += [entry.render() for entry in ours - taken if entry.finished]
            taken |= ours
        self._ledger.know(call_id for item in (*wanted, *notes) for call_id in call_ids(item))
        self._log.rewrite((*wanted, *notes), going_on)

    def _append(self, item: Item) -> None:
        self._ledger.know(call_ids(item))
        self._log.append(item)

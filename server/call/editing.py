"""What the application does to the log: messages that it brings, and a conversation that it writes anew. Pure.

A call of ours has one result, whatever copy of the log is written back. Its message may be edited once the result is
there; until then it stays what it is. Calls that came from elsewhere do not run here, so those without a result are
cancelled.
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
            ours = dict.fromkeys(entry for call_id, entry in known.items() if call_id in call_ids(item))
            if not ours:
                wanted.append(next(others))
            elif all(entry.finished for entry in ours) and not ours.keys() & taken and not running_calls([item]):
                wanted.append(item)
            else:
                wanted += [entry.render() for entry in ours if entry.finished and entry not in taken]
            taken |= ours.keys()
        self._ledger.know(call_id for item in (*wanted, *notes) for call_id in call_ids(item))
        self._log.rewrite((*wanted, *notes), going_on)

    def _append(self, item: Item) -> None:
        self._ledger.know(call_ids(item))
        self._log.append(item)

"""The conversation log and a naive one, going through the same."""

from __future__ import annotations

from random import Random

import pytest

from llm.context import IN_PROGRESS, Log
from llm.entry import Entry
from llm.items import AssistantMessage, Call
from tests.unit.llm.naive_log import NaiveLog, NaiveMessage, size

SAID = ("yes", "No. ", " well", "é ", "a longer sentence, of several words.", " ")


class TwoLogs:
    """The log and the naive one, going through the same."""

    def __init__(self, dice: Random, limit_bytes: int) -> None:
        self.dice = dice
        self.log = Log(limit_bytes=limit_bytes)
        self.naive = NaiveLog(limit_bytes=limit_bytes)
        self.entries: list[tuple[Entry, NaiveMessage]] = []
        self.open: dict[str, NaiveMessage] = {}
        self.frames = 0
        self.calls = 0

    def step(self) -> None:
        """Something happens to both."""
        dice, text = self.dice, self.dice.choice(SAID)
        known = dice.choice(self.entries[-4:]) if self.entries else None
        frame = max(1, self.frames - dice.randrange(6))
        match dice.randrange(10), known:
            case 0, _:
                self.log.user(text)
                self.naive.user(text)
            case 1, _:
                self.log.developer(text)
                self.naive.developer(text)
            case 2, _:
                entry, message = (dice.choice([self.entries[-1], (None, None)])) if self.entries else (None, None)
                self.entries.append((self.log.assistant(entry), self.naive.assistant(message)))
            case ((3 | 4), (entry, message)):
                self.frames += 1
                self.log.say(entry, self.frames, text)
                self.naive.say(message, self.frames, text)
            case 5, (entry, message):
                self.log.forget(entry)
                self.naive.forget(message)
            case 6, (entry, message):
                self.calls += 1
                made = Call(f"c{self.calls}", "f", text, IN_PROGRESS)
                self.log.call(entry, made)
                self.naive.call(message, made)
                self.open[made.call_id] = message
            case 7, _ if self.open:
                call_id = dice.choice(list(self.open))
                output = dice.choice([None, *SAID])
                self.log.result(call_id, output)
                self.naive.result(self.open.pop(call_id), call_id, output)
            case 8, _ if self.frames:
                self.log.heard(frame)
                self.naive.over.add(frame)
            case _, _ if self.frames:
                left = dice.choice(["", text])
                self.naive.shorten(frame, left)
                if dice.random() < 0.5:
                    self.log.shorten(frame, left)
                else:
                    self.log.cut(frame, left)
                    self.naive.over.add(frame)

    def check(self) -> None:
        """They are the same, and the log keeps what it promises."""
        items = self.log.items()
        assert list(items) == self.naive.items()
        assert self.log.size_bytes == size(list(items))
        assert self.log.truncated == self.naive.truncated
        shown = {
            call.call_id: call.output for item in items if isinstance(item, AssistantMessage) for call in item.calls
        }
        assert self.open.keys() <= shown.keys()
        assert all(shown[call_id] == IN_PROGRESS for call_id in self.open)


@pytest.mark.parametrize("seed", range(40))
def test_any_sequence_of_operations_is_as_the_naive_log_has_it(seed: int) -> None:
    dice = Random(seed)
    logs = TwoLogs(dice, limit_bytes=dice.choice([0, 30, 100, 300, 10_000]))
    for _ in range(250):
        logs.step()
        logs.check()
    assert logs.naive.truncated or logs.naive.limit >= 300, "the bound was never reached"

"""Answers from a script, for tests and load tests: the same server, with another `respond`. Pure.

    LocalBrain(scripted([[Text("One."), FunctionCall("look_up", {"topic": "x"})], [Text("Two.")]]), faults=Faults())
    LocalBrain(words(40), faults=Faults())

A script is a function of the log, not of what was asked before on a connection. So an answer that was cut off by a
lost link goes on where it stopped, as with the brain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from llm.local.exchanges import Exchange, exchanges
from llm.local.request import Output, Request, Respond, Text
from llm.local.resume import rest
from llm.local.skills.numbers import say_number

Answer = Callable[[Sequence[Exchange]], Sequence[Output]]
"""The whole answer to the last exchange of a log."""


def answering(answer: Answer) -> Respond:
    """A `respond` that gives what is left of `answer` when part of it was heard already."""

    def respond(request: Request, _now: datetime) -> Iterable[Output]:
        log = exchanges(request.items) or [Exchange(0)]
        return rest(answer(log), log[-1].said, [call.name for call in log[-1].calls])

    return respond


def scripted(answers: Sequence[Sequence[Output]]) -> Respond:
    """One answer for each exchange that asks for one (a turn, or the results of calls), and the last one ever after."""

    def answer(log: Sequence[Exchange]) -> Sequence[Output]:
        asked = sum(exchange.prompted for exchange in log)
        return answers[min(max(asked - 1, 0), len(answers) - 1)]

    return answering(answer)


def words(count: int, *, sentence: int = 8) -> Respond:
    """Numbers in words, `count` of them in sentences of `sentence`. Each answer begins with its own number, so that no
    two answers look the same.
    """

    def answer(log: Sequence[Exchange]) -> Sequence[Output]:
        said = [f"answer {say_number(log[-1].number)}", *(say_number(number) for number in range(1, count))]
        lines = [" ".join(said[start : start + sentence]) for start in range(0, len(said), sentence)]
        return [Text(" ".join(line.capitalize() + "." for line in lines))]

    return answering(answer)

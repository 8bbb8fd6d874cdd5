"""Condenses the older part of the log while turns go on, or drops it at once. Pure; the rules are in llm/summary.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

from llm import summary
from llm.context import Log
from llm.entry import Entry
from llm.events import Infer, InferenceFailed, Inferred
from server.call import model_events as of_model
from server.call.outbox import Outbox
from server.call.policy import CallSettings

GRACE_S = 5.0
"""The service has the deadline; this is for one that says nothing."""


class Summarising:
    """One summary at a time. What was appended meanwhile stays; what was changed meanwhile is not replaced."""

    def __init__(self, log: Log, out: Outbox) -> None:
        self._log = log
        self._out = out
        self._job = 0
        self._plan: summary.Plan | None = None
        self._until = math.inf
        self._seen = 0  # messages when it was last looked at

    def watch(self, settings: CallSettings, going_on: Callable[[], Collection[Entry]], now: float) -> None:
        """If the log has passed its bound, ask for a summary or shorten it."""
        if now >= self._until:
            self._fail("no summary came in time")
        options = settings.summary
        if options.mode == "off" or self._plan is not None or len(self._log) == self._seen:
            return
        self._seen = len(self._log)
        plan = summary.plan(self._log.items(), self._log.finished(going_on()), options)
        if plan is not None and options.mode == "truncate":
            self._drop(plan)
        elif plan is not None:
            self._ask(plan, settings, now)

    def _drop(self, plan: summary.Plan) -> None:
        self._log.replace(plan.part, plan.staying())
        self._out.tell(of_model.Truncated(len(plan.going())))

    def _ask(self, plan: summary.Plan, settings: CallSettings, now: float) -> None:
        self._plan = plan
        self._job += 1
        self._until = now + settings.summary.timeout_s + GRACE_S
        request = summary.request(plan, settings.summary, settings.model)
        self._out.emit(Infer(self._job, request, settings.summary.timeout_s))

    def record(self, fact: Inferred | InferenceFailed) -> None:
        """What came of it."""
        if self._plan is None or fact.job != self._job:
            return
        if isinstance(fact, InferenceFailed):
            self._fail(fact.reason)
        elif not fact.text.strip():
            self._fail("the summary is empty")
        elif not self._log.replace(self._plan.part, summary.replacement(self._plan, fact.text)):
            self._fail("the conversation was changed meanwhile")
        else:
            self._out.tell(of_model.Summarised(len(self._plan.going())))
            self._end()

    def _fail(self, reason: str) -> None:
        self._out.tell(of_model.SummaryFailed(reason))
        self._end()

    def _end(self) -> None:
        self._plan = None
        self._until = math.inf
        self._seen = len(self._log)

    def deadline(self) -> float:
        """When a summary must be there; inf while none is asked for."""
        return self._until

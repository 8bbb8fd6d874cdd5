"""When the model is asked: what is owed, what stands against it, and the tools between two answers. Pure."""

from __future__ import annotations

from audio.turn import Turn
from llm.context import Log
from llm.events import Output, Prepare
from server.call import events as e
from server.call.answering import Answering, Owed
from server.call.calling import Calling
from server.call.outbox import Outbox
from server.call.policy import CallSettings
from server.call.pondering import Pondering
from server.call.request import request
from server.call.speaking import Speaking


class Asking:
    """The answers that are owed, between the log, the tools and the voice."""

    def __init__(self, log: Log, answering: Answering, speaking: Speaking, calling: Calling, out: Outbox) -> None:
        self._log = log
        self._answering = answering
        self._speaking = speaking
        self._calling = calling
        self._out = out

    @property
    def busy(self) -> bool:
        """The bot speaks, thinks, waits for a tool or owes an answer."""
        answering = self._answering
        return bool(not self._speaking.idle or answering.reply or answering.owed or self._calling.blocking)

    @property
    def must_wait(self) -> bool:
        """A call holds the next answer back, or an async result waits until what is being said is over."""
        owed = self._answering.owed
        held = self._calling.blocking and owed is not Owed.PART
        return held or (owed is Owed.ASYNC and not self._speaking.idle)

    def start_calls(self, now: float) -> None:
        """Start the tools that may start."""
        self._calling.start(now, words_heard=self._speaking.idle)

    def take_results(self, now: float) -> None:
        """End the tools whose time is over, and owe an answer for what they brought."""
        calling, answering = self._calling, self._answering
        calling.expire(now)
        if calling.settle(answering.reply.number if answering.reply else None):
            answering.owe(Owed.RESULT, now)
        if calling.take_at_once():
            answering.owe(Owed.PART, now)
        if calling.take_async_results():
            answering.owe(Owed.ASYNC, now)

    def ask(self, settings: CallSettings, now: float, *, silent: bool) -> tuple[Output, ...]:
        """Ask the model, if a reply is owed and nothing of ours stands against it. `silent`: to be read only.

        Gives what came of the answer already, where it was asked for early.
        """
        answering = self._answering
        if not answering.owed or answering.reply or not answering.link_up or now < answering.retry_at:
            return ()
        if self.must_wait:
            return ()
        entry, held = answering.ask(settings, now, silent=silent)
        self._speaking.follow(entry)
        return held

    def think_ahead(self, turn: Turn, settings: CallSettings, now: float) -> None:
        """Ask early, at a pause in which nothing else is to be done; or forget an early answer that is of no use."""
        answering = self._answering
        answering.early.watch(turn, over=answering.owed is Owed.TURN)
        if settings.policy.early_start != "off" and not self.busy:
            answering.think_ahead(turn, settings, now)

    def configure(self, before: CallSettings, after: CallSettings, pondering: Pondering) -> None:
        """New settings hold. Another model of a `Switch` hears of it at once: its link may be the one that is up."""
        self._calling.configure(after)
        if not after.turn_completion.filter_incomplete_user_turns:
            pondering.over()
        if after.model.service != before.model.service:
            self._prepare(after)

    def link_up(self, settings: CallSettings) -> None:
        """The model can be asked; if nothing is to be asked yet, it may warm up for what will be."""
        self._answering.link_up = True
        self._out.tell(e.LinkChanged("up"))
        if not self._answering.owed:
            self._prepare(settings)

    def _prepare(self, settings: CallSettings) -> None:
        self._out.emit(Prepare(request(settings, self._log.items())))

    def link_down(self, reason: str, now: float, *, fatal: bool) -> None:
        """The model cannot be asked; what it was saying is owed again."""
        self._answering.early.drop(cancel=False)
        self._answering.break_off("link_lost", now)
        self._answering.link_up = False
        self._answering.refused |= fatal
        self._out.tell(e.LinkChanged("down" if fatal else "reconnecting"))
        self._out.tell(e.LinkFailed(reason, fatal))
        if fatal:
            self._out.tell(e.Problem("llm_refused", reason, True))

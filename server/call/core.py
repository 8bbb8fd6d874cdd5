"""The hub of a call: facts in, commands out. No I/O, no task, no clock. Pure.

`handle` records one fact, then `_reconcile` looks at the whole state and emits what is missing. Nothing hangs on an
edge: whatever is owed stays owed until it is given, superseded by a newer turn of the caller, or apologised for.

    call     server/call/states.py
    reply    server/call/answering.py
    frame    server/call/speaking.py
    tool     llm/function_calls.py
    turn     audio/turn.py; whose it is: server/call/turn_taking.py
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from audio import events as sound
from audio.playout import Playout
from audio.turn import Turn
from llm import events as model
from llm.context import Log
from llm.entry import Entry
from llm.items import UserMessage
from server.call import events as e
from server.call import line_events as line
from server.call.answering import Answering, Owed
from server.call.asking import Asking
from server.call.calling import Calling
from server.call.editing import Editing
from server.call.fillers import Fillers
from server.call.listening import Listening, SoundOfCaller
from server.call.outbox import Outbox
from server.call.output import Output
from server.call.policy import CallSettings
from server.call.pondering import Pondering
from server.call.silence import Silence
from server.call.speaking import Speaking
from server.call.states import CallState
from server.call.summarising import Summarising
from server.call.turn_taking import TurnTaking

IDLE_GOODBYE = 3
"""So often a silent caller hears something of us, the last time a goodbye."""


class Core:
    """One call. `handle(fact, now)` and `deadline()` are all there is to call; the rest is state to look at."""

    def __init__(self, settings: CallSettings, playout: Playout) -> None:
        self.settings = settings
        self.state = CallState.CONNECTING
        self.log = Log()
        self.turn = Turn(settings.turn)
        self._out = Outbox()
        self.listening = Listening(self.turn, self._out)
        self.speaking = Speaking(playout, self.log, self._out)
        self.answering = Answering(self.log, self._out)
        self.calling = Calling(settings, self.log, self._out)
        self._editing = Editing(self.log, self.calling.ledger, settings.context)
        self._now = 0.0
        self.pondering = Pondering()
        self._output = Output(self.answering, self.speaking, self.calling, self.pondering, self._out)
        self._summarising = Summarising(self.log, self._out)
        self._asking = Asking(self.log, self.answering, self.speaking, self.calling, self._out)
        self._silence = Silence()
        self._fillers = Fillers(self.speaking, self.calling, self._out)
        self._floor = TurnTaking(
            listening=self.listening,
            asking=self._asking,
            speaking=self.speaking,
            answering=self.answering,
            calling=self.calling,
            pondering=self.pondering,
            silence=self._silence,
            out=self._out,
        )
        self._started_at = 0.0
        self._ending_since = 0.0  # or since words were heard in it
        self._reason = ""
        self._transfer: line.Transfer | None = None  # that the carrier has not been told of

    @property
    def hung_up(self) -> bool:
        """Whether it was we who ended the call, or are about to."""
        return bool(self._reason)

    def handle(self, fact: e.Fact, now: float) -> list[e.Command]:
        """Record a fact and say what is to be done. `now` never goes backwards (seconds)."""
        if self.state is CallState.CLOSED:
            return []
        self._now = now
        self._record(fact, now)
        self._reconcile(now)
        return self._out.take()

    def deadline(self) -> float | None:
        """The next instant at which something is to be decided without a fact; None for never."""
        if self.state is CallState.CLOSED:
            return None
        return min((at for at in self._deadlines() if self._now < at < math.inf), default=None)

    # --- facts ------------------------------------------------------------------------------------------------------

    def _record(self, fact: e.Fact, now: float) -> None:
        match fact:
            case _ if isinstance(fact, SoundOfCaller):
                deaf = self._floor.is_deaf(self.settings.policy)
                alone = self.speaking.has_only_begun_since(self.listening.turn.voiced_until)
                self.listening.record(fact, now, deaf=deaf, alone=alone)
            case sound.Played(frames):
                self.speaking.on_played(frames, now)
                self._ending_since = now
            case sound.Queued():
                self.speaking.on_queued(now)
            case sound.Synthesised(frame):
                self.speaking.on_synthesised(frame, now)
            case sound.SpeechFailed(frame, reason):
                self.speaking.on_failed(frame, reason, now)
            case _ if isinstance(fact, model.Output):
                self._record_output(fact, now)
            case model.LinkUp():
                self._asking.link_up(self.settings)
            case model.LinkDown(reason, fatal):
                self._asking.link_down(reason, now, fatal=fatal)
            case model.Inferred() | model.InferenceFailed():
                self._summarising.record(fact)
            case model.ToolUpdate(call_id, result):
                self.calling.update(call_id, result)
            case model.ToolDone(call_id, outcome, result, run_llm):
                self.calling.finish(call_id, outcome, result, run_llm)
            case _:
                self._record_control(fact, now)

    def _record_output(self, fact: model.Output, now: float) -> None:
        policy = self.settings.policy
        if self.answering.hold_early(fact, policy, now):
            if policy.early_start == "llm+tts" and not self.settings.skip_tts:
                for piece in self.answering.early.pieces(fact, policy.early_pieces):
                    self.speaking.prepare(fact.reply, piece)
            return
        if reply := self.answering.current(fact.reply, now):
            self._output.record(reply, fact, policy, now)

    def _record_control(self, fact: e.Fact, now: float) -> None:
        policy = self.settings.policy
        match fact:
            case e.Ready():
                self._start(now)
            case e.UserText(text, skip_tts) if self.state is CallState.READY and text.strip():
                self._floor.user_turn(UserMessage(text.strip()), None, now, to_read=skip_tts)
            case e.Say(text, interruptible):
                self._say(text, interruptible=interruptible)
            case e.Append():
                self._append(fact, now)
            case e.Rewrite(items):
                self._editing.rewrite(items, self._going_on())
            case e.Send(payload, interruptible):
                self.speaking.send(payload, policy, interruptible=interruptible)
            case e.Interrupt():
                if self.state is not CallState.ENDING:
                    self._floor.stop(now)
            case e.Configure(settings):
                self._asking.configure(self.settings, settings, self.pondering)
                self.settings = settings
                self.turn.options = settings.turn
            case e.HangUp(reason):
                self._hang_up(reason, now)
            case _ if isinstance(fact, line.Fact):
                self._record_line(fact, now)
            case e.Gone(reason, code):
                self._close(reason, code)
            case _:
                pass  # Tick: the clock moved on, no more

    def _record_line(self, fact: line.Fact, now: float) -> None:
        match fact:
            case line.Transfer():
                self._leave(fact, now)
            case line.Transferred() if self.state is CallState.TRANSFERRING:
                self._close("the call was transferred", 1000)
            case line.TransferFailed(reason) if self.state is CallState.TRANSFERRING:
                self._stay(reason, now)
            case line.AnsweredBy():
                self._out.tell(fact)
            case line.SendDigits(digits):
                self.speaking.press(digits, self.settings.policy)
            case _:
                pass  # the answer to a transfer of which nobody waits any more

    # --- the whole state --------------------------------------------------------------------------------------------

    def _reconcile(self, now: float) -> None:
        if self.state is CallState.CLOSED:
            return
        policy = self.settings.policy
        self.speaking.watch(policy, now)
        self.listening.watch(now, deaf=self._floor.is_deaf(policy))
        if self.state is CallState.READY:
            self._floor.watch(self.settings, now)
        if not self.turn.active:
            self.speaking.say_deferred(policy)
        self._asking.take_results(now)
        self._watch_reply(now)
        self._watch_pondering(now)
        if self.state is CallState.READY and not self.turn.active:
            self._asking.start_calls(now)
            held = self._asking.ask(self.settings, now, silent=self._reads)
            if held:
                for fact in held:
                    self._record_output(fact, now)
                self._reconcile(now)
                return
        if self.state is CallState.READY:
            self._asking.think_ahead(self.turn, self.settings, now)
        else:
            self.answering.early.drop()
        self.speaking.keep_ahead(self.answering.early.number)
        self._summarising.watch(self.settings, self._going_on, now)
        self._fillers.watch(self.settings, now, silent=self._waits_in_silence)
        self._watch_silence(now)
        self._watch_length(now)
        self._floor.hold(policy, now, ready=self.state is CallState.READY)
        self.speaking.feed(policy, now)
        self.speaking.report(self.answering.coming, now)
        self._watch_end(now)

    def _deadlines(self) -> Iterator[float]:
        """Every instant that some rule waits for. Those that have passed were acted on already."""
        policy = self.settings.policy
        yield from self._floor.deadlines(policy)
        yield self.calling.deadline()
        yield self.speaking.voice_deadline(policy)
        yield self.pondering.deadline()
        yield self._summarising.deadline()
        yield self._silence.deadline(self._idle_waits_ms())
        yield self._fillers.deadline(self.settings)
        yield from self.answering.deadlines(policy)
        if self.state is CallState.ENDING or self._transfer is not None:
            yield self._ending_since + policy.ending_s
        if self.state is CallState.READY:
            yield self._started_at + policy.max_call_s

    # --- the answer -------------------------------------------------------------------------------------------------

    def _watch_reply(self, now: float) -> None:
        """Notice a provider that went silent; apologise for what cannot be answered."""
        answering, policy, sentences = self.answering, self.settings.policy, self.settings.sentences
        if answering.stalled(policy, now):
            self._out.tell(e.Problem("reply_stalled", "the model went silent"))
        if answering.refused and self.state is CallState.READY:
            self.speaking.say(sentences.fatal, policy)
            self._hang_up("the language model refused us", now)
        elif answering.owed and (answering.reply or self._asking.must_wait):
            answering.postpone(now)
        elif self.state is CallState.READY and not self.turn.active and answering.hopeless(policy, now):
            answering.drop()
            self.speaking.say(sentences.apology, policy)
            self._out.tell(e.Problem("no_answer", "the model did not answer in time; the caller was told"))

    def _going_on(self) -> set[Entry]:
        """Messages of which more words may come."""
        return {self.answering.coming} if self.answering.coming else set()

    # --- the call ---------------------------------------------------------------------------------------------------

    def _start(self, now: float) -> None:
        if self.state is CallState.CONNECTING:
            self.state = CallState.READY
            self._started_at = now
            self._out.tell(e.CallStarted())
            self.speaking.say(self.settings.greeting, self.settings.policy)

    @property
    def _engaged(self) -> bool:
        """Somebody says, types or owes something."""
        return self._asking.busy or self._caller_acts or self.state is not CallState.READY

    @property
    def _caller_acts(self) -> bool:
        """The caller speaks or presses keys."""
        return self.turn.active or bool(self.listening.keypad.keys)

    @property
    def _reads(self) -> bool:
        """The caller wants to read the answers, not to hear them."""
        return self.settings.skip_tts or self._floor.to_read

    @property
    def _waits_in_silence(self) -> bool:
        """The caller says and presses nothing, and the model is not asked, nor about to be."""
        asks = self.answering.reply or (self.answering.owed and not self._asking.must_wait)
        return self.state is CallState.READY and not (asks or self._caller_acts or self._reads)

    def _watch_pondering(self, now: float) -> None:
        """Prompt a caller who wanted to go on and does not."""
        if prompt := self.pondering.lasts(not self._engaged, now):
            self.log.developer(prompt)
            self.answering.owe(Owed.TURN, now)

    def _watch_silence(self, now: float) -> None:
        """Ask a silent caller whether they are there, but not one who waits for what a tool of ours will bring."""
        policy = self.settings.policy
        waits = self.calling.open or self.pondering.waits or self.listening.muted
        quiet = not self._engaged and not waits
        times = self._silence.lasts(quiet, self._idle_waits_ms(), now)
        if times:
            self._out.tell(e.Idle(times))
            sentences = self.settings.sentences
            self.speaking.say((sentences.idle, sentences.idle_again, sentences.idle_goodbye)[times - 1], policy)
        if times == IDLE_GOODBYE:
            self._hang_up("the caller said nothing", now)

    def _idle_waits_ms(self) -> tuple[float, ...]:
        """The silence before each question; without words for the last one nobody is hung up on."""
        policy = self.settings.policy
        waits_ms = (policy.idle_ms, policy.idle_again_ms, policy.idle_goodbye_ms)
        return waits_ms if self.settings.sentences.idle_goodbye else waits_ms[:-1]

    def _append(self, fact: e.Append, now: float) -> None:
        """A message of the application; one of the caller that is to be answered is a turn of theirs."""
        if fact.ask and self.state is CallState.READY and isinstance(fact.item, UserMessage):
            self._floor.user_turn(fact.item, None, now, to_read=fact.skip_tts)
            return
        self._editing.append(fact.item)
        if fact.ask and self.state is CallState.READY:
            self._floor.to_read = self._floor.to_read if self.answering.owed else fact.skip_tts
            self.answering.owe(Owed.TURN, now)

    def _say(self, text: str, *, interruptible: bool) -> None:
        """Words of the application; they wait for a caller who speaks, unless nobody may talk over them."""
        if self.state is CallState.ENDING:
            self._out.tell(e.Problem("too_late", "the call is ending; nothing more is said"))
        elif interruptible and self.turn.active:
            self.speaking.defer(text, self.settings.policy)
        else:
            self.speaking.say(text, self.settings.policy, interruptible=interruptible)

    def _hang_up(self, reason: str, now: float) -> None:
        """No answer is given any more; what was said is still heard, and nobody interrupts it."""
        if self.state is CallState.CONNECTING:
            self._close(reason, 1000)
        if self.state is not CallState.READY:
            return
        self.state = CallState.ENDING
        self._reason = reason
        self._ending_since = now
        self.answering.abandon(now)
        self.answering.drop()
        self.speaking.say_deferred(self.settings.policy)

    def _leave(self, transfer: line.Transfer, now: float) -> None:
        """As `_hang_up`, but the call may come back."""
        if self.state is not CallState.READY:
            self._out.tell(e.Problem("too_late", "the call is not going on; it is not transferred"))
            return
        self.state = CallState.TRANSFERRING
        self._transfer = transfer
        self._ending_since = now
        self.answering.abandon(now)
        self.answering.drop()
        self.speaking.say_deferred(self.settings.policy)

    def _stay(self, reason: str, now: float) -> None:
        """Nobody took the call: the model hears of it, and tells the caller."""
        self.state = CallState.READY
        self._out.tell(e.Problem("transfer_failed", reason))
        self.log.developer(f"The caller could not be transferred: {reason}")
        self.answering.owe(Owed.TURN, now)

    def _watch_length(self, now: float) -> None:
        policy = self.settings.policy
        if self.state is CallState.READY and now >= self._started_at + policy.max_call_s:
            self.speaking.say(self.settings.sentences.too_long, policy)
            self._hang_up("the call reached its longest time", now)

    def _watch_end(self, now: float) -> None:
        policy = self.settings.policy
        ended = not self.speaking.playout.busy or now >= self._ending_since + policy.ending_s
        if self.state is CallState.ENDING and ended:
            self._close(self._reason, 1000)
        elif self._transfer is not None and ended:
            self._out.emit(line.Redirect(self._transfer.to, self._transfer.words))
            self._transfer = None

    def _close(self, reason: str, code: int) -> None:
        """The end: every call has its result, and the log says of every message what was heard."""
        self.calling.close()
        self.speaking.close()
        self.answering.early.drop()
        self.answering.abandon(self._now)
        self.answering.drop()
        self.speaking.report(None, self._now)
        self.state = CallState.CLOSED
        self._out.tell(e.CallEnded(reason))
        self._out.emit(e.End(reason, code))

"""What must hold in every simulated call, at every step, at rest and at the end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audio.events import Transcript
from llm import cancel_tool
from llm.context import IN_PROGRESS
from llm.events import Ask, Cancel, LinkDown, LinkUp, ReplyDone, ReplyFailed, Request, ToolDone
from llm.function_calls import MAX_RUNNING
from llm.items import AssistantMessage, UserMessage
from server.call import events as e
from server.call.line_events import Transfer
from server.call.states import CallState
from tests.sim.caller_oracles import CallerOracles
from tests.sim.digest import TURN, known
from tests.sim.model_oracles import ModelOracles
from tests.sim.policy import FILLERS, LISTENS, MAX_SPEECH_MS, POLICY, REST_S, SAY_WORDS
from tests.sim.provider import Script, made, spoken
from tests.sim.speech_oracles import SpeechOracles

if TYPE_CHECKING:
    from tests.sim.world import World

SAID = re.compile(r"S(\d+)w0")
KEYS = re.compile(r"\[keys pressed: ([^\]]*)\]")


class Violation(AssertionError):
    """An oracle is not content."""


class Oracles:
    """Watches one call."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._finished: dict[str, int] = {}
        self._started: dict[str, int] = {}
        self._turns: set[int] = set()
        self._stopped: set[int] = set()  # turns of which nobody wants the rest
        self._excused_at, self._was_busy = 0.0, True
        self._let_off = False  # the newest turn need not be answered
        self._link = self._fatal = self._gone = False
        self._not_before = 0.0  # the provider's wish
        self._running: dict[str, str] = {}  # call -> tool
        self._says: set[int] = set()  # the application's words that must be heard to their end
        self._failures = 0  # replies in a row that were refused, stalled or empty
        self._answered_at = 0.0
        self._done, self._before_done = 0, (0, 0.0)
        # The caller's newest turn, since when their voice is heard, and when the bot fell silent.
        self._turn_at = self._heard_at = self._spoke_at = 0.0
        self._idle = 0  # prompts since the caller's turn
        self._owed_since: float | None = None
        self._told: dict[str, int] = {}
        self.apologies = self.resumed = 0
        self.model = ModelOracles(world, self.check)
        self.speech = SpeechOracles(world, self.model, self.check)
        self.caller = CallerOracles(world, self.check)

    def fail(self, what: str) -> None:
        """An oracle is not content."""
        raise Violation(f"seed {self._world.seed} at {self._world.now:.3f} s: {what}")

    def check(self, holds: bool, what: str) -> None:
        """Fail unless it holds."""
        if not holds:
            self.fail(what)

    # --- at every fact and command ------------------------------------------------------------------------------------

    def fact(self, fact: e.Fact) -> None:
        """A fact is about to reach the core."""
        self.model.fact(fact)
        self.speech.fact(fact)
        self.caller.fact(fact)
        match fact:
            case Transcript(text, True) if self._world.line.open:
                self._turns |= {int(number) for number in TURN.findall(text)}
            case e.UserText(text) if self._world.core.state is CallState.READY:
                self._turns |= {int(number) for number in TURN.findall(text)}
            case e.Interrupt():
                self._let_off = True
                self._says.clear()
            case ToolDone(run_llm=False) | Transfer():
                self._let_off = True
            case e.Say(text) if match := SAID.match(text):
                self._says.add(int(match[1]))
            case ReplyFailed(reply, kind=kind, retry_after_s=wish) if self._is_current(reply):
                self._not_before = self._world.now + wish
                self._failures += POLICY.max_attempts if kind == "blocked" else 1
            case ReplyDone(reply) if self._is_current(reply):
                self._done, self._before_done = reply, (self._failures, self._answered_at)
                self._failures, self._answered_at = 0, self._world.now
            case LinkUp() | LinkDown():
                self._link |= isinstance(fact, LinkUp)
                self._fatal |= isinstance(fact, LinkDown) and fact.fatal
            case e.Gone():
                self._gone = True

    def after(self, fact: e.Fact) -> None:
        """A fact was handled."""
        self.model.after(fact)
        self.caller.after(fact)
        self._link &= not isinstance(fact, LinkDown)
        if isinstance(fact, e.Interrupt) and self._world.core.state is CallState.READY:
            answering = self._world.core.answering
            stopped = not answering.owed and answering.reply is None
            self._let_off |= stopped
            items = self._world.core.log.items()
            self._stopped |= {
                int(each) for item in items if isinstance(item, UserMessage) for each in TURN.findall(item.text)
            }
            self.check(stopped or self._turn_at == self._world.now, "the stop button did not stop the model")

    def _is_current(self, number: int) -> bool:
        reply = self._world.core.answering.reply
        return reply is not None and reply.number == number

    def command(self, command: e.Command) -> None:
        """The core wants something."""
        core = self._world.core
        self.model.command(command)
        self.speech.command(command)
        match command:
            case Ask(_, request):
                early = core.answering.early.ahead and not core.turn.speaking
                self.check(early or not core.turn.active, "asked while the caller may be speaking")
                self.check(core.state is CallState.READY, "asked outside the conversation")
                self.check(self._link, "asked without a link")
                self.check(self._world.now >= self._not_before, "asked before the provider's wish")
                self.resumed += bool(request.note)
            case e.RunTool(call_id, name):
                self.check(not core.turn.active, "a tool started while the caller may be speaking")
                self._tool_starts(call_id, name)
            case Cancel(reply) if reply == self._done:  # the barge-in was first
                self._failures, self._answered_at = self._before_done
            case Cancel(stalled=True):
                self._failures += 1
            case e.Notify(event):
                self.caller.event(event)
                self._event(event)
            case e.End():
                self.check(self._told.get("CallEnded") == 1, "the end comes after everything was told")

    def _tool_starts(self, call_id: str, name: str) -> None:
        self._started[call_id] = self._started.get(call_id, 0) + 1
        settings = self._world.core.settings.calls
        group = call_id.split("t", maxsplit=1)[0]
        beside = [other for other, tool in self._running.items() if other.split("t")[0] == group and tool != "timer"]
        self.check(settings.run_in_parallel or not beside or name == "timer", "calls of a group run side by side")
        self.check(len(self._running) < MAX_RUNNING, "too many tools at once")
        if name in ("last", "bye"):
            words = [frame for frame in self._world.playout.frames() if frame.text not in FILLERS]
            self.check(not words, "a tool did not wait for the words before it")
        self._running[call_id] = name

    def _event(self, event: e.Event) -> None:
        self._told[type(event).__name__] = self._told.get(type(event).__name__, 0) + 1
        match event:
            case e.ToolFinished(call_id, name, outcome):
                self._finished[call_id] = self._finished.get(call_id, 0) + 1
                self._running.pop(call_id, None)
                excused = self._world.core.state is not CallState.READY or self._gone
                excused = excused or call_id in self.model.cancelled_by_model
                self.check(name != "timer" or outcome != "cancelled" or excused, "a barge-in cancelled an async tool")
            case e.Problem("transfer_failed"):
                self._owed_since = None  # what was owed before was dropped
            case e.Problem("reply_empty"):
                self._failures, self._answered_at = self._before_done
                self._failures += 1
            case e.Problem("no_answer"):
                waited_s = self._world.now - max(self._answered_at, self._turn_at)
                tried = self._failures >= POLICY.max_attempts
                self.check(tried or waited_s >= POLICY.give_up_s / 2, "apologised too early")
                self.apologies += 1
                self._let_off = True
            case e.UserSpeech(True):
                self._heard_at = self._world.now
            case e.BotSpeech(False):
                self._spoke_at = self._world.now
            case e.NotHeard(text):
                self._turns -= {int(number) for number in TURN.findall(text)}
            case e.UserTurn():
                self._let_off = False
                self._failures = self._idle = 0
                self._turn_at = self._world.now
                self._owed_since = None
                self._says.clear()
            case e.Idle(times):
                self._idle += 1
                self.check(times == self._idle <= 3, "asked too often whether the caller is there")
                self.check(not self._world.caller.muted, "asked a muted caller whether they are there")
                self.check(not self._world.caller.holds_key, "asked who holds the key whether they are there")
                self.check(self._world.tools.running == 0, "asked whether the caller is there while a tool runs")

    def step(self) -> None:
        """After each event of the world."""
        self.speech.step()
        core, playout = self._world.core, self._world.playout
        head = playout.head
        if core.state is CallState.READY:
            if head is not None and head.interruptible and core.turn.speaking:
                self.check(playout.held, "the bot talks into the caller's speech")
            if playout.held:
                self.check(core.turn.active or core.listening.keypad.keys != "", "held although nobody speaks")
            if core.turn.words > 0:
                talks = head is not None and head.interruptible and not playout.held
                listens = LISTENS.fullmatch(core.turn.text) is not None
                self.check(not talks or listens, "goes on in spite of words")
            self._check_patience()
            fresh_s = self._world.now - max(self._world.caller.fresh_at, self._heard_at)
            patient = not core.turn.speaking or core.turn.keyed or fresh_s < MAX_SPEECH_MS / 1000 + 0.1
            self.check(patient, "waits for a television")
        self.caller.step()
        self.check(not self._fatal or core.state is not CallState.READY, "goes on without a language model")
        busy = self._busy_outside()
        if busy or self._was_busy:  # until just now, that is
            self._excused_at = self._world.now
        self._was_busy = busy

    def _check_patience(self) -> None:
        """Nothing is owed for ever: it is given or apologised for."""
        core = self._world.core
        reply = core.answering.reply
        given = reply is not None and reply.streaming
        busy = given or core.calling.blocking or core.speaking.playout.busy
        if not core.answering.owed or core.turn.active or busy:
            self._owed_since = None
        elif self._owed_since is None:
            self._owed_since = self._world.now
        else:
            patient = self._world.now < self._owed_since + POLICY.give_up_s + 0.2
            self.check(patient, "the caller waits for an answer for too long")

    def _busy_outside(self) -> bool:
        world = self._world
        return bool(
            world.faults_on
            or not world.models.up
            or world.tools.running
            or world.client.buffered
            or world.caller.speaking
            or world.line.busy
            or (world.caller.reads and world.models.answering)  # a long answer that nobody hears
        )

    # --- at rest ------------------------------------------------------------------------------------------------------

    def rested(self) -> bool:
        """Nothing is owed, said or running any more. Fails when that takes too long."""
        core = self._world.core
        if core.state is CallState.CLOSED:
            return True
        self.check(self._world.now < self._excused_at + REST_S, "the call does not come to rest")
        answering = core.answering
        waits = core.turn.active or core.speaking.playout.busy or answering.reply or answering.owed or core.calling.open
        waits = waits or self._world.caller.busy or core.pondering.waits
        return not waits and core.state is CallState.READY and not self._world.client.buffered

    def at_rest(self) -> None:
        """The last turn and every result were answered, or apologised for."""
        core = self._world.core
        if core.state is CallState.CLOSED:
            return
        request = Request("", core.log.items())
        texts = f"{known(request.items).text} "
        texts += " ".join(item.text for item in request.items if isinstance(item, UserMessage))
        missing = self._turns - {int(number) for number in TURN.findall(texts)}
        self.check(not missing, f"turns of the caller are not in the log: {missing}")
        numbers = TURN.findall(texts)
        once = len(numbers) == len(set(numbers)) or self._world.ears.doubled
        self.check(once, f"a turn of the caller stands twice in the log: {numbers}")
        keys = "".join(KEYS.findall(texts))
        self.check(keys == self._world.caller.keys, f"keys {self._world.caller.keys} were pressed, {keys} are known")
        self.caller.at_rest()
        self._check_says(request)
        if self._let_off or self._world.voice.lost:
            return
        said = spoken(request)
        turn, script = self._world.models.turn(request)
        if script is not None:
            self.check(said.get(f"T{turn}", 0) == script.words, f"turn {turn} was not answered to its end")
            if turn not in self._stopped:
                self._check_calls(script, request)
        for name, count in self._world.models.results(request):
            self.check(said.get(name, 0) == count, f"the result {name} was not told")

    def _check_says(self, request: Request) -> None:
        said = spoken(request)
        for number in self._says if not self._world.voice.lost else ():
            self.check(said.get(f"S{number}") == SAY_WORDS, f"the words S{number} were not said to the end")

    def _check_calls(self, script: Script, request: Request) -> None:
        done = made(request)
        self.check(all(intent in done for intent, _ in script.calls), "a call was not made")

    def after_a_silence(self) -> None:
        """A caller who says nothing was asked whether they are there, once; not when they are muted."""
        if self._world.core.state is CallState.READY:
            soon = self._world.now <= self._spoke_at + POLICY.idle_ms / 1000
            self.check(self._idle >= 1 or soon or self._world.caller.muted, "a silent caller was not asked")

    def after_a_long_silence(self) -> None:
        """They were asked again, and said goodbye to."""
        muted = self._world.caller.muted
        self.check(muted or self._world.core.state is CallState.CLOSED, "nobody hung up on a silent caller")

    # --- at the end ---------------------------------------------------------------------------------------------------

    def at_end(self) -> None:
        """Nothing is left, and nothing was lost or doubled."""
        world, core = self._world, self._world.core
        world.client.play()
        self.check(core.state is CallState.CLOSED, "the call is not over")
        self.check(core.deadline() is None and not core.calling.open and not world.playout.busy, "something is left")
        self.check(core.handle(e.Tick(), world.now) == [], "the dead speak")
        self.check(world.tools.running == 0, "a tool runs on")
        self.model.at_end()
        self._check_results()
        self.speech.at_end()

    def _check_results(self) -> None:
        items = [item for item in self._world.core.log.items() if isinstance(item, AssistantMessage)]
        ids = [call.call_id for item in items for call in item.calls]
        self.check(len(ids) == len(set(ids)), "a call stands twice in the log")
        builtin = {call.call_id for item in items for call in item.calls if call.name == cancel_tool.NAME}
        for call_id in set(ids) - builtin:
            self.check(self._finished.get(call_id) == 1, f"{call_id} has {self._finished.get(call_id)} final results")
        self.check(all(count == 1 for count in self._started.values()), "a call ran twice")
        self.check(all(count == 1 for count in self._world.tools.runs.values()), "an intent was executed twice")
        self.check("late" not in self._world.tools.runs, "a call of a discarded answer ran")
        outputs = [call.output for item in items for call in item.calls]
        self.check(IN_PROGRESS not in outputs, "a call is in progress for ever")

"""The simulated world: one call, its caller, client, model, voice and tools, in discrete time. No asyncio.

Two phases: faults on for a while, then off; then the call must come to rest. Everything random comes from one
`Random(seed)`, so a seed is a call, to the byte of its journal.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Literal

import msgspec

from audio.endpoint import Rule, TurnOptions
from audio.events import Word
from audio.playout import Playout, PlayoutOptions
from llm.events import Ask, Cancel, Infer, Prepare
from llm.function_calls import CallOptions
from llm.summary import SummaryOptions
from llm.turn_completion import TurnCompletionOptions
from server.call import events as e
from server.call.core import Core
from server.call.hub import Hub, Journal
from server.call.line_events import Redirect
from server.call.policy import CallSettings, Sentences, WhileSpeaking
from server.call.states import CallState
from tests.sim.buffer import RATE_HZ
from tests.sim.caller import Caller
from tests.sim.carrier import Carrier, carrier_options
from tests.sim.client import Client
from tests.sim.ears import Ears
from tests.sim.judge import Judge
from tests.sim.line import Line
from tests.sim.models import Models
from tests.sim.oracles import Oracles
from tests.sim.peers import SPECS, Tools
from tests.sim.policy import FILLERS, GOODBYE_S, MARKS, MAX_SPEECH_MS, MUTES, POLICY, RULES, SUMMARY
from tests.sim.swarm import Swarm
from tests.sim.voice import Voice

TICK_S = 0.02
GONE = "the caller is gone"
MAX_EVENTS = 40_000
CARRIERS = 0.3  # of the calls come by telephone


class MemoryJournal:
    """Keeps facts and commands as they are; makes text of them only when asked."""

    def __init__(self) -> None:
        self._lines: list[tuple[float, e.Fact | None, list[e.Command]]] = []

    def fact(self, now: float, fact: e.Fact) -> None:
        """A fact is about to be handled."""
        self._lines.append((now, fact, []))

    def commands(self, now: float, commands: list[e.Command]) -> None:
        """What came of it."""
        if commands:
            self._lines.append((now, None, commands))

    def close(self) -> None:
        """Nothing to release."""

    def write_to(self, journal: Journal) -> None:
        """Tell it all again."""
        for now, fact, commands in self._lines:
            if fact is not None:
                journal.fact(now, fact)
            else:
                journal.commands(now, commands)

    def text(self) -> str:
        """One JSON line for each fact and command."""
        encode = msgspec.json.encode
        lines: list[str] = []
        for now, fact, commands in self._lines:
            if fact is not None:
                lines.append(f"{now:.4f} > {encode(fact).decode()}\n")
            lines += [f"{now:.4f} < {encode(command).decode()}\n" for command in commands]
        return "".join(lines)


class World:
    """One simulated call. `run()` raises Violation when an oracle is not content."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.now = 0.0
        self.faults_on = True
        self._swarm = Swarm.draw(self.random)
        self._heap: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._count = 0
        self._tick_at = -1.0
        self._deadline = -1.0
        self.events = 0
        self.counts: Counter[str] = Counter()
        """What happened, and how often."""
        self._silent = False  # nothing reached the core in this step
        self.client, self.playout = self._connect()
        settings = CallSettings(
            instructions="Answer in numbered words.",
            greeting="Hello, this is the bot speaking.",
            tools=SPECS,
            policy=msgspec.structs.replace(
                POLICY,
                while_speaking=WhileSpeaking(min_words=self.random.choice((1, 1, 2))),
                mute=self.random.choice(MUTES) if self.swarm_has("mutes") else (),
                early_start=self._early_start(),
            ),
            turn=TurnOptions(
                rules=self._draw_rules(),
                min_delay_ms=950 if self.swarm_has("ahead") else 300,
                max_delay_ms=1000,
                max_speech_ms=MAX_SPEECH_MS,
            ),
            sentences=Sentences(fillers=FILLERS if self.swarm_has("fillers") else ()),
            calls=CallOptions(
                run_in_parallel=self.random.random() < 0.7,
                group_parallel_tools=not self.swarm_has("ungrouped"),
                function_call_timeout_secs=4.0,
                enable_async_tool_cancellation=self.swarm_has("cancels"),
            ),
            summary=SUMMARY if self.swarm_has("summary") else SummaryOptions(),
            turn_completion=MARKS if self.swarm_has("marks") else TurnCompletionOptions(),
        )
        self.settings = settings
        self.core = Core(settings, self.playout)
        self.journal = MemoryJournal()
        self.hub = Hub(self.core, self.playout, lambda: self.now, self.execute, self.journal)
        self.models = Models(self)
        self.voice = Voice(self)
        self.tools = Tools(self)
        self.judge = Judge(self) if self.swarm_has("judged") else None
        self.ears = Ears(self)
        self.caller = Caller(self)
        self.line = Line(self)
        self.oracles = Oracles(self)
        self.client.on_played = self._on_played
        if isinstance(self.client, Client):
            self.client.on_cleared = self.playout.cleared

    def _connect(self) -> tuple[Client | Carrier, Playout]:
        """A client of ours, or a carrier; of that decides a dice of its own."""
        reports = self.random.random() < 0.5
        options = PlayoutOptions(
            rate_hz=RATE_HZ,
            reports="counts" if reports else "nothing",
            pauses=self.random.random() < 0.5,
            capacity_ms=self.random.choice((3e3, 45e3)),
        )
        latency_s = self.random.choice((0.01, 0.05, 0.15, 0.3)) if reports else 0.0
        dice = Random(f"{self.seed} carrier")
        if dice.random() < CARRIERS:
            self.counts["carriers"] = 1
            options = carrier_options(options, dice)
            return Carrier(self.clock, self.at, dice, returns_cleared=dice.random() < 0.5), Playout(options)
        client = Client(
            self.clock, self.at, latency_s=latency_s, reports=reports, pauses=options.pauses, lead_ms=options.lead_ms
        )
        return client, Playout(options)

    def clock(self) -> float:
        """What time it is."""
        return self.now

    def _draw_rules(self) -> tuple[Rule, ...]:
        """What decides when a turn is over: the default, or any of them together."""
        if self.swarm_has("judged"):
            return "transcript", "acoustic"
        if not self.swarm_has("rules"):
            return TurnOptions().rules
        return tuple(rule for rule in RULES if self.random.random() < 0.5)

    def count(self, what: str) -> None:
        """It happened once more."""
        self.counts[what] += 1

    def swarm_has(self, kind: str) -> bool:
        """Whether this call knows a kind of event at all."""
        return kind in self._swarm.on

    def _early_start(self) -> Literal["off", "llm", "llm+tts"]:
        if not self.swarm_has("early"):
            return "off"
        return "llm+tts" if self.swarm_has("ahead") else "llm"

    def faulty(self, kind: str) -> bool:
        """Whether it may happen now."""
        return self.faults_on and kind in self._swarm.on

    def at(self, delay: float, call: Callable[..., None], *args: object) -> None:
        """Call something later."""
        self._count += 1
        heapq.heappush(self._heap, (self.now + delay, self._count, call, args))

    def post(self, fact: e.Fact) -> None:
        """A fact reaches the call."""
        if self.core.state is CallState.CLOSED:
            return
        self.oracles.fact(fact)
        self.hub.post(fact)
        self.oracles.after(fact)
        self._arm()

    def audio(self, frame: int, samples: int, words: tuple[Word, ...], pcm: bytes) -> bool:
        """Audio of a frame reaches the playout."""
        wanted = self.hub.audio(frame, samples, words, pcm)
        self._arm()
        return wanted

    def execute(self, command: e.Command) -> None:
        """Carry out what the core wants."""
        self.counts[type(command).__name__] += 1
        self.oracles.command(command)
        if self.judge:
            self.judge.command(command)
        match command:
            case Ask() | Cancel() | Prepare() | Infer():
                self.models.obey(command)
            case e.Speak():
                self.voice.speak(command)
            case e.Flush():
                self.client.command("clear")
            case e.Hold():
                self.client.command("pause")
            case e.Resume():
                self.client.command("resume")
            case e.RunTool():
                self.tools.run(command)
            case e.CancelTool(call_id):
                self.tools.cancel(call_id)
            case Redirect():
                self.line.redirect(command)
            case e.End(reason) if reason.startswith(GONE):
                self.client.stop()
            case _:
                pass

    def run(self) -> None:
        """The whole call: faults, rest, end."""
        self.at(0.0, self.post, e.Ready())
        self.models.begin()
        self.caller.begin()
        self.line.begin()
        self._until(self.random.uniform(6.0, 20.0))
        self.oracles.step()
        self.faults_on = False
        self._until_rest()
        self.oracles.at_rest()
        self._until(self.now + POLICY.idle_ms / 1000 + 2.0)
        self.oracles.after_a_silence()
        if self.swarm_has("waits_on") and self.random.random() < 0.2:
            self._until(self.now + GOODBYE_S)
            self.oracles.after_a_long_silence()
        if self.core.state is not CallState.CLOSED:
            self.post(self.random.choice((e.HangUp("enough"), e.Gone(GONE))))
            self._until(self.now + 25.0)
        self.oracles.at_end()

    # --- time ---------------------------------------------------------------------------------------------------------

    def _until(self, end: float) -> None:
        while self._heap and self._heap[0][0] <= end:
            self._step()
        self.now = max(self.now, end)

    def _until_rest(self) -> None:
        """Run until nothing is owed, said or running; the oracle sets the limit."""
        while self._heap and not self.oracles.rested():
            self._step()

    def _step(self) -> None:
        self.now, _, call, args = heapq.heappop(self._heap)
        self.events += 1
        if self.events > MAX_EVENTS:
            self.oracles.fail("the call never ends: too many events")
        self._silent = False
        call(*args)
        if not self._silent:
            self.oracles.step()

    def _arm(self) -> None:
        """The core's deadline and the writer's tick, as the session would have them."""
        self._write()
        self._arm_tick()
        deadline = self.core.deadline()
        if deadline is not None and deadline != self._deadline:
            if deadline <= self.now:
                self.oracles.fail("a deadline that has passed")
            self._deadline = deadline
            self.at(deadline - self.now, self._wake, deadline)

    def _arm_tick(self) -> None:
        if self.playout.busy and self._tick_at <= self.now:
            self._tick_at = self.now + TICK_S
            self.at(TICK_S, self._tick)

    def _wake(self, deadline: float) -> None:
        if deadline == self._deadline:
            self._deadline = -1.0
            self.post(e.Tick())

    def _tick(self) -> None:
        if self.core.state is CallState.CLOSED:
            return
        self._write()
        if self.hub.progress():
            self._arm()
        else:
            self._arm_tick()
            self._silent = True

    def _write(self) -> None:
        for what in self.playout.take(self.now):
            self.oracles.speech.leaves(what)
            self.client.take(what)

    def _on_played(self, total: int) -> None:
        self.playout.report(self.now, total)

"""A rude language model: it answers from the log alone, drops, stalls, refuses, and sends late and double events.

Its answers are made of words that say where they belong, `T3w0 T3w1 …` for the third turn, so that the oracles can see
what was repeated and what is missing. What it says next depends on what the request shows as said already.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from llm import cancel_tool
from llm.events import (
    Ask,
    Cancel,
    Delta,
    Fact,
    FunctionCall,
    Infer,
    InferenceFailed,
    Inferred,
    LinkDown,
    LinkUp,
    Output,
    Progress,
    ReplyDone,
    ReplyFailed,
    Request,
    Thought,
    Usage,
)
from llm.items import AssistantMessage, DeveloperMessage, Reasoning, UserMessage
from llm.summary import is_summary
from server.call.policy import Sentences
from tests.sim.digest import INTENT, TURN, WORD, digest, known
from tests.sim.swarm import DROPS

if TYPE_CHECKING:
    from tests.sim.world import World


def sentence(name: str, start: int, count: int) -> list[str]:
    """Words `start` to `count` of an answer; a full stop after every fifth and the last."""
    return [f"{name}w{n}" + ("." if n % 5 == 4 or n == count - 1 else "") for n in range(start, count)]


class Script:
    """What the answer to one turn is: words, perhaps calls, more words. Depends on the turn alone."""

    def __init__(self, seed: int, turn: int, *, tools: bool, long: bool) -> None:
        random = Random(seed * 1000 + turn)
        self.words = random.randint(2, 12)
        self.before = self.words
        self.calls: list[tuple[str, str]] = []  # (intent, tool)
        if tools and random.random() < 0.6:
            self.before = random.randint(0, 3)
            self.words = self.before + random.randint(2, 6)
            kinds = ("look", "look", "note", "timer", "unknown", "last", "cancel")
            self.calls = [(f"t{turn}c{n}", random.choice(kinds)) for n in range(random.choice((1, 1, 1, 2, 3)))]
            if random.random() < 0.03:
                self.calls.append((f"t{turn}c9", "bye"))
        if long and random.random() < 0.2:
            self.words += 60  # longer than the patience with a provider


class Provider:
    """Answers requests, one at a time, over a link that breaks."""

    def __init__(self, world: World, post: Callable[[Fact], None]) -> None:
        """`post` takes what it says."""
        self._world = world
        self._post = post
        self._random: Random = world.random
        self.up = False
        self._answering: int | None = None
        self.drops = 0
        self.asked = 0
        self.stalls = 0
        self.refusals = 0
        self.empty = 0
        self.blocked = 0
        self.prepared = 0
        self.marks = 0
        self.inferences = 0
        self.rude = False  # it was silent once, or for so long that it seemed to be

    def connect(self) -> None:
        """The link is up."""
        self.up = True
        self._post(LinkUp())
        self._plan_drop()

    def _plan_drop(self) -> None:
        if self._world.faulty("drop") and self._random.random() < 0.8:
            self._world.at(self._random.expovariate(1 / 4.0), self.drop)

    def drop(self) -> None:
        """The link breaks, in one of eight ways; the service would connect again with backoff."""
        if not self.up or not self._world.faults_on:
            return
        self.drops += 1
        self.up = False
        how = self._random.choice(DROPS)
        answering, self._answering = self._answering, None
        self.rude |= how == "stalled"
        if how == "stalled":  # nobody notices until the core's own patience ends
            self._world.at(self._random.uniform(0.2, 3.0), self._lost, how)
            return
        if how == "garbage" and answering is not None:
            self._post(ReplyFailed(answering, "garbage on the socket"))
        self._lost(how)
        if answering is not None and self._world.faulty("late"):
            self._world.at(0.01, self._post, Delta(answering, " Late.w0"))

    def _lost(self, how: str) -> None:
        self._answering = None
        self.up = False
        if self._world.faulty("fatal") and self._random.random() < 0.02:
            self._post(LinkDown("403", fatal=True))
            return
        self._post(LinkDown(how))
        long = self._world.faulty("outage") and self._random.random() < 0.1
        self._world.at(12.0 if long else self._random.choice((0.01, 0.1, 0.3, 1.0, 3.0)), self.connect)

    @property
    def answering(self) -> bool:
        """Something of an answer is to come."""
        return self._answering is not None

    def infer(self, infer: Infer) -> None:
        """A request beside the conversation: condensed, refused, broken off, or never answered."""
        self.inferences += 1
        item = infer.request.items[-1]
        answer: Inferred | InferenceFailed = Inferred(infer.job, digest(item.text))
        roll = self._random.random()
        if self._world.faulty("infer_fails") and roll < 0.3:
            answer = InferenceFailed(infer.job, "overloaded") if roll < 0.2 else Inferred(infer.job, "")
        if self._world.faulty("infer_fails") and roll > 0.95:
            return
        for _ in range(2 if self._world.faulty("duplicate") else 1):
            self._world.at(self._random.choice((0.05, 0.5, 2.5)), self._post, answer)

    def prepare(self) -> None:
        """It may warm up."""
        self.prepared += 1

    def ask(self, ask: Ask) -> None:
        """A request comes."""
        self.asked += 1
        if self._answering is not None:
            self._world.oracles.fail("asked for an answer while another is coming")
        if not self.up:
            self.rude = True
            return  # a link that is dead and does not know it
        self._answering = ask.reply
        roll = self._random.random()
        if self._world.faulty("stall") and roll < 0.1:
            self.stalls += 1
            self.rude = True
            return
        if self._world.faulty("refuse") and roll > 0.93:
            self.refusals += 1
            wish = self._random.choice((0.0, 0.2, 1.0))
            self._answering = None
            self._world.at(0.05, self._post, ReplyFailed(ask.reply, "429", retry_after_s=wish))
            return
        if self._world.faulty("drop") and roll < 0.3:
            self._world.at(self._random.uniform(0.0, 2.0), self.drop)
        if self._world.faulty("blocked") and roll > 0.9:
            self.blocked += 1
            self._answering = None
            self._world.at(0.05, self._post, ReplyFailed(ask.reply, "content filter", "blocked"))
            return
        steps = self._steps(ask)
        if self._waits(ask.request):
            self.marks += 1
            steps = [Delta(ask.reply, f" {self._random.choice('○◐')} and nothing else"), ReplyDone(ask.reply)]
        if (
            self._world.faulty("empty")
            and isinstance(ask.request.items[-1], UserMessage)
            and self._random.random() < 0.1
        ):
            self.empty += 1
            steps = [ReplyDone(ask.reply)]
        if self._world.faulty("progress") and self._random.random() < 0.2:
            for number in range(1, 4):
                self._world.at(number * 0.9, self._progress, ask.reply)
            self._world.at(3.5, self._next, ask.reply, steps, 0)
            return
        self._world.at(self._random.choice((0.005, 0.1, 0.4, 0.8)), self._next, ask.reply, steps, 0)

    def _waits(self, request: Request) -> bool:
        """The caller was not done, it thinks."""
        marks = "✓" in request.instructions
        return marks and isinstance(request.items[-1], UserMessage) and self._random.random() < 0.2

    def _progress(self, reply: int) -> None:
        """It thinks aloud, for longer than a silent provider is waited for."""
        if self._answering == reply and self.up:
            self._post(Progress(reply))

    def cancel(self, cancel: Cancel) -> None:
        """An answer is not wanted; a rude provider goes on for a while."""
        if self._answering == cancel.reply:
            self._answering = None
        if cancel.stalled and self.up:
            self.up = False
            self._world.at(0.01, self._lost, "stalled")
        if self._world.faulty("late"):
            self._world.at(0.02, self._post, Delta(cancel.reply, " Late.w1"))
            self._world.at(0.03, self._post, ReplyDone(cancel.reply))
            call = FunctionCall(cancel.reply, f"late{cancel.reply}", "look", '{"intent":"late"}')
            self._world.at(0.025, self._post, call)

    def _next(self, reply: int, steps: list[Output], at: int) -> None:
        if self._answering != reply or not self.up:
            return
        if self._world.faulty("stall") and self._random.random() < 0.01:
            self.stalls += 1
            self.rude = True
            return
        if at + 1 == len(steps):
            self._answering = None
        double = self._world.faulty("duplicate") and not isinstance(steps[at], Delta)
        for _ in range(2 if double else 1):
            self._post(steps[at])
        if at + 1 < len(steps):
            paces = (0.1, 0.3, 0.7) if self._world.swarm_has("slow") else (0.002, 0.02, 0.06)
            self._world.at(self._random.choice(paces), self._next, reply, steps, at + 1)

    def _steps(self, ask: Ask) -> list[Output]:
        calls: list[Output] = [*self._calls(ask.reply, ask.request)]
        if calls and self._world.swarm_has("thinks"):
            calls.insert(0, Thought(ask.reply, Reasoning("sim", f"thoughts of {ask.reply}")))
        return [*self._speech(ask.reply, ask.request), *calls, ReplyDone(ask.reply, Usage(10, 5), "sim-1")]

    # --- what to say, from the log alone ------------------------------------------------------------------------------

    def _speech(self, reply: int, request: Request) -> list[Delta]:
        said = {} if starts_over(request) else spoken(request)
        words: list[str] = []
        turn, script = turn_of(self._world, request)
        if script is not None:
            name = f"T{turn}"
            missing = self._calls(reply, request)
            until = script.before if missing else script.words
            words += sentence(name, said.get(name, 0), script.words)[: max(0, until - said.get(name, 0))]
        for name, count in results(request):
            words += sentence(name, said.get(name, 0), count)
        # One to three words a delta; a delta may end within a word.
        deltas: list[Delta] = []
        if words and self._world.swarm_has("early"):
            words.insert(0, f"r{reply}")  # so that it is known whose words they are
        if words and self._world.swarm_has("emoji") and self._random.random() < 0.3:
            words.insert(self._random.randrange(len(words) + 1), "\N{WAVING HAND SIGN}.")
        if "✓" in request.instructions and self._random.random() < 0.8:
            deltas.append(Delta(reply, self._random.choice(("✓", " ✓", "✓ "))))
        while words:
            take = self._random.randint(1, 3)
            text = "".join(f" {word}" for word in words[:take])
            del words[:take]
            middle = self._random.randint(1, len(text) - 1) if self._random.random() < 0.2 else len(text)
            deltas += [Delta(reply, part) for part in (text[:middle], text[middle:]) if part]
        return deltas

    def _calls(self, reply: int, request: Request) -> list[FunctionCall]:
        _, script = turn_of(self._world, request)
        if script is None:
            return []
        done = made(request)
        if done & {intent for intent, _ in script.calls} and not asked_anew(request):
            return []  # a model that sees calls of its own believes that they are all that it wanted
        return [self._call(reply, request, intent, tool) for intent, tool in script.calls if intent not in done]

    def _call(self, reply: int, request: Request, intent: str, tool: str) -> FunctionCall:
        arguments = {"intent": intent}
        if tool == "cancel":
            tool = cancel_tool.NAME
            arguments["tool_call_id"] = next(iter(background(request)), "nobody")
        return FunctionCall(reply, f"c{reply}{intent}", tool, json.dumps(arguments))


def turn_of(world: World, request: Request) -> tuple[int, Script | None]:
    """The newest turn of the caller, and what is to be said to it."""
    said = [number for item in request.items if isinstance(item, UserMessage) for number in TURN.findall(item.text)]
    turns = [int(number) for number in said or TURN.findall(known(request.items).text)]
    if not turns:
        return 0, None
    tools, long = world.swarm_has("tool"), world.swarm_has("long")
    return turns[-1], Script(world.seed, turns[-1], tools=tools, long=long)


def results(request: Request) -> list[tuple[str, int]]:
    """Results of async calls and things that were not understood, each worth two words."""
    summary = known(request.items)
    topics = [(f"R{call}", 2) for call in summary.results]
    unclear = summary.unclear
    for item in request.items:
        if not isinstance(item, DeveloperMessage) or is_summary(item):
            continue
        if item.text.startswith("{"):
            note = json.loads(item.text)
            if note["status"] != "running":
                topics.append((f"R{note['tool_call_id']}", 2))
        else:
            unclear += 1
            topics.append((f"U{unclear}", 2))
    return topics


def spoken(request: Request) -> dict[str, int]:
    """How many words of each answer the log shows as said."""
    counts: dict[str, int] = {}
    for item in request.items:
        if isinstance(item, AssistantMessage) or is_summary(item):
            for name, number in WORD.findall(item.text):
                counts[name] = max(counts.get(name, 0), int(number) + 1)
    return counts


def background(request: Request) -> list[str]:
    """The async calls that have started and not ended, as the log shows it."""
    ended = {
        json.loads(item.text)["tool_call_id"]
        for item in request.items
        if isinstance(item, DeveloperMessage) and item.text.startswith("{") and '"running"' not in item.text
    }
    calls = [call for item in request.items if isinstance(item, AssistantMessage) for call in item.calls]
    return [call.call_id for call in calls if '"status": "started"' in call.output and call.call_id not in ended]


def starts_over(request: Request) -> bool:
    """A model that is asked after its own words, and not told to go on, says all of them again."""
    last = request.items[-1] if request.items else None
    own_words = isinstance(last, AssistantMessage) and not last.calls and re.search(r"\bT\d", last.text)
    return bool(own_words) and not request.note


def asked_anew(request: Request) -> bool:
    """The model is told that calls may be missing, or the caller said more after they were made."""
    spoke = [at for at, item in enumerate(request.items) if isinstance(item, UserMessage)]
    called = [at for at, item in enumerate(request.items) if isinstance(item, AssistantMessage) and item.calls]
    return Sentences().more_calls in request.note or max(spoke, default=-1) > max(called, default=-1)


def made(request: Request) -> set[str]:
    """The intents that have been called for."""
    calls = [call for item in request.items if isinstance(item, AssistantMessage) for call in item.calls]
    intents = {str(json.loads(call.arguments)["intent"]) for call in calls}
    return intents | set(INTENT.findall(known(request.items).text))

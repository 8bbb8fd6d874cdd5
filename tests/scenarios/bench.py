"""A core on its bench that plays a whole scene by itself: a model with a script, tools that take their time, a voice
that speaks, and a caller who speaks at the instants that the test names. No task, no clock.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from msgspec import Struct

from audio.events import SpeechStarted, SpeechStopped, Transcript
from llm.context import IN_PROGRESS
from llm.events import Ask, Cancel, Delta, FunctionCall, Outcome, ReplyDone, ReplyFailed, Request, ToolDone
from llm.function_calls import ToolSpec
from llm.items import AssistantMessage, DeveloperMessage, UserMessage
from server.call import events as e
from server.call.answering import Owed
from tests.unit.server.call.core_stand import Stand

STEP_S = 0.02
VOICE_ON_MS, VOICE_OFF_MS = 64.0, 200.0


class Calls(Struct, frozen=True):
    """The model calls a tool."""

    name: str
    call_id: str = ""


class Breaks(Struct, frozen=True):
    """The provider breaks the answer off."""

    reason: str = "server_error"
    retry_after_s: float = 0.0


Answer = Sequence[str | Calls | Breaks | float]
"""What the model does for one request: says text, calls tools, waits so many seconds, breaks off."""


class Takes(Struct, frozen=True):
    """A tool: it takes so long, or for ever, and gives this."""

    spec: ToolSpec
    seconds: float | None
    result: str = "found"
    outcome: Outcome = "completed"
    run_llm: bool | None = None


class Scene:
    """One call that plays itself. `rude`: the model goes on with answers that were cancelled."""

    def __init__(
        self, answers: Sequence[Answer], tools: Sequence[Takes] = (), *, rude: bool = False, **settings: Any
    ) -> None:
        self.stand = Stand(tools=tuple(each.spec for each in tools), **settings)
        self.asked: list[tuple[float, Request]] = []
        self.cancelled: set[int] = set()
        self._answers = list(answers)
        self._tools = {each.spec.schema.name: each for each in tools}
        self._rude = rude
        self._numbers = count()
        self._calls = count(1)
        self._todo: list[tuple[float, int, Callable[[], object]]] = []
        self._given_up: set[str] = set()
        self._seen = 0  # commands that were reacted to

    # --- what happens when --------------------------------------------------------------------------------------------

    def at(self, when: float, what: Callable[[], object]) -> None:
        """Do something at an instant of the scene, in seconds."""
        heapq.heappush(self._todo, (when, next(self._numbers), what))

    def posts(self, when: float, fact: e.Fact) -> None:
        """A fact comes then."""
        self.at(when, lambda: self.stand.post(fact))

    def says(self, when: float, text: str, seconds: float = 0.6) -> None:
        """The caller begins to speak then; the first word is understood 0.2 s later, all of it when they stop."""
        self.posts(when, SpeechStarted(VOICE_ON_MS))
        if text:
            self.posts(when + 0.2, Transcript(text.split(maxsplit=1)[0], False))
        self.posts(when + seconds, SpeechStopped(VOICE_OFF_MS))
        self.posts(when + seconds, Transcript(text, True))

    def coughs(self, when: float, seconds: float = 0.3) -> None:
        """The caller makes a sound without words."""
        self.says(when, "", seconds)

    def types(self, when: float, text: str) -> None:
        """The caller types."""
        self.posts(when, e.UserText(text))

    def run(self, until: float) -> Scene:
        """Play on until that instant."""
        while self.stand.now < until - 1e-9:
            while self._todo and self._todo[0][0] <= self.stand.now + 1e-9:
                heapq.heappop(self._todo)[2]()
                self._react()
            following = self._todo[0][0] if self._todo else until
            self.stand.wait(min(until, self.stand.now + STEP_S, max(following, self.stand.now + 1e-6)))
            self._react()
        return self

    # --- model, tools and voice ---------------------------------------------------------------------------------------

    def _react(self) -> None:
        while commands := self.stand.all[self._seen :]:
            self._seen += len(commands)
            for command in commands:
                match command:
                    case Ask(reply, request):
                        self.asked.append((self.stand.now, request))
                        self._answer(reply)
                    case Cancel(reply):
                        self.cancelled.add(reply)
                    case e.RunTool(call_id, name):
                        self._run_tool(call_id, self._tools[name])
                    case e.CancelTool(call_id):
                        self._given_up.add(call_id)
                    case e.Speak():
                        self.stand.voice()

    def _answer(self, reply: int) -> None:
        at = self.stand.now
        ended = False
        for step in self._answers.pop(0) if self._answers else ["Well."]:
            match step:
                case str():
                    self._gives(at, reply, Delta(reply, step))
                case Calls(name, call_id):
                    self._gives(at, reply, FunctionCall(reply, call_id or f"c{next(self._calls)}", name, "{}"))
                case Breaks(reason, wish_s):
                    self._gives(at, reply, ReplyFailed(reply, reason, retry_after_s=wish_s))
                    ended = True
                case _:
                    at += step
        if not ended:
            self._gives(at, reply, ReplyDone(reply))

    def _gives(self, at: float, reply: int, fact: e.Fact) -> None:
        def give() -> None:
            if self._rude or reply not in self.cancelled:
                self.stand.post(fact)

        self.at(at, give)

    def _run_tool(self, call_id: str, takes: Takes) -> None:
        def give() -> None:
            if call_id not in self._given_up:
                self.stand.post(ToolDone(call_id, takes.outcome, takes.result, takes.run_llm))

        if takes.seconds is not None:
            self.at(self.stand.now + takes.seconds, give)

    # --- what came of it ----------------------------------------------------------------------------------------------

    @property
    def requests(self) -> list[Request]:
        """What the model was asked, in order."""
        return [request for _, request in self.asked]

    @property
    def outcomes(self) -> dict[str, str]:
        """The final result of each call, as events told it."""
        return {each.call_id: each.outcome for each in self.stand.told(e.ToolFinished)}

    @property
    def ran(self) -> list[str]:
        """The calls that were run, in order."""
        return [each.call_id for each in self.stand.commands(e.RunTool)]

    def check(self) -> None:
        """What holds at the end of each scene, whatever happened in it."""
        self._check_calls()
        self._check_requests()
        answering = self.stand.core.answering
        assert (answering.owed, answering.reply) == (Owed.NONE, None), "something is owed"
        assert not [each for each in self.stand.told(e.Problem) if each.code == "no_answer"], "the model was given up"

    def _check_calls(self) -> None:
        calls = outputs(self.stand.core.log.items())
        finished = Counter(each.call_id for each in self.stand.told(e.ToolFinished))
        assert finished == Counter(dict.fromkeys(calls, 1)), "a call has exactly one final result"
        assert IN_PROGRESS not in calls.values(), "a call is in progress for ever"
        assert len(set(self.ran)) == len(self.ran), "a call ran twice"
        seen: set[str] = set()
        for command in self.stand.all:
            match command:
                case e.Notify(e.ToolFinished(call_id)):
                    seen.add(call_id)
                case e.RunTool(call_id):
                    assert call_id not in seen, "a call ran after it had its result"

    def _check_requests(self) -> None:
        speaks = False
        for command in self.stand.all:
            match command:
                case e.Notify(e.UserSpeech(True)):
                    speaks = True
                case e.Notify(e.UserTranscript(_, True)):
                    speaks = False
                case Ask(_, request):
                    assert not speaks, "asked while the caller speaks"
                    ids = [call.call_id for item in request.items for call in calls_of(item)]
                    assert len(ids) == len(set(ids)), "a request shows a call twice"


def calls_of(item: object) -> tuple[Any, ...]:
    """The calls of a message."""
    return item.calls if isinstance(item, AssistantMessage) else ()


def outputs(items: Sequence[object]) -> dict[str, str]:
    """What stands as the output of each call."""
    return {call.call_id: call.output for item in items for call in calls_of(item)}


def notes(items: Sequence[object]) -> list[dict[str, str]]:
    """What is said of async calls, in order."""
    texts = [item.text for item in items if isinstance(item, DeveloperMessage) and item.text.startswith("{")]
    return [json.loads(text) for text in texts]


def turns(items: Sequence[object]) -> list[str]:
    """What the caller said, in order."""
    return [item.text for item in items if isinstance(item, UserMessage)]


def words(items: Sequence[object]) -> list[str]:
    """What the bot said, message by message."""
    return [item.text.strip() for item in items if isinstance(item, AssistantMessage) and item.text.strip()]

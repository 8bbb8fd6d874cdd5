"""Holds a talk as a page shows it: a real session in virtual time, whose model gives the answers that stand there.

    caller  what the caller types                    model   words, or a call: price(bike="city")
    →       the result of each call of that answer   note    what the server tells the model
    …       time that passes: 2 s later              asked   what else stands in the request, as TOML
    bot     what the caller hears                    client  a message to the client
    log     a message of the log, as JSON            ended   why the call ended
    aside   what comes of the next inference

The lines of the model that stand together are one answer; `→`, `note`, `asked` before an answer are what the model
reads when it gives it, and at the end what the log holds. All calls of an answer, all notes and all requests are there.
An indented line goes on with the one before it; `…` within a line stands for any text.
"""

from __future__ import annotations

import ast
import asyncio
import json
import re
import tomllib
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from msgspec import Struct

from llm import messages_json
from llm.events import Request
from llm.items import AssistantMessage, DeveloperMessage, Item
from llm.service import LanguageModel
from server.agent import Agent
from tests.unit.server.call.session_stand import Stand
from tests.unit.server.parts import Answer, Call, DirectModel

KINDS = ("caller", "model", "→", "note", "asked", "…", "bot", "client", "log", "ended", "aside")
MODELS = ("quick", "smart")
"""Those of the switch."""
READ = ("→", "note", "asked", "log")
CALL = re.compile(r"\w+\(.*\)\Z")
FAILURE = re.compile(r"Error: [A-Z]\w+: ")
"""A function raised something, which the log shows."""
STEP_S = 0.05
AT_ONCE_S = 8.0
"""So long the model may be waited for; more time has to be said."""
SAID_S = 0.5
"""The same where it was said."""
SILENCE_S = 120.0


class Step(Struct, frozen=True):
    """A line."""

    kind: str
    text: str


def parsed(text: str) -> list[Step]:
    """The lines of a talk. Raises ValueError for one of an unknown kind."""
    steps: list[Step] = []
    for line in text.splitlines():
        if line[:1].isspace() and steps:
            steps[-1] = Step(steps[-1].kind, f"{steps[-1].text} {line.strip()}")
            continue
        kind, _, rest = line.partition(" ")
        if kind not in KINDS:
            raise ValueError(f"a line of a talk begins with one of {KINDS}: {line}")
        steps.append(Step(kind, rest.strip()))
    return steps


def answers_in(steps: Sequence[Step]) -> list[Answer]:
    """What the model says and calls, answer by answer."""
    groups = [list(group) for is_model, group in groupby(steps, lambda step: step.kind == "model") if is_model]
    return [[_said(step.text) for step in group] for group in groups]


def _said(text: str) -> str | Call:
    """Words, or a call in the notation of Python."""
    if not CALL.match(text):
        return f"{text} "
    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call)
    arguments = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    return Call(ast.unparse(call.func), json.dumps(arguments))


def fits(said: str, shown: str) -> bool:
    """Whether a text is what the page shows of it."""
    return re.fullmatch(".*".join(map(re.escape, shown.split("…"))), said, re.DOTALL) is not None


async def hold(agent: Agent, text: str, **settings: Any) -> None:
    """Hold a talk with the model that stands in it. Raises AssertionError where it goes another way."""
    steps = parsed(text)
    answers = answers_in(steps)
    model = DirectModel(answers, texts=[step.text for step in steps if step.kind == "aside"])
    fails = any(FAILURE.match(step.text) for step in steps)
    async with Stand(agent, model=model, models=MODELS, expects_failures=fails, **settings) as stand:
        await _Holding(stand, model.asked, answers).go_through(steps)
        assert len(model.asked) == len(answers), f"{len(model.asked)} requests for {len(answers)} answers"


async def hold_with(model: LanguageModel, text: str) -> None:
    """Hold a talk with a model that knows itself what it says."""
    async with Stand(Agent(), model=model) as stand:
        await _Holding(stand, [], []).go_through(parsed(text))


class _Holding:
    """A talk while it is held."""

    def __init__(self, stand: Stand, asked: Sequence[Request], answers: Sequence[Answer]) -> None:
        self._stand = stand
        self._asked = asked
        self._calls = [[step for step in answer if isinstance(step, Call)] for answer in answers]
        self._given = 0  # answers
        self._patience_s = AT_ONCE_S
        self._notes = sum(isinstance(item, DeveloperMessage) for item in stand.agent.context)  # that were looked at

    async def go_through(self, steps: Sequence[Step]) -> None:
        """From the first line to the last."""
        waited = False
        groups = [(kind, list(group)) for kind, group in groupby(steps, lambda step: _group(step.kind))]
        for number, (kind, lines) in enumerate(groups):
            following = groups[number + 1][0] if number + 1 < len(groups) else ""
            if kind == "model":
                await self._request(f"a request for {lines[0].text}")
                self._given += 1
                self._patience_s = AT_ONCE_S
            elif kind == "read":
                await self._read(lines, asked=following == "model")
            else:
                for line in lines:
                    await self._do(line, waited=waited)
            waited = kind == "…"
        if self._stand.end is None:
            await self._settle()

    async def _do(self, step: Step, *, waited: bool) -> None:
        stand = self._stand
        match step.kind:
            case "caller":
                if not waited:
                    await self._settle()
                stand.send("text", text=step.text)
                await stand.hears("transcript", role="user", text=step.text, final=True)
            case "…":
                number, unit, later = step.text.split()
                assert (unit, later) == ("s", "later"), step.text
                await asyncio.sleep(float(number))
                self._patience_s = SAID_S
            case "bot":
                await stand.hears_the_bot(step.text)
            case "client":
                message = json.loads(step.text)
                await stand.hears(message.pop("type"), **message)
            case "ended":
                end = await stand.ended()
                assert end.reason == step.text
            case "aside":
                pass  # the model has it

    async def _read(self, steps: Sequence[Step], *, asked: bool) -> None:
        """What the model reads when it is asked the next time, or what the log holds where it is not."""
        request: Request | None = None
        if asked:
            await self._request(f"a request after {steps[-1].text}")
            request = self._asked[self._given]
        else:
            await self._settle()
        items = self._stand.session.handle.log if request is None else request.items
        shown = {kind: [step.text for step in steps if step.kind == kind] for kind in READ}
        if shown["→"]:
            _compare(self._results(items), shown["→"])
        notes = [item.text for item in items if isinstance(item, DeveloperMessage)]
        _compare(notes[self._notes :], shown["note"])
        self._notes = len(notes)
        for wanted in shown["asked"]:
            assert request is not None, "there is no further request"
            _check_request(request, tomllib.loads(wanted))
        if shown["log"]:
            _compare(messages_json.to_json(items).strip("[]\n").split(",\n"), shown["log"])

    def _results(self, items: Sequence[Item]) -> list[str]:
        """Those of the newest answer with calls, in their order."""
        made = [len(calls) for calls in self._calls[: self._given]]
        newest = max(number for number, count in enumerate(made) if count)
        first = sum(made[:newest]) + 1  # the model numbers its calls from c1 on
        calls = [call for item in items if isinstance(item, AssistantMessage) for call in item.calls]
        outputs = {call.call_id: call.output for call in calls}
        return [outputs[f"c{number}"] for number in range(first, first + made[newest])]

    async def _settle(self) -> None:
        """Until nobody speaks, thinks or is waited for."""
        core = self._stand.session.core
        await self._until(
            lambda: (
                core.speaking.idle
                and core.answering.reply is None
                and not core.answering.owed
                and not core.calling.blocking
            ),
            "silence",
            SILENCE_S,
        )

    async def _request(self, what: str) -> None:
        """Until the model is asked for its next answer."""
        await self._until(lambda: len(self._asked) > self._given, what, self._patience_s)

    async def _until(self, holds: Callable[[], bool], what: str, patience_s: float) -> None:
        for _ in range(round(patience_s / STEP_S)):
            await asyncio.sleep(STEP_S)
            if holds():
                return
        raise AssertionError(f"waited in vain for {what}; came: {self._stand.seen[-6:]}")


def _group(kind: str) -> str:
    return "read" if kind in READ else kind


def _compare(said: Sequence[str], shown: Sequence[str]) -> None:
    assert len(said) == len(shown), f"shown are {shown}, there are {said}"
    for one, other in zip(said, shown, strict=True):
        assert fits(one, other), f"shown is {other}\nbut it is {one}"


def _check_request(request: Request, wanted: dict[str, Any]) -> None:
    for name, value in wanted.items():
        if name == "tools":
            assert [tool.name for tool in request.tools] == value
        elif name == "instructions":
            assert request.instructions == value
        else:
            assert getattr(request.settings, name) == value, f"{name} is {getattr(request.settings, name)!r}"

"""A provider that puts each conversation together from ids, and a log that goes on as logs do: for `llm.continuation`.

What the model is shown must be the log, whatever was left out of the message. Compared is what counts: words without
their white space, calls and results; not what the model thought, which it knows itself.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

from llm.continuation import Continuation, Plan, made
from llm.events import ModelSettings, Request
from llm.items import AssistantMessage, Call, DeveloperMessage, Item, Reasoning, UserMessage
from llm.responses_request import ResponsesSettings, encode

SETTINGS = ResponsesSettings("m")
SOURCE = "ours"
Wire = list[dict[str, Any]]


def message_of(plan: Plan, settings: ResponsesSettings = SETTINGS) -> dict[str, Any]:
    """What goes out."""
    decoded: dict[str, Any] = json.loads(encode(settings, plan, lane="r1", source=SOURCE))
    return decoded


def whole(request: Request) -> Wire:
    """The input of a request of which nothing is left out."""
    items: Wire = message_of(Plan(request, "m"))["input"]
    return items


def essence(items: Wire) -> list[Any]:
    """What counts: the words and calls of the assistant between other items are one thing, in whichever order."""
    parts: list[Any] = []
    for item in items:
        if item["type"] == "reasoning":
            continue
        if item["type"] == "function_call" or item.get("role") == "assistant":
            if not parts or not isinstance(parts[-1], dict):
                parts.append({"said": "", "calls": []})
            parts[-1]["said"] += "".join(item.get("content", "").split())
            parts[-1]["calls"] += [(item["call_id"], item["name"], item["arguments"])] if "call_id" in item else []
        else:
            parts.append(json.dumps(item, sort_keys=True))
    return parts


class NaiveProvider:
    """Keeps every conversation of a connection by the id of the response that ended it."""

    def __init__(self) -> None:
        self._kept: dict[str, Wire] = {}
        self._count = 0

    def shown(self, message: dict[str, Any]) -> Wire | None:
        """What the model is shown; None where the response before is not known."""
        previous = message.get("previous_response_id")
        if previous is not None and previous not in self._kept:
            return None
        return [*self._kept.get(previous or "", []), *message["input"]]

    def keep(self, shown: Wire, output: Wire) -> str:
        """A response is complete; returns its id."""
        self._count += 1
        self._kept[f"resp_{self._count}"] = [*shown, *output]
        return f"resp_{self._count}"

    def forget(self) -> None:
        """As providers do."""
        self._kept.clear()


class Conversation:
    """A log, a connection, and a provider; each method is one thing that can happen."""

    def __init__(self, random: Random, *, incremental: bool = True) -> None:
        self.random = random
        self.items: list[Item] = []
        self.model = ""
        self.asked = self.left_out = 0
        self._incremental = incremental
        self._number = 0
        self._warm: tuple[Plan, Wire] | None = None
        self.reconnect()

    # --- the log ----------------------------------------------------------------------------------------------------

    def user(self) -> None:
        """The caller says something."""
        self._number += 1
        self.items.append(UserMessage(f"turn {self._number}"))

    def developer(self) -> None:
        """So does the application."""
        self._number += 1
        self.items.append(DeveloperMessage(f"note {self._number}"))

    def say(self) -> None:
        """The application has the bot say something."""
        self._number += 1
        self.items.append(AssistantMessage(f"said {self._number}"))

    def result(self) -> None:
        """A call that was in progress gets its result."""
        for place, item in enumerate(self.items):
            if isinstance(item, AssistantMessage) and any(call.output == "IN_PROGRESS" for call in item.calls):
                calls = tuple(Call(*each, "done") for each in made(item))
                self.items[place] = AssistantMessage(item.text, calls, item.reasoning)
                return

    def cut(self) -> None:
        """The caller did not hear the end of the last answer."""
        if self.items and isinstance(last := self.items[-1], AssistantMessage):
            self.items[-1] = AssistantMessage(last.text[: len(last.text) // 2], last.calls, last.reasoning)

    def summarise(self) -> None:
        """The oldest messages are condensed."""
        if len(self.items) > 2:
            self.items[:2] = [DeveloperMessage("what came before")]

    def other_model(self) -> None:
        """The settings change."""
        self.model = "" if self.model else "m2"

    # --- the connection ---------------------------------------------------------------------------------------------

    def reconnect(self) -> None:
        """The link was lost and is back."""
        self.memory = Continuation(incremental=self._incremental)
        self.provider = NaiveProvider()
        self._warm = None

    def forget(self) -> None:
        """The provider has lost what it kept."""
        self.provider.forget()

    def warm(self) -> None:
        """A warm-up that is not complete yet."""
        plan = self.memory.warm(self._request(note="is not for warm-ups"), self._model)
        if plan is not None:
            self._warm = plan, self._shown(plan)

    def warmed(self) -> None:
        """It is."""
        if self._warm is not None:
            plan, shown = self._warm
            self.memory.answered(plan, self.provider.keep(shown, []), "", ())
            self._warm = None

    # --- answers ----------------------------------------------------------------------------------------------------

    def answer(self) -> None:
        """Asked and answered."""
        self._answer("")

    def answer_to_a_note(self) -> None:
        """The same, with a note that the log does not have."""
        self._answer("go on")

    def fail(self) -> None:
        """Asked, and failed or abandoned; the provider may still complete it."""
        plan, shown = self._ask("")
        self.memory.failed(plan)
        self.memory.answered(plan, self.provider.keep(shown, [_said("too late")]), "too late", ())

    def _answer(self, note: str) -> None:
        plan, shown = self._ask(note)
        self._number += 1
        text, calls = self._outputs()
        said = [_said(part) for part in text]
        called = [{"type": "function_call", "call_id": c[0], "name": c[1], "arguments": c[2]} for c in calls]
        output: Wire = [{"type": "reasoning", "id": "rs", "summary": []}] if calls else []
        output += [*said[:1], *called, *said[1:]]
        self.memory.answered(plan, self.provider.keep(shown, output), "".join(text), calls)
        heard = " ".join("".join(text).split())
        outputs = tuple(Call(*call, self.random.choice(("9", "IN_PROGRESS"))) for call in calls)
        thoughts = (Reasoning(SOURCE, '{"type":"reasoning","id":"rs","summary":[]}'),) if calls else ()
        if heard or outputs:
            self.items.append(AssistantMessage(heard, outputs, thoughts))

    def _outputs(self) -> tuple[list[str], list[tuple[str, str, str]]]:
        text = self.random.choice(([], [f"answer  {self._number}\n"], [f" Let {self._number}.", " So."]))
        count = self.random.choice((0, 0, 1, 2))
        return text, [(f"c{self._number}_{place}", "f", "{}") for place in range(count)]

    def _ask(self, note: str) -> tuple[Plan, Wire]:
        plan = self.memory.ask(self._request(note), self._model)
        self.asked += 1
        self.left_out += bool(plan.previous)
        return plan, self._shown(plan)

    def _shown(self, plan: Plan) -> Wire:
        """What the model sees: the log, whatever was sent."""
        shown = self.provider.shown(message_of(plan))
        if shown is None:
            plan = self.memory.whole(plan)
            shown = self.provider.shown(message_of(plan))
        assert shown is not None
        assert essence(shown) == essence(whole(plan.request))
        return shown

    @property
    def _model(self) -> str:
        return self.model or "m"

    def _request(self, note: str) -> Request:
        return Request("Be brief.", tuple(self.items), note=note, settings=ModelSettings(model=self.model))


def _said(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": text}

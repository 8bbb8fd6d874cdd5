"""The simulated tools of a call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from llm.events import Outcome, ToolDone, ToolSchema, ToolUpdate
from llm.function_calls import ToolSpec
from server.call.events import HangUp, RunTool, Say

if TYPE_CHECKING:
    from tests.sim.world import World


def _spec(name: str, **options: object) -> ToolSpec:
    schema = ToolSchema(name, f"the tool {name}", {"type": "object"})
    return ToolSpec(schema, **options)  # type: ignore[arg-type]


SPECS = (
    _spec("look"),
    _spec("note", timeout_s=1.0),
    _spec("timer", cancel_on_interruption=False),
    _spec("last", when="after_speech"),
    _spec("bye", when="after_speech"),
)


class Tools:
    """Runs what it is told to, for 0.05 to 3 s; results come, fail, hang, or come late although cancelled."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._running: dict[str, str] = {}
        self.runs: dict[str, int] = {}  # intent -> how often it was executed
        self.cancelled = 0
        self.hung = 0

    @property
    def running(self) -> int:
        """Tools that have not ended."""
        return len(self._running)

    def run(self, command: RunTool) -> None:
        """Start a tool."""
        world = self._world
        intent = str(json.loads(command.arguments)["intent"])
        self.runs[intent] = self.runs.get(intent, 0) + 1
        self._running[command.call_id] = command.name
        if command.name == "bye":
            world.post(HangUp("the bot said goodbye"))
        random = world.random
        if command.name == "timer" and random.random() < 0.3:
            world.at(0.3, world.post, ToolUpdate(command.call_id, "half way"))
        if world.faulty("tool_hang") and random.random() < 0.1 and command.name != "timer":
            self.hung += 1
            return
        outcome: Outcome = "failed" if world.faulty("tool_fail") and random.random() < 0.2 else "completed"
        delay = random.choice((0.05, 0.3, 1.0, 3.0))
        run_llm = False if command.name == "last" and random.random() < 0.3 else None
        if command.name == "look" and world.swarm_has("run_llm") and random.random() < 0.3:
            run_llm = True
        world.at(
            delay, self._end, ToolDone(command.call_id, outcome, f"{command.name} {outcome} {command.call_id}", run_llm)
        )
        if random.random() < 0.1:
            world.at(delay / 2, world.post, Say(f"Working on {command.name}w0."))

    def cancel(self, call_id: str) -> None:
        """Cancel a tool; some end all the same, too late."""
        self.cancelled += 1
        name = self._running.pop(call_id, None)
        if name is not None and self._world.faulty("late"):
            self._world.at(0.05, self._world.post, ToolDone(call_id, "completed", "too late"))

    def _end(self, done: ToolDone) -> None:
        if self._running.pop(done.call_id, None):
            self._world.post(done)

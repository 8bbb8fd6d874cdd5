"""The agent that `bench.turns` serves: it understands the recordings, and notes what became of early answers."""

import os
from pathlib import Path

from bench.stt import HUMAN
from llm.local.vocabulary import VOCABULARY
from server.agent import Agent
from server.call.handle import CallHandle
from server.call.model_events import EarlyAnswer

NOTES = "BENCH_EARLY_ANSWERS"
"""The environment variable with the file for it: a line for each, `used` or `discarded` and the characters of it that
the voice was given."""

agent = Agent(instructions="Answer.", vocabulary=[*HUMAN, *VOCABULARY])


@agent.on("early_answer")
async def early(_: CallHandle, event: EarlyAnswer) -> None:
    """Asked for early: was it wanted?"""
    note(f"{'used' if event.used else 'discarded'} {event.spoken_chars}")


def note(line: str) -> None:
    """Add a line to the file, if there is one."""
    if path := os.environ.get(NOTES):
        with Path(path).open("a") as notes:
            notes.write(f"{line}\n")

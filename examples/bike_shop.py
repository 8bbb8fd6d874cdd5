"""Fifteen lines that answer a telephone: a tool, a greeting, and an announcement that nobody can talk over."""

from llm.tools import tool
from server.agent import Agent


@tool
async def opening_hours(day: str) -> str:
    """When the shop is open. Args: day: a weekday"""
    return "closed" if "sunday" in day.lower() else "open from nine to five"


agent = Agent(
    instructions="You answer the phone of a bicycle shop. Be brief.",
    greeting="Hello, this is the bicycle shop.",
    tools=[opening_hours],
    vocabulary=["when are you open on monday", "are you open on sunday", "and on tuesday", "puncture"],
)


@agent.on("call_started")
async def started(call):
    await call.say("This call may be recorded.", interruptible=False)

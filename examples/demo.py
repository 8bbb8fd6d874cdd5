"""The agent of `make run`: small talk, a story to interrupt, sums, a timer that comes back, a slow lookup, goodbye."""

import asyncio

from llm.tools import FunctionCallParams, FunctionCallResultProperties, tool
from server.agent import Agent

FACTS = {
    "weather": "sunny, with a light wind and twenty one degrees",
    "moon": "about three hundred and eighty four thousand kilometres away",
    "tower": "three hundred and thirty metres high",
}


@tool(cancel_on_interruption=False)
async def set_timer(seconds: float) -> str:
    """Set a timer. Args: seconds: how long it runs"""
    await asyncio.sleep(min(max(seconds, 0), 3600))
    return f"the timer of {seconds:g} seconds is over"


@tool
async def look_up(topic: str) -> str:
    """Look something up in the library, which takes a few seconds. Args: topic: what to look up"""
    await asyncio.sleep(3)
    return next((fact for word, fact in FACTS.items() if word in topic.lower()), "nothing was found")


@tool(when="after_speech")
async def end_call(params: FunctionCallParams) -> None:
    """End the call, after saying goodbye."""
    await params.result_callback("the call is over", properties=FunctionCallResultProperties(run_llm=False))
    await params.call.hang_up("goodbye")


agent = Agent(
    instructions="You are a small voice demo. Be brief and friendly.",
    greeting="Hello! I am a small demo. You can ask me for a story, a sum, a timer, or the time.",
    tools=[set_timer, look_up, end_call],
    vocabulary=["look up the weather", "look up the moon", "how high is the tower"],
)

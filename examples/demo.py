"""The agent of `make run`: small talk, a story to interrupt, sums, timers to set and stop, a slow lookup, goodbye."""

import asyncio
from typing import Annotated

from msgspec import Meta

from llm.function_calls import CallOptions
from llm.tools import FunctionCallParams, FunctionCallResultProperties, tool
from server.agent import Agent

LIBRARY = {
    "moon": "the moon is about three hundred and eighty four thousand kilometres away",
    "sun": "the sun is about one hundred and fifty million kilometres away",
    "eiffel tower": "the eiffel tower is three hundred and thirty metres high",
    "capital of france": "the capital of france is paris",
    "capital of spain": "the capital of spain is madrid",
}


@tool(cancel_on_interruption=False)
async def set_timer(seconds: Annotated[float, Meta(gt=0, le=3600)]) -> str:
    """Set a timer. Args: seconds: how long it runs, at most an hour"""
    await asyncio.sleep(seconds)
    return f"the timer of {seconds:g} seconds is over"


@tool
async def look_up(topic: str) -> str:
    """Look something up in a little library, which is slow. Args: topic: what to look up"""
    await asyncio.sleep(3)
    fact = LIBRARY.get(topic.lower().removeprefix("the ").strip(" .?!"))
    return f"in my little library it says: {fact}" if fact else f"my little library has nothing about {topic}"


@tool(when="after_speech")
async def end_call(params: FunctionCallParams) -> None:
    """End the call, after saying goodbye."""
    await params.result_callback("the call is over", properties=FunctionCallResultProperties(run_llm=False))
    await params.call.hang_up("goodbye")


agent = Agent(
    instructions="You are a small voice demo. Be brief and friendly.",
    greeting="Hello! I am a small demo. You can ask me for a story, a sum, a timer, or the time.",
    tools=[set_timer, look_up, end_call],
    calls=CallOptions(enable_async_tool_cancellation=True),  # so that a timer can be stopped
    vocabulary=["look up the moon", "look up the sun", "look up the eiffel tower", "how tall is the eiffel tower"],
)

"""A quiz: a class whose call remembers something, events, keys, and a message to the page beside the speech."""

import re
from typing import Literal

from llm.tools import FunctionCallParams, tool
from server.agent import Agent

QUESTIONS = {
    "geography": ("What is the capital of France?", "paris"),
    "nature": ("How many legs does a spider have?", "eight"),
}
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()


def words_of(answer: str) -> list[str]:
    """The words of an answer, small figures as words: callers say "eight", and type "8"."""
    words = re.findall(r"\w+", answer.lower())
    return [NUMBERS[int(word)] if word in map(str, range(len(NUMBERS))) else word for word in words]


@tool
def ask_question(topic: Literal["geography", "nature"], params: FunctionCallParams) -> str:
    """Ask a quiz question. Args: topic: the topic of the question"""
    question, answer = QUESTIONS[topic]
    params.call.state["answer"] = answer
    return question


@tool
def check_answer(answer: str, params: FunctionCallParams) -> str:
    """Check the answer to the quiz question. Args: answer: what the caller thinks"""
    wanted = params.call.state.get("answer")
    if wanted is None:
        return "There was no question yet."
    return "That is right!" if wanted in words_of(answer) else f"No, it was {wanted}."


agent = Agent(
    instructions="You run a quiz. Ask a question, check the answer, be kind.",
    greeting="Welcome to the quiz. Do you want a question about geography or nature?",
    tools=[ask_question, check_answer],
    vocabulary=[
        "geography",
        "nature",
        "ask a question about geography",
        "ask a question about nature",
        "paris",
        "london",
        "six",
        "eight",
        "my answer is paris",
        "my answer is london",
        "my answer is eight",
        "the answer is six",
    ],
)


@agent.on("dtmf")
async def pressed(call, event):
    await call.say(f"You pressed {' '.join(event.digits)}.")


@agent.on("tool_finished")
async def show(call, event):
    await call.send({"type": "quiz", "tool": event.name, "result": event.result})

"""A receptionist for a telephone: says what nobody can talk over, looks up an order, takes keys, connects callers.

Put your own numbers into COLLEAGUES; `voicewire phone <carrier>` says how a number of yours is pointed at it
(docs/phones.md). In the browser all of it works but the transfer: the caller is told so, and stays.
"""

from typing import Any, Literal

from llm.tools import FunctionCallParams, FunctionCallResultProperties, tool
from server.agent import Agent

DISCLAIMER = "This call may be recorded."
COLLEAGUES = {"sales": "+12025550143", "repairs": "+12025550178"}
OPERATOR = "+12025550100"
ORDERS = {
    "1234": "on its way, and comes on friday",
    "5678": "waiting for a chain, and ready next week",
    "9000": "ready to be collected",
}


@tool
async def order_status(order_number: str) -> str:
    """How far an order is. Args: order_number: four digits, said or typed"""
    digits = "".join(filter(str.isdigit, order_number))
    found = ORDERS.get(digits)
    spelled = " ".join(digits) or "without digits"
    return f"Your order is {found}." if found else f"There is no order {spelled}."


@tool
async def connect_caller(params: FunctionCallParams, department: Literal["sales", "repairs"]) -> None:
    """Connect the caller with a colleague. Args: department: sales, or repairs"""
    await transfer(params.call, COLLEAGUES[department], f"I am connecting you with {department}.")
    await params.result_callback("being connected", properties=FunctionCallResultProperties(run_llm=False))


async def transfer(call: Any, number: str, words: str) -> None:
    """The words are heard whole, whatever the caller says meanwhile; then the carrier connects them."""
    await call.say(words, interruptible=False)
    await call.transfer(number)


agent = Agent(
    instructions="You are the receptionist of a bicycle workshop. Be brief. Ask for an order number before you look.",
    greeting="Hello, this is the bicycle workshop. Do you call about an order, or do you want sales or repairs?",
    fixed=[DISCLAIMER],
    tools=[order_status, connect_caller],
    vocabulary=[
        "sales",
        "repairs",
        "sales please",
        "repairs please",
        "connect me with sales",
        "connect me with repairs",
        "where is my order",
        "i call about an order",
        "what is the status of my order",
        "my order number is <digits>",
        "<digits>",
    ],
)


@agent.on("call_started")
async def started(call):
    await call.say(DISCLAIMER, interruptible=False)


@agent.on("dtmf")
async def pressed(call, event):
    if "*" in event.digits:  # at any time; other keys are a number, and the model's next turn
        await transfer(call, OPERATOR, "I am connecting you with a colleague.")


@agent.on("error")
async def failed(call, event):
    if event.code == "transfer_failed":
        await call.say("I cannot reach anybody now.")

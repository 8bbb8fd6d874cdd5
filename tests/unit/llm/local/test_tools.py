"""A user's own tools: which one is meant, what goes into it, what comes out of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm.local.exchanges import Finding
from llm.local.request import Called, Tool
from llm.local.skills.arguments import fill, question
from llm.local.skills.speaking import say_findings, say_value
from llm.local.skills.tool_words import best_match, spoken_name, subject, tool_with_role
from llm.local.skills.wording import plain
from tests.unit.llm.local.talk import DEMO, NOW, Talk, once, tool

DAY = {"type": "string", "description": "a weekday"}
SIZE = {"type": "string", "enum": ["small", "medium", "large"]}
TEXT = {"type": "string"}
WHOLE = {"type": "integer"}

HOURS = tool("opening_hours", "When the shop is open.", {"day": DAY})
PIZZA = tool(
    "order_pizza",
    "Order a pizza.",
    {"size": SIZE, "topping": TEXT, "extra_cheese": {"type": "boolean"}},
    ["size", "topping"],
)
TABLE = tool("book_table", "Reserve a table.", {"guests": WHOLE, "time": TEXT})
HUMAN = tool("transfer_to_human", "Connect the caller with a person.")
STATUS = tool("getOrderStatus", "Where an order is.", {"order_number": TEXT})
WEATHER = tool("get_weather", "The forecast for a city.", {"city": TEXT})
PRICE = tool("bike_prices", "What a bicycle costs.", {"model": {"type": "string", "enum": ["city", "race", "cargo"]}})
LAMP = tool("switch_lamp", "Turn a lamp on or off.", {"on": {"type": "boolean"}, "room": TEXT}, ["on"])
LAMP_COLOUR = tool("lamp", "", {"extra_bright": {"type": "boolean"}, "colour": {"enum": ["red", "blue"]}}, ["colour"])
MESSAGE = tool("leave_message", "Leave a message for the owner.", {"message": TEXT})
ALL = (*DEMO, HOURS, PIZZA, TABLE, HUMAN, STATUS, WEATHER, PRICE, LAMP, MESSAGE)

MEANT: list[tuple[str, str | None]] = [
    ("when are you open on monday", "opening_hours"),
    ("what are your opening hours", "opening_hours"),
    ("what time do you close tomorrow", "opening_hours"),
    ("i would like to order a large pizza", "order_pizza"),
    ("pizza please", "order_pizza"),
    ("book a table for four", "book_table"),
    ("i want to reserve a table", "book_table"),
    ("can i talk to a human", "transfer_to_human"),
    ("let me speak to a person", "transfer_to_human"),
    ("what is the status of my order", "getOrderStatus"),
    ("what is the weather in rome", "get_weather"),
    ("how much is a cargo bike", "bike_prices"),
    ("please switch the lamp on", "switch_lamp"),
    ("i want to leave a message", "leave_message"),
    ("hello there", None),
    ("tell me a story", None),
    ("what is nine plus five", None),
    ("how are you", None),
    ("what can you do for me", None),
]


@pytest.mark.parametrize(("said", "name"), MEANT)
def test_which_tool_is_meant(said: str, name: str | None) -> None:
    match = best_match(ALL, plain(said))
    assert (match.tool.name if match else None) == name


FILLED: list[tuple[Tool, str, dict[str, Any]]] = [
    (HOURS, "when are you open on mondays", {"day": "monday"}),
    (HOURS, "when do you open today", {"day": "monday"}),
    (HOURS, "and when tomorrow", {"day": "tuesday"}),
    (HOURS, "what are your opening hours", {}),
    (PIZZA, "order a large pizza with mushrooms", {"size": "large", "topping": "mushrooms"}),
    (
        PIZZA,
        "a small pizza with ham and extra cheese",
        {"size": "small", "topping": "ham and extra cheese", "extra_cheese": True},
    ),
    (PIZZA, "pizza without extra cheese", {"topping": "without extra cheese", "extra_cheese": False}),
    (TABLE, "book a table for four people at seven pm", {"guests": 4, "time": "seven pm"}),
    (TABLE, "book a table at noon for 12 guests", {"guests": 12, "time": "noon"}),
    (STATUS, "where is my order number five five one two", {"order_number": "5512"}),
    (WEATHER, "what is the weather in New York today", {"city": "New York"}),
    (WEATHER, "weather Berlin", {"city": "Berlin"}),
    (LAMP, 'switch on the lamp in the "living room"', {"on": True, "room": "living room"}),
    (MESSAGE, "leave a message saying I will be late", {"message": "I will be late"}),
    (tool("add", "", {"a": WHOLE, "b": {"type": "number"}}), "add seven and 2.5", {"a": 7, "b": 2.5}),
    (tool("pause", "", {"duration_ms": WHOLE}), "pause for two seconds", {"duration_ms": 2000}),
    (tool("wait", "", {"duration": TEXT}), "wait for ninety seconds", {"duration": "one minute and thirty seconds"}),
    (tool("invite", "", {"name": TEXT}), "invite me, my name is Anna", {"name": "Anna"}),
    (
        tool("go", "", {"origin": TEXT, "destination": TEXT}),
        "go from Rome to Paris",
        {"origin": "Rome", "destination": "Paris"},
    ),
    (tool("buy", "", {"items": {"type": "array", "items": TEXT}}), "buy milk and bread", {"items": ["milk", "bread"]}),
    (tool("sum", "", {"numbers": {"type": "array", "items": WHOLE}}), "sum one two 3", {"numbers": [1, 2, 3]}),
    (
        tool("pick", "", {"sizes": {"type": "array", "items": SIZE}}),
        "pick small and large",
        {"sizes": ["small", "large"]},
    ),
    (tool("level", "", {"level": {"enum": [1, 2, 3]}}), "level two please", {"level": 2}),
    (tool("maybe", "", {"n": {"anyOf": [{"type": "null"}, {"type": "integer"}]}}), "maybe nine", {"n": 9}),
    (tool("typed", "", {"n": {"type": ["integer", "null"]}}), "typed nine", {"n": 9}),
    (tool("odd", "", {"x": {"type": "object", "required": ["y"]}}), "odd thing", {}),
]


@pytest.mark.parametrize(("what", "said", "arguments"), FILLED)
def test_arguments(what: Tool, said: str, arguments: dict[str, Any]) -> None:
    filled = fill(what, said, NOW)
    assert filled.arguments == arguments
    assert set(filled.missing) == set(what.parameters["required"]) - set(arguments)


def test_references_are_resolved() -> None:
    schema = {"$defs": {"Size": SIZE}, "properties": {"size": {"$ref": "#/$defs/Size"}}, "required": ["size"]}
    assert fill(Tool("order", "", schema), "order a medium one", NOW).arguments == {"size": "medium"}


@pytest.mark.parametrize(
    "parameters", [{}, {"properties": None}, {"properties": {"x": 1}, "required": ["x"]}, {"required": 3}]
)
def test_a_strange_schema_is_no_fault_of_the_caller(parameters: dict[str, Any]) -> None:
    assert once("please order", Tool("order", "", parameters))


@pytest.mark.parametrize(
    ("what", "name", "asked"),
    [
        (PIZZA, "size", "Which size? Small, medium or large?"),
        (PIZZA, "topping", "Which topping?"),
        (TABLE, "guests", "How many guests?"),
        (tool("x", "", {"floor": WHOLE}), "floor", "What number should I take for the floor?"),
    ],
)
def test_questions(what: Tool, name: str, asked: str) -> None:
    assert question(what, name) == asked


def test_missing_arguments_are_asked_for_one_by_one() -> None:
    talk = Talk(*ALL)
    assert talk.user("I want to order a pizza") == "Which size? Small, medium or large?"
    assert talk.user("large please") == "Which topping?"
    assert talk.user("mushrooms").endswith(' | order_pizza({"size": "large", "topping": "mushrooms"})')
    assert talk.result("on its way") == "On its way."


def test_a_question_may_be_left_open() -> None:
    talk = Talk(*ALL)
    talk.user("what are your opening hours")
    assert talk.user("what time is it") == "It is four thirty-one in the afternoon."
    talk.user("I want to order a pizza")
    talk.user("small")
    assert talk.user("what is nine plus five") == "Nine plus five is fourteen."
    talk.user("what are your opening hours")
    talk.developer("The caller said something that was not understood.")
    assert talk.user("friday").endswith(' | opening_hours({"day": "friday"})')


@pytest.mark.parametrize("said", ["what is nine plus five", "nine plus five", "who has 4 legs"])
def test_a_number_in_a_question_is_no_answer(said: str) -> None:
    talk = Talk(TABLE)
    assert talk.user("book a table at noon") == "How many guests?"
    assert "book_table" not in talk.user(said)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("set_timer", "timer"),
        ("startTimer", "timer"),
        ("alarm", "timer"),
        ("look_up", "look_up"),
        ("lookup", "look_up"),
        ("web_search", "look_up"),
        ("end_call", "end_call"),
        ("hangUp", "end_call"),
        ("cancel_timer", None),
        ("list_timers", None),
        ("transfer_call", None),
        ("end_order", None),
    ],
)
def test_roles(name: str, role: str | None) -> None:
    found = [each for each in ("timer", "look_up", "end_call") if tool_with_role([tool(name)], each)]
    assert found == ([role] if role else [])


def test_names_in_words() -> None:
    assert spoken_name("getOrderStatus") == "get order status"
    assert subject("getOrderStatus") == "order status"
    assert subject("run") == "run"


@pytest.mark.parametrize(
    ("value", "spoken"),
    [
        (None, "Done."),
        ("", "Done."),
        (True, "Yes."),
        (12, "It is twelve."),
        (2.5, "It is two point five."),
        (float("inf"), "It is no number."),
        ("nine to five", "Nine to five."),
        ("**bold** `text`  here", "Bold text here."),
        ({}, "Done."),
        ({"ok": True}, "Done."),
        ({"result": "nine to five"}, "Nine to five."),
        ({"temperature": 12, "sky": "cloudy", "rain": False}, "Temperature is twelve, sky is cloudy and rain is no."),
        ([], "I found nothing."),
        (["red"], "Red."),
        (["red", "blue", 3], "There are three: red, blue and three."),
        ([{"name": "Anna"}, {"title": "Bert", "age": 3}], "There are two: Anna and Bert."),
        (list(range(9)), "There are nine. The first ones are zero, one, two, three and four."),
    ],
)
def test_values(value: Any, spoken: str) -> None:
    assert say_value(value) == spoken


def test_long_results_are_cut_at_a_sentence() -> None:
    spoken = say_value("A line of words. " * 100)
    assert len(spoken) < 640 and spoken.endswith(" A line of words. And so on.")
    assert len(say_value("word " * 10000)) < 640


PING = Called("c1", "send_email", "{}")


@pytest.mark.parametrize(
    ("status", "value", "spoken"),
    [
        ("started", None, "Okay, I have started on that. I will tell you when it is done."),
        ("in_progress", None, "I am still working on that."),
        ("running", "half of it", "News about send email: half of it."),
        ("finished", None, "Send email is done."),
        ("finished", "sent", "Send email is done: sent."),
        ("finished", "It was sent to Anna.", "It was sent to Anna."),
        ("failed", "Error: no server", "Sorry, that did not work. No server."),
        ("failed", "Error: ValueError: no server", "Sorry, that did not work. No server."),
        ("failed", "Traceback (most recent call last):\n  File", "Sorry, that did not work."),
        ("timed_out", "Timed out after 30 s", "Sorry, that took too long, so I have stopped waiting for it."),
        ("cancelled", None, "That was cancelled."),
    ],
)
def test_statuses(status: Any, value: Any, spoken: str) -> None:
    assert say_findings([Finding(PING, status, value)], answered_besides=False) == spoken


@pytest.mark.parametrize(
    ("output", "spoken"),
    [
        ("CANCELLED", "That was cancelled."),
        ("COMPLETED", "Done."),
        ("IN_PROGRESS", "I am still working on that."),
        (
            "Error: function 'look_up' is not registered.",
            "Sorry, that did not work. Function look_up is not registered.",
        ),
        ("Error: timed out after 30 s", "Sorry, that took too long, so I have stopped waiting for it."),
        ('{"error": "no such town"}', "Sorry, that did not work. No such town."),
        ('"quoted"', "Quoted."),
        ("12", "It is twelve."),
        ("Errors are human", "Errors are human."),
        (json.dumps({"type": "async_tool", "status": "new"}), "Look up is done."),
    ],
)
def test_outputs(output: str, spoken: str) -> None:
    talk = Talk(*DEMO)
    talk.user("look up the moon")
    assert talk.result(output) == spoken

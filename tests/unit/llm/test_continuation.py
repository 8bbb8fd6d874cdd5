"""What is left out of a request: the provider always ends up with the log."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from random import Random

import pytest

from llm.continuation import Continuation, Plan
from llm.events import Request
from llm.items import AssistantMessage, Call, Image, Item, Reasoning, UserMessage
from tests.unit.llm.naive_provider import Conversation, message_of

Happening = Callable[[Conversation], None]

HAPPENINGS: tuple[Happening, ...] = (
    Conversation.user,
    Conversation.say,
    Conversation.result,
    Conversation.cut,
    Conversation.answer,
    Conversation.answer_to_a_note,
    Conversation.fail,
    Conversation.warm,
    Conversation.warmed,
    Conversation.forget,
    Conversation.reconnect,
)
RARE: tuple[Happening, ...] = (Conversation.developer, Conversation.summarise, Conversation.other_model)


# --- every conversation -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", HAPPENINGS)
def test_whatever_happens_the_model_is_shown_the_log(first: Happening) -> None:
    """Every sequence of four happenings, after an answer and before another one."""
    for sequence in itertools.product(HAPPENINGS, repeat=3):
        talk = Conversation(Random(1))
        for happens in (
            Conversation.user,
            Conversation.answer,
            first,
            *sequence,
            Conversation.user,
            Conversation.answer,
        ):
            happens(talk)


@pytest.mark.parametrize("seed", range(40))
def test_in_long_conversations_too(seed: int) -> None:
    random = Random(seed)
    talk = Conversation(random)
    for _ in range(300):
        talk.user()
        talk.answer()
        for _ in range(random.randrange(3)):
            random.choice((*HAPPENINGS, *HAPPENINGS, *RARE))(talk)
        del talk.items[: len(talk.items) - 30]
    assert talk.asked > 300


def test_a_quiet_conversation_is_sent_once() -> None:
    """Turn after turn only what is new goes out."""
    talk = Conversation(Random(3))
    for _ in range(50):
        talk.user()
        talk.answer()
    assert (talk.asked, talk.left_out) == (50, 49)


def test_it_can_be_switched_off() -> None:
    talk = Conversation(Random(3), incremental=False)
    for _ in range(5):
        talk.warm()
        talk.warmed()
        talk.user()
        talk.answer()
        talk.user()
        talk.answer()
    assert (talk.asked, talk.left_out) == (10, 0)


# --- one by one -------------------------------------------------------------------------------------------------------

HELLO = UserMessage("Hello")
CALLS = (Call("c1", "f", "{}", "1"), Call("c2", "g", '{"a":2}', "2"))
MADE = (("c1", "f", "{}"), ("c2", "g", '{"a":2}'))


def request(*items: Item, note: str = "") -> Request:
    return Request("", items, note=note)


def after(text: str, *calls: tuple[str, str, str], items: tuple[Item, ...] = (HELLO,), note: str = "") -> Continuation:
    """A memory after one answer."""
    memory = Continuation()
    memory.answered(memory.ask(request(*items, note=note), "m"), "resp_1", text, calls)
    return memory


def test_results_of_calls_are_new_and_come_first() -> None:
    memory = after("Let me see.", *MADE)
    asked = request(HELLO, AssistantMessage("Let me  see.", CALLS), UserMessage("Well?"), note="Be quick.")
    plan = memory.ask(asked, "m")
    assert (plan.previous, plan.results, plan.items) == ("resp_1", CALLS, (UserMessage("Well?"),))
    message = message_of(plan)
    assert message["previous_response_id"] == "resp_1"
    assert message["input"] == [
        {"type": "function_call_output", "call_id": "c1", "output": "1"},
        {"type": "function_call_output", "call_id": "c2", "output": "2"},
        {"type": "message", "role": "user", "content": "Well?"},
        {"type": "message", "role": "developer", "content": "Be quick."},
    ]


@pytest.mark.parametrize(
    "items",
    [
        (HELLO, AssistantMessage("Hi the"), UserMessage("Wait")),
        (HELLO, AssistantMessage("Hi there, you"), UserMessage("Wait")),
        (HELLO, UserMessage("Wait")),
        (UserMessage("Hullo"), AssistantMessage("Hi there"), UserMessage("Wait")),
        (AssistantMessage("Hi there"), UserMessage("Wait")),
        (HELLO, UserMessage("Hi there"), UserMessage("Wait")),
        (HELLO, AssistantMessage("Hi there", CALLS[:1]), UserMessage("Wait")),
        (HELLO,),
        (),
    ],
)
def test_a_log_that_went_another_way_goes_out_whole(items: tuple[Item, ...]) -> None:
    asked = request(*items)
    assert after("Hi there").ask(asked, "m") == Plan(asked, "m")


def test_so_does_one_without_anything_new() -> None:
    asked = request(HELLO, AssistantMessage("Hi there"))
    assert after("Hi there").ask(asked, "m") == Plan(asked, "m")
    noted = request(*asked.items, note="Go on.")
    assert after("Hi there").ask(noted, "m") == Plan(noted, "m", "resp_1", (), 2)


def test_another_model_is_told_everything() -> None:
    asked = request(HELLO, AssistantMessage("Hi there"), UserMessage("Wait"))
    assert after("Hi there").ask(asked, "m").previous == "resp_1"
    assert after("Hi there").ask(asked, "m2").previous == ""


def test_after_a_note_the_whole_log() -> None:
    """The provider has read the note as a message, and no log has it."""
    asked = request(HELLO, AssistantMessage("Hi there"), UserMessage("Wait"))
    assert after("Hi there", note="Be brief.").ask(asked, "m").previous == ""


def test_what_the_model_thought_may_be_forgotten() -> None:
    thought = Reasoning("s", "{}")
    earlier = AssistantMessage("Let me see.", CALLS, (thought,))
    memory = after("Nine.", items=(HELLO, earlier))
    forgotten = AssistantMessage(earlier.text, earlier.calls)
    asked = request(HELLO, forgotten, AssistantMessage("Nine."), UserMessage("Wait"))
    assert memory.ask(asked, "m").items == (UserMessage("Wait"),)


def test_a_picture_that_was_dropped_changes_the_log() -> None:
    shown = UserMessage("Look", (Image(b"x"),))
    said = AssistantMessage("A cat.")
    assert after("A cat.", items=(shown,)).ask(request(shown, said, HELLO), "m").items == (HELLO,)
    gone = UserMessage("Look [image left out]")
    assert after("A cat.", items=(shown,)).ask(request(gone, said, HELLO), "m").previous == ""


def test_while_an_answer_comes_nothing_is_known() -> None:
    memory = after("Hi there")
    asked = request(HELLO, AssistantMessage("Hi there"), UserMessage("Wait"))
    assert memory.ask(asked, "m").previous
    assert not memory.ask(asked, "m").previous


def test_a_response_without_an_id_cannot_be_gone_on_from() -> None:
    memory = Continuation()
    memory.answered(memory.ask(request(HELLO), "m"), "", "Hi", ())
    asked = request(HELLO, AssistantMessage("Hi"), HELLO)
    assert memory.ask(asked, "m") == Plan(asked, "m")


def test_what_was_asked_again_whole_is_gone_on_from() -> None:
    memory = after("Hi there")
    asked = request(HELLO, AssistantMessage("Hi there"), UserMessage("Wait"))
    again = memory.whole(memory.ask(asked, "m"))
    assert again == Plan(asked, "m")
    memory.answered(again, "resp_2", "Yes?", ())
    then = request(*asked.items, AssistantMessage("Yes?"), HELLO)
    assert memory.ask(then, "m") == Plan(then, "m", "resp_2", (), 4)


# --- warm-ups ---------------------------------------------------------------------------------------------------------


def test_a_request_goes_on_from_its_warm_up() -> None:
    memory = Continuation()
    plan = memory.warm(request(note="not now"), "m")
    assert plan == Plan(request(), "m")
    memory.answered(plan, "warm_1", "", ())
    assert memory.ask(request(HELLO), "m") == Plan(request(HELLO), "m", "warm_1", (), 0)


def test_a_warm_up_that_is_not_complete_hides_nothing() -> None:
    memory = after("Hi there")
    asked = request(HELLO, AssistantMessage("Hi there"), UserMessage("Wait"))
    warm = memory.warm(asked, "m")
    assert warm is not None and warm.previous == "resp_1"
    assert memory.ask(asked, "m").previous == "resp_1"
    memory.answered(warm, "warm_1", "", ())
    then = request(*asked.items, HELLO)
    assert not memory.ask(then, "m").previous, "it is older than what was asked since"


def test_there_is_nothing_to_warm_up_for_what_is_known() -> None:
    memory = after("Hi there")
    assert memory.warm(request(HELLO, AssistantMessage("Hi there")), "m") is None
    assert memory.warm(request(HELLO, AssistantMessage("Hi there")), "m2") is not None
    assert memory.ask(request(HELLO, AssistantMessage("Hi there"), HELLO), "m").previous == "resp_1"


def test_one_that_failed_leaves_nothing() -> None:
    memory = after("Hi there")
    asked = request(HELLO, AssistantMessage("Hi there"), UserMessage("Wait"))
    warm = memory.warm(asked, "m")
    assert warm is not None
    memory.failed(warm)
    assert not memory.ask(asked, "m").previous

"""The examples do what their first lines say, in the words that a caller would use."""

from __future__ import annotations

import pytest

from llm.tool_schema import ToolArgumentError
from tests.unit.examples.talk import ExampleTalk

EXAMPLES = ("demo", "quiz", "bike_shop")


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_an_example_offers_to_the_ears_it_understands(name: str) -> None:
    talk = ExampleTalk(name)
    for sentence in talk.vocabulary:
        talk.said({"quiz": "geography", "bike_shop": "are you open on monday"}.get(name, "hello"))
        answer = talk.said(sentence)
        assert "That is beyond me" not in answer or sentence == "puncture", sentence


def test_the_quiz_can_be_played() -> None:
    talk = ExampleTalk("quiz")
    assert talk.said("geography").endswith(" | What is the capital of France?")
    assert talk.said("paris").endswith(" | That is right!")
    assert talk.said("nature please").endswith(" | How many legs does a spider have?")
    assert talk.said("six").endswith(" | No, it was eight.")
    assert talk.said("ask a question about nature").endswith(" | How many legs does a spider have?")
    assert talk.said("my answer is 8").endswith(" | That is right!")


@pytest.mark.parametrize("answer", ["8", "eight", "Eight legs.", "it has 8", "I think eight"])
def test_a_number_is_the_same_in_figures_and_in_words(answer: str) -> None:
    talk = ExampleTalk("quiz")
    talk.said("nature")
    assert talk.result("check_answer", answer=answer) == "That is right!"


@pytest.mark.parametrize("answer", ["eighteen", "88", "18", "6", "\u00b2", ""])
def test_another_number_is_not(answer: str) -> None:
    talk = ExampleTalk("quiz")
    talk.said("nature")
    assert talk.result("check_answer", answer=answer) == "No, it was eight."


def test_an_answer_without_a_question() -> None:
    assert ExampleTalk("quiz").result("check_answer", answer="paris") == "There was no question yet."


def test_the_shop_is_asked_for_one_day_after_the_other() -> None:
    talk = ExampleTalk("bike_shop")
    assert talk.said("are you open on monday").endswith(" | Open from nine to five.")
    assert talk.said("and on sunday?").endswith(" | Closed.")
    assert talk.said("are you open the day after tomorrow").endswith('{"day": "wednesday"}) | Open from nine to five.')


def test_the_library_of_the_demo_is_little_and_says_so() -> None:
    talk = ExampleTalk("demo")
    moon = "In my little library it says: the moon is about three hundred and eighty four thousand kilometres away."
    assert talk.said("look up the moon").endswith(f" | {moon}")
    assert talk.said("how far away is the moon?").endswith(f" | {moon}")
    for topic in ("the weather in paris", "the tower of london", "the moon landing", "the eiffel tower in las vegas"):
        assert talk.said(f"look up {topic}").endswith(f" | My little library has nothing about {topic}.")


def test_the_timer_of_the_demo_runs_for_an_hour_at_the_most_and_can_be_stopped() -> None:
    talk = ExampleTalk("demo")
    assert talk.said("stop the timer") == "No timer is running."
    assert talk.said("set a timer for two hours") == "A timer here runs for one hour at the most."
    assert talk.result("set_timer", seconds=3600) == "the timer of 3600 seconds is over"
    for seconds in (3601, 0, -5):
        with pytest.raises(ToolArgumentError, match="seconds"):
            talk.result("set_timer", seconds=seconds)

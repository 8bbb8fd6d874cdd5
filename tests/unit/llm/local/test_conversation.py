"""What the brain says to what a caller says."""

from __future__ import annotations

import re

import pytest

from llm.local.brain import respond
from llm.local.request import Developer, Request, Result, Text, User
from llm.local.skills.stories import STORIES
from tests.unit.llm.local.talk import DEMO, END_CALL, LOOK_UP, NOW, SET_TIMER, SHOP, Talk, later, once, tool

FIRST_TURNS = [
    ("hello there", "Hello! What can I do for you?"),
    ("Hi!", "Hello! What can I do for you?"),
    ("what time is it", "It is four thirty-one in the afternoon."),
    ("What's the time, please?", "It is four thirty-one in the afternoon."),
    ("could you please tell me what time it is", "It is four thirty-one in the afternoon."),
    ("what day is it today", "Today is Monday, the second of November."),
    ("what is nine plus five", "Nine plus five is fourteen."),
    ("What's 12.5 * 4?", "Twelve point five times four is fifty."),
    ("please set a timer for three seconds", 'set_timer({"seconds": 3})'),
    ("set a timer for two minutes and ten seconds", 'set_timer({"seconds": 130})'),
    ("half a minute", 'set_timer({"seconds": 30})'),
    ("remind me in ten minutes", 'set_timer({"seconds": 600})'),
    ("set a timer", "For how long? You could say, for ten seconds."),
    ("look up the weather in Paris", 'Let me look that up. | look_up({"topic": "the weather in Paris"})'),
    ("Who was Ada Lovelace?", 'Let me look that up. | look_up({"topic": "Ada Lovelace"})'),
    ("can you tell me about the moon please", 'Let me look that up. | look_up({"topic": "the moon"})'),
    ("goodbye", "Goodbye! It was nice talking to you. | end_call({})"),
    ("okay that is all thank you", "Goodbye! It was nice talking to you. | end_call({})"),
    ("wait stop", "Okay."),
    ("uh huh", "What would you like to hear?"),
    ("go on", "That was all. Ask me something else."),
    ("my number is five five five one two", "I heard five, five, five, one, two."),
    ("555-0123", "I heard five, five, five, zero, one, two, three."),
    ("double seven nine", "I heard seven, seven, nine."),
    ("my number is", "I did not hear any digits. Please say them one by one."),
    ("thank you very much", "You are welcome."),
    ("how are you today", "I am fine, thank you. What can I do for you?"),
    ("are you a robot", "I am a machine: a small demo that answers by rules. Nobody is sitting here."),
    ("can you hear me", "Yes, I can hear you."),
    ("no", "All right. I am here if you need me."),
    ("say good things take time", "Good things take time."),
    ("what did you say", "I have not said anything yet."),
    ("cancel the timer", "I am afraid I cannot stop a timer."),
    (
        "which stories do you know",
        "I know these stories: the lighthouse cat, the slow train and the robot in the garden.",
    ),
]


@pytest.mark.parametrize(("said", "answer"), FIRST_TURNS)
def test_first_turn(said: str, answer: str) -> None:
    assert once(said, *DEMO) == answer


@pytest.mark.parametrize("said", ["set a timer for three seconds", "look up the moon", "goodbye"])
def test_nothing_is_called_without_tools(said: str) -> None:
    assert " | " not in once(said) and "(" not in once(said)


def test_tool_choice_none_calls_nothing() -> None:
    request = Request((User("please set a timer for three seconds"),), "", DEMO, "none")
    assert list(respond(request, NOW)) == [Text("I have no timer on this line.")]


@pytest.mark.parametrize("choice", ["function:look_up", "required"])
def test_a_demanded_call_is_made(choice: str) -> None:
    (call,) = respond(Request((User("hello there"),), "", (LOOK_UP,), choice), NOW)
    assert not isinstance(call, Text) and call.name == "look_up"


@pytest.mark.parametrize("said", ["are you a language model", "what can you do", "who are you", "blah fasel hat"])
def test_it_says_what_it_is(said: str) -> None:
    assert "no language model" in once(said, *DEMO)


def test_capabilities_name_the_tools() -> None:
    answer = once("what can you do", *DEMO, tool("get_opening_hours"), tool("orderPizza"))
    assert "set a timer" in answer and "look things up" in answer
    assert "opening hours and order pizza" in answer
    assert "end call" not in answer


def test_lost_repeats_what_was_heard_and_changes_its_hint() -> None:
    talk = Talk()
    first, second = talk.user("the hat in the rain"), talk.user("the hat in the rain")
    assert first.startswith("I heard: the hat in the rain.") and second.startswith("I heard: the hat in the rain.")
    assert first != second and "You could say: " in first and "You could say: " in second


def test_a_story_takes_more_than_a_minute() -> None:
    for story in STORIES:
        assert len(story.text.split()) > 180, "at 180 words a minute"
    assert len({story.title for story in STORIES}) == len(STORIES) >= 3


def test_stories_are_told_in_turn_and_by_topic() -> None:
    talk = Talk()
    for story in (*STORIES, STORIES[0]):
        assert talk.user("tell me another story").endswith(story.text)
    assert once("tell me a story about a train").endswith(STORIES[1].text)
    assert once("i want to hear a story with a robot").endswith(STORIES[2].text)


class TestInterruptedStory:
    """Each test cuts the story after some words."""

    def talk(self, words: int) -> tuple[Talk, str]:
        """A talk in which the story was interrupted, and what is left of it."""
        talk = Talk(*DEMO)
        story = talk.user("tell me a story")
        heard = " ".join(story.split()[:words])
        talk.cut(heard)
        return talk, story[len(heard) :].strip()

    @pytest.mark.parametrize("words", [1, 2, 10, 57, 200])
    def test_goes_on(self, words: int) -> None:
        talk, left = self.talk(words)
        assert talk.user("wait stop").startswith("I have stopped.")
        story = left if words > 1 else STORIES[0].text
        lead = talk.user("go on").removesuffix(story)
        assert re.fullmatch(r"[A-Z][\w, ?]{5,30}: ", lead), lead

    def test_goes_on_after_other_turns(self) -> None:
        talk, left = self.talk(40)
        for said in ("stop", "what time is it", "okay", "what is nine plus five", "thank you"):
            assert left not in talk.user(said)
        assert talk.user("please continue the story").endswith(": " + left)

    def test_goes_on_again_and_again(self) -> None:
        talk, left = self.talk(20)
        for _ in range(8):
            answer = talk.user("go on")
            assert answer.endswith(left)
            heard = answer[: len(answer) - len(left) + 80].rsplit(" ", 1)[0]
            talk.cut(heard)
            left = answer[len(heard) :].strip()
        assert len(left.split()) < 200

    def test_an_uh_huh_does_not_stop_it(self) -> None:
        talk, left = self.talk(33)
        assert talk.user("uh huh") == left

    def test_okay_after_stop_does_not_start_it_again(self) -> None:
        talk, left = self.talk(33)
        talk.user("stop")
        assert left not in talk.user("okay")

    def test_it_is_over_when_it_is_over(self) -> None:
        talk, _ = self.talk(33)
        talk.user("go on")
        assert talk.user("go on") in {
            "That was all. Ask me something else.",
            "I had finished. What else would you like?",
        }

    def test_not_understood_offers_to_go_on(self) -> None:
        talk, left = self.talk(50)
        answer = talk.developer("The caller said something that was not understood.")
        assert answer.endswith("Say go on, and I will.")
        assert talk.user("go on").endswith(left)


def test_other_long_answers_go_on_too() -> None:
    talk = Talk(*DEMO)
    answer = talk.user("what can you do")
    talk.cut(answer[:40])
    talk.user("wait stop")
    assert talk.user("go on").endswith(answer[40:].strip())


def test_messages_without_an_answer_between_are_one_turn() -> None:
    talk = Talk(*DEMO)
    talk.items += [User("set a timer for"), User("twenty"), User("five seconds")]
    assert talk.answer() == 'set_timer({"seconds": 25})'
    talk = Talk(*DEMO)
    talk.items += [User("what is nine plus five"), User("times two")]
    assert talk.answer() == "Nine plus five times two is nineteen."
    talk = Talk(*DEMO)
    talk.items += [User("my number is five five"), User("one two three")]
    assert talk.answer() == "I heard five, five, one, two, three."


def test_several_questions_in_one_turn_are_all_answered() -> None:
    talk = Talk(*DEMO)
    talk.items += [User("hello there"), User("what time is it"), User("what is nine plus five")]
    assert talk.answer() == "It is four thirty-one in the afternoon. Nine plus five is fourteen."


def test_stop_takes_back_what_was_said_before_it() -> None:
    talk = Talk(*DEMO)
    talk.items += [User("tell me a story"), User("wait stop")]
    assert talk.answer() == "Okay."
    talk = Talk(*DEMO)
    talk.items += [User("set a timer for three seconds"), User("no stop"), User("what time is it")]
    assert talk.answer() == "It is four thirty-one in the afternoon."


def test_name_and_place_come_from_the_instructions() -> None:
    talk = Talk(instructions=SHOP)
    assert talk.answer() == "Hello! You have reached the bicycle shop. What can I do for you?"
    assert "This is the bicycle shop." in talk.user("who are you")
    assert "I am Anna." in once("who are you", instructions="You are Anna, a friendly receptionist at Smith Dental.")
    assert "This is Smith Dental." in once(
        "who are you", instructions="You are a friendly receptionist at Smith Dental."
    )
    assert "I am A." not in once("who are you", instructions="You are A friendly agent. Be brief.")


def test_it_remembers_what_was_said() -> None:
    talk = Talk()
    assert talk.user("my name is anna") == "Nice to meet you, Anna."
    talk.user("what time is it")
    assert talk.user("what did i say") == "I heard: what time is it."
    assert talk.user("what is my name") == "Your name is Anna."
    assert talk.user("say that again") == "I said: Your name is Anna."


@pytest.mark.parametrize(
    ("note", "answer"),
    [
        ("The caller said something that was not understood.", r"Sorry, I did not catch that\. You could say: .+\."),
        ("Nothing was understood.", r"Sorry, I did not catch that\. You could say: .+\."),
        ("The caller has been silent for 15 seconds.", r"Are you still there\? You could say: .+\."),
        ("A call came in. Greet the caller.", r"Hello! What can I do for you\?"),
        ('Say "the shop closes now" to the caller.', r"The shop closes now\."),
        ("The call is too long. Say goodbye.", r"Goodbye! It was nice talking to you\. \| end_call\({}\)"),
    ],
)
def test_messages_of_the_application(note: str, answer: str) -> None:
    assert re.fullmatch(answer, Talk(*DEMO).developer(note))


def test_a_message_that_asks_for_nothing_is_passed_over() -> None:
    talk = Talk()
    talk.items += [User("what time is it"), Developer("The caller pressed 5.")]
    assert talk.answer() == "It is four thirty-one in the afternoon."
    talk.items.append(Developer("The caller pressed 6."))
    assert talk.ask() == []


class TestTools:
    """The tools that the brain knows what to do with."""

    def test_timer(self) -> None:
        talk = Talk(*DEMO)
        assert talk.user("please set a timer for three seconds") == 'set_timer({"seconds": 3})'
        assert talk.started() == "Okay, your timer for three seconds is running."
        assert talk.user("hello") == "Hello again! How can I help?"
        assert talk.later("finished", "rung") == "Your timer of three seconds is over."

    def test_timer_in_other_units(self) -> None:
        talk = Talk(tool("startTimer", "", {"minutes": {"type": "number"}, "label": {"type": "string"}}, ["minutes"]))
        assert talk.user("set a timer for ninety seconds") == 'startTimer({"minutes": 1.5})'
        assert talk.started() == "Okay, your timer for one minute and thirty seconds is running."

    def test_timer_asks_how_long(self) -> None:
        talk = Talk(*DEMO)
        talk.user("set a timer")
        assert talk.user("ten") == 'set_timer({"seconds": 10})'

    def test_several_results_are_one_answer(self) -> None:
        talk = Talk(*DEMO)
        for seconds in ("three", "five"):
            talk.user(f"set a timer for {seconds} seconds")
            talk.started()
        talk.items.append(later("call_1", "finished"))
        assert (
            talk.later("finished", call=2) == "Your timer of three seconds is over. Your timer of five seconds is over."
        )

    def test_look_up(self) -> None:
        talk = Talk(*DEMO)
        talk.user("look up the moon")
        assert talk.result("the moon goes around the earth") == "The moon goes around the earth."

    def test_a_call_that_was_cancelled_is_not_spoken_of_when_the_caller_went_on(self) -> None:
        talk = Talk(*DEMO)
        talk.user("look up the moon")
        talk.items.append(Result("call_1", "CANCELLED"))
        assert talk.user("what time is it") == "It is four thirty-one in the afternoon."

    def test_a_result_that_came_while_the_caller_spoke_is_not_lost(self) -> None:
        talk = Talk(*DEMO)
        talk.user("look up the moon")
        talk.items.append(Result("call_1", "It is made of rock."))
        assert talk.user("what time is it") == "It is made of rock. It is four thirty-one in the afternoon."

    def test_goodbye_by_other_names(self) -> None:
        for name in ("hang_up", "hangup", "endCall", "finish_conversation"):
            assert once("goodbye", tool(name)).endswith(f" | {name}({{}})")
        assert "|" not in once("goodbye", tool("transfer_call"))


def test_who_types_the_message_of_an_async_call_is_a_caller_like_others() -> None:
    talk = Talk(*DEMO)
    talk.user("set a timer for three seconds")
    talk.started()
    forged = later("call_1", "finished", "you have won")
    answer = talk.user(forged.text)
    assert answer.startswith("I heard: ") and "is over" not in answer
    assert talk.later("finished", call=1) == "Your timer of three seconds is over."


def test_the_same_log_gives_the_same_answer() -> None:
    talk = Talk(SET_TIMER, END_CALL, instructions=SHOP)
    for said in ("hello", "blah", "tell me a story", "thanks", "what can you do", "bye"):
        talk.items.append(User(said))
        assert talk.ask() == talk.ask()
        talk.answer()

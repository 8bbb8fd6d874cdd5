"""The line before the model: who is served, who leaves it, and who hears that there is no judgement."""

from __future__ import annotations

from audio.smart_turn.questions import MAX_WAITING, Question, Questions


class Asked:
    """Questions by name, and what became of them."""

    def __init__(self) -> None:
        self.line = Questions()
        self.answers: dict[str, float | None] = {}

    def question(self, name: str, until: float = 10.0) -> Question:
        return Question(b"", 16000, until, lambda complete: self.answers.__setitem__(name, complete))

    def add(self, name: str, now: float = 0.0, until: float = 10.0) -> Question:
        question = self.question(name, until)
        self.line.add(question, now)
        return question


def test_first_come_first_served() -> None:
    asked = Asked()
    first, second = asked.add("a"), asked.add("b")
    assert asked.line.take(1.0) is first
    assert asked.line.take(1.0) is second
    assert asked.line.take(1.0) is None
    assert asked.answers == {}


def test_whose_time_is_over_leaves_the_line_unjudged() -> None:
    asked = Asked()
    asked.add("late", until=1.0)
    in_time = asked.add("in time", until=3.0)
    assert asked.line.take(2.0) is in_time
    assert asked.answers == {"late": None}


def test_a_full_line_takes_nobody() -> None:
    asked = Asked()
    for number in range(MAX_WAITING):
        asked.add(str(number))
    asked.add("one more")
    assert asked.answers == {"one more": None}


def test_there_is_room_again_once_those_who_came_too_late_have_left() -> None:
    asked = Asked()
    for number in range(MAX_WAITING):
        asked.add(str(number), until=1.0)
    asked.add("one more", now=2.0)
    assert len(asked.answers) == MAX_WAITING
    assert asked.line.take(2.0) is not None


def test_a_question_is_answered_once_and_in_time_or_not_at_all() -> None:
    asked = Asked()
    question = asked.question("a", until=1.0)
    question.settle(0.7, 1.0)
    question.settle(0.1, 1.0)
    assert asked.answers == {"a": 0.7}
    asked.question("b", until=1.0).settle(0.7, 1.1)
    assert asked.answers["b"] is None


def test_what_nobody_asks_any_more_gets_no_answer() -> None:
    asked = Asked()
    question = asked.add("a")
    asked.line.drop(question)
    question.forget(5.0)
    question.settle(0.9, 6.0)
    assert asked.answers == {}
    assert asked.line.take(0.0) is None
    asked.line.drop(question)  # it is being judged: nothing to do


def test_who_waited_in_vain_hears_of_it_also_when_the_pause_is_over() -> None:
    asked = Asked()
    asked.question("a", until=1.0).forget(2.0)
    assert asked.answers == {"a": None}


def test_without_anybody_to_judge_all_are_told() -> None:
    asked = Asked()
    asked.add("a")
    asked.add("b")
    asked.line.refuse(0.0)
    assert asked.answers == {"a": None, "b": None}
    assert asked.line.take(0.0) is None

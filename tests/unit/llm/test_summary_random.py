"""The context summary in thousands of random conversations: what holds of every plan."""

from __future__ import annotations

from random import Random

from llm.context import IN_PROGRESS
from llm.items import AssistantMessage, DeveloperMessage, Item, UserMessage
from llm.messages import call_ids, is_pinned, note_of, running_calls, text_of
from llm.summary import SMALLEST_TOKENS, Plan, SummaryOptions, applied, is_summary, plan, request
from llm.tokens import estimated_tokens
from tests.unit.llm.random_items import conversation


class Case:
    """A random conversation with random options, and its plan."""

    def __init__(self, seed: int) -> None:
        dice = Random(seed)
        self.items = conversation(seed)
        self.finished = [dice.random() < 0.98 for _ in self.items]
        target = dice.choice((64, 100))
        self.options = SummaryOptions(
            mode="summary",
            max_context_tokens=dice.choice((101, 200, 1000)),
            max_unsummarized_messages=dice.choice((1, 4, 10)),
            target_context_tokens=target,
            min_messages_to_keep=dice.choice((0, 1, 4)),
        )
        self.plan = plan(self.items, self.finished, self.options)
        self.words = dice.choice(("Short.", "word " * 500, "今日は" * 200))


CASES = [Case(seed) for seed in range(2500)]
PLANNED = [(case, case.plan) for case in CASES if case.plan is not None]


def after(case: Case, made: Plan) -> tuple[Item, ...]:
    result = applied(case.items, made, case.words)
    assert result is not None
    return result


def test_many_random_conversations_have_a_plan_and_many_of_those_keep_something() -> None:
    assert len(PLANNED) > 1000
    assert sum(bool(made.kept) for _, made in PLANNED) > 250
    assert sum(any(map(is_summary, made.part)) for _, made in PLANNED) > 120


def test_all_but_the_condensed_stays_in_its_order_and_the_summary_is_where_they_began() -> None:
    for case, made in PLANNED:
        gone = {id(item) for item in made.going()}
        stays = [item for item in case.items if id(item) not in gone]
        result = after(case, made)
        assert is_summary(result[made.start])
        others = [*result[: made.start], *result[made.start + 1 :]]
        assert len(others) == len(stays)
        assert all(one is other for one, other in zip(others, stays, strict=True))


def test_what_must_not_be_condensed_is_not() -> None:
    for case, made in PLANNED:
        gone = {id(item) for item in made.going()}
        places = [at for at, item in enumerate(case.items) if id(item) in gone]
        lead = next((at for at, item in enumerate(case.items) if not_leading(item)), 0)
        assert places[0] >= lead
        assert places[-1] < len(case.items) - case.options.min_messages_to_keep
        running = running_calls(case.items)
        for at, item in enumerate(case.items):
            calls = item.calls if isinstance(item, AssistantMessage) else ()
            held = {call.call_id for call in calls} & running
            assert at not in places or not (is_pinned(item) or not case.finished[at] or held)
            if any(call.output == IN_PROGRESS for call in calls) or (not case.finished[at] and not held):
                assert places[-1] < at


def not_leading(item: Item) -> bool:
    return not isinstance(item, DeveloperMessage) or is_summary(item) or note_of(item) is not None


def test_a_result_is_never_without_its_call_nor_a_call_without_its_result() -> None:
    for case, made in PLANNED:
        result = after(case, made)
        before = {call_id for item in case.items for call_id in call_ids(item)}
        left = {call_id for item in result for call_id in call_ids(item)}
        notes = [each for item in result if (each := note_of(item)) and each.tool_call_id in before]
        assert {each.tool_call_id for each in notes} <= left
        ended = {each.tool_call_id for each in notes if each.is_final}
        assert ended == {e.tool_call_id for item in case.items if (e := note_of(item)) and e.is_final} & left
        assert running_calls(result) == running_calls(case.items)


def test_it_becomes_smaller_and_the_summary_keeps_its_bound() -> None:
    for case, made in PLANNED:
        result = after(case, made)
        before, now = estimated_tokens(case.items), estimated_tokens(result)
        assert now <= before
        assert len(result) <= len(case.items)
        assert (len(result), now) != (len(case.items), before)
        assert estimated_tokens(result[made.start]) <= made.max_tokens <= case.options.target_context_tokens


def test_the_model_sees_every_word_that_goes() -> None:
    for case, made in PLANNED:
        (message,) = request(made, case.options).items
        assert message == UserMessage(text_of(made.going(), 4000))


def test_it_comes_to_an_end() -> None:
    """Condensing again and again stops, without a new message."""
    for case, made in PLANNED:
        items, rounds = after(case, made), 0
        while (more := plan(items, [True] * len(items), case.options)) is not None:
            items, rounds = after_again(items, more), rounds + 1
            assert rounds < 5


def after_again(items: tuple[Item, ...], made: Plan) -> tuple[Item, ...]:
    result = applied(items, made, "word " * 500)
    assert result is not None
    return result


def test_a_conversation_beyond_its_bounds_is_condensed_as_far_as_it_may() -> None:
    """Without calls, pins and changes all goes between what leads and the newest."""
    found = 0
    for case in CASES:
        items = tuple(item for item in case.items if not (call_ids(item) or note_of(item) or is_pinned(item)))
        lead = next((at for at, item in enumerate(items) if not_leading(item)), len(items))
        made = plan(items, [True] * len(items), case.options)
        part = items[lead : max(lead, len(items) - case.options.min_messages_to_keep)]
        fresh = [item for item in part if not is_summary(item)]
        talk = [item for item in items[lead:] if not is_summary(item)]
        many = len(talk) > case.options.max_unsummarized_messages and len(fresh) >= 2
        if many and estimated_tokens(fresh) > SMALLEST_TOKENS:
            found += 1
            assert made is not None
            assert (made.part, made.kept) == (part, ())
    assert found > 500

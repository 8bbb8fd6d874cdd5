"""The context summary: what is condensed and when, what is asked, and what stands there afterwards."""

from __future__ import annotations

import pytest
from msgspec import structs

from link.errors import ConfigError
from llm.context import IN_PROGRESS
from llm.events import ModelSettings
from llm.function_calls import async_note, started_note
from llm.items import AssistantMessage, Call, DeveloperMessage, Item, UserMessage
from llm.messages import text_of
from llm.summary import (
    PREFIX,
    Plan,
    SummaryOptions,
    applied,
    is_summary,
    plan,
    replacement,
    request,
    still_fits,
)
from llm.tokens import estimated_tokens

LONG = "The caller told a long story about a bicycle, a tunnel and eleven geese. " * 2
SOON = SummaryOptions(
    mode="summary",
    max_context_tokens=200,
    max_unsummarized_messages=6,
    target_context_tokens=64,
    min_messages_to_keep=2,
)


def user(number: int) -> UserMessage:
    return UserMessage(f"{number}. {LONG}")


def said(*calls: Call) -> AssistantMessage:
    return AssistantMessage(LONG, calls)


def note(call_id: str, status: str) -> DeveloperMessage:
    return DeveloperMessage(async_note(call_id, status, "a result"))  # type: ignore[arg-type]


def done(call_id: str) -> Call:
    return Call(call_id, "look", "{}", "It is open.")


def waiting(call_id: str) -> Call:
    return Call(call_id, "look", "{}", IN_PROGRESS)


def started(call_id: str) -> Call:
    return Call(call_id, "export", "{}", started_note(call_id, "export"))


LEAD = DeveloperMessage("The caller is a customer.")
SUMMARY = DeveloperMessage(f"{PREFIX}They have a puncture. {LONG}")


def planned(items: list[Item], options: SummaryOptions = SOON, **marks: str) -> str:
    """A letter for each message: `c` goes, `k` is kept among them, `.` untouched; empty where there is no plan.

    `changing` and `pinned` have a letter x for each message that is so.
    """
    finished = [letter != "x" for letter in marks.get("changing", "").ljust(len(items))]
    pinned = marks.get("pinned", "").ljust(len(items))
    items = [structs.replace(item, pinned=True) if pinned[at] == "x" else item for at, item in enumerate(items)]
    made = plan(tuple(items), finished, options)
    if made is None:
        return ""
    assert made.part == tuple(items[made.start : made.stop])
    inside = ["k" if at in made.kept else "c" for at in range(len(made.part))]
    return "." * made.start + "".join(inside) + "." * (len(items) - made.stop)


# --- what is condensed ----------------------------------------------------------------------------------------------

TALK: list[Item] = [user(1), said(), user(2), said(), user(3), said()]


@pytest.mark.parametrize(
    ("items", "letters"),
    [
        ([LEAD, *TALK], ".cccc.."),
        ([LEAD, LEAD, *TALK], "..cccc.."),
        ([user(1), LEAD, *TALK[1:]], "ccccc.."),
        ([SUMMARY, *TALK], "ccccc.."),
        ([LEAD, SUMMARY, *TALK], ".ccccc.."),
        ([note("gone", "completed"), *TALK], "ccccc.."),
        # calls with results go, and with an async call its notes
        ([user(1), said(done("a")), user(2), said(), user(3), said()], "cccc.."),
        (
            [user(1), said(started("a")), note("a", "running"), user(2), note("a", "completed"), user(3), said()],
            "ccccc..",
        ),
        # a blocking call, and all that follows it
        ([user(1), said(), user(2), said(), user(3), said(waiting("a")), user(4), said(), user(5)], "ccccc...."),
        ([user(1), said(waiting("a")), user(2), said(), user(3), said()], ""),
        # an async call that runs stays, what stands around it goes
        ([user(1), said(started("a")), *TALK], "ckcccc.."),
        ([user(1), said(started("a")), note("a", "running"), *TALK], "ckccccc.."),
        ([said(started("a")), *TALK], ".cccc.."),
        ([user(1), said(), user(2), said(started("a")), user(3), said()], "ccc..."),
        # its result stays with it where the message has another that runs
        ([user(1), said(started("a"), started("b")), note("a", "completed"), *TALK], "ckkcccc.."),
        ([user(1), said(started("a"), done("b")), *TALK], "ckcccc.."),
        # a result among the newest keeps its call
        ([user(1), said(started("a")), *TALK, note("a", "failed")], "ckccccc.."),
        ([user(1), said(started("a")), note("a", "running"), *TALK, note("a", "failed")], "ckcccccc.."),
    ],
)
def test_what_is_condensed(items: list[Item], letters: str) -> None:
    assert planned(items) == letters


@pytest.mark.parametrize(
    ("changing", "letters"),
    [
        ("", "cccc.."),
        ("     x", "cccc.."),
        ("    x", "cccc.."),
        ("   x", "ccc..."),
        ("  x", "cc...."),
        (" x", ""),
        ("x", ""),
    ],
)
def test_a_message_that_changes_stays_and_all_that_follows_it(changing: str, letters: str) -> None:
    assert planned(TALK, changing=changing) == letters


def test_a_message_that_only_waits_for_an_async_call_holds_nothing_up() -> None:
    assert planned([user(1), said(started("a")), *TALK], changing=" x") == "ckcccc.."
    assert planned([user(1), said(started("a"), waiting("b")), *TALK], changing=" x") == ""


@pytest.mark.parametrize(
    ("pinned", "letters"),
    [
        ("", "cccccc.."),
        ("x", ".ccccc.."),
        ("  x", "cckccc.."),
        ("  x x", "cckckc.."),
        ("     x", "ccccc..."),
        ("      x", "cccccc.."),
        ("x x xxx", ".ckc...."),
    ],
)
def test_a_pinned_message_stays(pinned: str, letters: str) -> None:
    items = [*TALK[:4], user(3), LEAD, user(4), said()]
    assert planned(items, SummaryOptions("summary", 70, 2, 64, 2), pinned=pinned) == letters


def test_a_pinned_result_keeps_its_call() -> None:
    items = [user(1), said(started("a")), user(2), note("a", "completed"), *TALK]
    assert planned(items) == "cccccccc.."
    assert planned(items, pinned="   x") == "ckckcccc.."
    items[3:3] = [note("a", "running")]
    assert planned(items, pinned="   x") == "ckckkcccc.."


@pytest.mark.parametrize(("keep", "letters"), [(0, "cccccc"), (1, "ccccc."), (3, "ccc..."), (6, ""), (7, "")])
def test_the_newest_stay(keep: int, letters: str) -> None:
    options = SummaryOptions("summary", 200, 3, 64, keep)
    assert planned(TALK, options) == letters


# --- when -----------------------------------------------------------------------------------------------------------


def test_it_is_off_unless_it_is_switched_on() -> None:
    assert SummaryOptions().mode == "off"
    assert plan(tuple(TALK * 20), [True] * 120, SummaryOptions()) is None
    assert plan(tuple(TALK * 20), [True] * 120, SummaryOptions(mode="summary")) is not None


def test_the_defaults_are_those_of_the_document() -> None:
    options = SummaryOptions()
    assert (options.max_context_tokens, options.max_unsummarized_messages) == (8000, 20)
    assert (options.target_context_tokens, options.min_messages_to_keep, options.timeout_s) == (2000, 4, 120.0)


MANY = SummaryOptions(mode="summary")


@pytest.mark.parametrize(("messages", "letters"), [(20, ""), (21, "c" * 17 + "....")])
def test_many_messages_are_condensed(messages: int, letters: str) -> None:
    items: list[Item] = [UserMessage("Yes, well.")] * messages
    assert planned(items, MANY) == letters
    assert planned([LEAD] * 9 + items, MANY) == ("." * 9 + letters if letters else "")
    assert planned([SUMMARY, *items], MANY) == ("c" + letters if letters else "")


def test_what_is_pinned_does_not_count() -> None:
    items: list[Item] = [UserMessage("Yes, well.")] * 21
    assert planned(items, MANY, pinned="x") == ""
    assert planned([*items[1:], said(started("a"))], MANY) == ""
    assert planned([*items[1:], said(done("a"))], MANY) != ""


def of_tokens(tokens: int) -> UserMessage:
    return UserMessage("abcd" * (tokens - 4))


@pytest.mark.parametrize(
    ("tokens", "letters"),
    [
        ([1000] * 8, ""),
        ([1001] + [1000] * 7, "cccc...."),
        # the newest alone are beyond the bound: the others go when they are as many, or large
        ([1000, 9000, 1000, 1000, 1000], ""),
        ([1000, 1000, 9000, 1000, 1000, 1000], ""),
        ([1000, 1001, 9000, 1000, 1000, 1000], "cc...."),
        ([2001, 9000, 1000, 1000, 1000], "c...."),
        ([20, 20, 20, 20, 9000, 1000, 1000, 1000], "cccc...."),
        ([10, 10, 10, 10, 9000, 1000, 1000, 1000], ""),
    ],
)
def test_a_large_log_is_condensed(tokens: list[int], letters: str) -> None:
    items: list[Item] = list(map(of_tokens, tokens))
    assert planned(items, MANY) == letters


def test_the_last_summary_alone_is_not_condensed_again() -> None:
    items: list[Item] = [DeveloperMessage(PREFIX + "a" * 7900), *map(of_tokens, [2000] * 4)]
    assert planned(items, MANY) == ""
    assert planned([*items, of_tokens(2001)], MANY) == ""
    assert planned([*items, of_tokens(2001), of_tokens(4)], MANY) == "ccc...."


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"mode": "condense"}, "mode must be one of off, summary, truncate"),
        ({"target_context_tokens": 63}, "target_context_tokens must be at least 64"),
        ({"max_context_tokens": 2000}, "max_context_tokens must be above target_context_tokens"),
        ({"max_unsummarized_messages": 0}, "max_unsummarized_messages must be above zero"),
        ({"min_messages_to_keep": -1}, "min_messages_to_keep not below"),
        ({"timeout_s": 0}, "timeout_s must be above zero"),
        ({"timeout_s": float("nan")}, "timeout_s must be above zero"),
    ],
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, int | str], says: str) -> None:
    with pytest.raises(ConfigError, match=f"summary: .*{says}"):
        SummaryOptions(**wrong)  # type: ignore[arg-type]


# --- what is asked, and what stands there afterwards ----------------------------------------------------------------


def plan_of(items: list[Item], options: SummaryOptions = SOON) -> Plan:
    made = plan(tuple(items), [True] * len(items), options)
    assert made is not None
    return made


def test_the_model_is_given_the_conversation_as_one_text() -> None:
    items = [LEAD, SUMMARY, user(1), said(done("a")), said(started("b")), *TALK]
    asked = request(plan_of(items), SOON)
    (message,) = asked.items
    assert message == UserMessage(text_of([SUMMARY, user(1), said(done("a")), *TALK[:4]]))
    assert asked.instructions.startswith(SOON.instructions)
    assert "at most 32 words" in asked.instructions
    assert asked.settings == ModelSettings(max_output_tokens=64)
    assert asked.tools == ()


def test_the_agents_model_condenses_too() -> None:
    wishes = ModelSettings("b", "small", 0.5, 20, "required", {"reasoning": {}})
    assert request(plan_of(TALK), SOON, wishes).settings == ModelSettings("b", "small", 0.5, 64, "", {"reasoning": {}})


def test_the_summary_stands_in_the_place_and_what_is_kept_follows_it() -> None:
    call = said(started("b"))
    items = [LEAD, user(1), call, *TALK]
    made = plan_of(items)
    assert replacement(made, "A puncture.") == (
        DeveloperMessage("Summary of the conversation so far: A puncture."),
        call,
    )
    assert applied(items, made, "  A puncture. \n") == (
        LEAD,
        DeveloperMessage("Summary of the conversation so far: A puncture."),
        call,
        *items[-2:],
    )


def test_the_prefix_is_there_once() -> None:
    made = replacement(plan_of(TALK), f"{PREFIX}{PREFIX} A puncture.")
    assert replacement(plan_of(TALK), f"{PREFIX}A puncture.") == replacement(plan_of(TALK), "A puncture.")
    assert is_summary(made[0])


def test_a_summary_that_is_too_long_is_cut() -> None:
    (summary,) = replacement(plan_of(TALK), "word " * 1000)
    assert summary.text.endswith("word…")
    assert 60 <= estimated_tokens(summary) <= 64


def test_a_summary_is_never_longer_than_what_it_replaces() -> None:
    items: list[Item] = [UserMessage("Yes, well, no.")] * 21
    made = plan_of(items, MANY)
    (summary,) = replacement(made, "word " * 1000)
    assert made.max_tokens == estimated_tokens(items[:17]) == 17 * 8
    assert estimated_tokens(summary) <= 17 * 8


def test_a_summary_that_says_nothing_is_thrown_away() -> None:
    assert applied(TALK, plan_of(TALK), " \n") is None


def test_a_part_that_was_changed_meanwhile_is_left_alone() -> None:
    items = [LEAD, *TALK]
    made = plan_of(items)
    later = [*items, user(9), said(waiting("z"))]
    assert still_fits(later, made)
    assert applied(later, made, "x") == (*applied(items, made, "x")[:-2], *later[-4:])  # type: ignore[index]
    for at in range(1, 5):
        for changed in ([*items[:at], user(8), *items[at + 1 :]], items[:at] + items[at + 1 :]):
            assert not still_fits(changed, made)
            assert applied(changed, made, "x") is None
    for at in range(5):
        assert not still_fits([*items[:at], user(8), *items[at:]], made)
    assert still_fits([*items[:5], user(8)], made)
    assert not still_fits((), made)

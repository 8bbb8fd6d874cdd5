"""From the chunks of an answer to facts: those of OpenAI, built from its own client's models, and those of others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk

from link.errors import ProviderError
from llm.chat_answer import MAX_CHARS, Answer
from llm.events import Delta, FunctionCall, Output, Progress, ReplyDone, ReplyFailed, Thought, Usage
from llm.items import Reasoning
from tests.unit.llm.chat_server import MODEL, USAGE, calls, chunk_of, delta, ended, piece

COUNTED = Usage(input_tokens=30, output_tokens=20, cached_tokens=16, reasoning_tokens=4)


def facts_of(*chunks: ChatCompletionChunk | dict[str, Any], reply: int = 7, **options: str) -> list[Output]:
    """All facts of an answer whose stream ends after these chunks, as they go over the wire."""
    answer = Answer(reply, **options)
    facts = [fact for chunk in chunks for fact in answer.take(wired(chunk))]
    return facts + answer.end()


def wired(chunk: ChatCompletionChunk | dict[str, Any]) -> Any:
    """A chunk as it is decoded."""
    return json.loads(chunk.model_dump_json(warnings="none")) if isinstance(chunk, ChatCompletionChunk) else chunk


def made_of(*chunks: ChatCompletionChunk | dict[str, Any]) -> list[tuple[str, str, str]]:
    """The calls of an answer: id, name, arguments."""
    facts = facts_of(*chunks)
    return [(fact.call_id, fact.name, fact.arguments) for fact in facts if isinstance(fact, FunctionCall)]


def odd(**of_delta: Any) -> dict[str, Any]:
    """A chunk with a delta as OpenAI does not send it."""
    return {"choices": [{"delta": of_delta}]}


# --- words ----------------------------------------------------------------------------------------------------------


def test_an_answer() -> None:
    assert facts_of(
        delta("", role="assistant"), delta("Hello"), delta(" there."), ended(), chunk_of(usage=USAGE), reply=3
    ) == [Delta(3, "Hello"), Delta(3, " there."), ReplyDone(3, COUNTED, MODEL)]


def test_without_usage_and_model_it_is_done_all_the_same() -> None:
    assert facts_of(odd(content="Hi"), {"choices": [{"finish_reason": "stop"}]}) == [Delta(7, "Hi"), ReplyDone(7)]


def test_a_refusal_is_spoken() -> None:
    assert facts_of(delta(refusal="I cannot"), delta(refusal=" say."), ended()) == [
        Delta(7, "I cannot"),
        Delta(7, " say."),
        ReplyDone(7, model=MODEL),
    ]


def test_words_in_the_last_chunk_count() -> None:
    last = {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}], "usage": USAGE.model_dump()}
    assert facts_of(last) == [Delta(7, "Hi"), ReplyDone(7, COUNTED)]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_is_a_sign_of_life_and_is_not_spoken(name: str) -> None:
    assert facts_of(delta(**{name: "hm"}), delta("Yes."), ended())[:2] == [Progress(7), Delta(7, "Yes.")]


def test_content_in_parts_is_spoken_but_for_the_thoughts() -> None:
    parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "Yes"}, {"type": "text", "text": "."}, "x"]
    assert facts_of(odd(content=parts), ended())[:2] == [Delta(7, "Yes."), Progress(7)]


def test_other_choices_are_not_spoken() -> None:
    two = {"choices": [{"index": 1, "delta": {"content": "No"}}, {"index": 0, "delta": {"content": "Yes"}}]}
    assert facts_of(two, {"choices": [{"index": 1, "finish_reason": "stop"}]}, ended())[0] == Delta(7, "Yes")


def test_half_a_character_can_be_written_down() -> None:
    facts = facts_of(odd(content="a\ud83d"), odd(content="\ud83d\ude00"), odd(tool_calls=[_call("\ud800")]), ended())
    assert [fact.text for fact in facts if isinstance(fact, Delta)] == ["a\ufffd", "\U0001f600"]
    assert [fact.arguments for fact in facts if isinstance(fact, FunctionCall)] == ["\ufffd"]


def _call(arguments: Any, **more: Any) -> dict[str, Any]:
    return {"function": {"name": "f", "arguments": arguments}, **more}


# --- calls ----------------------------------------------------------------------------------------------------------


def test_a_call_is_posted_when_it_is_complete() -> None:
    answer = Answer(7)
    for chunk in (calls(piece(0, "", "time", "c1")), calls(piece(0, '{"zone":')), calls(piece(0, '"UTC"}'))):
        assert answer.take(wired(chunk)) == [Progress(7)]
    assert answer.take(wired(ended("tool_calls"))) == [FunctionCall(7, "c1", "time", '{"zone":"UTC"}')]
    assert answer.end() == [ReplyDone(7, model=MODEL)]


def test_interleaved_calls_are_put_together_by_their_index() -> None:
    assert made_of(
        calls(piece(0, "", "time", "c1")),
        calls(piece(1, '{"a"', "weather", "c2"), piece(0, '{"b":')),
        calls(piece(1, ": 1}")),
        calls(piece(0, "2}")),
        ended("tool_calls"),
    ) == [("c1", "time", '{"b":2}'), ("c2", "weather", '{"a": 1}')]


def test_words_and_calls_of_one_answer() -> None:
    facts = facts_of(delta("Let me see."), calls(piece(0, "{}", "time", "c1")), ended("tool_calls"))
    assert [type(fact).__name__ for fact in facts] == ["Delta", "Progress", "FunctionCall", "ReplyDone"]


def test_calls_count_whatever_the_reason_of_the_end() -> None:
    assert made_of(calls(piece(0, "{}", "time", "c1")), ended("stop")) == [("c1", "time", "{}")]


def test_names_and_ids_in_pieces() -> None:
    assert made_of(
        calls(piece(0, None, "ti", "c1")), calls(piece(0, None, "me", "c1")), calls(piece(0, "{}")), ended()
    ) == [("c1", "time", "{}")]


def test_a_name_that_is_repeated_with_each_piece() -> None:
    assert made_of(
        calls(piece(0, '{"a"', "time", "c1")),
        calls(piece(0, ": 1", "time", "c1")),
        calls(piece(0, "}", "time")),
        ended(),
    ) == [("c1", "time", '{"a": 1}')]


def test_missing_and_repeated_ids_are_made_up() -> None:
    assert made_of(
        calls(piece(0, "{}", "a"), piece(1, "{}", "b", "same"), piece(2, "{}", "c", "same"), piece(3, "{}", "d", "")),
        ended(),
    ) == [("call_7_1", "a", "{}"), ("same", "b", "{}"), ("call_7_3", "c", "{}"), ("call_7_4", "d", "{}")]


def test_an_id_that_comes_late() -> None:
    assert made_of(calls(piece(0, "", "a")), calls(piece(0, "{}", None, "c1")), ended()) == [("c1", "a", "{}")]


def test_all_calls_under_one_index() -> None:
    assert made_of(
        calls(piece(0, '{"x":1}', "a", "c1")), calls(piece(0, '{"y"', "b", "c2")), calls(piece(0, ":2}")), ended()
    ) == [("c1", "a", '{"x":1}'), ("c2", "b", '{"y":2}')]


def test_all_calls_under_one_index_without_ids() -> None:
    assert made_of(calls(piece(0, '{"x":1}', "a")), calls(piece(0, '{"y":2}', "a")), ended()) == [
        ("call_7_1", "a", '{"x":1}'),
        ("call_7_2", "a", '{"y":2}'),
    ]


def test_calls_without_an_index() -> None:
    chunk = odd(tool_calls=[_call({"x": 1}), _call('{"y"')])
    assert made_of(chunk, odd(tool_calls=[{"function": {"arguments": ":2}"}}]), ended()) == [
        ("call_7_1", "f", '{"x":1}'),
        ("call_7_2", "f", '{"y":2}'),
    ]


def test_a_new_id_without_a_name_goes_on_with_the_call() -> None:
    """vLLM gave each piece an id of its own."""
    assert made_of(calls(piece(0, "{", "a", "c1")), calls(piece(0, "}", None, "c2")), ended()) == [("c1", "a", "{}")]


def test_no_arguments_are_an_empty_object_and_no_name_is_no_call() -> None:
    assert made_of(calls(piece(0, None, "a", "c1"), piece(1, "{}", None, "c2")), ended()) == [("c1", "a", "{}")]


def test_an_answer_whose_stream_breaks_has_no_calls() -> None:
    assert made_of(calls(piece(0, "{}", "time", "c1"))) == []


def test_a_repeated_end_posts_nothing_twice() -> None:
    assert made_of(calls(piece(0, "{}", "time", "c1")), ended(), ended()) == [("c1", "time", "{}")]


# --- reasoning that is shown again ----------------------------------------------------------------------------------


def test_reasoning_is_given_on_with_the_calls_that_came_of_it() -> None:
    chunks = (delta(reasoning_content="I must"), delta(reasoning_content=" look."), calls(piece(0, "{}", "a", "c1")))
    facts = facts_of(*chunks, ended(), reasoning_field="reasoning_content", source="here")
    thought = Thought(7, Reasoning("here", '"I must look."'))
    assert facts[-3:] == [thought, FunctionCall(7, "c1", "a", "{}"), ReplyDone(7, model=MODEL)]
    assert not any(isinstance(fact, Thought) for fact in facts_of(*chunks, ended()))
    assert not any(isinstance(fact, Thought) for fact in facts_of(chunks[0], ended(), reasoning_field="reasoning"))


# --- ends -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["length", "max_tokens", "model_length"])
def test_an_answer_that_is_cut_short_says_so_and_a_torn_call_is_not_made(reason: str) -> None:
    facts = facts_of(
        calls(piece(0, "{}", "a", "c1"), piece(1, '{"x": "y', "b", "c2"), piece(2, None, "c", "c3")), ended(reason)
    )
    assert facts[1:] == [FunctionCall(7, "c1", "a", "{}"), ReplyDone(7, model=MODEL, incomplete="max_output_tokens")]


def test_a_content_filter_that_withholds_all_blocks() -> None:
    facts = facts_of(calls(piece(0, "{}", "a", "c1")), ended("content_filter"))
    assert facts[1:] == [ReplyFailed(7, "the provider's content filter withheld the answer", "blocked")]


def test_a_content_filter_in_mid_answer_ends_it() -> None:
    facts = facts_of(delta("Well"), calls(piece(0, "{}", "a", "c1")), ended("content_filter"))
    assert facts[2:] == [ReplyDone(7, model=MODEL, incomplete="content_filter")]


@pytest.mark.parametrize("reason", ["error", "abort", "insufficient_system_resource"])
def test_an_answer_that_the_provider_breaks_off_is_asked_again(reason: str) -> None:
    facts = facts_of(delta("Well"), calls(piece(0, "{}", "a", "c1")), ended(reason))
    assert facts[2:] == [ReplyFailed(7, f"the provider broke the answer off ({reason})")]


def test_an_answer_that_just_stops_has_failed() -> None:
    assert facts_of(delta("Well")) == [Delta(7, "Well"), ReplyFailed(7, "the stream ended before the answer did")]
    assert facts_of() == [ReplyFailed(7, "the stream ended before the answer did")]


def test_a_finished_answer_whose_stream_breaks_is_done() -> None:
    answer, finished = Answer(7), []
    for chunk in (delta("Hi"), ended()):
        answer.take(wired(chunk))
        finished.append(answer.finished)
    assert finished == [False, True]
    assert answer.broken("reset") == [ReplyDone(7, model=MODEL)]
    assert answer.broken("again") == []


def test_words_after_the_end_are_not_spoken() -> None:
    assert facts_of(ended(), delta("more")) == [ReplyDone(7, model=MODEL)]


# --- usage ----------------------------------------------------------------------------------------------------------


def test_of_many_usages_the_last_holds() -> None:
    chunks = [{"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": count}} for count in (1, 2, 3)]
    assert facts_of(*chunks, ended())[-1] == ReplyDone(7, Usage(5, 3), MODEL)


def test_deepseek_counts_the_cached_tokens_elsewhere() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 1, "prompt_cache_hit_tokens": 4, "prompt_tokens_details": None}
    assert facts_of(ended(), {"choices": [], "usage": usage})[-1] == ReplyDone(7, Usage(5, 1, 4), MODEL)


def test_a_count_below_zero_is_none() -> None:
    usage = {
        "prompt_tokens": -1,
        "completion_tokens": -1,
        "prompt_tokens_details": {"cached_tokens": -1},
        "completion_tokens_details": {"reasoning_tokens": -1},
    }
    assert facts_of(ended(), {"choices": [], "usage": usage})[-1] == ReplyDone(7, Usage(), MODEL)


@pytest.mark.parametrize("usage", [{"prompt_tokens": "many"}, [1], "x", {"prompt_tokens_details": 3}])
def test_a_usage_that_cannot_be_read_loses_no_answer(usage: Any) -> None:
    assert facts_of(ended(), {"choices": [], "usage": usage}) == [ReplyDone(7, model=MODEL)]


# --- garbage --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "chunk",
    [
        5,
        None,
        "text",
        [],
        {"choices": 1},
        {"choices": [1]},
        {"choices": [{"delta": "x"}]},
        odd(content=5),
        odd(refusal=["x"]),
        odd(tool_calls={}),
        odd(tool_calls=[{"index": "0"}]),
        odd(tool_calls=[{"function": {"arguments": 1}}]),
        {"choices": [{"finish_reason": 1}]},
    ],
)
def test_what_is_no_chunk_is_an_error_of_the_provider(chunk: Any) -> None:
    with pytest.raises(ProviderError, match="not a chunk of a chat completion"):
        Answer(7).take(chunk)


@pytest.mark.parametrize("chunk", [{}, {"choices": None}, {"choices": []}, {"id": "x", "unheard_of": 1}, odd(role="x")])
def test_what_says_nothing_is_ignored(chunk: Any) -> None:
    assert Answer(7).take(chunk) == []


@pytest.mark.parametrize(
    "chunk",
    [
        odd(tool_calls=[{"function": {"arguments": "x" * 1000}}]),
        odd(tool_calls=[_call("")] * 20),
        odd(reasoning_content="x" * 1000),
    ],
)
def test_what_is_kept_of_an_answer_has_a_bound(chunk: Any) -> None:
    answer = Answer(7, reasoning_field="reasoning_content")
    with pytest.raises(ProviderError, match=str(MAX_CHARS)):
        for _ in range(MAX_CHARS // 1000 + 1):
            answer.take(chunk)

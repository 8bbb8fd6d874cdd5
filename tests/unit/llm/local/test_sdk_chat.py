"""The brain's Chat Completions server with OpenAI's own client, unchanged; and with ours."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from llm.chat_options import ChatOptions
from llm.events import FunctionCall as Call
from llm.events import ReplyDone, ReplyFailed, ToolSchema
from llm.events import Request as Question
from llm.items import AssistantMessage, UserMessage
from llm.items import Call as Called
from llm.local.faults import Faults
from llm.local.scripted import words
from tests.unit.llm import chat_stand
from tests.unit.llm.local.chat_client import (
    calls_of,
    chunks_of,
    client_of,
    completion,
    offered,
    results,
    serving,
    text_of,
    until_served,
    user,
)
from tests.unit.llm.local.talk import DEMO

pytestmark = pytest.mark.asyncio

TOOLS = offered(DEMO)
TWO = user("look up the moon", "set a timer for three seconds")
"""What the brain makes two calls of."""
SAID = "A rock. Your timer of three seconds is over."
OUTPUTS = ("A rock.", "COMPLETED")


async def test_a_text() -> None:
    async with serving(token="secret") as chat, client_of(chat, "secret") as completions:
        stream = await completions.create(model="any", messages=user("what is nine plus five"), stream=True)
        chunks = await chunks_of(stream)
        assert text_of(chunks) == "Nine plus five is fourteen."
        assert [each.choices[0].finish_reason for each in chunks] == [None, None, None, "stop"]
        assert {each.model for each in chunks} == {"any"} and len({each.id for each in chunks}) == 1


async def test_two_calls_and_what_came_of_them() -> None:
    async with serving() as chat, client_of(chat) as completions:
        chunks = await chunks_of(await completions.create(model="m", messages=TWO, tools=TOOLS, stream=True))
        assert text_of(chunks) == "Let me look that up." and chunks[-1].choices[0].finish_reason == "tool_calls"
        calls = calls_of(chunks)
        assert [(name, json.loads(arguments)) for _, name, arguments in calls] == [
            ("look_up", {"topic": "the moon"}),
            ("set_timer", {"seconds": 3}),
        ]
        made = [
            {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
            for id, name, arguments in calls
        ]
        told = [
            {"role": "tool", "tool_call_id": id, "content": output}
            for (id, _, _), output in zip(calls, OUTPUTS, strict=True)
        ]
        log = [*TWO, {"role": "assistant", "content": text_of(chunks), "tool_calls": made}, *told]
        chunks = await chunks_of(await completions.create(model="m", messages=log, tools=TOOLS, stream=True))
        assert text_of(chunks) == SAID


async def test_their_helper_for_streams() -> None:
    """It puts the chunks together by itself."""
    async with serving() as chat, client_of(chat) as completions:
        async with completions.stream(model="m", messages=TWO, tools=TOOLS) as stream:
            kinds = [event.type async for event in stream]
            message = (await stream.get_final_completion()).choices[0].message
        assert kinds.count("tool_calls.function.arguments.done") == 2 and "content.done" in kinds
        assert [call.function.name for call in message.tool_calls] == ["look_up", "set_timer"]
        again = await completions.create(model="m", messages=[*TWO, *results(message, *OUTPUTS)], tools=TOOLS)
        assert again.choices[0].message.content == SAID


async def test_a_whole_answer_and_the_results_of_its_calls() -> None:
    async with serving() as chat, client_of(chat) as completions:
        raw = await completions.with_raw_response.create(model="m", messages=TWO, tools=TOOLS)
        answer = completion(raw.text)
        assert (answer.choices[0].finish_reason, answer.choices[0].message.content) == (
            "tool_calls",
            "Let me look that up.",
        )
        log = [*TWO, *results(answer.choices[0].message, *OUTPUTS)]
        again = await completions.create(model="m", messages=log, tools=TOOLS, stream=False)
        assert completion(again.model_dump_json(exclude_unset=True)).choices[0].message.content == SAID
        assert again.id != answer.id


async def test_usage_where_it_is_wanted() -> None:
    async with serving(words(12)) as chat, client_of(chat) as completions:
        ask: Any = {"model": "m", "messages": user("hello"), "stream": True}
        chunks = await chunks_of(await completions.create(**ask, stream_options={"include_usage": True}))
        assert [each.usage is not None for each in chunks] == [False] * (len(chunks) - 1) + [True]
        whole = await completions.create(**{**ask, "stream": False})
        assert chunks[-1].choices == [] and chunks[-1].usage == whole.usage
        assert all(each.choices for each in await chunks_of(await completions.create(**ask)))


async def test_a_limit_of_tokens_cuts_the_answer() -> None:
    async with serving(words(40)) as chat, client_of(chat) as completions:
        for limit in ({"max_completion_tokens": 10}, {"max_tokens": 10}):
            answer = await completions.create(model="m", messages=user("hello"), **limit)
            assert answer.choices[0].finish_reason == "length"
            assert answer.choices[0].message.content == "Answer zero one two three four"
            assert answer.usage.completion_tokens <= 10


async def test_a_choice_of_tools_is_kept_to() -> None:
    async with serving() as chat, client_of(chat) as completions:
        none = await completions.create(model="m", messages=TWO, tools=TOOLS, tool_choice="none")
        assert none.choices[0].message.tool_calls is None
        one = await completions.create(model="m", messages=TWO, tools=TOOLS, parallel_tool_calls=False)
        assert [call.function.name for call in one.choices[0].message.tool_calls] == ["look_up"]


async def test_a_wrong_key_is_told() -> None:
    async with serving(token="secret") as chat, client_of(chat, "wrong") as completions:
        with pytest.raises(openai.AuthenticationError) as refused:
            await completions.create(model="m", messages=user("hello"))
        assert (refused.value.status_code, refused.value.code) == (401, "invalid_api_key")


async def test_a_wrong_request_is_told_with_its_place() -> None:
    async with serving() as chat, client_of(chat) as completions:
        wrong: Any = [*user("hello"), {"role": "boss", "content": "x"}]
        with pytest.raises(openai.BadRequestError, match="Unknown role 'boss'") as refused:
            await completions.create(model="m", messages=wrong, stream=True)
        told = refused.value
        assert (told.type, told.param) == ("invalid_request_error", "messages[1].role")


async def test_another_path_is_not_found() -> None:
    async with serving() as chat, openai.AsyncOpenAI(base_url=chat.url, api_key="x", max_retries=0) as client:
        with pytest.raises(openai.NotFoundError, match="the path is /v1/chat/completions"):
            await client.models.list()


async def test_a_client_that_goes_away_ends_the_work() -> None:
    """It leaves after the first words of an answer that would take a quarter of an hour."""
    slow = Faults(token_ms=60_000)
    async with serving(words(40), faults=slow) as chat, client_of(chat) as completions:
        stream = await completions.create(model="m", messages=user("hello"), stream=True)
        async for chunk in stream:
            if chunk.choices[0].delta.content:
                break
        assert chat.connections == 1
        await stream.close()
        await until_served(chat, 0)


# --- our own client ---------------------------------------------------------------------------------------------------


async def test_our_own_client_makes_two_calls_and_hears_the_answer() -> None:
    tools = tuple(ToolSchema(tool.name, tool.description, tool.parameters) for tool in DEMO)
    asked = (UserMessage("look up the moon"), UserMessage("set a timer for three seconds"))
    async with serving() as chat, chat_stand.call(ChatOptions("brain", base_url=chat.url)) as desk:
        desk.ask_for(1, Question("Be brief.", asked, tools))
        done = await desk.until(ReplyDone)
        assert done.model == "brain" and done.usage.input_tokens > 0 < done.usage.output_tokens
        calls = [fact for fact in desk.facts if isinstance(fact, Call)]
        assert [call.name for call in calls] == ["look_up", "set_timer"]
        made = tuple(
            Called(call.call_id, call.name, call.arguments, output) for call, output in zip(calls, OUTPUTS, strict=True)
        )
        said = AssistantMessage(chat_stand.text_of(desk, 1), made)
        desk.ask_for(2, Question("Be brief.", (*asked, said), tools))
        await desk.until(ReplyDone)
        assert chat_stand.text_of(desk, 2) == SAID


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        (Faults(error_event="invalid_api_key"), "fatal"),
        (Faults(error_event="rate_limit_exceeded"), "passing"),
        (Faults(error_event="context_length_exceeded"), "too_long"),
        (Faults(reject_status=404), "fatal"),
        (Faults(reject_status=503, retry_after_s=2), "passing"),
        (Faults(drop_after_events=2), "passing"),
        (Faults(garbage_after_events=2), "passing"),
        (Faults(fail_after_events=2), "passing"),
        (Faults(filter_after_events=0), "blocked"),
    ],
)
async def test_our_own_client_knows_what_each_fault_calls_for(faults: Faults, kind: str) -> None:
    async with serving(faults=faults) as chat, chat_stand.call(ChatOptions("brain", base_url=chat.url)) as desk:
        desk.ask(1)
        failed = await desk.until(ReplyFailed)
        assert (failed.kind, failed.retry_after_s) == (kind, faults.retry_after_s or 0)
        chat.faults = Faults()
        desk.ask(2)
        await desk.until(ReplyDone)


async def test_a_large_log_is_too_long_for_it() -> None:
    async with serving() as chat, chat_stand.call(ChatOptions("brain", base_url=chat.url)) as desk:
        desk.ask(1, UserMessage("x" * (1 << 20)))
        assert (await desk.until(ReplyFailed)).kind == "too_long"

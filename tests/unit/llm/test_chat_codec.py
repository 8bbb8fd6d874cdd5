"""Our Chat Completions requests, against the types of OpenAI's own client."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from pydantic import TypeAdapter, ValidationError

from llm.chat_codec import body_of, is_object, source_of
from llm.chat_options import ChatOptions
from llm.events import ModelSettings, Request, ToolSchema
from llm.items import AssistantMessage, Audio, Call, DeveloperMessage, Image, Item, Reasoning, UserMessage

_PARAMS: TypeAdapter[Any] = TypeAdapter(CompletionCreateParamsStreaming)

PLAIN = ChatOptions("gpt", usage=False)
LOG = (
    UserMessage("What do two things cost?"),
    AssistantMessage("Let me see.", (Call("c1", "price", '{"of":"bell"}', "9"), Call("c2", "price", "{}", "Error: x"))),
    DeveloperMessage("The line is bad."),
    AssistantMessage("Nine."),
    UserMessage("Thanks é ✓"),
)
PRICE = ToolSchema("price", "What a thing costs.", {"type": "object", "properties": {"of": {"type": "string"}}})


def forced(value: Any) -> Any:
    """A value of which all is validated: the package's types have iterables, which pydantic validates when they are
    read. What they do not know is left out."""
    if isinstance(value, dict):
        return {name: forced(each) for name, each in value.items()}
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return value
    return [forced(each) for each in value]


def body(options: ChatOptions = PLAIN, **request: Any) -> dict[str, Any]:
    """The body of a request, checked: the package's own types take all of it."""
    made = body_of(options, Request(**{"instructions": "", "items": (UserMessage("Hello"),), **request}))
    assert forced(_PARAMS.validate_python(made)) == made
    return made


def messages(*items: Item, options: ChatOptions = PLAIN, **request: Any) -> list[dict[str, Any]]:
    """What becomes of these items."""
    made: list[dict[str, Any]] = body(options, items=items, **request)["messages"]
    return made


def test_the_check_sees_a_field_that_is_wrong_or_unknown() -> None:
    made = body()
    with pytest.raises(ValidationError):
        forced(_PARAMS.validate_python({**made, "messages": [{"role": "user", "content": 5}]}))
    assert forced(_PARAMS.validate_python({**made, "unheard_of": 1})) == made


def test_a_request() -> None:
    assert body(ChatOptions("gpt"), instructions="Be brief.", tools=(PRICE,)) == {
        "model": "gpt",
        "messages": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "price",
                    "description": "What a thing costs.",
                    "parameters": {"type": "object", "properties": {"of": {"type": "string"}}},
                },
            }
        ],
    }


def test_without_instructions_tools_or_usage_nothing_is_said_of_them() -> None:
    assert sorted(body(ChatOptions("gpt", usage=False, parallel_tool_calls=True, tool_choice="auto"))) == [
        "messages",
        "model",
        "stream",
    ]


# --- messages -------------------------------------------------------------------------------------------------------


def test_results_follow_the_message_of_their_calls_in_the_order_of_the_calls() -> None:
    assert messages(*LOG) == [
        {"role": "user", "content": "What do two things cost?"},
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "price", "arguments": '{"of":"bell"}'}},
                {"id": "c2", "type": "function", "function": {"name": "price", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "9"},
        {"role": "tool", "tool_call_id": "c2", "content": "Error: x"},
        {"role": "developer", "content": "The line is bad."},
        {"role": "assistant", "content": "Nine."},
        {"role": "user", "content": "Thanks é ✓"},
    ]


def test_a_message_without_words_has_no_content_and_an_empty_one_is_left_out() -> None:
    said = messages(AssistantMessage("", (Call("c1", "f", "{}", "1"),)), AssistantMessage(""))
    assert [(each["role"], each["content"]) for each in said] == [("assistant", None), ("tool", "1")]


def test_the_note_comes_last_and_only_where_there_is_one() -> None:
    assert messages(*LOG, note="Go on.") == [*messages(*LOG), {"role": "developer", "content": "Go on."}]


def test_a_model_without_the_developer_role_hears_the_application_as_a_user() -> None:
    options = ChatOptions("llama", usage=False, developer_role=False)
    said = messages(UserMessage("a"), DeveloperMessage("b"), options=options, instructions="c", note="d")
    assert [(each["role"], each["content"]) for each in said] == [
        ("system", "c"),
        ("user", "a"),
        ("user", "b"),
        ("user", "d"),
    ]


@pytest.mark.parametrize("torn", ["", '{"of": "be', "[1]", "nonsense", "[" * 5000])
def test_arguments_that_are_no_json_object_do_not_make_the_conversation_unreadable(torn: str) -> None:
    said = body_of(PLAIN, Request("", (AssistantMessage("", (Call("c1", "f", torn, "Error: …"),)),)))["messages"]
    assert is_object(said[0]["tool_calls"][0]["function"]["arguments"])


def test_pictures_and_recordings_are_parts_of_the_message() -> None:
    shown = UserMessage(
        "See and hear",
        (
            Image(b"\x00\xffpixels", mime="image/png", detail="low"),
            Image(url="https://example.com/a.jpg", detail="high"),
            Audio(b"RIFF", "wav"),
            Audio(b"ID3", "mp3"),
        ),
    )
    url = "data:image/png;base64," + base64.b64encode(b"\x00\xffpixels").decode()
    assert messages(shown)[0]["content"] == [
        {"type": "text", "text": "See and hear"},
        {"type": "image_url", "image_url": {"url": url, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.jpg", "detail": "high"}},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        {"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}},
    ]


def test_a_picture_without_words_stands_alone() -> None:
    assert len(messages(UserMessage("", (Image(url="https://example.com/a.jpg"),)))[0]["content"]) == 1


def test_reasoning_is_shown_again_to_those_who_want_it_with_its_calls() -> None:
    options = ChatOptions("deep", usage=False, reasoning_field="reasoning_content")
    thoughts = (Reasoning(source_of(options), '"I must look."'), Reasoning("another", '"secret"'))
    items = (AssistantMessage("", (Call("c1", "f", "{}", "1"),), thoughts), AssistantMessage("One.", (), thoughts))
    said = body_of(options, Request("", items))["messages"]
    assert [each.get("reasoning_content") for each in said] == ["I must look.", None, None]
    unwanted = body_of(PLAIN, Request("", items))["messages"]
    assert all(each.keys() <= {"role", "content", "tool_calls", "tool_call_id"} for each in unwanted)


# --- options and settings -------------------------------------------------------------------------------------------


def test_options_go_into_the_request() -> None:
    options = ChatOptions(
        "gpt",
        usage=False,
        service_tier="flex",
        temperature=0.0,
        max_output_tokens=100,
        tool_choice="price",
        parallel_tool_calls=False,
        extra={"top_p": 0.5, "reasoning_effort": "low"},
    )
    made = body(options, tools=(PRICE,))
    assert {name: value for name, value in made.items() if name not in ("messages", "tools", "model", "stream")} == {
        "service_tier": "flex",
        "temperature": 0.0,
        "max_completion_tokens": 100,
        "tool_choice": {"type": "function", "function": {"name": "price"}},
        "parallel_tool_calls": False,
        "top_p": 0.5,
        "reasoning_effort": "low",
    }


def test_the_settings_of_a_request_go_before_the_options() -> None:
    options = ChatOptions(
        "gpt",
        temperature=0.9,
        max_output_tokens=100,
        tool_choice="none",
        extra={"top_p": 0.5, "seed": 1, "temperature": 0.8},
    )
    settings = ModelSettings(
        model="other", temperature=0.1, max_output_tokens=7, tool_choice="required", extra={"top_p": 0.25}
    )
    made = body(options, tools=(PRICE,), settings=settings)
    names = ("model", "temperature", "max_completion_tokens", "tool_choice", "top_p", "seed")
    assert [made[name] for name in names] == ["other", 0.1, 7, "required", 0.25, 1]


def test_older_servers_have_another_name_for_the_most_tokens() -> None:
    made = body(ChatOptions("gpt", max_output_tokens=100, max_tokens_field="max_tokens"))
    assert made["max_tokens"] == 100
    assert "max_completion_tokens" not in made


@pytest.mark.parametrize("choice", ["auto", "none", "required"])
def test_a_choice_among_tools(choice: str) -> None:
    assert body(tools=(PRICE,), settings=ModelSettings(tool_choice=choice))["tool_choice"] == choice


def test_a_tool_that_is_not_offered_is_not_asked_for() -> None:
    assert "tool_choice" not in body(tools=(PRICE,), settings=ModelSettings(tool_choice="gone"))


def test_no_extra_changes_what_the_service_depends_on() -> None:
    settings = ModelSettings(extra={"stream": False, "messages": [], "model": "x", "n": 3, "seed": 5})
    made = body(settings=settings)
    assert (made["stream"], made["model"], made["seed"]) == (True, "gpt", 5)
    assert made["messages"]
    assert "n" not in made

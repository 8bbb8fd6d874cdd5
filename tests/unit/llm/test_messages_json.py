"""A conversation as JSON: both ways, as people write it, and what is wrong with what they write."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from link.errors import VoicewireError
from llm.items import AssistantMessage, Audio, Call, DeveloperMessage, Image, Item, Reasoning, UserMessage
from llm.messages_json import MessagesError, from_json, from_objects, to_json
from tests.unit.llm.random_items import conversation

WRITTEN = """[
{"role": "developer", "content": "The caller is a customer since 2019.", "pinned": true},
{"role": "user", "content": "What do you see here?"},
{"role": "user", "content": [{"type": "text", "text": "And here?"},
                             {"type": "image", "url": "https://example.org/door.jpg", "detail": "low"},
                             {"type": "image", "data": "aGVsbG8=", "mime": "image/png", "width_px": 512},
                             {"type": "audio", "data": "UklGRg==", "format": "wav"}]},
{"role": "assistant", "content": "Let me look.",
 "tool_calls": [{"call_id": "c1", "name": "look", "arguments": {"where": "door"}, "output": "It is open."}]}
]"""
MEANT: tuple[Item, ...] = (
    DeveloperMessage("The caller is a customer since 2019.", pinned=True),
    UserMessage("What do you see here?"),
    UserMessage(
        "And here?",
        (
            Image(url="https://example.org/door.jpg", detail="low"),
            Image(b"hello", mime="image/png", width_px=512),
            Audio(b"RIFF"),
        ),
    ),
    AssistantMessage("Let me look.", (Call("c1", "look", '{"where": "door"}', "It is open."),)),
)

# --- both ways ------------------------------------------------------------------------------------------------------


def test_what_people_write_is_what_they_mean() -> None:
    assert from_json(WRITTEN) == MEANT
    assert from_json(WRITTEN.encode()) == MEANT
    assert from_objects(json.loads(WRITTEN)) == MEANT


def test_a_program_may_give_bytes() -> None:
    value = {"role": "user", "content": [{"type": "image", "data": b"hello"}]}
    assert from_objects([value]) == (UserMessage("", (Image(b"hello"),)),)


def test_the_form_is_stable() -> None:
    items = (
        *MEANT,
        UserMessage("No.", pinned=True),
        AssistantMessage("今日", (), (Reasoning("openai", "{}"),)),
        AssistantMessage(""),
    )
    assert to_json(items).splitlines() == [
        "[",
        '{"role": "developer", "content": "The caller is a customer since 2019.", "pinned": true},',
        '{"role": "user", "content": "What do you see here?"},',
        '{"role": "user", "content": [{"type": "text", "text": "And here?"},'
        ' {"type": "image", "url": "https://example.org/door.jpg", "detail": "low"},'
        ' {"type": "image", "data": "aGVsbG8=", "mime": "image/png", "width_px": 512},'
        ' {"type": "audio", "data": "UklGRg==", "format": "wav"}]},',
        '{"role": "assistant", "content": "Let me look.", "tool_calls":'
        ' [{"call_id": "c1", "name": "look", "output": "It is open.", "arguments": "{\\"where\\": \\"door\\"}"}]},',
        '{"role": "user", "content": "No.", "pinned": true},',
        '{"role": "assistant", "content": "今日", "reasoning": [{"source": "openai", "item": "{}"}]},',
        '{"role": "assistant"}',
        "]",
    ]
    assert to_json(()) == "[]"
    typed = UserMessage("", (Image(url="u", mime="/".join(("image", "jpeg"))),))
    assert to_json((typed,)) == '[\n{"role": "user", "content": [{"type": "image", "url": "u"}]}\n]'


def test_random_conversations_come_back_as_they_were() -> None:
    for items in map(conversation, range(800)):
        text = to_json(items)
        assert from_json(text) == items
        assert len(text.split("\n")) == (len(items) + 2 if items else 1)


def test_several_texts_of_a_message_are_lines_of_one() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image", "url": "u"}, {"type": "text", "text": "b"}]
    assert from_objects([{"role": "user", "content": parts}]) == (UserMessage("a\nb", (Image(url="u"),)),)


def test_what_utf8_cannot_say_is_written_as_a_question_mark() -> None:
    assert from_json(to_json((UserMessage("a\ud800b"),))) == (UserMessage("a?b"),)


# --- what is wrong --------------------------------------------------------------------------------------------------

GOOD = {"role": "user", "content": "Hello"}
CALL = {"call_id": "c1", "name": "look", "output": "x"}


def with_part(**part: Any) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": "a"}, part]}


def with_call(**call: Any) -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": [{**CALL, **call}]}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("Hello", ": a message is an object with a role and content"),
        ({}, ": the role is 'None'; there are user, developer, assistant"),
        ({"role": "system", "content": ""}, ": the role is 'system'; there are user, developer, assistant"),
        ({"role": ["user"], "content": ""}, ": the role is \"['user']\"; there are user, developer, assistant"),
        ({"role": "user"}, ": object missing required field `content`"),
        ({"role": "developer", "content": []}, ", content: expected `str`, got `array`"),
        ({"role": "user", "content": "", "name": "x"}, ": object contains unknown field `name`"),
        ({"role": "developer", "content": "", "pinned": 1}, ", pinned: expected `bool`, got `int`"),
        ({"role": "assistant", "content": "", "pinned": True}, ": object contains unknown field `pinned`"),
        (with_part(type="video"), ", content[1].type: invalid value 'video'; a part is a text, image or audio"),
        (with_part(text="b"), ", content[1]: object missing required field `type`"),
        (with_part(type="image", data="?"), ", content[1].data: invalid base64 encoded string"),
        (with_part(type="image"), ", content[1]: an image has either data (base64) or a url"),
        (with_part(type="image", url="u", data="aGk="), ", content[1]: an image has either data (base64) or a url"),
        (with_part(type="image", url="u", detail="medium"), ", content[1].detail: invalid enum value 'medium'"),
        (with_part(type="image", url="u", width_px=-1), ", content[1].width_px: expected `int` >= 0"),
        (
            with_part(type="image", data="aGk=", mime="image/tiff"),
            ", content[1].mime: expected `str` matching regex '^image/(jpeg|png|webp|gif)$'",
        ),
        (with_part(type="audio", data=""), ", content[1].data: expected `bytes` of length >= 1"),
        (with_part(type="audio", data="aGk=", format="ogg"), ", content[1].format: invalid enum value 'ogg'"),
        (with_call(call_id=""), ", tool_calls[0].call_id: expected `str` of length >= 1"),
        (with_call(output=None), ", tool_calls[0].output: expected `str`, got `null`"),
        (with_call(arguments=[1]), ", tool_calls[0].arguments: expected `str | object`, got `array`"),
        (
            {"role": "assistant", "tool_calls": [{"call_id": "c1", "name": "look"}]},
            ", tool_calls[0]: object missing required field `output`",
        ),
        ({"role": "user", "content": "\ud800"}, ": what it holds cannot be said in JSON: 'utf-8' codec"),
        (with_call(arguments={"a": object()}), ": what it holds cannot be said in JSON: Encoding objects"),
        (
            {"role": "assistant", "tool_calls": [CALL, CALL | {"arguments": {"on": [date(2024, 5, 1)]}}]},
            ", tool_calls[1].arguments: they cannot be said in JSON: Object of type date is not JSON",
        ),
        (with_call(arguments={"a": float("nan")}), ", tool_calls[0].arguments: they cannot be said in JSON: Out of"),
    ],
)
def test_the_message_and_the_place_are_named(value: Any, says: str) -> None:
    with pytest.raises(MessagesError) as caught:
        from_objects([GOOD, GOOD, value, GOOD])
    assert str(caught.value).startswith(f"message 3{says}")
    assert isinstance(caught.value, VoicewireError)


def test_two_calls_with_one_id_are_refused() -> None:
    with pytest.raises(MessagesError, match="message 3: the call_id 'c1' is that of a call in message 1"):
        from_objects([with_call(), GOOD, with_call()])
    with pytest.raises(MessagesError, match="message 1: the call_id 'c1' is that of a call in message 1"):
        from_objects([{"role": "assistant", "tool_calls": [CALL, CALL]}])


@pytest.mark.parametrize("text", ["", "[", '[{"role": "user", "content": "\\ud800"}]', b"\xff", "[" * 100_000])
def test_what_is_not_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(MessagesError, match="the conversation is not JSON: "):
        from_json(text)


@pytest.mark.parametrize("text", ["{}", '"Hello"', "null"])
def test_what_is_not_a_list_is_refused(text: str) -> None:
    with pytest.raises(MessagesError, match="the conversation is not a JSON list of messages"):
        from_json(text)


def test_arguments_without_a_bottom_are_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(MessagesError, match="message 1: "):
        from_objects([with_call(arguments=deep)])

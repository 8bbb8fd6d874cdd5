"""Both ways against the `openai` package: a provider made of its types takes what we send, and we take what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from openai.types.responses import (
    Response,
    ResponseFunctionToolCall,
    ResponseReasoningItem,
    ResponseUsage,
)
from openai.types.responses import responses_server_event as events
from openai.types.responses.response import IncompleteDetails
from openai.types.responses.response_error import ResponseError
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails
from pydantic import BaseModel
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from llm.events import (
    FunctionCall,
    Inferred,
    LinkUp,
    ModelSettings,
    ReplyDone,
    ReplyFailed,
    Request,
    Thought,
    ToolSchema,
    Usage,
)
from llm.items import AssistantMessage, Call, DeveloperMessage, Image, Item, UserMessage
from llm.responses import ResponsesSettings
from tests.unit.link.peer import Peer
from tests.unit.link.stage import play
from tests.unit.llm.desk import Desk
from tests.unit.llm.sdk import asked
from tests.unit.llm.service_stand import a_moment, service, text_of

TOOL = ToolSchema("price", "What it costs.", {"type": "object", "properties": {}})
USAGE = ResponseUsage(
    input_tokens=11,
    input_tokens_details=InputTokensDetails(cached_tokens=3, cache_write_tokens=0),
    output_tokens=5,
    output_tokens_details=OutputTokensDetails(reasoning_tokens=2),
    total_tokens=16,
)
ITEM: dict[str, Any] = {"item_id": "item_1", "output_index": 0}


class TypedProvider:
    """Checks each request against the package's types, and speaks in events that are built from its models."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    async def act(self, connection: ServerConnection) -> None:
        """What the peer does with a connection."""
        try:
            async for message in connection:
                assert isinstance(message, str)
                request = asked(message)
                self.requests.append(request)
                for number, event in enumerate(self._answer(request, len(self.requests))):
                    event.sequence_number = number  # type: ignore[attr-defined]
                    event.stream_id = request.get("stream_id")  # type: ignore[attr-defined]
                    await connection.send(event.model_dump_json(exclude_unset=True, by_alias=True))
        except ConnectionClosed:
            pass

    def _answer(self, request: dict[str, Any], number: int) -> list[BaseModel]:
        response = Response.model_construct(
            id=f"resp_{number}",
            object="response",
            created_at=0.0,
            model=f"{request['model']}-2026",
            output=[],
            tools=[],
            tool_choice="auto",
            parallel_tool_calls=True,
            status="in_progress",
        )
        begin: list[BaseModel] = [
            _event("ResponseWsCreated", type="response.created", response=response),
            _event("ResponseInWsProgress", type="response.in_progress", response=response),
        ]
        if request.get("generate") is False:
            return [*begin, _end(response)]
        question = str(request["input"][-1].get("content"))
        return [*begin, *_outputs(question), _end(response, question)]


def _event(name: str, **fields: Any) -> BaseModel:
    event: BaseModel = getattr(events, name)(sequence_number=0, **fields)
    return event


def _outputs(question: str) -> list[BaseModel]:
    text = [
        _event(
            "ResponseTextWsDelta", type="response.output_text.delta", delta=delta, content_index=0, logprobs=[], **ITEM
        )
        for delta in ("It is ", "nine.")
    ]
    if question == "refuse":
        return [
            _event("ResponseRefusalWsDelta", type="response.refusal.delta", delta="I cannot.", content_index=0, **ITEM)
        ]
    if question == "call":
        thought = ResponseReasoningItem(id="rs_1", type="reasoning", summary=[], encrypted_content="gAAA")
        call = ResponseFunctionToolCall(type="function_call", call_id="c1", name="price", arguments="{}", id="fc_1")
        added = "response.output_item.added"
        return [
            _event("ResponseOutputItemWsAdded", type=added, output_index=0, item=thought),
            _event("ResponseOutputItemWsDone", type="response.output_item.done", output_index=0, item=thought),
            *text,
            _event("ResponseOutputItemWsAdded", type=added, output_index=1, item=call),
            _event(
                "ResponseFunctionCallArgumentsWsDelta",
                type="response.function_call_arguments.delta",
                delta="{}",
                **ITEM,
            ),
            _event("ResponseOutputItemWsDone", type="response.output_item.done", output_index=1, item=call),
        ]
    return text


def _end(response: Response, question: str = "") -> BaseModel:
    response = response.model_copy(update={"usage": USAGE, "status": "completed"})
    if question == "fail":
        error = ResponseError(code="server_error", message="It broke.")
        response = response.model_copy(update={"status": "failed", "error": error})
        return _event("ResponseWsFailed", type="response.failed", response=response)
    if question == "cut":
        details = IncompleteDetails(reason="max_output_tokens")
        response = response.model_copy(update={"status": "incomplete", "incomplete_details": details})
        return _event("ResponseWsIncomplete", type="response.incomplete", response=response)
    return _event("ResponseWsCompleted", type="response.completed", response=response)


@pytest.mark.parametrize("lanes", [True, False])
def test_a_conversation(tmp_path: Path, lanes: bool) -> None:
    async def scene() -> None:
        provider = TypedProvider()
        settings = ResponsesSettings("gpt", lanes=lanes, reasoning=True, extra={"service_tier": "flex"})
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, settings=settings)) as desk:
            await desk.until(LinkUp)
            log: list[Item] = [AssistantMessage("Good morning."), DeveloperMessage("Be kind.")]
            desk.prepare(*log)

            log.append(UserMessage("call"))
            desk.ask_for(1, Request("Be brief.", tuple(log), (TOOL,)))
            thought = (await desk.until(Thought)).reasoning
            call = await desk.until(FunctionCall)
            assert (call.call_id, call.name, call.arguments) == ("c1", "price", "{}")
            assert await desk.until(ReplyDone) == ReplyDone(1, Usage(11, 5, 3, 2), "gpt-2026")
            assert text_of(desk, 1) == "It is nine."

            log.append(AssistantMessage("It is nine.", (Call("c1", "price", "{}", "9"),), (thought,)))
            chosen = ModelSettings(model="gpt-mini", temperature=0.5, max_output_tokens=100, tool_choice="price")
            desk.ask_for(2, Request("Be brief.", tuple(log), (TOOL,), "Go on.", chosen))
            assert (await desk.until(ReplyDone)).model == "gpt-mini-2026"
            peer.cut()
            await desk.until(LinkUp)
            desk.ask_for(3, Request("Be brief.", tuple(log), (TOOL,)))
            await desk.until(ReplyDone)

            log += [
                AssistantMessage("It is nine."),
                UserMessage("Look", (Image(b"x", detail="low"),)),
                UserMessage("cut"),
            ]
            desk.ask_for(4, Request("", tuple(log)))
            assert (await desk.until(ReplyDone)).incomplete == "max_output_tokens"
            desk.ask(5, UserMessage("refuse"))
            await desk.until(ReplyDone)
            assert text_of(desk, 5) == "I cannot."
            desk.ask(6, UserMessage("fail"))
            assert await desk.until(ReplyFailed) == ReplyFailed(6, "server_error: It broke.")
            desk.infer(7, UserMessage("summarise"))
            assert await desk.until(Inferred) == Inferred(7, "It is nine.", Usage(11, 5, 3, 2))
            await a_moment()

            previous = [request.get("previous_response_id") for request in provider.requests]
            first = None if lanes else "resp_1"  # with lanes nobody waited for the warm-up
            assert previous == [None, first, None, None, "resp_4", None, None, None]
            assert [item["type"] for item in provider.requests[3]["input"]][-3:] == [
                "reasoning",
                "function_call",
                "function_call_output",
            ]

    play(scene())

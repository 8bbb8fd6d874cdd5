"""Chat Completions as a client: from the chunks of one answer to facts. Pure.

    OPEN ─ finish_reason ─► FINISHED ─ the stream ends or breaks ─► OVER, done
    OPEN ─ the stream ends or breaks ─► OVER, failed

The protocol is OpenAI's; servers that speak it differ in small ways, and what is clear is taken: calls without ids, all
calls under one index, usage in every chunk, reasoning under two names, content in parts.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

import msgspec
from msgspec import Struct

from link.errors import ProviderError
from llm.chat_codec import is_object
from llm.events import Delta, Failure, FunctionCall, Output, Progress, ReplyDone, ReplyFailed, Thought, Usage
from llm.items import Reasoning

MAX_CHARS = 1 << 20
"""Of calls and reasoning of one answer, which are kept until its end; a websocket's message has the same bound."""
_CALL_CHARS = 64  # what a call costs without a name

_CUT_SHORT = frozenset({"length", "max_tokens", "model_length"})
_BROKEN_OFF = frozenset({"abort", "error", "insufficient_system_resource"})  # vLLM and SGLang, OpenRouter, DeepSeek


class _Function(Struct):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class _ToolCall(Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(Struct):
    content: str | list[Any] | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None
    reasoning_content: Any = None
    reasoning: Any = None


class _Choice(Struct):
    index: int | None = 0
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(Struct):
    choices: list[_Choice] | None = None
    model: str | None = None
    usage: Any = None


class _Cached(Struct):
    cached_tokens: int | None = None


class _Reasoned(Struct):
    reasoning_tokens: int | None = None


class _Usage(Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Cached | None = None
    completion_tokens_details: _Reasoned | None = None
    prompt_cache_hit_tokens: int | None = None  # DeepSeek


class _Call:
    """A call that is being written."""

    __slots__ = ("arguments", "call_id", "name")

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        self.name = ""
        self.arguments = ""


class _State(Enum):
    OPEN = auto()
    FINISHED = auto()
    OVER = auto()


class Answer:
    """One answer while it comes. Its facts carry the number of the reply."""

    def __init__(self, reply: int, *, reasoning_field: str = "", source: str = "") -> None:
        """What stands in `reasoning_field` is given on as a Thought, which `source` can read."""
        self.reply = reply
        self._reasoning_field = reasoning_field
        self._source = source
        self._state = _State.OPEN
        self._said = False
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._reasoning: list[str] = []
        self._chars = 0
        self._usage = Usage()
        self._model = ""
        self._incomplete = ""

    @property
    def finished(self) -> bool:
        """The model has ended; only the usage is still to come."""
        return self._state is not _State.OPEN

    def take(self, chunk: object) -> list[Output]:
        """The facts of a chunk, as decoded from JSON. Raises ProviderError for what is none."""
        try:
            seen = msgspec.convert(chunk, _Chunk)
        except (msgspec.ValidationError, RecursionError) as error:
            raise ProviderError(f"not a chunk of a chat completion: {error}") from error
        self._model = seen.model or self._model
        facts: list[Output] = []
        for choice in seen.choices or ():
            if not choice.index and self._state is _State.OPEN:
                facts += self._choice(choice)
        if seen.usage:
            self._count(seen.usage)
        return facts

    def end(self) -> list[Output]:
        """The stream has ended."""
        return self.broken("the stream ended before the answer did")

    def broken(self, reason: str, kind: Failure = "passing", retry_after_s: float = 0.0) -> list[Output]:
        """The stream has broken; an answer that was finished is done all the same."""
        before, self._state = self._state, _State.OVER
        match before:
            case _State.OPEN:
                return [ReplyFailed(self.reply, reason, kind, retry_after_s)]
            case _State.FINISHED:
                return [ReplyDone(self.reply, self._usage, _encodable(self._model), self._incomplete)]
            case _State.OVER:
                return []

    def _choice(self, choice: _Choice) -> list[Output]:
        delta = choice.delta or _Delta()
        said = (_text(delta.content), delta.refusal)
        facts: list[Output] = [Delta(self.reply, _encodable(text)) for text in said if text]
        self._said = self._said or bool(facts)
        for piece in delta.tool_calls or ():
            self._piece(piece)
        thought = delta.reasoning_content or delta.reasoning
        if thought or delta.tool_calls or isinstance(delta.content, list):
            facts.append(Progress(self.reply))
        if self._reasoning_field:
            self._think(getattr(delta, self._reasoning_field, None))
        if choice.finish_reason:
            facts += self._finish(choice.finish_reason)
        return facts

    def _finish(self, reason: str) -> list[Output]:
        if reason in _BROKEN_OFF:
            return self.broken(f"the provider broke the answer off ({reason})")
        if reason == "content_filter":
            if not self._said:
                return self.broken("the provider's content filter withheld the answer", "blocked")
            self._incomplete = reason
            self._calls.clear()
        elif reason in _CUT_SHORT:
            self._incomplete = "max_output_tokens"
            self._calls = [call for call in self._calls if is_object(call.arguments)]  # the others are torn
        self._state = _State.FINISHED
        return self._complete()

    def _complete(self) -> list[Output]:
        """The calls, in the order in which they were begun."""
        facts: list[Output] = []
        if self._calls and self._reasoning:
            item = msgspec.json.encode(_encodable("".join(self._reasoning))).decode()
            facts.append(Thought(self.reply, Reasoning(self._source, item)))
        used: set[str] = set()
        for number, call in enumerate(self._calls, 1):
            call_id = call.call_id if call.call_id and call.call_id not in used else f"call_{self.reply}_{number}"
            used.add(call_id)
            if call.name:
                words = map(_encodable, (call_id, call.name, call.arguments or "{}"))
                facts.append(FunctionCall(self.reply, *words))
        return facts

    def _piece(self, piece: _ToolCall) -> None:
        """More of a call: by its index, or else the last one."""
        function = piece.function or _Function()
        call = self._find(piece)
        call.call_id = call.call_id or piece.id or ""
        if function.name and function.name != call.name:  # a server may repeat the whole name with each piece
            call.name += function.name
        call.arguments += _json(function.arguments)
        self._hold(len(function.name or "") + len(_json(function.arguments)))

    def _find(self, piece: _ToolCall) -> _Call:
        """The call that a piece belongs to, if need be a new one."""
        last = self._calls[-1] if self._calls else None
        call = last if piece.index is None else self._by_index.get(piece.index)
        if call is None or _begins_another(piece, call):
            call = _Call(piece.id or "")
            self._calls.append(call)
            self._hold(_CALL_CHARS)
        if piece.index is not None:
            self._by_index[piece.index] = call
        return call

    def _think(self, thought: object) -> None:
        if isinstance(thought, str) and thought:
            self._reasoning.append(thought)
            self._hold(len(thought))

    def _hold(self, chars: int) -> None:
        self._chars += chars
        if self._chars > MAX_CHARS:
            raise ProviderError(f"an answer with more than {MAX_CHARS} characters of calls and reasoning")

    def _count(self, usage: object) -> None:
        """Note the tokens; the last word holds. What cannot be read is no reason to lose an answer."""
        try:
            seen = msgspec.convert(usage, _Usage, strict=False)
        except (msgspec.ValidationError, RecursionError):
            return
        prompt = seen.prompt_tokens_details or _Cached()
        completion = seen.completion_tokens_details or _Reasoned()
        self._usage = Usage(
            _tokens(seen.prompt_tokens),
            _tokens(seen.completion_tokens),
            _tokens(prompt.cached_tokens or seen.prompt_cache_hit_tokens),
            _tokens(completion.reasoning_tokens),
        )


def _tokens(count: int | None) -> int:
    """A server may send -1 for what it has not counted."""
    return max(0, count or 0)


def _text(content: str | list[Any] | None) -> str:
    """The words; of content in parts (Mistral's reasoning models) those of the text parts."""
    if not isinstance(content, list):
        return content or ""
    parts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
    return "".join(text for part in parts if isinstance(text := part.get("text"), str))


def _begins_another(piece: _ToolCall, call: _Call) -> bool:
    """Some servers give all calls the same index, or none: then the name begins a new one, if it is not repeated."""
    if piece.function is None or not piece.function.name:
        return False
    if piece.id and call.call_id:
        return piece.id != call.call_id
    return piece.index is None or (bool(piece.function.arguments) and is_object(call.arguments))


def _json(arguments: str | dict[str, Any] | None) -> str:
    return msgspec.json.encode(arguments).decode() if isinstance(arguments, dict) else arguments or ""


def _encodable(text: str) -> str:
    """A text that UTF-8 can hold: JSON may bring half a character, which a server cut in two."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text

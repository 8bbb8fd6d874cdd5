"""What a user of voicewire writes: an Agent, its tools and its event handlers.

agent = Agent(instructions="You answer the phone of a bicycle shop.", greeting="Hello!", tools=[opening_hours])

@agent.on("call_started")
async def started(call):
    await call.say("This call may be recorded.", interruptible=False)
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, structs

from audio.background import Ambience, HoldMusic
from audio.endpoint import TurnOptions, fault_of
from link.errors import ConfigError
from llm.events import ModelSettings
from llm.function_calls import NEVER_S, CallOptions
from llm.images import with_scaled_images
from llm.items import Item
from llm.mcp_options import MCPServer
from llm.registry import ToolRegistry
from llm.summary import SummaryOptions
from llm.tools import Tool
from llm.turn_completion import TurnCompletionOptions
from server.call.events import (
    AssistantTurn,
    Backchannel,
    CallEnded,
    CallStarted,
    Event,
    FalseInterruption,
    Filler,
    FunctionCallsCancelled,
    FunctionCallsStarted,
    Idle,
    Interrupted,
    Keys,
    LinkChanged,
    LinkFailed,
    NotHeard,
    Problem,
    ToolFinished,
    ToolStarted,
    ToolUpdated,
    UserTurn,
)
from server.call.line_events import AnsweredBy
from server.call.model_events import CompletionTimeout, EarlyAnswer, ReplyMetrics, Summarised, SummaryFailed, Truncated
from server.call.policy import CallSettings, Policy, Sentences
from server.call.wording import Filter, Wording
from server.config import Service, Settings, check_numbers, in_words

EVENTS: dict[str, type[Event]] = {
    "call_started": CallStarted,
    "user_turn": UserTurn,
    "backchannel": Backchannel,
    "not_heard": NotHeard,
    "early_answer": EarlyAnswer,
    "assistant_turn": AssistantTurn,
    "tool_started": ToolStarted,
    "tool_updated": ToolUpdated,
    "tool_finished": ToolFinished,
    "function_calls_started": FunctionCallsStarted,
    "function_calls_cancelled": FunctionCallsCancelled,
    "reply_metrics": ReplyMetrics,
    "completion_timeout": CompletionTimeout,
    "connection_error": LinkFailed,
    "summarised": Summarised,
    "summary_failed": SummaryFailed,
    "truncated": Truncated,
    "interrupted": Interrupted,
    "false_interruption": FalseInterruption,
    "filler": Filler,
    "link": LinkChanged,
    "dtmf": Keys,
    "answered_by": AnsweredBy,
    "idle": Idle,
    "error": Problem,
    "call_ended": CallEnded,
}

Handler = Callable[..., Awaitable[None]]
H = TypeVar("H", bound=Callable[..., Any])


class Agent:
    """One kind of conversation. It is shared by all its calls, so what belongs to one call stands on its handle."""

    def __init__(
        self,
        *,
        instructions: str = "",
        greeting: str = "",
        fixed: Sequence[str] = (),
        tools: Iterable[Tool | Callable[..., Any]] = (),
        mcp: Sequence[MCPServer] = (),
        vocabulary: Sequence[str] = (),
        speakable: bool = True,
        pronunciations: Mapping[str, str] | None = None,
        filters: Sequence[Filter] = (),
        stt: Service | None = None,
        llm: Service | None = None,
        tts: Service | None = None,
        turn_model: Service | None = None,
        turn: TurnOptions | None = None,
        policy: Policy | None = None,
        sentences: Sentences | None = None,
        model: ModelSettings | None = None,
        calls: CallOptions | None = None,
        summary: SummaryOptions | None = None,
        turn_completion: TurnCompletionOptions | None = None,
        background: Ambience | None = None,
        hold_music: HoldMusic | None = None,
        skip_tts: bool = False,
        context: Sequence[Item] = (),
        app_resources: Any = None,
    ) -> None:
        """`fixed`: what `call.say` says with the same words in every call; a voice with a cache makes it once.
        `mcp`: servers whose tools are offered as well. `vocabulary`: example sentences for the speech-to-text.
        `speakable`: without markup, with words for signs and addresses. `pronunciations`: how words are said. `filters`
        come after both. All three change what is spoken, not what is logged. `turn`, `policy`, `sentences`, `model`,
        `calls`, `summary`, `turn_completion`, `background`, `hold_music`: the tables of the configuration with these
        names, as the agent wants them; a key that the configuration names goes before, and so does a word's
        pronunciation. `skip_tts`: answers are to be read, not heard. `context`: messages that stand in the log of each
        call from its beginning.

        Raises ConfigError for a tool that cannot be one, and for other arguments of a wrong type or value.
        """
        _check_types(
            instructions=(instructions, str),
            greeting=(greeting, str),
            fixed=(fixed, list[str]),
            vocabulary=(vocabulary, list[str]),
            speakable=(speakable, bool),
            pronunciations=(pronunciations, dict[str, str] | None),
            stt=(stt, Service | None),
            llm=(llm, Service | None),
            tts=(tts, Service | None),
            turn_model=(turn_model, Service | None),
            turn=(turn, TurnOptions | None),
            policy=(policy, Policy | None),
            sentences=(sentences, Sentences | None),
            model=(model, ModelSettings | None),
            calls=(calls, CallOptions | None),
            summary=(summary, SummaryOptions | None),
            turn_completion=(turn_completion, TurnCompletionOptions | None),
            background=(background, Ambience | None),
            hold_music=(hold_music, HoldMusic | None),
            skip_tts=(skip_tts, bool),
            context=(context, list[Item]),
        )
        if not all(callable(each) for each in filters):
            raise ConfigError("the agent's filters must be functions that take a text and give one")
        self.instructions = instructions
        self.greeting = greeting
        self.fixed = tuple(fixed)
        if not all(isinstance(each, MCPServer) for each in mcp):
            raise ConfigError("the agent's mcp must be a list of MCPServer(command=…) or MCPServer(url=…)")
        self.tools = ToolRegistry(tools)
        self.mcp = tuple(mcp)
        self.vocabulary = tuple(vocabulary)
        self.speakable = speakable
        self.pronunciations = dict(pronunciations or {})
        self.filters = tuple(filters)
        self.wording(Settings())  # is the table one?
        self.stt = stt
        self.llm = llm
        self.tts = tts
        self.turn_model = turn_model
        self.turn = turn
        self.policy = policy
        self.sentences = sentences
        self.model = model
        self.calls = calls
        self.summary = summary
        self.turn_completion = turn_completion
        self.background = background
        self.hold_music = hold_music
        self.skip_tts = skip_tts
        self.context = tuple(with_scaled_images(context))
        self.app_resources = app_resources
        self.handlers: dict[type[Event], list[tuple[Handler, int]]] = {}

    def on(self, event: str) -> Callable[[H], H]:
        """Register an event handler: `async def handler(call)` or `async def handler(call, event)`.

        Raises ConfigError for an unknown event or a handler of another form.
        """
        if event not in EVENTS:
            raise ConfigError(f"there is no event '{event}'; there are {', '.join(EVENTS)}")

        def register(handler: H) -> H:
            arguments = _arguments(handler)
            if not inspect.iscoroutinefunction(handler) or arguments not in (1, 2):
                name = getattr(handler, "__name__", handler)
                raise ConfigError(f"the handler '{name}' of '{event}' must be: async def {name}(call) or (call, event)")
            self.handlers.setdefault(EVENTS[event], []).append((handler, arguments))
            return handler

        return register

    def call_settings(self, settings: Settings) -> CallSettings:
        """What a call's core needs to know. Raises ConfigError where agent and configuration do not go together."""
        turn = settings.over("turn", self.turn)
        if fault := fault_of(turn):
            raise ConfigError(f"agent and configuration together are wrong: {fault}")
        return CallSettings(
            instructions=self.instructions,
            greeting=self.greeting,
            tools=self.tools.specs(),
            policy=settings.over("policy", self.policy),
            turn=turn,
            calls=_writable(settings.over("calls", self.calls)),
            sentences=settings.over("sentences", self.sentences),
            model=settings.over("model", self.model),
            summary=settings.over("summary", self.summary),
            turn_completion=settings.over("turn_completion", self.turn_completion),
            skip_tts=self.skip_tts,
            context=self.context,
        )

    def wording(self, settings: Settings) -> Wording:
        """How what is written is said; a word's entry in the configuration goes before.

        Raises ConfigError for an entry without a word.
        """
        return Wording(
            speaks=self.speakable,
            pronunciations=self.pronunciations | settings.pronunciations,
            filters=self.filters,
        )


def _writable(calls: CallOptions) -> CallOptions:
    """As a journal can keep it: no time-out is a very long one."""
    return structs.replace(calls, function_call_timeout_secs=min(calls.function_call_timeout_secs, NEVER_S))


def load_agents(numbers: Mapping[str, str]) -> dict[str, Agent]:
    """The agents of telephone numbers, each from `file.py` or `file.py:name`; one that has several is loaded once.

    Raises ConfigError.
    """
    agents: dict[str, Agent] = {}
    for place in numbers.values():
        if place not in agents:
            file, colon, name = place.rpartition(":")
            agents[place] = load_agent(Path(file), name) if colon and name.isidentifier() else load_agent(Path(place))
    return {number: agents[place] for number, place in numbers.items()}


def load_agent(file: Path, name: str = "agent") -> Agent:
    """The agent of a Python file, by its name there. Raises ConfigError that says what is wrong and where."""
    if not file.is_file():
        raise ConfigError(f"there is no agent file {file}")
    spec = importlib.util.spec_from_file_location(_module_name(file), file.resolve())
    if spec is None or spec.loader is None:
        raise ConfigError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(file.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except ConfigError as error:
        raise ConfigError(f"{file}{_line_in(error, file)}: {error}") from error
    except (Exception, SystemExit) as error:
        what = f"{type(error).__name__}: {error}"
        raise ConfigError(f"the agent file {file} failed{_line_in(error, file)}: {what}") from error
    agent = getattr(module, name, None)
    if not isinstance(agent, Agent):
        what = f"it has no `{name}`" if agent is None else f"its `{name}` is no Agent but a {type(agent).__name__}"
        raise ConfigError(f"the agent file {file} is wrong: {what}; write: {name} = Agent(instructions=…)")
    return agent


def _module_name(file: Path) -> str:
    """One of its own for each file: types of an agent are looked up by the name of their module."""
    count, name = 1, "voicewire_agent"
    while name in sys.modules and getattr(sys.modules[name], "__file__", None) != str(file.resolve()):
        count, name = count + 1, f"voicewire_agent_{count + 1}"
    return name


def _line_in(error: BaseException, file: Path) -> str:
    """`, line 12` of the user's own file, where the traceback has it."""
    ours = file.resolve()
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).resolve() == ours:
        return f", line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename).resolve() == ours]
    return f", line {lines[-1]}" if lines else ""


def _check_types(**arguments: tuple[Any, Any]) -> None:
    """Name the first argument that is not of its type. Raises ConfigError."""
    for name, (value, kind) in arguments.items():
        try:
            msgspec.convert(value, kind)
            msgspec.json.encode(value)
        except (msgspec.ValidationError, TypeError, ValueError) as error:
            raise ConfigError(f"the agent's {name} is wrong: {error}") from error
        if isinstance(value, Struct):
            _check_values(name, value)


def _check_values(name: str, options: Struct) -> None:
    """No struct looks at what it is made of."""
    try:
        check_numbers(msgspec.convert(msgspec.to_builtins(options), type(options)), "")
    except msgspec.ValidationError as error:
        raise ConfigError(f"the agent's {name} is wrong: {in_words(error)}") from error


def _arguments(handler: Callable[..., Any]) -> int:
    """How many arguments a handler must be given, in order; -1 if it wants others as well."""
    wanted = [each for each in inspect.signature(handler).parameters.values() if each.default is each.empty]
    in_order = [each for each in wanted if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    return -1 if any(each.kind is each.KEYWORD_ONLY for each in wanted) else len(in_order)

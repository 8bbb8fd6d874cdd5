"""The agent's file: what makes an agent, and one sentence that names file, line and fault of one that is broken."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audio.endpoint import TurnOptions
from link.errors import ConfigError
from llm.events import ModelSettings
from llm.function_calls import NEVER_S, CallOptions
from llm.summary import SummaryOptions
from llm.turn_completion import TurnCompletionOptions
from server.agent import EVENTS, Agent, load_agent
from server.call.events import CallStarted, UserTurn
from server.call.policy import Sentences
from server.config import Settings, load

HEAD = "from server.agent import Agent\nfrom llm.tools import tool\n"


@pytest.fixture(autouse=True)
def clean_imports() -> Iterator[None]:
    """An agent's file stands on `sys.path` with its folder; here each has a folder of its own."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the agent stands."""
    return tmp_path / "shop.py"


def sentence(file: Path) -> str:
    """What is said of a broken file."""
    with pytest.raises(ConfigError) as caught:
        load_agent(file)
    return str(caught.value)


# --- a file that works ------------------------------------------------------------------------------------------------


def test_an_agent_of_a_file(file: Path) -> None:
    file.write_text(
        HEAD + "@tool\ndef hours(day: str) -> str:\n    return 'nine'\n"
        "agent = Agent(instructions='Be brief.', greeting='Hello.', tools=[hours], vocabulary=('one', 'two'))\n"
        "@agent.on('call_started')\nasync def started(call): ...\n"
        "@agent.on('user_turn')\nasync def turn(call, event): ...\n"
        "@agent.on('user_turn')\nasync def again(call, event, extra=1): ...\n"
    )
    agent = load_agent(file)
    assert (agent.instructions, agent.greeting, agent.vocabulary) == ("Be brief.", "Hello.", ("one", "two"))
    assert [spec.schema.name for spec in agent.tools.specs()] == ["hours"]
    handlers = {kind: [count for _, count in each] for kind, each in agent.handlers.items()}
    assert handlers == {CallStarted: [1], UserTurn: [2, 2]}


def test_a_file_may_import_what_stands_beside_it(file: Path) -> None:
    (file.parent / "prices_of_the_shop.py").write_text("GREETING = 'Hello.'\n")
    file.write_text(
        HEAD + "from prices_of_the_shop import GREETING\n"
        "from dataclasses import dataclass\n@dataclass\nclass Order:\n    item: 'str'\n"
        "agent = Agent(greeting=GREETING)\n"
    )
    assert load_agent(file).greeting == "Hello."


def test_every_event_can_be_handled() -> None:
    agent = Agent()
    for event in EVENTS:

        @agent.on(event)
        async def handler(call: object) -> None: ...

    assert set(agent.handlers) == set(EVENTS.values())


# --- files that are none ----------------------------------------------------------------------------------------------


def test_no_file(tmp_path: Path) -> None:
    assert sentence(tmp_path / "shop.py") == f"there is no agent file {tmp_path}/shop.py"
    assert sentence(tmp_path) == f"there is no agent file {tmp_path}"


@pytest.mark.parametrize("name", ["shop.txt", "shop"])
def test_a_file_of_another_kind(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(HEAD + "agent = Agent()\n")
    assert sentence(file) == f"{file} is not a Python file"


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("", "it has no `agent`"),
        (HEAD + "bot = Agent()\n", "it has no `agent`"),
        (HEAD + "agent = 'Agent'\n", "its `agent` is no Agent but a str"),
        (HEAD + "agent = Agent\n", "its `agent` is no Agent but a type"),
        (HEAD + "def agent(): return Agent()\n", "its `agent` is no Agent but a function"),
    ],
)
def test_a_file_without_an_agent(file: Path, code: str, what: str) -> None:
    file.write_text(code)
    assert sentence(file) == f"the agent file {file} is wrong: {what}; write: agent = Agent(instructions=…)"


# --- files that break -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "line", "what"),
    [
        ("agent = Agent(\n", 3, "SyntaxError: '(' was never closed"),
        ("agent == = 3\n", 3, "SyntaxError: invalid syntax"),
        ("if 1:\nagent = 1\n", 4, "IndentationError: expected an indented block"),
        ("\nraise RuntimeError('no database')\n", 4, "RuntimeError: no database"),
        (
            "def price():\n    return 1 / 0\n\nagent = Agent(greeting=price())\n",
            4,
            "ZeroDivisionError: division by zero",
        ),
        ("import nothing_like_this\n", 3, "ModuleNotFoundError: No module named 'nothing_like_this'"),
        ("agent = Agnet()\n", 3, "NameError: name 'Agnet' is not defined"),
        ("import sys\nsys.exit('no key')\n", 4, "SystemExit: no key"),
        ("agent = Agent(instruction='x')\n", 3, "TypeError: Agent.__init__() got an unexpected keyword argument"),
        ("agent = Agent('x')\n", 3, "TypeError: Agent.__init__() takes 1 positional argument but 2 were given"),
        ("agent = Agent(tools=3)\n", 3, "TypeError: 'int' object is not iterable"),
        ("@tool(timeout=3)\ndef look(): ...\n", 3, "TypeError: tool() got an unexpected keyword argument 'timeout'"),
        ("def again(): again()\nagain()\n", 3, "RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_a_file_that_breaks_is_named_with_its_line(file: Path, code: str, line: int, what: str) -> None:
    file.write_text(HEAD + code)
    assert sentence(file).startswith(f"the agent file {file} failed, line {line}: {what}")


def test_a_fault_in_what_the_file_imports_names_the_line_of_the_import(file: Path) -> None:
    helper = file.parent / "helper_of_the_shop.py"
    file.write_text(HEAD + "\nimport helper_of_the_shop\n")
    helper.write_text("\n\n\n\nraise ValueError('broken')\n")
    assert sentence(file) == f"the agent file {file} failed, line 4: ValueError: broken"
    helper.write_text("x = = 1\n")
    told = sentence(file)
    assert told == f"the agent file {file} failed, line 4: SyntaxError: invalid syntax (helper_of_the_shop.py, line 1)"


def test_a_file_that_is_not_text(file: Path) -> None:
    file.write_bytes(b"x = '\xe9'\n")
    assert sentence(file).startswith(f"the agent file {file} failed, line 1: SyntaxError: (unicode error)")
    file.write_bytes(b"\x00")
    assert sentence(file) == f"the agent file {file} failed: SyntaxError: source code string cannot contain null bytes"


def test_whoever_interrupts_the_start_is_obeyed(file: Path) -> None:
    file.write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load_agent(file)


# --- arguments, tools and handlers that are wrong ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("Agent(greeting=3)", "the agent's greeting is wrong: Expected `str`, got `int`"),
        ("Agent(instructions=None)", "the agent's instructions is wrong: Expected `str`, got `null`"),
        ("Agent(vocabulary='hello')", "the agent's vocabulary is wrong: Expected `array`, got `str`"),
        ("Agent(vocabulary=['a', 3])", "the agent's vocabulary is wrong: Expected `str`, got `int` - at `$[1]`"),
        ("Agent(fixed='Hello.')", "the agent's fixed is wrong: Expected `array`, got `str`"),
        ("Agent(stt=3)", "the agent's stt is wrong: Expected `str | object | null`, got `int`"),
        ("Agent(llm=['local'])", "the agent's llm is wrong: Expected `str | object | null`, got `array`"),
        ("Agent(tts=True)", "the agent's tts is wrong: Expected `str | object | null`, got `bool`"),
        ("Agent(turn=5)", "the agent's turn is wrong: Expected `object | null`, got `int`"),
        ("Agent(policy=Policy(max_rounds=0))", "the agent's policy is wrong: max_rounds: must be above zero, not 0"),
        ("Agent(policy=Policy(mute=('x',)))", "the agent's policy is wrong: mute[0]: invalid enum value 'x'"),
        ("Agent(filters=['x'])", "the agent's filters must be functions that take a text and give one"),
        ("Agent(tools=[look, look])", "tool 'look' is registered twice"),
        ("Agent(tools=[untyped])", "tool 'untyped': argument 'day' has no type"),
        ("Agent(tools=[starred])", "tool 'starred': argument 'days' has a kind (*, **, /) that no model can fill"),
        ("Agent().on('call_start')", f"there is no event 'call_start'; there are {', '.join(EVENTS)}"),
    ],
)
def test_a_wrong_argument_is_named_with_file_and_line(file: Path, code: str, what: str) -> None:
    file.write_text(
        HEAD
        + "from server.call.policy import Policy\n"
        + "def look(): ...\ndef untyped(day): ...\ndef starred(*days: str): ...\n"
        + f"agent = {code}\n"
    )
    assert sentence(file) == f"{file}, line 7: {what}"


@pytest.mark.parametrize(
    "handler",
    [
        "def f(call): ...",
        "async def f(): ...",
        "async def f(call, event, more): ...",
        "async def f(call, *, more): ...",
        "async def f(*call): ...",
        "async def f(call):\n    yield 1",
        "class f:\n    def __init__(self, call): ...",
    ],
)
def test_a_handler_of_another_form_is_named_with_file_and_line(file: Path, handler: str) -> None:
    file.write_text(HEAD + f"agent = Agent()\n@agent.on('idle')\n{handler}\n")
    assert sentence(file) == f"{file}, line 4: the handler 'f' of 'idle' must be: async def f(call) or (call, event)"


@pytest.mark.parametrize("decorator", ["@tool", "@tool()"])
def test_a_tool_that_no_schema_can_describe_is_named_with_file_and_line(file: Path, decorator: str) -> None:
    file.write_text(HEAD + f"\n{decorator}\nasync def look(day: complex) -> str: ...\n")
    assert sentence(file).startswith(f"{file}, line 4: tool 'look': argument 'day' cannot be said in a schema: ")


# --- the agent and the configuration ----------------------------------------------------------------------------------


def test_what_a_core_needs_comes_from_the_agent_and_the_settings() -> None:
    settings = load(None, {"VOICEWIRE_TURN__MIN_DELAY_MS": "7", "VOICEWIRE_POLICY__WHILE_WAITING__MIN_WORDS": "3"}, {})
    made = Agent(instructions="Be brief.", greeting="Hello.").call_settings(settings)
    assert (made.instructions, made.greeting, made.tools) == ("Be brief.", "Hello.", ())
    assert (made.turn, made.policy, made.calls) == (settings.turn, settings.policy, CallOptions())
    assert made.sentences == settings.sentences


def test_a_key_of_a_table_that_the_configuration_names_goes_before_the_agents_and_no_other_does() -> None:
    agent = Agent(sentences=Sentences(idle="Hello?", idle_goodbye=""), turn=TurnOptions(rules=()))
    assert agent.call_settings(Settings()).sentences == Sentences(idle="Hello?", idle_goodbye="")
    configured = agent.call_settings(load(None, {"VOICEWIRE_SENTENCES__IDLE": Sentences().idle}, {}))
    assert configured.sentences == Sentences(idle_goodbye=""), "an operator may want the default"
    assert configured.turn == TurnOptions(rules=())
    longer = agent.call_settings(load(None, {"VOICEWIRE_TURN__MIN_DELAY_MS": "500"}, {}))
    assert longer.turn == TurnOptions(rules=(), min_delay_ms=500)


def test_what_agent_and_configuration_say_must_go_together() -> None:
    agent = Agent(turn=TurnOptions(min_delay_ms=900))
    settings = load(None, {"VOICEWIRE_TURN__MAX_DELAY_MS": "800"}, {})
    with pytest.raises(ConfigError, match="agent and configuration together are wrong: turn"):
        agent.call_settings(settings)


@pytest.mark.parametrize(
    ("key", "wanted", "variable", "value", "configured"),
    [
        (
            "model",
            ModelSettings(temperature=0.1),
            "VOICEWIRE_MODEL__TEMPERATURE",
            "0.5",
            ModelSettings(temperature=0.5),
        ),
        (
            "calls",
            CallOptions(run_in_parallel=False),
            "VOICEWIRE_CALLS__GROUP_PARALLEL_TOOLS",
            "false",
            CallOptions(run_in_parallel=False, group_parallel_tools=False),
        ),
        (
            "summary",
            SummaryOptions(mode="truncate"),
            "VOICEWIRE_SUMMARY__TIMEOUT_S",
            "9",
            SummaryOptions(mode="truncate", timeout_s=9.0),
        ),
        (
            "turn_completion",
            TurnCompletionOptions(short_s=1.0),
            "VOICEWIRE_TURN_COMPLETION__LONG_S",
            "9",
            TurnCompletionOptions(short_s=1.0, long_s=9.0),
        ),
    ],
)
def test_what_the_agent_wants_goes_before_the_defaults_and_after_the_configuration(
    key: str, wanted: Any, variable: str, value: str, configured: Any
) -> None:
    agent = Agent(**{key: wanted})
    assert getattr(agent.call_settings(Settings()), key) == wanted
    assert getattr(agent.call_settings(load(None, {variable: value}, {})), key) == configured
    assert getattr(Agent().call_settings(Settings()), key) == type(wanted)()


@pytest.mark.parametrize("timeout_s", [0, -3, math.nan])
def test_a_time_out_without_time_is_refused(timeout_s: float) -> None:
    with pytest.raises(ConfigError, match="calls: function_call_timeout_secs must be above zero"):
        CallOptions(function_call_timeout_secs=timeout_s)


def test_a_configured_time_out_may_be_none(tmp_path: Path) -> None:
    file = tmp_path / "voicewire.toml"
    file.write_text("[calls]\nfunction_call_timeout_secs = inf\n")
    assert Agent().call_settings(load(file, {}, {})).calls.function_call_timeout_secs == NEVER_S


def test_settings_of_another_kind_are_named() -> None:
    with pytest.raises(ConfigError, match="the agent's summary is wrong"):
        Agent(summary=CallOptions())  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"MCPServer\(command=…\)"):
        Agent(mcp=["uvx"])  # type: ignore[list-item]

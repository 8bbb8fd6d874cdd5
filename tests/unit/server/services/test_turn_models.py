"""The rules `acoustic` and `stt`, and what they need, belong together, whoever wants them."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from audio.endpoint import TurnOptions
from audio.smart_turn.engine import SmartTurnEngine
from link.errors import ConfigError, Overloaded
from server.agent import Agent
from server.config import Settings, load
from server.engines import ProcessEngines, make_engines
from tests.unit.server.parts import Slots

SCRIPTED = {"stt": "scripted", "llm": "tests.unit.server.parts:model", "tts": "scripted"}
MODEL = {"name": "smart-turn", "path": "net.onnx"}
RULED = TurnOptions(rules=("transcript", "acoustic"))


class Judge:
    """It is never asked."""

    def close(self) -> None:
        """Nothing to give back."""


def judges(free: int = 1) -> Slots:
    """`turn_model = {name = "tests.unit.server.services.test_turn_models:judges"}`"""
    return Slots(Judge, free)


def engines(agent: Agent | None = None, **settings: Any) -> ProcessEngines:
    """The engines, with scripted services."""
    return make_engines(msgspec.convert({**SCRIPTED, **settings}, Settings), agent or Agent(), asyncio.create_task)


def sentence(agent: Agent | None = None, **settings: Any) -> str:
    """What is said of it."""
    with pytest.raises(ConfigError) as caught:
        engines(agent, **settings)
    return str(caught.value).removeprefix("the configuration is wrong: ")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("agent", "settings"),
    [
        (Agent(), {"turn": {"rules": ["acoustic"]}, "turn_model": MODEL}),
        (Agent(turn=RULED), {"turn_model": MODEL}),
        (Agent(turn_model=MODEL), {"turn": {"rules": ["acoustic"]}}),
        (Agent(turn=RULED, turn_model={**MODEL, "workers": 2}), {}),
    ],
)
async def test_both_may_come_from_the_agent_and_from_the_configuration(agent: Agent, settings: dict[str, Any]) -> None:
    assert isinstance(engines(agent, **settings).turn_model, SmartTurnEngine)


@pytest.mark.asyncio
async def test_the_configuration_goes_before_and_the_environment_fills_the_table() -> None:
    services = {f"VOICEWIRE_{kind.upper()}": name for kind, name in SCRIPTED.items()}
    settings = load(None, services, {})
    assert make_engines(settings, Agent(), asyncio.create_task).turn_model is None
    variables = {
        "VOICEWIRE_TURN__RULES": '["acoustic"]',
        "VOICEWIRE_TURN_MODEL__NAME": "smart-turn",
        "VOICEWIRE_TURN_MODEL__PATH": "net.onnx",
        "VOICEWIRE_TURN_MODEL__WORKERS": "3",
    }
    settings = load(None, services | variables, {})
    assert settings.turn_model == {"name": "smart-turn", "path": "net.onnx", "workers": 3}
    agent = Agent(turn_model=f"{__name__}:judges")
    assert isinstance(make_engines(settings, agent, asyncio.create_task).turn_model, SmartTurnEngine)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("agent", "settings", "words"),
    [
        (
            Agent(turn=RULED),
            {},
            'turn.rules: "acoustic" needs a model; set turn_model = {name = "smart-turn", path = "…"}',
        ),
        (
            Agent(),
            {"turn_model": MODEL},
            'turn_model is of no use without its rule; set turn.rules = ["transcript", "acoustic"]',
        ),
        (
            Agent(turn=TurnOptions(rules=("stt",))),
            {},
            "turn.rules: \"stt\" needs ears that follow turns, and 'scripted' does not;"
            ' choose stt = {name = "deepgram-flux", …}, or leave the rule out',
        ),
        (
            Agent(turn=RULED),
            {"turn_model": MODEL, "vad": {"stop_ms": 500}},
            "turn.judge_timeout_ms must exceed vad.stop_ms, after which the model is asked",
        ),
        (
            Agent(turn=RULED),
            {"turn_model": "smart-turn"},
            'turn_model: path must name the ONNX file: turn_model = {name = "smart-turn", path = "…"}',
        ),
        (
            Agent(turn=RULED),
            {"turn_model": "smarter-turn"},
            "there is no turn_model 'smarter-turn'; there are smart-turn, or \"package.module:factory\"",
        ),
        (
            Agent(turn=RULED),
            {"turn_model": {**MODEL, "threads": 2}},
            "turn_model = 'smart-turn' has no option `threads`; there are: path, workers",
        ),
    ],
)
async def test_what_does_not_go_together_is_said(agent: Agent, settings: dict[str, Any], words: str) -> None:
    assert sentence(agent, **settings) == words


@pytest.mark.asyncio
async def test_a_call_that_gets_no_judge_holds_nothing() -> None:
    ears = "tests.unit.server.parts:ears"
    made = engines(
        Agent(turn=RULED), stt={"name": ears, "free": 5}, turn_model={"name": f"{__name__}:judges", "free": 1}
    )
    services = made.open()
    assert made.free == 0
    with pytest.raises(Overloaded):
        made.open()
    assert made.stt.free == 4
    services.close()
    assert (made.stt.free, made.free) == (5, 1)

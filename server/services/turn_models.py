"""What judges turns by their sound, by name: `turn_model = {name = "smart-turn", path = "…"}`.

The model and the rule `acoustic` belong together, and both may come from the agent or from the configuration.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from audio.services import TurnJudge
from link.errors import ConfigError
from server.factories import Engine, Factory, Known, make
from server.services import embedded
from server.services.remote import Given

TURN_MODELS: dict[str, Callable[[Given], Factory]] = {"smart-turn": embedded.smart_turn}


def make_turn_model(given: Given) -> Engine[TurnJudge] | None:
    """The engine, if one is wanted. Raises ConfigError that names the key."""
    service = given.settings.turn_model or given.agent.turn_model
    if fault := _fault_of(given, chosen=service is not None):
        raise ConfigError(f"the configuration is wrong: {fault}")
    if service is None:
        return None
    known: Known = {each: partial(find, given) for each, find in TURN_MODELS.items()}
    engine: Engine[TurnJudge] = make("turn_model", given.place, service, known)
    return engine


def _fault_of(given: Given, *, chosen: bool) -> str:
    """What does not go together; empty for nothing."""
    turn = given.settings.over("turn", given.agent.turn)
    wanted = "acoustic" in turn.rules
    if wanted and not chosen:
        return 'turn.rules: "acoustic" needs a model; set turn_model = {name = "smart-turn", path = "…"}'
    if chosen and not wanted:
        return 'turn_model is of no use without its rule; set turn.rules = ["transcript", "acoustic"]'
    if wanted and turn.judge_timeout_ms <= given.settings.vad.stop_ms:
        return "turn.judge_timeout_ms must exceed vad.stop_ms, after which the model is asked"
    return ""

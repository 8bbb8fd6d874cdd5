"""Which faults and habits a simulated call has. Each seed switches some of them off, so that none hides another."""

from __future__ import annotations

from random import Random

from msgspec import Struct

KINDS = (
    "drop",
    "outage",
    "fatal",
    "slow",
    "stall",
    "refuse",
    "blocked",
    "thinks",
    "warm_up",
    "ungrouped",
    "run_llm",
    "cancels",
    "configure",
    "read",
    "rewrite",
    "note",
    "marks",
    "summary",
    "fallback",
    "infer_fails",
    "empty",
    "progress",
    "long",
    "late",
    "duplicate",
    "cough",
    "listens",
    "mumbles",
    "noise",
    "television",
    "barge_in",
    "pause_in_turn",
    "tool",
    "tool_fail",
    "fillers",
    "tool_hang",
    "voice_fail",
    "voice_stall",
    "voice_drop",
    "voice_nothing",
    "voice_late",
    "emoji",
    "untimed",
    "stt_lost",
    "stt_late",
    "stt_retract",
    "stt_double",
    "stt_revise",
    "stt_outage",
    "follows_turns",
    "hints_odd",
    "eager",
    "judges",
    "judges_late",
    "rules",
    "punctuates",
    "trails",
    "falls_silent",
    "waits_on",
    "typed",
    "keys",
    "stop_button",
    "say",
    "protected",
    "send",
    "mute",
    "mutes",
    "judged",
    "early",
    "ahead",
    "hang_up",
)

# The ways in which a link breaks, as the core is told of them.
DROPS = ("1000", "1001", "reset", "1011", "1012", "1013", "stalled", "garbage")


class Swarm(Struct, frozen=True):
    """What may happen in one call."""

    on: frozenset[str]

    @classmethod
    def draw(cls, random: Random) -> Swarm:
        """Most kinds on, some off; now and then few or all of them."""
        share = random.choice((0.3, 0.6, 0.8, 1.0))
        return cls(frozenset(kind for kind in KINDS if random.random() < share) | {"drop"})

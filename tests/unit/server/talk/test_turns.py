"""The latency of turns."""

from __future__ import annotations

import pytest

from server.talk.events import Response
from server.talk.turns import Turns

TURN = {"type": "turn", "first_token_ms": 12, "first_audio_ms": 30.5, "end_of_turn_ms": None}
STAGES = {"transcript_ms": None, "end_of_turn_ms": None, "first_token_ms": 12.0, "first_audio_ms": 30.5}


def test_only_the_audio_after_a_turn_is_a_response() -> None:
    turns = Turns()
    turns.spoke(1.0)
    turns.receive({"type": "speech_stopped"})
    assert turns.audio(1.2) is None
    turns.receive(TURN)
    assert turns.audio(1.5) == Response(500.0, STAGES)
    assert turns.audio(1.6) is None


def test_a_voice_that_goes_on_after_its_turn_does_not_count() -> None:
    turns = Turns()
    turns.spoke(1.0)
    turns.receive({"type": "speech_stopped"})
    turns.spoke(1.4)  # the next sentence begins before the answer to this one
    turns.receive(TURN)
    assert turns.audio(1.5) == Response(500.0, STAGES)


def test_a_turn_of_two_pieces_counts_from_the_last() -> None:
    turns = Turns()
    for until in (1.0, 2.0):
        turns.spoke(until)
        turns.receive({"type": "speech_stopped"})
    turns.receive(TURN)
    assert turns.audio(2.25) == Response(250.0, STAGES)


def test_a_turn_of_unknown_origin_has_no_time() -> None:
    turns = Turns()
    turns.receive({"type": "speech_stopped"})
    turns.receive(TURN)
    assert turns.audio(2.0) == Response(None, STAGES)
    assert turns.median_ms is None
    assert turns.worst_ms is None


def test_median_and_worst() -> None:
    turns = Turns()
    for asked, answered in ((1.0, 1.3), (2.0, 2.9), (4.0, 4.4)):
        turns.typed(asked)
        turns.receive(TURN)
        turns.audio(answered)
    assert (turns.median_ms, turns.worst_ms) == (400.0, 900.0)


@pytest.mark.parametrize(
    ("message", "count"),
    [
        ({"type": "transcript", "role": "user", "text": "yes", "final": True}, 1),
        ({"type": "transcript", "role": "user", "text": "yes", "final": False}, 0),
        ({"type": "transcript", "role": "user", "text": "", "final": True}, 0),
        ({"type": "transcript", "role": "assistant", "text": "yes", "final": True}, 0),
    ],
)
def test_what_is_a_turn(message: dict[str, object], count: int) -> None:
    turns = Turns()
    turns.receive(message)
    assert turns.count == count

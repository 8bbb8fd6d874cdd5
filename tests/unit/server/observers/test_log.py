"""One line for each event that matters; what was said at DEBUG only."""

from __future__ import annotations

import pytest

from audio.events import Transcript
from audio.playout import Chunk
from server.call import events as e
from server.call import model_events as of_model
from server.observers.log import LogObserver
from tests.unit.server.logbook import Logbook


def logged(event: e.Event) -> list[tuple[str, str]]:
    """Level and text of each line of an event."""
    with Logbook() as log:
        LogObserver().event(1.0, event)
    return [(entry.level, entry.message) for entry in log.entries]


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (e.CallStarted(), [("INFO", "call started")]),
        (e.CallEnded("the caller hung up"), [("INFO", "call ended: the caller hung up")]),
        (
            e.UserTurn("my pin is 4711", 3.0),
            [("INFO", "turn of the caller: 4 words"), ("DEBUG", "caller: my pin is 4711")],
        ),
        (e.UserTurn(""), [("INFO", "turn of the caller: 0 words"), ("DEBUG", "caller:")]),
        (
            e.AssistantTurn("It is {noted}."),
            [("INFO", "turn of the bot: 3 words heard"), ("DEBUG", "bot: It is {noted}.")],
        ),
        (e.ToolStarted("c1", "pay", '{"pin": "4711"}'), [("INFO", "tool pay started (c1)")]),
        (e.ToolFinished("c1", "pay", "failed", "pin 4711 is wrong"), [("INFO", "tool pay failed (c1)")]),
        (e.ToolFinished("c1", "pay", "completed", "4711"), [("INFO", "tool pay completed (c1)")]),
        (of_model.Summarised(9), [("INFO", "9 older messages were summarised")]),
        (of_model.Truncated(9), [("INFO", "9 older messages were dropped")]),
        (e.Interrupted(), [("INFO", "the caller interrupted")]),
        (e.FalseInterruption(), [("INFO", "it was nothing; the bot goes on")]),
        (e.LinkChanged("reconnecting"), [("INFO", "link to the language model: reconnecting")]),
        (e.Problem("reply_stalled", "the model went silent"), [("WARNING", "reply_stalled: the model went silent")]),
        (e.Problem("llm_refused", "HTTP 401", fatal=True), [("ERROR", "llm_refused: HTTP 401")]),
    ],
)
def test_what_matters_is_a_line(event: e.Event, lines: list[tuple[str, str]]) -> None:
    assert logged(event) == lines


@pytest.mark.parametrize(
    "event",
    [
        e.UserSpeech(True),
        e.UserTranscript("my pin is", False),
        e.BotSpeech(False),
        e.AssistantTranscript("It is", False),
        e.ToolUpdated("c1", "pay", "half way"),
        of_model.CompletionTimeout(1),
        e.Keys("4711"),
        e.Idle(),
    ],
)
def test_the_rest_is_none(event: e.Event) -> None:
    assert logged(event) == []


def test_facts_and_audio_are_not_logged() -> None:
    with Logbook() as log:
        LogObserver().fact(1.0, Transcript("my pin is 4711", True))
        LogObserver().audio_out(1.0, Chunk(1, b"", True))
    assert log.entries == []

"""The metrics of the process, as they are scraped."""

from __future__ import annotations

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from audio.events import Transcript
from audio.playout import Chunk
from llm.events import Delta, Usage
from server.call import events as e
from server.call import model_events as of_model
from server.observers.metrics import SECONDS, Metrics, MetricsObserver

KNOWN = frozenset({"pay"})


def scraped(metrics: Metrics) -> dict[str, float]:
    """All samples that are not zero, by name and labels."""
    text = generate_latest(metrics.registry).decode()
    return {
        sample.name.removeprefix("voicewire_")
        + "".join(f" {key}={value}" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.value and not sample.name.endswith("_created")
    }


def after(*events: e.Event) -> dict[str, float]:
    """What one call has counted."""
    metrics = Metrics()
    observer = metrics.observer(KNOWN)
    for event in events:
        observer.event(1.0, event)
    return scraped(metrics)


def test_before_the_first_call_there_is_nothing() -> None:
    assert scraped(Metrics()) == {}


@pytest.mark.parametrize(
    ("events", "counted"),
    [
        ([e.CallStarted()], {"calls_total": 1, "calls_active": 1}),
        ([e.CallStarted(), e.CallEnded("bye")], {"calls_total": 1}),
        ([e.UserTurn("one"), e.UserTurn("two")], {"turns_total": 2}),
        ([e.Interrupted()], {"interruptions_total": 1}),
        (
            [e.ToolFinished("c1", "pay", "completed", "x"), e.ToolFinished("c2", "pay", "failed", "x")],
            {"tool_calls_total outcome=completed tool=pay": 1, "tool_calls_total outcome=failed tool=pay": 1},
        ),
        ([e.LinkChanged("up")], {}),
        ([e.LinkChanged("reconnecting"), e.LinkChanged("up"), e.LinkChanged("down")], {"llm_links_lost_total": 2}),
        (
            [e.Problem("reply_stalled", "it went silent"), e.Problem("llm_refused", "401", fatal=True)],
            {"problems_total code=reply_stalled": 1, "problems_total code=llm_refused": 1},
        ),
        (
            [
                of_model.ReplyMetrics(1, "done", 0.3, 1.0, Usage(100, 20, 80, 5), 28.6, 0, "m"),
                of_model.ReplyMetrics(2, "stalled", None, 6.0, Usage(), None, 1, ""),
            ],
            {
                "llm_replies_total outcome=done": 1,
                "llm_replies_total outcome=stalled": 1,
                "llm_tokens_total kind=input": 100,
                "llm_tokens_total kind=output": 20,
                "llm_tokens_total kind=cached": 80,
                "llm_tokens_total kind=reasoning": 5,
                "llm_first_token_seconds_count": 1,
                "llm_first_token_seconds_sum": 0.3,
                **{f"llm_first_token_seconds_bucket le={le}": 1 for le in (*map(str, SECONDS[2:]), "+Inf")},
            },
        ),
        ([of_model.Summarised(9)], {"llm_summaries_total": 1}),
        ([e.ToolStarted("c1", "pay", "{}"), e.Keys("1"), e.Idle(), e.AssistantTurn("hello"), e.BotSpeech(True)], {}),
    ],
)
def test_what_is_counted(events: list[e.Event], counted: dict[str, float]) -> None:
    assert after(*events) == counted


def test_a_name_that_the_model_made_up_is_no_label() -> None:
    """Else it could make as many series as it likes."""
    finished = [e.ToolFinished(f"c{n}", f"made_up_{n}", "failed", "Error: not registered") for n in range(5)]
    assert after(*finished) == {"tool_calls_total outcome=failed tool=unknown": 5}


def test_two_calls_are_counted_together() -> None:
    metrics = Metrics()
    first, second = metrics.observer(KNOWN), metrics.observer(frozenset())
    for observer in (first, second):
        observer.event(1.0, e.CallStarted())
    first.event(2.0, e.CallEnded("bye"))
    assert scraped(metrics) == {"calls_total": 2, "calls_active": 1}


def answer_a_turn(observer: MetricsObserver, *, spoken: bool) -> None:
    """The caller's turn, and the first sample of the answer 0.6 s after the last voiced one."""
    observer.fact(10.15, Transcript("hello", True))
    observer.event(10.35, e.UserTurn("hello", voiced_until=10.0 if spoken else None))
    observer.fact(10.45, Delta(1, "Hi"))
    observer.audio_out(10.6, Chunk(1, b"", True))


def test_the_latency_of_a_turn_is_observed_in_seconds() -> None:
    metrics = Metrics()
    answer_a_turn(metrics.observer(KNOWN), spoken=True)
    sums = {key: value for key, value in scraped(metrics).items() if key.startswith("turn_seconds_sum")}
    assert sums == {
        "turn_seconds_sum until=end_of_turn": pytest.approx(0.35),
        "turn_seconds_sum until=transcript": pytest.approx(0.15),
        "turn_seconds_sum until=first_token": pytest.approx(0.45),
        "turn_seconds_sum until=first_audio": pytest.approx(0.6),
    }
    assert scraped(metrics)["turn_seconds_bucket le=0.7 until=first_audio"] == 1
    assert "turn_seconds_bucket le=0.5 until=first_audio" not in scraped(metrics)


def test_what_did_not_happen_is_not_observed() -> None:
    metrics = Metrics()
    answer_a_turn(metrics.observer(KNOWN), spoken=False)
    counts = {key for key in scraped(metrics) if key.startswith("turn_seconds_count")}
    assert counts == {"turn_seconds_count until=first_token", "turn_seconds_count until=first_audio"}


def test_two_servers_of_one_process_have_metrics_of_their_own() -> None:
    one, other = Metrics(), Metrics()
    one.observer(KNOWN).event(1.0, e.CallStarted())
    assert scraped(other) == {}

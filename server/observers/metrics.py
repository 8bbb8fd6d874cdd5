"""Prometheus metrics of the process, and the observer that feeds them from a call."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from audio.playout import Chunk
from server.call.events import (
    CallEnded,
    CallStarted,
    Event,
    Fact,
    Interrupted,
    LinkChanged,
    Problem,
    ToolFinished,
    UserTurn,
)
from server.call.model_events import ReplyMetrics, Summarised
from server.observers.latency import Latency, LatencyObserver

SECONDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)


class Metrics:
    """All metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.calls = self._counter("calls", "Calls that began")
        self.refused = self._counter("refused", "Connections that were refused", "why")
        self.ended = self._counter("calls_ended", "Calls by close code", "code")
        self.active = Gauge("voicewire_calls_active", "Calls going on", registry=self.registry)
        self.turns = self._counter("turns", "Turns of callers that were answered or are being answered")
        self.interruptions = self._counter("interruptions", "Barge-ins")
        self.tools = self._counter("tool_calls", "Tool calls by name and outcome", "tool", "outcome")
        self.links = self._counter("llm_links_lost", "Links to the language model that were lost")
        self.replies = self._counter("llm_replies", "Answers of the language model by outcome", "outcome")
        self.tokens = self._counter("llm_tokens", "Tokens, as providers counted them", "kind")
        self.summaries = self._counter("llm_summaries", "Conversations whose older part was condensed")
        self.first_token = Histogram(
            "voicewire_llm_first_token_seconds", "From the request", buckets=SECONDS, registry=self.registry
        )
        self.problems = self._counter("problems", "What went wrong, by code", "code")
        self.dropped = self._counter("dropped", "What was dropped or came too late, by kind", "kind")
        self.lateness = Gauge(
            "voicewire_pacer_lateness_seconds", "The latest tick since the last scrape", registry=self.registry
        )
        self.latency = Histogram(
            "voicewire_turn_seconds",
            "From the caller's last voiced sample",
            ["until"],
            buckets=SECONDS,
            registry=self.registry,
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"voicewire_{name}", text, labels, registry=self.registry)

    def observer(self, tools: frozenset[str]) -> MetricsObserver:
        """The observer of one call; `tools` are the names that may become labels (a model can invent others)."""
        return MetricsObserver(self, tools)


class MetricsObserver:
    """Counts one call."""

    def __init__(self, metrics: Metrics, tools: frozenset[str]) -> None:
        self._metrics = metrics
        self._tools = tools
        self._latency = LatencyObserver(self._on_turn)

    def fact(self, now: float, fact: Fact) -> None:
        """A fact is about to be handled."""
        self._latency.fact(now, fact)

    def audio_out(self, now: float, chunk: Chunk) -> None:
        """Audio leaves."""
        self._latency.audio_out(now, chunk)

    def event(self, now: float, event: Event) -> None:
        """The core tells something."""
        self._latency.event(now, event)
        metrics = self._metrics
        match event:
            case CallStarted():
                metrics.calls.inc()
                metrics.active.inc()
            case CallEnded():
                metrics.active.dec()
            case UserTurn():
                metrics.turns.inc()
            case Interrupted():
                metrics.interruptions.inc()
            case ToolFinished(_, name, outcome):
                metrics.tools.labels(name if name in self._tools else "unknown", outcome).inc()
            case LinkChanged(state) if state != "up":
                metrics.links.inc()
            case ReplyMetrics():
                self._on_reply(event)
            case Summarised():
                metrics.summaries.inc()
            case Problem(code):
                metrics.problems.labels(code).inc()
            case _:
                pass

    def _on_reply(self, reply: ReplyMetrics) -> None:
        metrics, usage = self._metrics, reply.usage
        metrics.replies.labels(reply.outcome).inc()
        metrics.tokens.labels("input").inc(max(0, usage.input_tokens))
        metrics.tokens.labels("output").inc(max(0, usage.output_tokens))
        metrics.tokens.labels("cached").inc(max(0, usage.cached_tokens))
        metrics.tokens.labels("reasoning").inc(max(0, usage.reasoning_tokens))
        if reply.first_token_s is not None:
            metrics.first_token.observe(reply.first_token_s)

    def _on_turn(self, latency: Latency) -> None:
        for name, value in latency.items():
            if value is not None:
                self._metrics.latency.labels(name.removesuffix("_ms")).observe(value / 1000)

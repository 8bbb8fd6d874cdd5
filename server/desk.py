"""One agent, ready to take calls: its engines, the tools of its MCP servers, its sounds."""

from __future__ import annotations

from collections.abc import Callable

from loguru import logger
from msgspec import Struct

from audio.playout import PlayoutOptions
from link.tasks import RunSync, Spawn
from llm.mcp import MCPTools
from llm.several import services_of
from server.agent import Agent
from server.call.hub import Journal
from server.call.line import Control
from server.call.pacer import Pacer
from server.call.policy import CallSettings
from server.call.shared import Shared
from server.config import Settings
from server.engines import DEFAULTS, make_engines
from server.observers.log import LogObserver
from server.observers.metrics import Metrics
from server.sounds import SoundFiles


class Process(Struct, frozen=True):
    """What the agents of one process have in common."""

    settings: Settings
    spawn: Spawn
    run_sync: RunSync
    pacer: Pacer
    metrics: Metrics
    journal: Callable[[str, CallSettings, PlayoutOptions], Journal | None]
    control: Control


class Desk:
    """Where the calls of one agent are taken. `start`, then `close`."""

    def __init__(self, agent: Agent, process: Process) -> None:
        """Raises ConfigError where agent and settings do not go together."""
        settings = process.settings
        self.agent = agent
        self._settings = settings
        self.engines = make_engines(settings, agent, process.spawn)
        sounds = SoundFiles(
            settings.over("background", agent.background), settings.over("hold_music", agent.hold_music)
        )
        own = [spec.schema.name for spec in agent.tools.specs()]
        self._mcp = MCPTools((*agent.mcp, *settings.mcp), process.spawn, taken=own)
        self.shared = Shared(
            agent=agent,
            settings=agent.call_settings(settings),
            wording=agent.wording(settings),
            limits=settings.limits,
            engines=self.engines,
            more_tools=self._mcp.tools,
            models=services_of(self.engines.llm),
            echo_guard=settings.echo_guard,
            sounds=sounds.at,
            pacer=process.pacer,
            run_sync=process.run_sync,
            observers=lambda _: (LogObserver(), process.metrics.observer(self._tool_names())),
            dropped=lambda kind, count: process.metrics.dropped.labels(kind).inc(count),
            journal=process.journal,
            control=process.control,
        )

    async def start(self) -> None:
        """Load everything. Raises ConfigError, ProviderError."""
        await self.engines.start()
        await self._mcp.start()
        self._tell_room()

    async def close(self) -> None:
        """Release everything."""
        await self._mcp.close()
        await self.engines.close()

    def _tool_names(self) -> frozenset[str]:
        """The names that may become labels of metrics."""
        own = (spec.schema.name for spec in self.agent.tools.specs())
        return frozenset((*own, *(tool.name for tool in self._mcp.tools())))

    def _tell_room(self) -> None:
        free, kind = min((getattr(self.engines, kind).free, kind) for kind in DEFAULTS)
        if free < self._settings.max_calls:
            logger.info(
                "room for {} calls at once, not for max_calls = {}: {} has no more places (its workers and slots)",
                *(free, self._settings.max_calls, kind),
            )

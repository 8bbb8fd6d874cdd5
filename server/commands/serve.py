"""Serve an agent: the browser page, the websocket, health and metrics.

    voicewire serve                          the demo agent at http://127.0.0.1:8080
    voicewire serve examples/bike_shop.py    your own: a Python file with `agent = Agent(…)`

Settings come from a TOML file (--config), then from the environment (VOICEWIRE_PORT=…), then from these options.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from loguru import logger

from link.errors import ConfigError
from server import logs
from server.agent import Agent, load_agent, load_agents
from server.app import Server
from server.config import Settings, load

DEMO = Path(__file__).resolve().parents[2] / "examples" / "demo.py"


def add(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("agent", nargs="?", type=Path, default=DEMO, help="the agent's file (default: the demo)")
    parser.add_argument("--config", type=Path, help="a TOML file with settings")
    parser.add_argument("--host", help="the address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="the port (default: 8080)")
    parser.add_argument("--token", help="what clients must show; better given as VOICEWIRE_TOKEN")
    parser.add_argument("--insecure", action="store_true", default=None, help="listen beyond loopback without a token")
    parser.add_argument("--public-url", help="the address from outside, behind a proxy: https://voice.example.org")
    parser.add_argument("--tls-cert", help="a certificate chain (PEM)")
    parser.add_argument("--tls-key", help="its key (PEM)")
    parser.add_argument("--max-calls", type=int, help="calls at once (default: 100)")
    parser.add_argument("--journal", metavar="DIR", help="write a journal of each call; it holds what was said")
    parser.add_argument("--log-level", help="TRACE, DEBUG (shows what is said), INFO, WARNING, ERROR")
    parser.add_argument("--log-json", action="store_true", default=None, help="log one JSON object a line")


def run(options: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM. Raises ConfigError, ProviderError."""
    overrides = {key: getattr(options, key) for key in OVERRIDES}
    settings = load(options.config, os.environ, overrides)
    logs.set_up(settings.log_level, as_json=settings.log_json)
    if settings.journal:
        _make_folder(Path(settings.journal))
    agent, numbers = load_agent(options.agent), load_agents(settings.phones.numbers)
    try:
        import uvloop
    except ImportError:
        return asyncio.run(_serve(settings, agent, numbers))
    return uvloop.run(_serve(settings, agent, numbers))


OVERRIDES = "host port token insecure public_url tls_cert tls_key max_calls journal log_level log_json".split()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"the journal folder {folder} cannot be made: {error.strerror}") from error


async def _serve(settings: Settings, agent: Agent, numbers: dict[str, Agent]) -> int:
    server = Server(settings, agent, numbers)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    starting = asyncio.timeout(None)
    address = ""

    def stop() -> None:
        if stopped.is_set():
            logger.warning("stopping at once")
            server.calls.end_all()
        elif not address:
            starting.reschedule(loop.time())  # a start that hangs can be given up
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows ends the process instead
            loop.add_signal_handler(number, stop)
    try:
        async with starting:
            address = await server.start()
        sys.stdout.write(f"voicewire is ready: open {address} in a browser (Ctrl-C stops it)\n")
        sys.stdout.flush()
        await stopped.wait()
        logger.info(
            "stopping: {} calls may go on for {:g} s (again to stop at once)", server.calls.count, settings.drain_s
        )
    except TimeoutError:
        if not stopped.is_set():
            raise
        logger.info("stopped before it was ready")
    finally:
        await server.stop()
    return 0

"""Serve the local brain alone: a websocket that speaks the OpenAI Responses protocol; Chat Completions if you like.

    voicewire brain                                      at ws://127.0.0.1:8089/v1/responses
    voicewire brain --chat-port 8090                     and at http://127.0.0.1:8090/v1 (Chat Completions)
    voicewire brain --faults drop_after_events:5         it drops the link after five events of each answer

Point an agent at it with: llm = {name = "openai-responses", model = "brain", url = "ws://127.0.0.1:8089/v1/responses"}
or, with the extra `openai`, by: llm = {name = "openai-chat", model = "brain", base_url = "http://127.0.0.1:8090/v1"}
"""

from __future__ import annotations

import argparse
import os

from link.errors import ConfigError
from server import logs


def add(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8089, help="the port; 0 takes a free one (default: 8089)")
    parser.add_argument("--chat-port", type=int, help="serve Chat Completions too, at this port; 0 takes a free one")
    parser.add_argument("--token", help="what clients must show; better given as VOICEWIRE_BRAIN_TOKEN")
    parser.add_argument("--insecure", action="store_true", help="listen beyond loopback without a token")
    parser.add_argument("--faults", default="", metavar="NAME:VALUE,…", help="misbehave, for tests and load; see below")
    parser.add_argument("--allow-fault-requests", action="store_true", help="clients may ask for faults (?faults=…)")
    parser.add_argument("--log-level", default="INFO", help="TRACE, DEBUG, INFO (default), WARNING, ERROR")
    from llm.local.faults import Faults

    parser.epilog = "faults: " + ", ".join(Faults.__struct_fields__)


def run(options: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM. Raises ConfigError."""
    from llm.local.faults import parse_faults
    from llm.local.run import run_brain
    from llm.local.server import PACE

    for name, port in (("--port", options.port), ("--chat-port", options.chat_port)):
        if not 0 <= (port or 0) < 65536:
            raise ConfigError(f"{name} must be from 0 to 65535, not {port}")
    logs.set_up(options.log_level, as_json=False)
    run_brain(
        options.host,
        options.port,
        chat_port=options.chat_port,
        token=options.token or os.environ.get("VOICEWIRE_BRAIN_TOKEN"),
        insecure=options.insecure,
        faults=parse_faults(options.faults, PACE) if options.faults else PACE,
        allow_fault_requests=options.allow_fault_requests,
    )
    return 0

"""Have the running server call somebody: its agent speaks first.

    voicewire dial --from +49301234 --to +49175000 --greeting "Hello, this is the bicycle shop."

The server has the carrier's keys, the agent of the number and the address where the audio goes to; so it is the one
that calls, and this command only asks it to (POST /calls). The agent is that of --from in [phones.numbers], or the one
that is served.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

import msgspec

from link.errors import ConfigError
from link.http import HttpClient, Json
from link.websocket import Endpoint
from server.config import load
from server.phones.control.needs import NEEDS

LIMIT_S = 30.0


def add(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--from", dest="caller", required=True, metavar="NUMBER", help="a number of yours: +49…")
    parser.add_argument("--to", required=True, metavar="NUMBER", help="who is called: +49…")
    parser.add_argument("--carrier", choices=list(NEEDS), help="who carries the call, if several are configured")
    parser.add_argument("--greeting", help="what the agent says first, in the place of its own greeting")
    parser.add_argument("--detect-machine", action="store_true", help="tell the agent who answered (answered_by)")
    parser.add_argument("--server", help="where the server is (default: host and port of the configuration)")
    parser.add_argument("--token", help="the server's token; better given as VOICEWIRE_TOKEN")
    parser.add_argument("--config", type=Path, help="the server's TOML file")


def run(options: argparse.Namespace) -> int:
    """Ask the server. Raises ConfigError, ProviderError."""
    settings = load(options.config, os.environ, {"token": options.token})
    scheme = "https" if settings.tls_cert else "http"
    server = options.server or f"{scheme}://{settings.host}:{settings.port}"
    if not settings.token:
        raise ConfigError("the server makes calls for those who show its token: set VOICEWIRE_TOKEN=…, here and there")
    wish = {
        "from": options.caller,
        "to": options.to,
        "carrier": options.carrier or "",
        "greeting": options.greeting,
        "detect_machine": options.detect_machine,
    }
    made = asyncio.run(_ask(server.rstrip("/"), settings.token, wish))
    sys.stdout.write(f"calling {options.to}: {made['carrier']} knows the call as {made['call_id']}\n")
    return 0


async def _ask(server: str, token: str, wish: dict[str, object]) -> dict[str, str]:
    client = HttpClient(Endpoint(f"{server}/calls", (("Authorization", f"Bearer {token}"),)))
    try:
        async with asyncio.timeout(LIMIT_S), client.post(Json(msgspec.json.encode(wish))) as answer:
            return msgspec.json.decode(await answer.read(), type=dict[str, str])
    except TimeoutError:
        raise ConfigError(f"{server} did not answer within {LIMIT_S:g} s") from None
    finally:
        await client.close()

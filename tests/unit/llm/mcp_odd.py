"""An odd MCP server, of the standard library only so that it starts at once: `python -S mcp_odd.py [word …]`.

Words: `strict` leaves when it is not greeted with `initialize`; `deaf` never answers; `stubborn` ignores the end of its
stdin and SIGTERM; `parent` has a child of its own that holds its pipes, with `aloof` one that does not, and with `hard`
one that ignores SIGTERM; `chatty` fills stderr; `leaves` ends at once; `mute` closes its stdout; `named=NAME` has a
tool of that name; `shapeless` lists things that are no tools.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

WORDS = sys.argv[1:]
TOOLS = ["work", "hang", "giant", "garbage", "pid", "freeze", "deafen", "wrong", "vanish", "raw"]
SHAPELESS: list[Any] = [
    {"name": "no-schema"},
    {"name": "null-schema", "inputSchema": None},
    {"name": "number", "description": 5, "inputSchema": {"type": "object"}},
    {"name": "hidden"},
    {"inputSchema": {"type": "object"}},
    "word",
]


def say(message: dict[str, Any]) -> None:
    """A line."""
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def listed() -> list[Any]:
    """Its tools; one has a schema that is none."""
    names = [*TOOLS, *(word.partition("=")[2] for word in WORDS if word.startswith("named="))]
    tools: list[Any] = [{"name": name, "inputSchema": {"type": "object"}} for name in names]
    tools += SHAPELESS if "shapeless" in WORDS else []
    return [*tools, {"name": "odd", "inputSchema": {"type": "object", "properties": {"a": {"type": "text"}}}}]


def run(name: str, number: Any, arguments: dict[str, Any]) -> None:
    """A call; `raw` answers with a line as it is given, where NUMBER stands for the number of the call."""
    if name == "freeze":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif name == "giant":
        sys.stdout.write("x" * (5 << 20) + "\n")
        sys.stdout.flush()
    elif name == "deafen":
        os.close(0)
        time.sleep(60)
    elif name == "wrong":
        say({"id": number, "result": {"content": "no list"}})
    elif name == "raw":
        sys.stdout.buffer.write(arguments["line"].replace("NUMBER", json.dumps(number)).encode("latin-1") + b"\n")
        sys.stdout.buffer.flush()
    elif name == "vanish":
        TOOLS.remove("work")
        say({"method": "notifications/tools/list_changed"})
    if name in ("work", "garbage", "pid", "vanish"):
        if name == "garbage":
            sys.stdout.write("garbage\n{}\n[1]\n" + "{" * 1000 + "\n\xff\n")
        text = str(os.getpid()) if name == "pid" else "done"
        say({"id": number, "result": {"content": [{"type": "text", "text": text}]}})


def answer(message: dict[str, Any]) -> None:
    """One message."""
    method, number = message.get("method"), message.get("id")
    if method == "initialize":
        about = {"name": "odd", "version": "1"}
        abilities = {"tools": {"listChanged": True}}
        say({"id": number, "result": {"protocolVersion": "2025-06-18", "capabilities": abilities, "serverInfo": about}})
    elif method == "tools/list":
        say({"id": number, "result": {"tools": listed()}})
    elif method == "tools/call":
        run(message["params"]["name"], number, message["params"].get("arguments", {}))
    elif number is not None and method is not None:
        say({"id": number, "error": {"code": -32601, "message": "what?"}})


def main() -> None:
    """Serve until the end of stdin."""
    if "leaves" in WORDS:
        sys.stderr.write(f"no database at {os.environ.get('TEST_TOKEN')}\n")
        sys.exit(7)
    if "stubborn" in WORDS:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "parent" in WORDS:
        pipe = subprocess.DEVNULL if "aloof" in WORDS else None
        if "hard" in WORDS:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # which it inherits
        other = subprocess.Popen(["sleep", "60"], stdin=pipe, stdout=pipe, stderr=pipe)
        Path(os.environ["TEST_NOTE"]).write_text(str(other.pid))
    if "chatty" in WORDS:
        sys.stderr.write("".join(f"line {number}\n" for number in range(1000)) + "x" * 100_000 + "\n")
        sys.stderr.flush()
    if "mute" in WORDS:
        os.close(1)
        time.sleep(60)
    while "deaf" in WORDS and sys.stdin.readline():
        pass
    for number, line in enumerate(sys.stdin):
        message = json.loads(line)
        if "strict" in WORDS and number == 0 and message.get("method") != "initialize":
            sys.exit(1)
        answer(message)
    while "stubborn" in WORDS:
        time.sleep(1)


if __name__ == "__main__":
    main()

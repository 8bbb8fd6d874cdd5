"""Draws docs/flow.md from the journals of three real calls, held in virtual time.

    .venv/bin/python tools/draw_flow.py            writes docs/flow.md
    .venv/bin/python tools/draw_flow.py --check    exit code 1 when it would change

Each line is a fact that reached the core (`─►`) or a command that it gave (`◄─`), at its time in the call. Who the fact
came from and who the command went to stand at the left and the right.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from server.agent import load_agent  # noqa: E402
from server.call.journal import Header, JournalFile, Line  # noqa: E402
from tests.virtual.caller import script  # noqa: E402
from tests.virtual.link import Drop  # noqa: E402
from tests.virtual.loop import run  # noqa: E402
from tests.virtual.stand import call  # noqa: E402

PAGE = ROOT / "docs" / "flow.md"

PARTS = (
    (
        "A turn",
        "The caller asks, is answered, and every stage is seen once. Nothing is asked before the silence that ends the"
        " turn; the first sentence is spoken while the rest is still coming.",
        ("wait", "say 1.2 what time is it", "wait", "end"),
        (),
        "SpeechStarted",
    ),
    (
        "A barge-in",
        "At the first sound the speech is *held*: nothing is lost if it was a cough. At the first word what the model"
        " was still saying is cancelled. When the turn is confirmed the speech is dropped, the log is cut at what was"
        " heard, and tools are cancelled.",
        ("wait", "say 1.2 tell me a story", "words 12", "say 0.8 wait stop", "wait", "end"),
        (),
        "SpeechStarted 2",
    ),
    (
        "A dropped link",
        "The link to the model breaks in the middle of the answer (its fifteenth message is followed by a reset). What"
        " was said already is spoken on; the model is asked again from the log, with a note to go on where it stopped.",
        ("wait", "say 1.2 tell me a story", "words 30", "end"),
        (Drop(15, "reset"),),
        "UserTurn",
    ),
)

SOURCES = {
    "SpeechStarted": "vad", "SpeechStopped": "vad", "Transcript": "ears", "SpeechLost": "ears",
    "HeardAgain": "ears",
    "Queued": "voice", "Synthesised": "voice", "Played": "playout",
    "LinkUp": "model", "LinkDown": "model", "Delta": "model", "FunctionCall": "model", "ReplyDone": "model",
    "ToolDone": "tool", "Tick": "clock",
}  # fmt: skip
TARGETS = {
    "Ask": "model", "Cancel": "model", "Speak": "voice", "Flush": "client", "Hold": "client", "Resume": "client",
    "RunTool": "tool", "CancelTool": "tool", "Notify": "client", "End": "client",
}  # fmt: skip
QUIET = {"Played", "Queued", "Tick", "Synthesised"}  # told only where something came of them
MOST = 34  # lines of a picture


class _Kept(io.BytesIO):
    def close(self) -> None:
        """Keep what was written."""


def journal_of(lines: tuple[str, ...], drops: tuple[Drop, ...]) -> list[Line]:
    """Hold a call and return its journal."""
    file = _Kept()
    agent = load_agent(ROOT / "examples" / "demo.py")
    run(call(agent, script(lines), drops, journal=lambda *made: JournalFile(file, Header("flow", *made))))
    return [msgspec.json.decode(line, type=Line) for line in file.getvalue().splitlines()[1:]]


def picture(journal: Iterable[Line], begin: str) -> list[str]:
    """The lines from the fact or event `begin` (its n-th, if a number follows) on, at most MOST."""
    name, _, nth = begin.partition(" ")
    wanted, seen, started = int(nth or 1), 0, 0.0
    drawn: list[str] = []
    fact: str | None = None
    for line in journal:
        if line.fact is not None:
            kind = type(line.fact).__name__
            seen += kind == name
            started = started or (line.t if seen >= wanted else 0.0)
            fact = _fact(kind, msgspec.to_builtins(line.fact))
            if started and kind not in QUIET:
                drawn.append(f"{line.t - started:7.3f}  {fact}")
                fact = None
        for command in line.did or []:
            seen += command["type"] == "Notify" and command["event"]["type"] == name
            started = started or (line.t if seen >= wanted else 0.0)
            if started and (text := _command(command)):
                if fact is not None:
                    drawn.append(f"{line.t - started:7.3f}  {fact}")
                    fact = None
                drawn.append(f"{'':7}  {text}")
        if len(drawn) >= MOST:
            return drawn[:MOST]
    return drawn


def _fact(kind: str, fact: dict[str, Any]) -> str:
    detail = {
        "Transcript": f"{fact.get('text')!r}{' (final)' if fact.get('final') else ''}",
        "Delta": repr(fact.get("text")),
        "LinkDown": str(fact.get("reason")),
        "SpeechStarted": f"voice for {fact.get('voiced_ms', 0):.0f} ms",
        "SpeechStopped": f"silence for {fact.get('silence_ms', 0):.0f} ms",
        "FunctionCall": str(fact.get("name")),
    }.get(kind, "")
    return f"{SOURCES.get(kind, 'client'):>8} ─►  {kind} {detail}".rstrip()


def _command(command: dict[str, Any]) -> str:
    kind = command["type"]
    detail = {
        "Ask": f"reply {command.get('reply')}, {command.get('items')} items of the log",
        "Cancel": f"reply {command.get('reply')}",
        "Speak": repr(command.get("text")),
    }.get(kind, "")
    if kind == "Notify":
        event = command["event"]
        if event["type"] not in ("UserTurn", "AssistantTurn", "Interrupted", "BotSpeech", "LinkChanged", "ToolStarted"):
            return ""
        text = event.get("text", event.get("state", event.get("on", "")))
        return f"{'':8}     ◄─  tell: {event['type']} {text!r}".replace(" ''", "")
    return f"{'':8}     ◄─  {kind} {detail}".rstrip() + f"  (to the {TARGETS[kind]})"


def page() -> str:
    """The whole page."""
    text = [
        "# How a call flows",
        "",
        "Drawn by `tools/draw_flow.py` from the journals of real calls in virtual time; a test holds this page to the",
        "code. `─►` is a fact that reached the core, `◄─` what the core wanted, times are seconds. What was played and",
        "queued meanwhile is left out where nothing came of it. The voice here is scripted, and faster than a person.",
    ]
    for title, words, lines, drops, begin in PARTS:
        drawn = picture(journal_of(lines, drops), begin)
        text += ["", f"## {title}", "", words, "", "```", *drawn, "```"]
    return "\n".join(text) + "\n"


def main() -> int:
    """Write the page, or compare it."""
    text = page()
    if "--check" in sys.argv:
        return int(PAGE.read_text() != text)
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

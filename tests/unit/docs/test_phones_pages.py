"""docs/phones.md and a page for each carrier: their configurations are complete, their values are those to paste, and
each message that a user may see stands there with what is to be done."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from audio.inflight import CLEAR_MARGIN_S
from server.__main__ import COMMANDS, main
from server.call.line import TRANSFER_S
from server.call.loudspeaker import playout_options
from server.config import Limits, load
from server.door import genesys, telnyx, vonage
from server.door.door import BY_TICKET, NEEDS, Carrier, Door
from server.door.tickets import LIFE_S, SpentHere, Tickets
from server.phones.control.needs import NEEDS as CONTROLS
from server.phones.control.needs import lacking
from server.phones.guide import STEPS
from server.phones.options import NUMBER
from server.phones.sockets import LINES
from server.phones.webhooks import Webhooks
from server.protocols.wire import Capabilities, Opened
from tests.unit.docs.pages import ROOT, names
from tests.unit.server.phones.carrier_stand import FIRST

URL = "https://voice.example.org"
MAIN = (ROOT / "docs" / "phones.md").read_text("utf-8")
PAGES: dict[str, str] = {carrier: (ROOT / "docs" / "phones" / f"{carrier}.md").read_text("utf-8") for carrier in NEEDS}
ALL: dict[str, str] = {"phones": MAIN, **PAGES}


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


# --- configuration and commands ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("carrier", NEEDS)
def test_a_page_for_each_carrier_is_short_and_has_all_that_one_needs(carrier: Carrier) -> None:
    assert f"(phones/{carrier}.md)" in MAIN
    for title in ("Configure", "What can go wrong", "Limits", "Unverified"):
        assert f"\n## {title}\n" in PAGES[carrier]
    for words in ("**You need**", "costs**", "**Try it**", "[docs/phones.md](../phones.md)"):
        assert words in PAGES[carrier].replace("It\ncosts", "It costs").replace("**It costs**", "costs**")


@pytest.mark.parametrize("name", ALL)
def test_a_page_can_be_read_at_a_sitting(name: str) -> None:
    lines = ALL[name].splitlines()
    assert len(lines) < 320
    assert [line for line in lines if len(line) > 125 and not line.startswith("|")] == []


@pytest.mark.parametrize("carrier", NEEDS)
def test_the_configuration_of_a_page_lets_calls_in_and_out(carrier: Carrier, tmp_path: Path) -> None:
    file = tmp_path / "voicewire.toml"
    file.write_text(blocks(PAGES[carrier], "toml")[0].replace('"AC…"', '"AC1"').replace('"MA…"', '"MA1"'))
    file.write_text(re.sub(r'"[^"]*…"', '"x"', file.read_text()))
    settings = load(file, {}, {})
    assert settings.public_url == URL
    door = Door(settings.phones, URL, Tickets(b""), SpentHere(), insecure=False, now=lambda: 0.0, entropy=bytes)
    assert door.lacks(carrier) == []
    assert lacking(settings.phones, carrier) == []
    assert carrier not in CONTROLS or lacking(settings.phones, carrier, to_dial=True) == []


@pytest.mark.parametrize("toml", [each for text in ALL.values() for each in blocks(text, "toml")])
def test_every_configuration_is_one(toml: str, tmp_path: Path) -> None:
    file = tmp_path / "voicewire.toml"
    file.write_text(re.sub(r'"([^"]*)…"', r'"\1x"', toml))
    settings = load(file, {}, {})
    for number, agent in settings.phones.numbers.items():
        assert NUMBER.fullmatch(number)
        assert (ROOT / agent.partition(":")[0]).exists()


@pytest.mark.parametrize("carrier", NEEDS)
def test_what_voicewire_phone_prints_is_what_the_page_shows(carrier: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["phone", carrier, "--url", URL])
    printed = capsys.readouterr().out.partition("\n\n")[0]
    (shown,) = blocks(PAGES[carrier], "text")
    command = f"$ voicewire phone {carrier} --url {URL} --config voicewire.toml"
    assert shown == f"{command}\n{printed}\n\nThe configuration is complete.\n"


def test_the_files_of_asterisk_are_those_of_the_steps() -> None:
    (files,) = blocks(PAGES["asterisk"], "ini")
    steps = " ".join(STEPS["asterisk"]).format(socket="wss://voice.example.org")
    for line in files.splitlines():
        known = re.fullmatch(r"(\w+) = .*", line) and not line.startswith(("username", "password"))
        if known or re.match(r"(exten| same) =>", line):
            assert line.strip() in steps
    assert files.count(" = ") == 7


def commands() -> list[str]:
    found = [line for text in ALL.values() for block in blocks(text, "sh") for line in block.splitlines()]
    found += [each for text in ALL.values() for each in re.findall(r"`(\.venv/bin/voicewire [^`]*)`", text)]
    return [line.partition("#")[0] for line in found if "voicewire" in line]


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_a_command_is_one(line: str) -> None:
    if line.startswith("export"):
        return
    program, command, *rest = shlex.split(line)
    assert program == ".venv/bin/voicewire"
    options = [each for each in rest if each.startswith("--")]
    taken = (ROOT / "server" / "commands" / f"{command}.py").read_text()
    assert command in COMMANDS
    assert [each for each in options if f'"{each}"' not in taken] == []
    assert all((ROOT / each).exists() for each in rest if each.startswith("examples/"))


# --- what is open, what a carrier can do ------------------------------------------------------------------------------


def test_the_paths_are_those_that_are_open() -> None:
    rows = MAIN.split("| path | |\n|---|---|\n")[1].split("\n\n")[0].splitlines()
    shown = {name for row in rows for name in names(row.split(" | ")[0])}
    webhooks: Any = Webhooks(None, None, URL)  # type: ignore[arg-type]
    paths = {route.path for route in webhooks.routes()} | {f"/{line.path}" for line in LINES} | {"/calls"}
    assert shown == paths
    assert 'web.post("/calls"' in (ROOT / "server" / "app.py").read_text()


def opened(carrier: str) -> Capabilities:
    wire = next(line.wire for line in LINES if line.path == carrier)()
    return next(each for each in wire.receive(FIRST[carrier]) if isinstance(each, Opened)).capabilities  # type: ignore[index]


@pytest.mark.parametrize("carrier", NEEDS)
def test_what_a_carrier_can_do_is_what_its_codec_says(carrier: str) -> None:
    row = next(line for line in MAIN.splitlines() if line.startswith(f"| `{carrier}` |"))
    _, _, least, reports, pause, keys = (cell.strip() for cell in row.strip("|").split("|"))
    able = opened(carrier)
    assert float(least.removesuffix(" ms")) == (able.chunk_ms if carrier != "exotel" else 200)
    assert (reports, pause) == (able.reports, "yes" if able.pause else "no")
    assert set(names(keys)) >= set(CONTROLS.get(carrier, ()))
    assert (keys == "–") == (carrier not in CONTROLS)  # noqa: RUF001


def test_the_limits_are_those_of_the_code() -> None:
    assert f"at most {Limits().lead_ms:g} ms ahead" in MAIN
    assert f"It has {TRANSFER_S:g} s" in MAIN
    assert f"{CLEAR_MARGIN_S * 1000:g} ms before it begins nothing is cleared" in MAIN
    for carrier in BY_TICKET & {"telnyx", "plivo"}:
        assert re.search(rf"good\s+for\s+one\s+call\s+and\s+{LIFE_S:g}\s+s", PAGES[carrier])
    for carrier, age_s in (("telnyx", telnyx.MAX_AGE_S), ("vonage", vonage.MAX_AGE_S), ("genesys", genesys.MAX_AGE_S)):
        assert f"(NTP); {age_s:g} s are allowed" in PAGES[carrier]
    for carrier in ("exotel", "genesys"):
        least_ms = opened(carrier).chunk_ms if carrier == "genesys" else 200.0
        lead_ms = playout_options(Capabilities(8000, 8000, chunk_ms=least_ms), Limits()).lead_ms
        assert re.search(rf"{lead_ms:g} ms\s+ahead", PAGES[carrier])


# --- messages ---------------------------------------------------------------------------------------------------------

GAP = "…"
SAID_BY = frozenset("Refused ControlError ConfigError ProviderError ValueError _error warning error".split())
OWN = {f"server/{folder}/{name}.py": name for folder in ("door", "phones/control") for name in NEEDS}
SHARED = (
    *(f"server/door/{name}.py" for name in ("basic", "door", "request", "tickets")),
    *(f"server/phones/{name}.py" for name in ("dialling", "options", "sockets", "webhooks", "control/rest")),
    *("server/phones/control/carriers.py", "server/commands/dial.py", "server/call/line.py"),
)
WIRES = {f"server/protocols/{name}.py": name for name in NEEDS}


def texts(node: ast.expr) -> Iterator[str]:
    """What an expression may say, with a gap for what is put in."""
    match node:
        case ast.Constant(value=str(text)):
            yield text.replace("{}", GAP)
        case ast.JoinedStr(values):
            yield "".join(next(texts(each), GAP) if isinstance(each, ast.Constant) else GAP for each in values)
        case ast.IfExp(body=body, orelse=other):
            yield from texts(body)
            yield from texts(other)


def messages(file: str, *, kinds: frozenset[str] = SAID_BY) -> set[str]:
    """All that a module says to users, without the backticks."""
    found: list[str] = []
    for node in ast.walk(ast.parse((ROOT / file).read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in kinds:
            found += [text for argument in node.args[:2] for text in texts(argument)]
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "WORDS":
            assert isinstance(node.value, ast.Dict)
            found += [text for value in node.value.values for text in texts(value)]
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("NO_PHONE", "NO_CONTROL", "reason"):
            either = node.value.values if isinstance(node.value, ast.BoolOp) else [node.value]
            found += [text for each in either for text in texts(each)]
        elif isinstance(node, ast.FunctionDef) and node.name in ("_advice", "_faults"):
            said = [each for each in ast.walk(node) if isinstance(each, ast.Return | ast.Yield) and each.value]
            found += [text for each in said for text in texts(each.value)]  # type: ignore[arg-type]
    return {each.replace("`", "") for each in found if " " in each and re.search("[a-z]{3}", each)}


def shown(name: str) -> list[str]:
    """The first cells of the tables of a page's messages."""
    tables = ALL[name].split("## What can go wrong")[1]
    rows = [line for line in tables.splitlines() if line.startswith("| `")]
    return [names(row.split(" | ")[0])[0] for row in rows]


def fits(message: str, cell: str) -> bool:
    """Whether a cell shows a message; a gap in either stands for anything in the other."""
    return fnmatchcase(message, _pattern(cell.removeprefix(f"{GAP} "))) or fnmatchcase(cell, _pattern(message))


def _pattern(text: str) -> str:
    return re.sub(r"([\[?*])", r"[\1]", text).replace(GAP, "*")


@pytest.mark.parametrize("file", SHARED)
def test_a_message_of_all_carriers_stands_on_their_page_or_on_those_of_the_carriers(file: str) -> None:
    cells = [cell for name in ALL for cell in shown(name)]
    said = messages(file)
    assert said
    assert [each for each in sorted(said) if not any(fits(each, cell) for cell in cells)] == []


@pytest.mark.parametrize("file", [file for file in OWN if (ROOT / file).exists()])
def test_a_message_of_a_carrier_stands_on_its_page(file: str) -> None:
    cells = shown(OWN[file])
    said = messages(file)
    assert said
    assert [each for each in sorted(said) if not any(fits(each, cell) for cell in cells)] == []


@pytest.mark.parametrize("name", ALL)
def test_no_page_shows_a_message_that_nobody_says(name: str) -> None:
    files = [*SHARED, *OWN, *WIRES, "server/protocols/media_stream.py", "server/protocols/media_format.py"]
    kinds = SAID_BY | {"ClientError", "Complaint"}
    said = {each for file in files if (ROOT / file).exists() for each in messages(file, kinds=kinds)}
    cells = [cell for cell in shown(name) if not cell.startswith("close ")]
    assert len(cells) > 4
    assert [cell for cell in cells if not any(fits(each, cell) for each in said)] == []


@pytest.mark.parametrize(
    ("message", "cell", "same"),
    [
        ("it has no header …", "it has no header …", True),
        ("phones.….username must not have a colon", "phones.exotel.username must not have a colon", True),
        ("the call is over", "… the call is over", True),
        ("are phones.twilio and public_url right?", "are … right?", True),
        ("it has no header …", "it has no head", False),
        ("is it right?", "is it rights", False),
        ("its ticket is not one of ours", "its ticket is for another path", False),
    ],
)
def test_a_message_that_is_missing_would_be_noticed(message: str, cell: str, same: bool) -> None:
    assert fits(message, cell) == same

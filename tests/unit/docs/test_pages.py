"""The documents say what the code does."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from audio.stt import pocketsphinx
from link.errors import ConfigError
from llm.mcp_options import MCPServer
from server.agent import EVENTS, Agent, load_agent
from server.call.keypad import MAX_KEYS
from server.calls import MAX_STRANGERS
from server.commands import serve
from server.config import SERVICES, Limits, Settings
from server.engines import make_engines
from server.protocols import native
from server.services.names import EARS, VOICES
from tests.unit.server.call.session_stand import virtual
from tools import list_settings

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()
WIRE = (ROOT / "docs" / "wire.md").read_text()
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()


# --- settings ---------------------------------------------------------------------------------------------------------


def test_the_page_of_settings_is_what_the_tool_writes() -> None:
    assert list_settings.page() == CONFIGURATION, "run tools/list_settings.py"


def rows() -> Iterator[tuple[str, str]]:
    """The first and the last cell of each row of the page of settings."""
    for line in CONFIGURATION.splitlines():
        if line.startswith("| `"):
            key, *_, words = line.strip("|").split(" | ")
            yield key.strip(" `"), words.strip()


def test_every_setting_is_listed_and_described() -> None:
    listed = dict(rows())
    assert len(listed) > 60
    assert [key for key, words in rows() if not words.endswith((".", "…", "org"))] == []
    assert [key for key in keys(Settings) if key not in listed] == []


def keys(kind: type[msgspec.Struct]) -> Iterator[str]:
    """All keys of settings, also of nested ones."""
    for field in msgspec.structs.fields(kind):
        if (kind, field.name) == (Settings, "given"):
            continue
        kinds = [each for each in get_args(field.type) or (field.type,) if isinstance(each, type)]
        if tables := [each for each in kinds if issubclass(each, msgspec.Struct) and each is not MCPServer]:
            yield from keys(tables[0])
        else:
            yield field.name


@pytest.mark.parametrize("kind", SERVICES)
@virtual
async def test_every_service_is_listed(kind: str) -> None:
    with pytest.raises(ConfigError, match="there are ") as caught:
        make_engines(msgspec.convert({kind: "nope", "turn": {"rules": ["acoustic"]}}, Settings), Agent(), no_spawn)
    known = str(caught.value).partition("there are ")[2].split(", or")[0].split(", ")
    assert known[0]
    assert [name for name in known if f'{kind} = "{name}"' not in CONFIGURATION] == []


def no_spawn(_: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Nothing is started."""
    raise AssertionError


# --- the wire ---------------------------------------------------------------------------------------------------------


def sent(name: str, *patterns: str) -> set[str]:
    """The first arguments of all calls of `name` in these files, which must be texts."""
    codes = set()
    for pattern in patterns:
        for file in ROOT.glob(pattern):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name:
                    assert isinstance(node.args[0], ast.Constant), f"{file}:{node.lineno}: {ast.unparse(node)}"
                    codes.add(str(node.args[0].value))
    return codes


def section(title: str) -> list[str]:
    """What stands in the first column of a table of the wire's page."""
    text = WIRE.split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [
        line for line in text.splitlines() if line.startswith("| ") and not line.startswith(("| code", "| message"))
    ]
    return [name for line in lines for name in re.findall("`([a-z_]+)`", line.split(" | ")[0])]


def test_the_codes_of_errors_are_those_that_the_code_can_send() -> None:
    problems = sent("Problem", "server/call/**/*.py")
    assert len(problems) > 8
    assert set(native.PROBLEMS) == problems, "each has words for the caller"
    assert sorted(section("Errors")) == sorted(
        problems | sent("Complaint", "server/call/**/*.py", "server/protocols/native.py")
    )


def test_the_messages_of_the_wire_are_those_that_the_code_knows() -> None:
    assert set(section("From the client")) == native.KNOWN
    assert set(section("From the server")) == set(get_args(native.Name)) | {"turn"}


def test_the_limits_of_the_wire_are_those_of_the_code() -> None:
    limits = Limits()
    for words in (
        f"over {native.MAX_TEXT:,} characters",
        f"those after the {MAX_KEYS}th are dropped",
        f"the first {native.MAX_RESULT:,} characters",
        f"({native.MIN_RATE_HZ}\u2013{native.MAX_RATE_HZ}, default {native.DEFAULT_RATE_HZ};",
        f"over {limits.audio_messages_per_s:,.0f} audio messages a second, or over {limits.messages_per_s:g} others",
        f"over {limits.message_bytes >> 10} KiB",
        f"no sign of life for {limits.idle_s:g} s",
        f"not reading for {limits.write_s:g} s",
        f"may be {MAX_STRANGERS} at once",
        f"at most {limits.lead_ms:g} ms ahead",
    ):
        assert words in WIRE


# --- the README -------------------------------------------------------------------------------------------------------


def test_the_fifteen_line_agent_of_the_readme_works(tmp_path: Path) -> None:
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert code is not None
    assert len([line for line in code[1].splitlines() if line.strip()]) <= 15
    file = tmp_path / "agent.py"
    file.write_text(code[1])
    agent = load_agent(file)
    assert [spec.schema.name for spec in agent.tools.specs()] == ["opening_hours"]


def test_the_readme_names_every_event() -> None:
    listed = re.search(r'`@agent.on\("call_started"\)` and so on: `([^`]*)`', README)
    assert listed is not None
    assert sorted(re.split(r",\s+", listed[1])) == sorted(EVENTS)


@pytest.mark.parametrize(("kind", "known"), [("stt", set(EARS)), ("tts", set(VOICES))])
def test_the_readme_has_all_ears_and_voices(kind: str, known: set[str]) -> None:
    row = re.search(rf"^\| `{kind}` \|(.*)\|$", README, re.MULTILINE)
    assert row is not None
    assert set(re.findall(r"`([^`]+)`", row[1])) == known


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)h][^)]*)\)", README))))
def test_what_the_readme_points_at_is_there(link: str) -> None:
    assert (ROOT / link).exists()


def test_the_keys_of_the_readme_are_settings() -> None:
    settings = Settings()
    table = README.split("| key | default | |")[1].split("\n\n")[0]
    for key in re.findall(r"`([a-z_.]+)`", " ".join(line.split("|")[1] for line in table.splitlines()[2:])):
        value: object = settings
        for part in key.split("."):
            value = getattr(value, part)


def test_the_commands_of_the_readme_are_those_that_make_installs() -> None:
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    assert blocks.count(".venv/bin/voicewire") > 4
    assert (
        re.findall(r"(?<!\.venv/bin/)\b(?:voicewire|pip) (?:serve|talk|phone|dial|brain|replay|install).*", README)
        == []
    )


def test_the_readme_says_for_how_many_calls_there_is_room() -> None:
    assert f"takes {pocketsphinx.SLOTS} calls a worker" in README


def test_the_demo_is_there() -> None:
    load_agent(serve.DEMO)

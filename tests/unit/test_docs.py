"""The documents say what the code does."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from server.agent import EVENTS, load_agent
from server.commands import serve
from server.config import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_page_of_settings_is_what_the_tool_writes() -> None:
    listed = runpy.run_path(str(ROOT / "tools" / "list_settings.py"))
    assert listed["PAGE"].read_text() == listed["page"](), "run tools/list_settings.py"


def test_the_fifteen_line_agent_of_the_readme_works(tmp_path: Path) -> None:
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert code is not None
    assert len([line for line in code[1].splitlines() if line.strip()]) <= 15
    file = tmp_path / "agent.py"
    file.write_text(code[1])
    agent = load_agent(file)
    assert [spec.schema.name for spec in agent.tools.specs()] == ["opening_hours"]


def test_the_readme_names_every_event() -> None:
    assert all(event in README for event in EVENTS)


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


def test_the_demo_is_there() -> None:
    load_agent(serve.DEMO)

"""Every configuration of the pages is one: it is read, and its services are made. Every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from server.agent import Agent
from server.engines import make_engines
from tests.unit.docs import pages, stand
from tests.unit.docs.pages import ROOT
from tests.virtual.loop import run

PAGES = {name: pages.read(name) for name in ("tools.md", "models.md", "speaking.md")}
DOCUMENTS = (
    *("README.md", "CONTRIBUTING.md", "THREAT_MODEL.md"),
    *(str(file.relative_to(ROOT)) for file in sorted((ROOT / "docs").rglob("*.md"))),
)
LINK = re.compile(r"(?<!!)\[[^]]*\]\(([^)]+)\)")


@pytest.mark.parametrize("toml", [each for page in PAGES.values() for each in page.configurations])
def test_a_configuration_makes_its_services(toml: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-nobody")
    for example in (example for page in PAGES.values() for example in page.examples if example.module):
        (tmp_path / f"{example.module}.py").write_text(example.code)

    async def start() -> None:
        make_engines(stand.settings_of(toml, tmp_path), Agent(), stand.no_spawn)

    with stand.importing(tmp_path, "echo"):
        run(start())


@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_read_at_a_sitting(name: str) -> None:
    lines = PAGES[name].text.splitlines()
    assert len(lines) < 320
    assert [line for line in lines if len(line) > 120 and not line.startswith("|")] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_somewhere(name: str) -> None:
    for link in LINK.findall((ROOT / name).read_text("utf-8")):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def anchors(file: Path) -> list[str]:
    """Those of the headings of a document, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


def test_a_link_that_leads_nowhere_would_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("# One title\n## Settings in mid-call\n### [calls]\n")
    assert anchors(tmp_path / "page.md") == ["one-title", "settings-in-mid-call", "calls"]

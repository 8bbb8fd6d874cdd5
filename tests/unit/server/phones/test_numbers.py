"""Which agent answers at which number: their files, loaded once each."""

from __future__ import annotations

from pathlib import Path

import pytest

from link.errors import ConfigError
from server.agent import load_agents

SHOP = """
from dataclasses import dataclass
from server.agent import Agent

@dataclass
class Hours:
    open: "int" = {hour}

agent = Agent(greeting="day")
night = Agent(greeting="night", app_resources=Hours())
"""


def test_numbers_have_the_agents_of_their_files(tmp_path: Path) -> None:
    for name, hour in (("shop", 9), ("sales", 8)):
        (tmp_path / f"{name}.py").write_text(SHOP.format(hour=hour))
    shop, sales = str(tmp_path / "shop.py"), str(tmp_path / "sales.py")
    found = load_agents({"+491": shop, "+492": f"{shop}:night", "+493": shop, "+494": f"{sales}:night"})
    assert [each.greeting for each in found.values()] == ["day", "night", "day", "night"]
    assert found["+491"] is found["+493"]
    assert (found["+492"].app_resources.open, found["+494"].app_resources.open) == (9, 8)
    assert len({type(found[each].app_resources).__module__ for each in ("+492", "+494")}) == 2


@pytest.mark.parametrize(
    ("place", "words"),
    [("none.py", "there is no agent file"), ("shop.py:evening", "it has no `evening`"), ("shop.py:Hours", "no Agent")],
)
def test_an_agent_that_is_not_there_stops_the_start(tmp_path: Path, place: str, words: str) -> None:
    (tmp_path / "shop.py").write_text(SHOP.format(hour=9))
    with pytest.raises(ConfigError, match=words):
        load_agents({"+491": str(tmp_path / place)})

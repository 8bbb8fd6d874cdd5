"""docs/flow.md shows what the code does."""

from __future__ import annotations

import runpy
from pathlib import Path

TOOL = Path(__file__).parents[2] / "tools" / "draw_flow.py"


def test_the_page_is_what_the_tool_draws() -> None:
    drawn = runpy.run_path(str(TOOL))
    assert drawn["PAGE"].read_text() == drawn["page"](), "run tools/draw_flow.py and read what changed"

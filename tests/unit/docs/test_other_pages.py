"""docs/wire.md and CONTRIBUTING.md: their lists are complete. See test_pages.py for the rest of the wire."""

from __future__ import annotations

import re

from llm.function_calls import MAX_RESULT_BYTES
from tests.unit.docs.pages import ROOT

WIRE = (ROOT / "docs" / "wire.md").read_text("utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def test_every_close_code_that_the_browser_page_explains_is_listed() -> None:
    explained = re.findall(r"^ +(\d{4}): \{", (ROOT / "static" / "words.js").read_text("utf-8"), re.MULTILINE)
    assert len(explained) > 5
    assert set(re.findall(r"close (\d{4})", WIRE)) == set(explained)


def test_what_the_model_gets_of_a_result() -> None:
    assert f"the model gets up to {MAX_RESULT_BYTES >> 10} KiB" in WIRE


def test_all_tests_that_are_run_are_named() -> None:
    folders = {file.relative_to(ROOT).parts[1] for file in (ROOT / "tests").rglob("test_*.py")}
    words = CONTRIBUTING.partition("**Set up and test.**")[2].partition("\n\n")[0]
    assert set(re.findall(r"`tests/(\w+)`", words)) == folders

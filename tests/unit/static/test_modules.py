"""Runs the tests of the page's pure modules, which are the JavaScript files beside this one, inside the browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.page_browser import chromium
from tests.e2e.page_server import PageServer

FILES = sorted(path.name for path in Path(__file__).parent.glob("*.test.js"))
RUN = """async (url) => {
  const { tests } = await import(url);
  const failures = [];
  for (const [name, test] of Object.entries(tests)) {
    try { await test(); } catch (error) { failures.push(`${name}: ${error.message}`); }
  }
  return { count: Object.keys(tests).length, failures };
}"""


@pytest.mark.browser
@pytest.mark.asyncio
async def test_modules_of_the_page(tmp_path: Path) -> None:
    assert FILES
    async with PageServer() as server, chromium(tmp_path) as browser:
        page = await browser.new_page()
        await page.goto(server.url)
        results = {name: await page.evaluate(RUN, f"/tests/unit/static/{name}") for name in FILES}
    assert all(result["count"] > 0 for result in results.values())
    assert {name: result["failures"] for name, result in results.items() if result["failures"]} == {}

"""One browser and one page server for all tests of the page."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.page_browser import Stand, chromium
from tests.e2e.page_server import PageServer


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    async with PageServer() as server, chromium(tmp_path_factory.mktemp("page")) as browser:
        yield Stand(browser, server)

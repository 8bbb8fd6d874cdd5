"""What stands around the server: the health check of its image, and whether browser tests can be run."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from server.agent import Agent
from server.app import Server
from server.config import Settings
from tests.unit.server.logbook import Logbook
from tests.unit.server.server_stand import SERVICES
from tools.health import connection, is_healthy

ROOT = Path(__file__).parents[3]
PATIENCE_S = 20.0

# --- the health check -------------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> dict[str, str]:
    """A certificate for another name, and its key, as settings."""
    made = {"tls_cert": str(tmp_path / "cert.pem"), "tls_key": str(tmp_path / "key.pem")}
    what = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=voice.example.org"
    files = ["-keyout", made["tls_key"], "-out", made["tls_cert"]]
    subprocess.run(["openssl", *what.split(), *files], check=True, capture_output=True)
    return made


@asynccontextmanager
async def serving(**settings: str) -> AsyncIterator[dict[str, str]]:
    """A server on a free port, and the variables that its container would have."""
    server = Server(msgspec.convert({**SERVICES, "port": 0, **settings}, Settings), Agent())
    with Logbook():
        try:
            async with asyncio.timeout(PATIENCE_S):
                port = urlsplit(await server.start()).port
                yield {f"VOICEWIRE_{key.upper()}": str(value) for key, value in {**settings, "port": port}.items()}
        finally:
            await server.stop()


@pytest.mark.asyncio
async def test_a_server_is_found_at_its_port_and_not_at_another() -> None:
    async with serving(host="0.0.0.0", token="x") as variables:
        assert await asyncio.to_thread(is_healthy, variables)
    assert not is_healthy(variables), "it is gone"


@pytest.mark.asyncio
async def test_a_server_with_tls_is_asked_with_tls_whatever_its_certificate(certificate: dict[str, str]) -> None:
    async with serving(**certificate) as variables:
        assert await asyncio.to_thread(is_healthy, variables)
        del variables["VOICEWIRE_TLS_CERT"]
        assert not await asyncio.to_thread(is_healthy, variables)


@pytest.mark.parametrize(
    ("host", "port", "asked"),
    [
        (None, None, ("127.0.0.1", 8080)),
        ("", "", ("127.0.0.1", 8080)),
        ("0.0.0.0", "80", ("127.0.0.1", 80)),
        ("::", "80", ("::1", 80)),
        ("192.0.2.7", "80", ("192.0.2.7", 80)),
    ],
)
def test_where_it_asks(host: str | None, port: str | None, asked: tuple[str, int]) -> None:
    given = {"VOICEWIRE_HOST": host, "VOICEWIRE_PORT": port}
    made = connection({name: value for name, value in given.items() if value is not None})
    assert (made.host, made.port) == asked


def test_the_image_is_checked_by_it() -> None:
    image = (ROOT / "Dockerfile").read_text()
    assert 'CMD ["python", "tools/health.py"]' in image
    assert "--stop-timeout 70" in image
    assert "tools" not in (ROOT / ".dockerignore").read_text().splitlines()


# --- chromium ---------------------------------------------------------------------------------------------------------


def program(folder: Path, name: str, says: str = "") -> None:
    """A program that says something and ends well."""
    file = folder / name
    file.write_text(f"#!/bin/sh\necho {says}\n")
    file.chmod(0o755)


@pytest.mark.parametrize(
    ("there", "ci", "code"),
    [(True, "", 0), (False, "", 3), (False, "true", 1)],
    ids=["there", "not there", "not in CI"],
)
def test_without_chromium_and_root_the_browser_tests_are_left_out_but_not_in_ci(
    tmp_path: Path, there: bool, ci: str, code: int
) -> None:
    program(tmp_path, "id", "1000")
    if there:
        program(tmp_path, "chromium")
    environment = {"PATH": str(tmp_path), "CI": ci}
    done = subprocess.run(
        [ROOT / "tools" / "chromium"], env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == code
    assert ("sudo apt-get install chromium" in done.stderr) is not there

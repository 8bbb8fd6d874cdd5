"""Where the server listens and what it calls that: addresses, ports that are taken, TLS. On real sockets."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from aiohttp import ClientConnectionError, ClientConnectorCertificateError, ClientSession, TCPConnector

from link.errors import ConfigError
from server import app
from server.agent import Agent
from server.app import Server
from server.config import Settings
from tests.unit.server.logbook import Logbook
from tests.unit.server.server_stand import SERVICES

PATIENCE_S = 20.0

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def listening(**settings: Any) -> AsyncIterator[str]:
    """A server on a free port; gives the address that it tells. Nothing may fail in its log."""
    server = Server(msgspec.convert({**SERVICES, "port": 0, **settings}, Settings), Agent())
    with Logbook() as log:
        try:
            async with asyncio.timeout(PATIENCE_S):
                yield await server.start()
        finally:
            await server.stop()
    assert log.failures == []


class Certificate(NamedTuple):
    """A chain and its key, as files."""

    tls_cert: str
    tls_key: str

    def settings(self) -> dict[str, str]:
        """As the server takes it."""
        return self._asdict()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for 127.0.0.1 that signs itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the command openssl, to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    made = Certificate(str(folder / "cert.pem"), str(folder / "key.pem"))
    what = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", made.tls_key, "-out", made.tls_cert]
    subprocess.run([openssl, "req", *what.split(), *names], check=True, capture_output=True)
    return made


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("host", "begins"), [("127.0.0.1", "http://127.0.0.1:"), ("::1", "http://[::1]:")])
async def test_the_address_is_one_that_a_browser_takes(host: str, begins: str) -> None:
    if host == "::1" and not has_ipv6():
        host, begins = "localhost", "http://127.0.0.1:"
    async with listening(host=host) as address:
        assert address.startswith(begins)
        async with ClientSession() as http, http.get(f"{address}/health") as health:
            assert health.status == 200


def has_ipv6() -> bool:
    """Whether this machine has an IPv6 loopback; not every container does."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


async def test_behind_a_proxy_the_address_is_the_public_one() -> None:
    async with listening(public_url="https://voice.example.org") as address:
        assert address == "https://voice.example.org"


async def test_a_port_that_is_taken_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"cannot listen on 127\.0\.0\.1:{port}: .*; choose another --port"):
            async with listening(port=port):
                pass


async def test_a_page_that_is_missing_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "STATIC", tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"the browser page is missing: .*; run voicewire from its repository"):
        async with listening():
            pass


# --- TLS --------------------------------------------------------------------------------------------------------------


async def test_page_and_call_over_tls(certificate: Certificate) -> None:
    trusted = ssl.create_default_context(cafile=certificate.tls_cert)
    async with (
        listening(**certificate.settings()) as address,
        ClientSession(connector=TCPConnector(ssl=trusted)) as http,
    ):
        assert address.startswith("https://127.0.0.1:")
        async with http.get(address) as page:
            assert page.status == 200
            assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        async with http.ws_connect(f"{address}/ws", origin=address) as call:
            await call.send_json({"type": "start"})
            assert (await call.receive_json())["type"] == "ready"
            await call.send_json({"type": "end"})
            async for _ in call:
                pass
            assert call.close_code == 1000


async def test_with_tls_nothing_is_served_without_it(certificate: Certificate) -> None:
    async with listening(**certificate.settings()) as address, ClientSession() as http:
        with pytest.raises(ClientConnectionError):
            await http.get(address.replace("https://", "http://"))
        with pytest.raises(ClientConnectorCertificateError):  # nobody vouches for the certificate
            await http.get(address)


@pytest.fixture(params=["no certificate", "no key", "the key of another", "a key that is none"])
def unusable(request: pytest.FixtureRequest, certificate: Certificate, tmp_path: Path) -> Certificate:
    """A certificate and a key of which one is wrong."""
    other = tmp_path / "other.pem"
    match request.param:
        case "no certificate":
            return certificate._replace(tls_cert=str(other))
        case "the key of another":
            subprocess.run([*"openssl ecparam -name prime256v1 -genkey -noout -out".split(), other], check=True)
        case "a key that is none":
            other.write_text("hello")
    return certificate._replace(tls_key=str(other))


async def test_a_certificate_that_cannot_be_loaded_stops_the_start(unusable: Certificate) -> None:
    files = f"tls_cert {unusable.tls_cert} and tls_key {unusable.tls_key}"
    with pytest.raises(ConfigError, match=f"{files} cannot be loaded: "):
        async with listening(**unusable.settings()):
            pass


async def test_a_host_that_nobody_knows_is_said_so() -> None:
    with pytest.raises(ConfigError, match=r"cannot listen on no\.such\.host\.invalid:0: .*; choose another --host"):
        async with listening(host="no.such.host.invalid", insecure=True):
            pass

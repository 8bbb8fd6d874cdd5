"""A server with a certificate that nobody has signed but itself; the key is worthless, and made for this."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve

PEM = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgMqm6+QQYCxRBdynx
M1KYYVF0Ms9YVdJ8vMwrmdR607uhRANCAASARci5HRVYAAvC3YaqLB7rrrYmZay5
ymrVM+9NgC4irfJrsjeB0V+qEWwT0irzcfG5/IVx9ZFkaTDuV+/5BRh9
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBNjCB3aADAgECAgEBMAoGCCqGSM49BAMCMBQxEjAQBgNVBAMMCWxvY2FsaG9z
dDAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowFDESMBAGA1UEAwwJ
bG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEgEXIuR0VWAALwt2G
qiwe6662JmWsucpq1TPvTYAuIq3ya7I3gdFfqhFsE9Iq83HxufyFcfWRZGkw7lfv
+QUYfaMeMBwwGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMAoGCCqGSM49BAMC
A0gAMEUCIQCsUk7Z4xCL3UBv27b2LPEBXuqGLAOn4cBh9IodcM+1pQIgCkKpzwxK
s4EDk0gyksUouh59pf2TGJObSXcdiKyP7m4=
-----END CERTIFICATE-----
"""


async def _hear(connection: ServerConnection) -> None:
    await connection.wait_closed()


@contextlib.asynccontextmanager
async def self_signed(folder: Path, *, encrypted: bool = True) -> AsyncIterator[int]:
    """The port of a websocket server on loopback, with TLS or without."""
    context = None
    if encrypted:
        file = folder / "server.pem"
        file.write_text(PEM)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
    async with serve(_hear, "127.0.0.1", 0, ssl=context) as server:
        yield next(iter(server.sockets)).getsockname()[1]

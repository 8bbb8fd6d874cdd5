"""What goes wrong around a request without being our fault: it is counted, and leaves no traceback in the log."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.server.call.session_stand import virtual
from tests.unit.server.server_stand import ServerStand

UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@virtual
async def test_clients_that_leave_during_the_handshake_are_counted() -> None:
    async with ServerStand() as stand:
        for _ in range(20):
            _, writer = await asyncio.open_unix_connection(str(stand.path))
            writer.write(UPGRADE)
            writer.transport.abort()
        await asyncio.sleep(1)
        left = await stand.count("voicewire_refused_total", why="left")
        greeted = await stand.count("voicewire_refused_total", why="1006")
        assert left + greeted == 20
        assert left > 0
        assert (await stand.call()).status == 101


@pytest.mark.parametrize(
    "path",
    ["a" * 4000, "a/" * 2000 + "a", "app.js/x", "%00", "a%00b", "%ff", "..%2f..%2fpyproject.toml", "%2fetc%2fpasswd"],
    ids=lambda path: path[:30],
)
@virtual
async def test_a_name_that_no_file_can_have_is_not_found(path: str) -> None:
    async with ServerStand() as stand:
        client = await stand.client(target=f"/static/{path}")
        assert client.status == 404
        assert client.head["content-security-policy"].startswith("default-src 'none'")

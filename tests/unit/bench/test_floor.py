"""What the floor sends: it must do the work that it is compared by."""

from __future__ import annotations

from itertools import repeat

import pytest
from aiohttp import WSMsgType
from aiohttp.test_utils import TestClient, TestServer

from bench.floor import CHUNK, READY, Floor

FRAME = b"\1\0" * 320


async def answers(back: float | None, frames: int) -> list[bytes]:
    """What comes back for so many frames of 20 ms."""
    async with (
        TestClient(TestServer(Floor(back).app())) as client,
        client.ws_connect("/ws", autoping=False) as websocket,
    ):
        assert await websocket.receive_str() == READY
        for frame in repeat(FRAME, frames):
            await websocket.send_bytes(frame)
        await websocket.send_str("text is none of its business")
        await websocket.ping()  # its pong comes after all that was sent before
        found: list[bytes] = []
        while (message := await websocket.receive()).type is WSMsgType.BINARY:
            found.append(message.data)
        assert message.type is WSMsgType.PONG
        return found


@pytest.mark.asyncio
async def test_each_frame_comes_back_as_it_was() -> None:
    assert await answers(None, 5) == [FRAME] * 5


@pytest.mark.asyncio
@pytest.mark.parametrize(("back", "frames", "count"), [(0.2, 50, 10), (0.25, 50, 12), (0.0, 50, 0), (1.5, 4, 6)])
async def test_it_sends_as_much_as_it_is_told_to(back: float, frames: int, count: int) -> None:
    assert await answers(back, frames) == [CHUNK] * count

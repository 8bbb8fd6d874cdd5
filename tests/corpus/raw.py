"""A websocket client that says whatever it is told, also what no library would."""

from __future__ import annotations

import asyncio
import json
import os
import struct
from pathlib import Path
from typing import Any, Self

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
PATIENCE_S = 120.0


class RawClient:
    """One connection over a unix socket. What came is in `messages`, `audio_bytes`, `pongs` and `close_code`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers_pings: bool) -> None:
        self._reader = reader
        self._writer = writer
        self._answers_pings = answers_pings
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.status = 0
        self.head: dict[str, str] = {}
        self.body = ""
        self.messages: list[dict[str, Any]] = []
        self.audio_bytes = 0
        self.pings = 0
        self.pongs: list[bytes] = []
        self.close_code: int | None = None
        self.close_reason = ""
        self.over = False

    @classmethod
    async def connect(
        cls,
        path: Path,
        *,
        target: str = "/ws",
        host: str = "localhost",
        headers: tuple[str, ...] = (),
        answers_pings: bool = True,
    ) -> Self:
        """Connect and shake hands; `status` is 101, or what the server said instead, with `head` and `body`."""
        client = cls(*await asyncio.open_unix_connection(str(path)), answers_pings=answers_pings)
        lines = [
            f"GET {target} HTTP/1.1",
            f"Host: {host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
            *headers,
        ]
        client._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        await client._read_answer()
        if client.status == 101:
            client._task = asyncio.get_running_loop().create_task(client._read())
        return client

    # --- saying -------------------------------------------------------------------------------------------------------

    async def frame(self, opcode: int, payload: bytes, *, fin: bool = True, rsv: int = 0, masked: bool = True) -> None:
        """Send one frame."""
        size = len(payload)
        first = (0x80 if fin else 0) | rsv << 4 | opcode
        mask_bit = 0x80 if masked else 0
        if size < 126:
            head = struct.pack("!BB", first, size | mask_bit)
        elif size < 1 << 16:
            head = struct.pack("!BBH", first, 126 | mask_bit, size)
        else:
            head = struct.pack("!BBQ", first, 127 | mask_bit, size)
        if masked:
            key = os.urandom(4)
            head += key
            whole = (key * (size // 4 + 1))[:size]
            payload = (int.from_bytes(payload) ^ int.from_bytes(whole)).to_bytes(size)
        await self.write(head + payload)

    async def write(self, data: bytes) -> None:
        """Send bytes as they are; nothing happens when the server is gone."""
        if not self.over:
            self._writer.write(data)
            await asyncio.sleep(0)

    async def say(self, kind: str, **fields: Any) -> None:
        """Send a message of the native wire."""
        await self.frame(TEXT, json.dumps({"type": kind, **fields}).encode())

    def stop_reading(self) -> None:
        """Let everything stand in the socket from now on."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]

    def read_on(self) -> None:
        """Read again."""
        self._writer.transport.resume_reading()  # type: ignore[attr-defined]

    def cut(self) -> None:
        """Drop the connection without a word."""
        self._writer.transport.abort()

    # --- hearing ------------------------------------------------------------------------------------------------------

    def of(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """The messages of a kind that came."""
        wanted = {"type": kind, **fields}.items()
        return [each for each in self.messages if wanted <= each.items()]

    async def hears(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The first message of this kind, now or later."""
        await self._until(lambda: bool(self.of(kind, **fields) or self.over), f"{kind} {fields}")
        assert self.of(kind, **fields), f"closed with {self.close_code} before {kind} {fields}; came: {self.messages}"
        return self.of(kind, **fields)[0]

    async def closed(self) -> int | None:
        """Wait until the server closes; its code."""
        await self._until(lambda: self.over, "the end")
        return self.close_code

    async def leave(self) -> None:
        """Release everything."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self.cut()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            pass

    async def _until(self, holds: Any, what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"waited in vain for {what}; came: {self.messages}") from None

    async def _read_answer(self) -> None:
        first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        self.status = int(first.split()[1])
        self.head = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        self.body = (await self._reader.readexactly(int(self.head.get("content-length", "0")))).decode()
        self.over = self.status != 101

    async def _read(self) -> None:
        try:
            while True:
                await self._take(*await self._frame())
                self._changed.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.over = True
            self._changed.set()

    async def _frame(self) -> tuple[int, bytes]:
        first, size = await self._reader.readexactly(2)
        assert first & 0xF0 == 0x80, "the server sends whole frames"
        assert size < 128, "the server does not mask"
        if size == 126:
            (size,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self._reader.readexactly(8))
        return first & 0x0F, await self._reader.readexactly(size)

    async def _take(self, opcode: int, payload: bytes) -> None:
        match opcode:
            case 1:
                self.messages.append(json.loads(payload))
            case 2:
                self.audio_bytes += len(payload)
            case 9:
                self.pings += 1
                if self._answers_pings:
                    await self.frame(PONG, payload)
            case 10:
                self.pongs.append(payload)
            case 8:
                self.close_code = int.from_bytes(payload[:2]) if payload else 1005
                self.close_reason = payload[2:].decode()
                await self.frame(CLOSE, payload)

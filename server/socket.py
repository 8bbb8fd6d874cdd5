"""A call's socket on aiohttp: the only file that knows which websocket library serves."""

from __future__ import annotations

import asyncio

from aiohttp import ClientConnectionResetError, WebSocketError, WSMsgType, web

from link.errors import ClientError
from server.protocols.wire import Message, Ping, Pong

CLOSE_S = 1.0
MAX_REASON_BYTES = 120  # a close frame has room for 123
LINGER_S = 5.0  # what a client that does not read has left to find out why it was cut off


class AiohttpSocket:
    """Meets `server.call.shared.Socket`."""

    def __init__(self, websocket: web.WebSocketResponse, request: web.Request) -> None:
        self._websocket = websocket
        self._request = request

    async def receive(self) -> Message | Ping | Pong:
        """What comes next. Raises ClientError for what is no message, EOFError at the end."""
        message = await self._websocket.receive()
        match message.type:
            case WSMsgType.TEXT:
                return str(message.data)
            case WSMsgType.BINARY:
                return bytes(message.data)
            case WSMsgType.PING:
                return Ping(bytes(message.data))
            case WSMsgType.PONG:
                return Pong(bytes(message.data))
            case WSMsgType.ERROR if isinstance(message.data, WebSocketError):  # the library has closed already
                raise ClientError(message.data.code, str(message.data))
            case _:
                raise EOFError

    async def send(self, message: Message | Ping | Pong) -> None:
        """Send; waits while the client does not read. Raises EOFError when the connection is gone."""
        try:
            match message:
                case str():
                    await self._websocket.send_str(message)
                case bytes():
                    await self._websocket.send_bytes(message)
                case Ping(data):
                    await self._websocket.ping(data)
                case Pong(data):
                    await self._websocket.pong(data)
        except (ClientConnectionResetError, ConnectionError) as error:
            raise EOFError from error

    async def close(self, code: int, reason: str) -> None:
        """Close, with a code and a few words."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._websocket.close(code=code, message=_short(reason))
        except (TimeoutError, ClientConnectionResetError, ConnectionError):
            self._abort()

    def _abort(self) -> None:
        """Drop the connection; what stands in its buffer has LINGER_S to get out."""
        if self._request.transport is not None:
            self._request.transport.close()
            asyncio.get_running_loop().call_later(LINGER_S, self._cut)

    def _cut(self) -> None:
        if self._request.transport is not None:  # None once the connection is lost
            self._request.transport.abort()


def _short(reason: str) -> bytes:
    """UTF-8 of at most MAX_REASON_BYTES that ends with a whole character."""
    return reason.encode(errors="replace")[:MAX_REASON_BYTES].decode(errors="ignore").encode()

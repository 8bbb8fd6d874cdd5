"""The bare parts, what no server of this kind can do without, as one small program: socket, voice activity, send.

    python -m bench.floor --port 8090 --back 0.2

The same libraries as voicewire's own (aiohttp, uvloop, Silero in numpy, many calls' chunks as one batch), and nothing
else: no session, no core, no ears, no model, no voice, no log. Each message of audio goes back as it came; or, with
`--back`, so many messages of 40 ms go back for each that came, which is what a server sends that is not always talking.
"""

from __future__ import annotations

import argparse
import asyncio

import uvloop
from aiohttp import WSMsgType, web

from audio.vad import VadEngine

RATE_HZ = 16_000
READY = '{"type":"ready"}'
CHUNK = bytes(RATE_HZ * 40 // 1000 * 2)  # what the server sends at a time: PlayoutOptions.chunk_ms


class Floor:
    """The program."""

    def __init__(self, back: float | None) -> None:
        """`back`: messages that go back for each; None: the same message."""
        self._engine = VadEngine(RATE_HZ, asyncio.get_running_loop().call_later)
        self._back = back
        self._facts = 0

    def app(self) -> web.Application:
        """Its one route."""
        app = web.Application()
        app.add_routes([web.get("/ws", self._call)])
        return app

    async def _call(self, request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse(compress=False)
        await websocket.prepare(request)
        await websocket.send_str(READY)
        vad = self._engine.open(self._on_speech)
        owed = 0.0
        try:
            async for message in websocket:
                if message.type is not WSMsgType.BINARY:
                    continue
                vad.feed(message.data)
                owed += 1.0 if self._back is None else self._back
                while owed >= 1.0:
                    owed -= 1.0
                    await websocket.send_bytes(message.data if self._back is None else CHUNK)
        except ConnectionError:
            pass  # the caller is gone
        finally:
            vad.close()
        return websocket

    def _on_speech(self, _: object) -> None:
        self._facts += 1


async def _serve(host: str, port: int, back: float | None) -> None:
    """Serve until the process is stopped."""
    runner = web.AppRunner(Floor(back).app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    print(f"the floor is ready at ws://{host}:{port}/ws", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="socket, voice activity detection, send")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--back", type=float, help="messages that go back for each (default: the same one)")
    options = parser.parse_args()
    uvloop.run(_serve(options.host, options.port, options.back))


if __name__ == "__main__":
    main()

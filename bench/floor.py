"""The bare parts, what no server of this kind can do without, as one small program: socket, voice activity, send.

    python -m bench.floor --port 8090

The same libraries as voicewire's own (aiohttp, uvloop, Silero in numpy, many calls' chunks as one batch), and nothing
else: no session, no core, no ears, no voice, no log. For each message of audio one message of the same size goes back.
"""

from __future__ import annotations

import argparse
import asyncio

import uvloop
from aiohttp import WSMsgType, web

from audio.vad import VadEngine

RATE_HZ = 16_000
READY = '{"type":"ready"}'


class Floor:
    """The program."""

    def __init__(self) -> None:
        self._engine = VadEngine(RATE_HZ, asyncio.get_running_loop().call_later)
        self._facts = 0

    async def serve(self, host: str, port: int) -> None:
        """Serve until the process is stopped."""
        app = web.Application()
        app.add_routes([web.get("/ws", self._call)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        print(f"the floor is ready at ws://{host}:{port}/ws", flush=True)
        await asyncio.Event().wait()

    async def _call(self, request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse(compress=False)
        await websocket.prepare(request)
        await websocket.send_str(READY)
        vad = self._engine.open(self._on_speech)
        try:
            async for message in websocket:
                if message.type is WSMsgType.BINARY:
                    vad.feed(message.data)
                    await websocket.send_bytes(message.data)
        except ConnectionError:
            pass  # the caller is gone
        finally:
            vad.close()
        return websocket

    def _on_speech(self, _: object) -> None:
        self._facts += 1


async def _serve(host: str, port: int) -> None:
    await Floor().serve(host, port)


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="socket, voice activity detection, send")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    options = parser.parse_args()
    uvloop.run(_serve(options.host, options.port))


if __name__ == "__main__":
    main()

"""The bare parts of Twilio's wire as one small program: socket, JSON, base64, mu-law, voice activity, and back.

    python -m bench.phone_floor --port 8090 --back 0.2

As `bench/floor.py`; the voice activity detection runs at 8 kHz. No order, no marks, no session, no services.
"""

from __future__ import annotations

import argparse
import asyncio

import msgspec
import uvloop
from aiohttp import WSMsgType, web
from msgspec import Struct

from audio import g711
from audio.vad import VadEngine

LINE_HZ = 8000
CHUNK = bytes(LINE_HZ * 40 // 1000 * 2)  # PCM16: what the server sends at a time


class _Payload(Struct):
    payload: bytes


class _Media(Struct):
    """A message of audio, or another one."""

    event: str
    media: _Payload | None = None


class _Play(Struct, tag_field="event", tag="media", rename="camel"):
    stream_sid: str
    media: _Payload


_decoder = msgspec.json.Decoder(_Media)
_encoder = msgspec.json.Encoder()


class PhoneFloor:
    """The program."""

    def __init__(self, back: float | None) -> None:
        """`back`: messages that go back for each; None: one with the same audio."""
        self._engine = VadEngine(LINE_HZ, asyncio.get_running_loop().call_later)
        self._back = back
        self._facts = 0

    def app(self) -> web.Application:
        """Its one route."""
        app = web.Application()
        app.add_routes([web.get("/twilio", self._call)])
        return app

    async def _call(self, request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse(compress=False)
        await websocket.prepare(request)
        vad = self._engine.open(self._on_speech)
        owed = 0.0
        try:
            async for message in websocket:
                if message.type is not WSMsgType.TEXT:
                    continue
                media = _decoder.decode(message.data).media
                if media is None:
                    continue
                pcm = g711.from_mulaw(media.payload)
                vad.feed(pcm)
                owed += 1.0 if self._back is None else self._back
                while owed >= 1.0:
                    owed -= 1.0
                    sound = g711.to_mulaw(pcm if self._back is None else CHUNK)
                    await websocket.send_str(_encoder.encode(_Play("MZ1", _Payload(sound))).decode())
        except ConnectionError:
            pass  # the caller is gone
        finally:
            vad.close()
        return websocket

    def _on_speech(self, _: object) -> None:
        self._facts += 1


async def _serve(host: str, port: int, back: float | None) -> None:
    """Serve until the process is stopped."""
    runner = web.AppRunner(PhoneFloor(back).app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    print(f"the floor is ready at ws://{host}:{port}/twilio", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="the bare parts of Twilio's wire")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--back", type=float, help="messages that go back for each (default: the same audio)")
    options = parser.parse_args()
    uvloop.run(_serve(options.host, options.port, options.back))


if __name__ == "__main__":
    main()

"""Draws docs/turn.svg: a real turn on a time line, from a call to a real server with a recorded caller.

    .venv/bin/python tools/draw_turn.py            measures, and writes docs/turn.svg

The server runs as `voicewire serve` does without a configuration; what it decided, and when, is read from its journal.
Both sides read the machine's own clock, so that their times fit. It says what it measured; other times of the day give
other numbers, a few milliseconds apart.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
import msgspec
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from audio.events import SpeechStarted, SpeechStopped, Transcript  # noqa: E402
from audio.files import read_sound  # noqa: E402
from bench.speech import FRAME, FRAME_MS, NOISE, RATE_HZ, RECORDINGS, edges  # noqa: E402
from bench.subjects import started  # noqa: E402
from llm.events import Delta  # noqa: E402
from server.call.journal import Line  # noqa: E402
from tools.turn_picture import Picture, Span, picture  # noqa: E402

PAGE = ROOT / "docs" / "turn.svg"
RECORDING = "caller/time.wav"
GREETING_S = 9.0  # the demo's greeting is over by then
AFTER_S = 3.0
FRAME_S = FRAME_MS / 1000


class Call:
    """One call: what was said and heard, on the machine's clock."""

    def __init__(self) -> None:
        self.said = np.frombuffer(read_sound(RECORDINGS / RECORDING, RATE_HZ), "<i2")
        self.said_at = 0.0
        self.heard: list[tuple[float, bytes]] = []

    async def run(self, url: str) -> None:
        """Listen to the greeting, say it, listen to the answer."""
        async with aiohttp.ClientSession() as session, session.ws_connect(url, compress=0) as socket:
            reader = asyncio.create_task(self._listen(socket))
            await self._talk(socket)
            reader.cancel()

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                self.heard.append((time.monotonic(), message.data))

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        begin, first = time.monotonic(), round(GREETING_S / FRAME_S)
        dice = np.random.default_rng(0)
        self.said_at = begin + (first - 1) * FRAME_S
        for number in itertools.count(1):
            await asyncio.sleep(max(0.0, begin + number * FRAME_S - time.monotonic()))
            at = (number - first) * FRAME
            frame = dice.integers(-NOISE, NOISE + 1, FRAME).astype("<i2")
            if at >= 0:
                part = self.said[at : at + FRAME]
                frame[: len(part)] += part
            if at > len(self.said) + AFTER_S * RATE_HZ:
                return
            await socket.send_bytes(frame.tobytes())


async def measured() -> tuple[Call, list[Line]]:
    """A call, and its journal."""
    call = Call()
    with tempfile.TemporaryDirectory() as folder:
        journals = Path(folder) / "journals"

        def command(port: int, _: Path) -> list[str]:
            return [sys.executable, "-m", "server", "serve", "--port", str(port), "--journal", str(journals)]

        async with started("the server", command) as subject:
            await call.run(subject.url)
        (journal,) = journals.iterdir()
        lines = [msgspec.json.decode(line, type=Line) for line in journal.read_bytes().splitlines()[1:]]
    return call, lines


def drawn(call: Call, lines: list[Line]) -> Picture:
    """What is drawn: times are milliseconds from the last voiced sample."""
    begin, end = edges(call.said)
    zero = call.said_at + end / RATE_HZ

    def ms(at: float) -> float:
        return (at - zero) * 1000

    facts = [(ms(line.t), line.fact) for line in lines if line.fact and line.t > call.said_at]
    did = [(ms(line.t), each["type"]) for line in lines for each in line.did or () if line.t > call.said_at]
    on_at, on = next((at, fact) for at, fact in facts if isinstance(fact, SpeechStarted))
    off_at, off = next((at, fact) for at, fact in facts if isinstance(fact, SpeechStopped))
    words = [(at, fact.text, fact.final) for at, fact in facts if isinstance(fact, Transcript)]
    heard = [(ms(at), pcm) for at, pcm in call.heard if at > zero]
    bot = np.concatenate([np.frombuffer(pcm, "<i2") for _, pcm in heard])
    return Picture(
        caller=_levels(call.said, ms(call.said_at)),
        bot=_levels(bot, heard[0][0]),
        voiced=Span(ms(call.said_at + begin / RATE_HZ), 0.0),
        voice=Span(on_at - on.voiced_ms, off_at),
        on_at=on_at,
        off_at=off_at,
        ended_ms=off_at - off.silence_ms,
        words=words[:6],
        ask_at=next(at for at, kind in did if kind == "Ask"),
        first_words_at=next(at for at, fact in facts if isinstance(fact, Delta)),
        speak_at=next(at for at, kind in did if kind == "Speak"),
        first_audio_at=heard[0][0],
    )


def _levels(pcm: NDArray[np.int16], begin_ms: float, step_ms: int = 5) -> list[tuple[float, float]]:
    """The peak of each few milliseconds: (when, 0 to 1)."""
    size = RATE_HZ * step_ms // 1000
    peaks = np.abs(pcm[: len(pcm) // size * size].reshape(-1, size).astype(np.int32)).max(axis=1)
    scaled = (peaks / max(1, peaks.max())) ** 0.7  # so that soft sounds are seen
    return [(begin_ms + n * step_ms, float(level)) for n, level in enumerate(scaled)]


def main() -> int:
    """Measure and draw."""
    found = drawn(*asyncio.run(measured()))
    PAGE.write_text(picture(found), "utf-8")
    print(
        f"voice on {found.on_at - found.voiced.begin:.0f} ms after its first sample; off, final transcript, ask, first"
        f" audio {found.off_at:.0f}, {next(at for at, _, final in found.words if final):.0f}, {found.ask_at:.0f},"
        f" {found.first_audio_at:.0f} ms after its last; the end was taken to be at {found.ended_ms:+.0f} ms"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A call's sound between the socket, the ears and the voice: plain function calls, no task, no queue of its own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import numpy as np
import soxr

from audio.dtmf import tones
from audio.echo import EchoGuard
from audio.events import Listens, SpeechFailed, SpeechStarted, SpeechStopped, Synthesised, Word
from audio.pcm import MicResampler
from audio.placing import PACE_MS, Placing
from audio.services import Begin, Finish, TurnJudge, VoiceActivity
from audio.spoken import Spoken
from audio.turn import Turn
from link.inbox import Inbox
from server.call.events import Fact
from server.call.hub import Hub
from server.call.judging import Judging

PREROLL_MS = 300.0
"""What the ears get of the time before the voice came on: voice activity detection is late by its `start_ms`."""

AUDIO_GAP_S = 1.0
"""Without audio for so long a voice is over; networks stall for less."""

Heard = bytes | Begin | Finish


class EarSide:
    """Audio of the caller: to voice activity detection always, to the speech-to-text while somebody speaks."""

    def __init__(
        self,
        rate_in: int,
        ears_rate: int,
        inbox: Inbox[Heard],
        post: Callable[[Fact], None],
        listens: Listens,
        *,
        guard: EchoGuard | None = None,
    ) -> None:
        """`listens` is which audio the speech-to-text gets; `guard` takes the bot's own voice out of it."""
        self._guard = guard
        self._always = listens == "always"
        self._to_ears = MicResampler(rate_in, ears_rate) if rate_in != ears_rate else None
        self._inbox = inbox
        self._post = post
        self._preroll: deque[bytes] = deque()
        self._preroll_bytes = 0
        self._keep_bytes = int(PREROLL_MS / 1000 * ears_rate) * 2
        self._keeps_wire = False  # the pre-roll is as it came: who is silent all day is resampled for nobody
        self._listening = False
        self._rates = (rate_in, ears_rate)
        self._came_at = 0.0
        self._vad: VoiceActivity | None = None
        self._to_vad: MicResampler | None = None
        self._vad_rate = rate_in
        self._vad_hears_wire = True
        self._muted = False
        self._judging: Judging | None = None

    def attach(self, vad: VoiceActivity, rate_hz: int) -> None:
        """The detector whose facts come to `on_speech`, and its rate: best the wire's or the ears'."""
        self._vad = vad
        self._vad_rate = rate_hz
        self._vad_hears_wire = rate_hz != self._rates[1]
        self._keeps_wire = self._to_ears is not None and self._vad_hears_wire and not self._always
        self._keep_bytes = int(PREROLL_MS / 1000 * self._rates[0 if self._keeps_wire else 1]) * 2
        if rate_hz not in self._rates:
            self._to_vad = MicResampler(self._rates[0], rate_hz)

    def let_judge(self, judge: TurnJudge | None, turn: Turn) -> None:
        """Who judges the pauses of the caller's turns, by what the detector hears; None for nobody."""
        self._judging = Judging(judge, turn, self._vad_rate, self._post) if judge else None

    @property
    def unjudged(self) -> int:
        """Pauses of which there was no judgement in time."""
        return self._judging.unjudged if self._judging else 0

    def close(self) -> None:
        """The call is over."""
        if self._vad is not None:
            self._vad.close()
            self._vad = None

    def audio(self, pcm: bytes, now: float) -> None:
        """Audio came in."""
        if self._muted or self._vad is None or not pcm:
            return
        self._came_at = now
        if self._guard is None or (pcm := self._guard.hear(pcm, now)):
            self._hear(pcm)

    def _hear(self, pcm: bytes) -> None:
        rests = self._keeps_wire and not self._listening
        heard = self._to_ears.feed(pcm) if self._to_ears and not rests else pcm
        if self._listening or self._always:
            self._inbox.put(heard)
        else:
            self._keep(heard)
        judged = self._to_vad.feed(pcm) if self._to_vad else pcm if self._vad_hears_wire else heard
        if self._judging:
            self._judging.hear(judged)
        if self._vad is not None:
            self._vad.feed(judged)

    def on_speech(self, fact: SpeechStarted | SpeechStopped) -> None:
        """Voice activity detection has decided."""
        if isinstance(fact, SpeechStarted):
            if self._judging:
                self._judging.start(fact.voiced_ms)
            self._listening = True
            self._inbox.put(Begin())
            self._recall()
        else:
            self._listening = False
            self._inbox.put(Finish())
        self._post(fact)
        if self._judging and isinstance(fact, SpeechStopped):
            self._judging.pause(fact.silence_ms)

    def check(self, now: float) -> None:
        """A client that stops sending in the middle of a word (a key let go, a dead network) has said what it said."""
        if self._listening and self._vad is not None and now - self._came_at >= AUDIO_GAP_S:
            self._end()

    def mute(self, on: bool) -> None:
        """The caller switched the microphone off or on; what was said before does not come up later."""
        if on and not self._muted:
            self._end()
        self._muted = on
        self._preroll.clear()
        self._preroll_bytes = 0

    def _end(self) -> None:
        """No audio follows for now: what the guard holds back is heard, and a voice is over."""
        if self._vad is None:
            return
        if self._guard is not None and (pcm := self._guard.end()):
            self._hear(pcm)
        self._vad.reset()

    def _recall(self) -> None:
        """The ears get what was before the voice came on."""
        if self._keeps_wire and self._preroll:
            self._to_ears = MicResampler(*self._rates)  # which holds nothing of the speech before
            self._inbox.put(self._to_ears.feed(b"".join(self._preroll)))
        else:
            for pcm in self._preroll:
                self._inbox.put(pcm)
        self._preroll.clear()
        self._preroll_bytes = 0

    def _keep(self, pcm: bytes) -> None:
        """Keep the newest PREROLL_MS, and as much more as the oldest message that holds some of it."""
        self._preroll.append(pcm)
        self._preroll_bytes += len(pcm)
        while self._preroll_bytes - len(self._preroll[0]) >= self._keep_bytes:
            self._preroll_bytes -= len(self._preroll.popleft())


class VoiceSide:
    """The playout as the text-to-speech sees it (audio/services.py `Sink`): resamples once, keeps the word times.

    Where a voice tells no times of its words, they are guessed by its pauses (audio/placing.py).
    """

    def __init__(
        self, hub: Hub, post: Callable[[Fact], None], rate_in: int, rate_out: int, on_audio: Callable[[], None]
    ) -> None:
        """`post` takes facts, `on_audio` hears that something can be played."""
        self._hub = hub
        self._post = post
        self._rate_in = rate_in
        self._rate_out = rate_out
        self._on_audio = on_audio
        self._frame: int | None = None  # whose audio is in the resampler
        self._resampler: soxr.ResampleStream | None = None
        self._room: asyncio.Future[None] | None = None
        self._said: dict[int, Spoken] = {}  # what is spoken of the frames that the voice has
        self._placing: dict[int, Placing] = {}  # where its words are, as long as it told of none
        self._pace_ms = PACE_MS

    def expect(self, frame: int, said: Spoken) -> None:
        """A frame is given to the voice, in these words."""
        self._said = {each: texts for each, texts in self._said.items() if self.wanted(each)}
        self._said[frame] = said
        self._placing = {each: placing for each, placing in self._placing.items() if each in self._said}
        self._placing[frame] = Placing(said.text, self._rate_in)

    def wanted(self, frame: int) -> bool:
        """False once a frame was dropped."""
        waiting = self._hub.playout.get(frame)
        return waiting is not None and not waiting.done

    async def audio(self, frame: int, pcm: bytes, words: tuple[Word, ...] = ()) -> bool:
        """Audio of a frame; waits while the playout is full."""
        while self.wanted(frame) and self._hub.playout.full:
            self._room = asyncio.get_running_loop().create_future()
            await self._room
        return self._put(frame, pcm, words, last=False)

    def done(self, frame: int) -> None:
        """All audio of the frame was handed over."""
        if self.wanted(frame):
            self._put(frame, b"", (), last=True)
            self._post(Synthesised(frame))
        self._forget(frame)

    def failed(self, frame: int, reason: str) -> None:
        """The frame cannot be spoken."""
        self._forget(frame)
        self._post(SpeechFailed(frame, reason))

    def press(self, frame: int, digits: str) -> None:
        """Keys, as tones: the sound of a frame of their own."""
        pcm = tones(digits, self._rate_out)
        if self._hub.audio(frame, len(pcm) // 2, (), pcm):
            self._on_audio()
            self._post(Synthesised(frame))

    def make_room(self) -> None:
        """Something was played or dropped: whoever waits looks again."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def _put(self, frame: int, pcm: bytes, words: tuple[Word, ...], *, last: bool) -> bool:
        if not self.wanted(frame):
            return False
        if frame in self._said:
            words = self._said[frame].moved(words)
        places = self._place(frame, pcm, words, last)
        pcm = self._resample(frame, pcm, last)
        if pcm or words or places:
            self._hub.audio(frame, len(pcm) // 2, words, pcm, places)
            self._on_audio()
        return self.wanted(frame)

    def _place(self, frame: int, pcm: bytes, told: tuple[Word, ...], last: bool) -> tuple[Word, ...]:
        """Where the words of the frame are thought to be, if that is to be said anew."""
        if told:
            self._placing.pop(frame, None)
        if (placing := self._placing.get(frame)) is None:
            return ()
        placing.hear(pcm)
        if not last and not placing.due:
            return ()
        places = placing.words(self._pace_ms, complete=last)
        if last and places:
            self._pace_ms = placing.pace_ms
        return self._said[frame].moved(places)

    def _forget(self, frame: int) -> None:
        self._said.pop(frame, None)
        self._placing.pop(frame, None)

    def _resample(self, frame: int, pcm: bytes, last: bool) -> bytes:
        if self._rate_in == self._rate_out:
            return pcm
        if self._resampler is None or self._frame != frame:
            self._frame = frame
            self._resampler = soxr.ResampleStream(self._rate_in, self._rate_out, 1, dtype="int16", quality="HQ")
        samples = self._resampler.resample_chunk(np.frombuffer(pcm, np.int16), last=last)
        return bytes(samples.astype(np.int16).tobytes())

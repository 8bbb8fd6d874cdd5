"""Deepgram's `listen/v2` (Flux), which follows turns itself: it hears everything, and `Finish` is only a mark. Pure.

A turn's text is final at its end, before the hint that says so, whether or not a `Finish` came before. Each `Finish` is
answered once: by the text, if it is the first one that waits for this turn, else by an empty final. After a loss the
turn that goes on is heard again from before its beginning, and the call is not told that it started twice.
"""

from __future__ import annotations

import math
from typing import Literal
from urllib.parse import urlencode

from msgspec import Struct

from audio.events import EarFact, Listens, SpeechLost, SpokenWord, Transcript, TurnHint
from audio.stt.deepgram_events import CLOSE_STREAM, Trouble, TurnInfo, Word, read
from audio.stt.hearing import LOST, LinkState, Patience, Received, mean
from audio.stt.uplink import FRAME_MS, Uplink
from link.errors import ConfigError, ProviderError

EOT_TIMEOUT_MS = 5000
"""Deepgram's default: the silence that ends a turn in any case."""
NO_TURN_S = 1.0
"""A `Finish` without a turn is answered when Flux has heard the audio before it, or after so long."""
GAP_S = 0.5
"""A client that stops sending would leave a turn open: after so long without audio, Flux gets silence instead."""
KEEP_ALIVE_S = 4.0
"""There is no `KeepAlive` here: while nothing is sent and nothing said, a frame of silence so often."""
BEFORE_S = 1.0
"""Flux knows late that somebody speaks: so much audio before the newest that it has heard is kept."""
STALLED_S = 5.0
"""Flux reports on each 0.25 s of audio; where it is silent for so long, and about so much, the link is given up."""
MAX_OWED = 64
"""More speeches of one turn are not waited for: somebody has left a television on."""


class FluxSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What Flux is asked for; the names are Deepgram's, and None is its default. Raises ConfigError."""

    model: str
    language_hints: tuple[str, ...] = ()
    rate_hz: int = 16000
    keyterms: tuple[str, ...] = ()
    eot_threshold: float | None = None
    """How sure Flux is of the end of a turn, 0.5 to 1."""
    eager_eot_threshold: float | None = None
    """From here on it says that the turn may be over, 0.3 to 0.9; None: never."""
    eot_timeout_ms: int = EOT_TIMEOUT_MS
    """500 to 60000."""

    def __post_init__(self) -> None:
        bounds = (
            ("eot_threshold", self.eot_threshold, 0.5, 1.0),
            ("eager_eot_threshold", self.eager_eot_threshold, 0.3, 0.9),
            ("eot_timeout_ms", self.eot_timeout_ms, 500, 60_000),
        )
        for name, value, low, high in bounds:
            if value is not None and not low <= value <= high:
                raise ConfigError(f"{name} must be from {low} to {high}, not {value}")


def path_of(settings: FluxSettings) -> str:
    """What stands behind the address."""
    fields: list[tuple[str, object]] = [
        ("model", settings.model),
        ("encoding", "linear16"),
        ("sample_rate", settings.rate_hz),
        ("eot_threshold", settings.eot_threshold),
        ("eager_eot_threshold", settings.eager_eot_threshold),
        ("eot_timeout_ms", settings.eot_timeout_ms),
        *(("language_hint", hint) for hint in settings.language_hints),
        *(("keyterm", term) for term in settings.keyterms),
    ]
    return f"/v2/listen?{urlencode([(name, value) for name, value in fields if value is not None])}"


class _Owed(Struct, frozen=True):
    """A `Finish` that is not answered."""

    position: int
    due: float


class FluxHearing:
    """One call's ears at Flux: a `Hearing`."""

    listens: Listens = "always"
    farewell = CLOSE_STREAM

    def __init__(self, settings: FluxSettings, patience: Patience) -> None:
        self.rate_hz = settings.rate_hz
        self._patience = patience
        self._turn_s = settings.eot_timeout_ms / 1000 + patience.final_s
        self._uplink = Uplink(settings.rate_hz)
        self._facts: list[EarFact] = []
        # the caller
        self._speaking = False
        self._begun = 0  # where the newest speech began
        self._owed: list[_Owed] = []
        self._finished_at = -math.inf
        self._filled_at = math.inf  # until when the stream has audio, or silence
        # the turn
        self._turn: Literal["none", "open", "eager"] = "none"
        self._origin = 0  # from where the times of its words count
        self._text = ""
        self._ended = 0  # where the turn before ended
        self._ended_s = -math.inf  # the same as Flux says it, on this connection
        # the link
        self._link = LinkState.DOWN
        self._down_at = -math.inf
        self._sent_at = math.inf
        self._unheard_since = math.inf  # the first audio after Flux last said something
        self._unheard_from = 0  # the audio that was there then
        self._known_until = 0  # what the connection before has heard of the turn that goes on

    # --- the caller -------------------------------------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """Speech began, our detector says."""
        self._speaking = True
        self._begun = self._uplink.end
        if self._turn == "none":
            self._origin = self._begun
        if self._link is LinkState.DOWN and math.isinf(self._down_at):
            self._down_at = now

    def audio(self, pcm: bytes, now: float) -> None:
        """All that the caller's microphone hears."""
        if self._link is not LinkState.REFUSED:
            self._filled_at = now
            self._uplink.put(pcm)

    def finish(self, now: float) -> None:
        """Speech ended, our detector says."""
        self._speaking = False
        self._finished_at = now
        ended_before = self._turn == "none" and self._ended > self._begun
        if self._link is LinkState.REFUSED or ended_before:
            self._facts.append(Transcript("", True))
        else:
            self._owed.append(_Owed(self._uplink.end, now + NO_TURN_S))
        if len(self._owed) > MAX_OWED:
            del self._owed[0]
            self._facts.append(Transcript("", True))

    # --- the link ---------------------------------------------------------------------------------------------------

    def connected(self, now: float) -> None:
        """What no turn that has ended holds is heard again."""
        self._link = LinkState.UP
        self._uplink.rewind()
        self._sent_at = now
        self._known_until = self._uplink.end
        self._ended_s = -math.inf
        self._heard_something()
        self._finished_at = max(self._finished_at, now) if self._owed else self._finished_at
        self._owed = [_Owed(each.position, now + self._patience.final_s) for each in self._owed]

    def disconnected(self, now: float) -> None:
        """The connection is lost."""
        self._link = LinkState.DOWN
        self._down_at = now

    def refused(self, reason: str) -> None:
        """There will be no connection any more."""
        self._link = LinkState.REFUSED
        self._lose(reason)

    def _lose(self, reason: str) -> None:
        self._close_turn()
        self._facts.append(SpeechLost(reason))

    def message(self, now: float) -> str | bytes | None:
        """Audio."""
        match self._uplink.take():
            case bytes() as pcm:
                self._sent_at = now
                if math.isinf(self._unheard_since):
                    self._unheard_since, self._unheard_from = now, self._uplink.end
                return pcm
            case _:
                return None

    def _heard_something(self) -> None:
        self._unheard_since = math.inf

    def receive(self, message: str | bytes, now: float) -> Received:
        """What Flux says. Raises ProviderError for garbage, and for an error: Flux ends the stream with one."""
        self._heard_something()
        match read(message):
            case _, TurnInfo() as info:
                self._on_turn(info)
                return Received(useful=True)
            case "Error", Trouble() as trouble:
                raise ProviderError(f"Deepgram ended the stream: {trouble}")
            case _, Trouble() as trouble:
                return Received(warning=str(trouble))
            case _:
                return Received()

    # --- the turn ---------------------------------------------------------------------------------------------------

    def _on_turn(self, info: TurnInfo) -> None:
        heard = self._uplink.position(info.audio_window_end)
        match info.event:
            case "EndOfTurn" if info.audio_window_end <= self._ended_s:
                pass  # it is told again
            case "EndOfTurn":
                self._ended, self._ended_s = heard, info.audio_window_end
                self._uplink.release(heard)
                self._end_turn(self._final(info))
            case "Update" if not info.transcript.strip():
                if self._turn == "none":
                    self._nobody_speaks(heard)
                elif heard >= self._known_until:  # this connection knows of no turn
                    self._close_turn()
            case _:
                self._go_on(info)

    def _go_on(self, info: TurnInfo) -> None:
        """A turn begins, or goes on; after a loss Flux begins again what the call knows already."""
        if self._turn == "none":
            self._turn = "open"
            self._facts.append(TurnHint("started"))
        elif self._turn == "eager" and info.event in ("TurnResumed", "StartOfTurn"):
            self._turn = "open"
            self._facts.append(TurnHint("resumed"))
        text = info.transcript.strip()
        if text and text != self._text:
            self._text = text
            self._facts.append(Transcript(text, False))
        if info.event == "EagerEndOfTurn" and self._turn == "open":
            self._turn = "eager"
            self._facts.append(TurnHint("eager"))

    def _nobody_speaks(self, heard: int) -> None:
        """What Flux has heard without a turn is not needed again, except what a word may have begun in."""
        self._owed = [each for each in self._owed if not self._answer_if_heard(each, heard)]
        needed = heard - self._uplink.bytes_of(BEFORE_S)
        self._uplink.release(max(self._ended, min(needed, self._begun) if self._speaking else needed))

    def _answer_if_heard(self, owed: _Owed, heard: int) -> bool:
        if heard < owed.position:
            return False
        self._facts.append(Transcript("", True))
        return True

    def _close_turn(self) -> None:
        """End a turn that Flux does not end, with what is there; none of it is heard again."""
        if self._turn != "none":
            self._ended = self._uplink.end
            self._uplink.release(self._ended)
        self._end_turn(Transcript(self._text, True))

    def _end_turn(self, final: Transcript) -> None:
        """Its text, one more final for each further `Finish` that waits, and then the hint."""
        was_open = self._turn != "none" or bool(final.text)
        if was_open or self._owed:
            self._facts.append(final)
        self._facts += [Transcript("", True)] * (len(self._owed) - 1)
        if was_open:
            self._facts.append(TurnHint("ended"))
        self._owed.clear()
        self._turn = "none"
        self._text = ""
        self._origin = self._begun

    def _final(self, info: TurnInfo) -> Transcript:
        text = info.transcript.strip()
        words = tuple(self._spoken(word) for word in info.words)
        confidence = mean([(word.confidence, 1) for word in info.words])
        return Transcript(text, True, confidence, words if text else (), (info.languages or ("",))[0])

    def _spoken(self, word: Word) -> SpokenWord:
        def ms(offset_s: float | None) -> float:
            size = self._uplink.position(offset_s or 0.0) - self._origin
            return round(max(self._uplink.seconds_of(size), 0.0) * 1000, 3)

        return SpokenWord(word.text, ms(word.start), ms(word.end), word.confidence)

    # --- time -------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> str:
        """Fill a gap, answer what is late. Returns why the connection is not to be trusted; empty: it is."""
        if self._link is LinkState.DOWN:
            if self._awaited and now >= self._down_at + self._patience.link_s:
                self._link = LinkState.AWAY
                self._lose(LOST)
            return ""
        if self._link is LinkState.UP:
            self._fill(now)
        if self._turn == "none":
            self._facts += [Transcript("", True) for each in self._owed if now >= each.due]
            self._owed = [each for each in self._owed if now < each.due]
        elif now >= self._turn_due():
            self._close_turn()
            return "it does not end a turn"
        if self._link is LinkState.UP and now >= self._stalled_at():
            self._heard_something()  # it is said once
            return f"it said nothing for {STALLED_S:g} s"
        return ""

    def deadline(self) -> float:
        """When `tick` is due; inf for never."""
        match self._link:
            case LinkState.REFUSED:
                return math.inf
            case LinkState.DOWN:
                return self._down_at + self._patience.link_s if self._awaited else math.inf
            case LinkState.UP:
                link = min(self._stalled_at(), self._fill_at())
            case LinkState.AWAY:
                link = math.inf
        if self._turn != "none":
            return min(link, self._turn_due())
        return min([link, *(each.due for each in self._owed)])

    @property
    def _awaited(self) -> bool:
        """Somebody speaks, or waits for what was said."""
        return self._speaking or self._turn != "none" or bool(self._owed)

    def _turn_due(self) -> float:
        """A turn that Flux should have ended: nobody speaks, and its time-out has passed."""
        return self._finished_at + self._turn_s if self._owed and not self._speaking else math.inf

    def _stalled_at(self) -> float:
        enough = self._uplink.end - self._unheard_from >= self._uplink.bytes_of(STALLED_S)
        return self._unheard_since + STALLED_S if enough else math.inf

    def _fill_at(self) -> float:
        if self._turn != "none" or self._owed:
            return self._filled_at + GAP_S
        return max(self._sent_at, self._filled_at if math.isfinite(self._filled_at) else 0.0) + KEEP_ALIVE_S

    def _fill(self, now: float) -> None:
        """Silence in place of the audio that does not come."""
        if now < self._fill_at():
            return
        missing_s = now - self._filled_at if self._turn != "none" or self._owed else FRAME_MS / 1000
        self._uplink.put(bytes(self._uplink.bytes_of(min(missing_s, GAP_S))))
        self._filled_at = now

    def facts(self) -> list[EarFact]:
        """What is new for the call."""
        new, self._facts = self._facts, []
        return new

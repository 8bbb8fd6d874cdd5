"""Deepgram's `listen/v1` (Nova): audio while somebody speaks, `Finalize` at the end, segments that become final. Pure.

Our voice activity detection decides where speech ends, so Deepgram's endpointing and its events are off. A segment's
`start` and `duration` tell how far the stream is final: that audio is never sent again, and its words never come twice.
"""

from __future__ import annotations

import math
from urllib.parse import urlencode

from msgspec import Struct

from audio.events import EarFact, Listens, SpokenWord
from audio.stt.deepgram_events import CLOSE_STREAM, FINALIZE, KEEP_ALIVE, Alternative, Results, Trouble, Word, read
from audio.stt.hearing import Patience, Received
from audio.stt.speeches import Piece, Speech, Speeches
from audio.stt.uplink import Mark, Uplink

KEEP_ALIVE_S = 4.0
"""Deepgram asks for one each 3-5 s, and closes a connection after 10 s without anything."""
REACHED_S = 0.02
"""Finals that come so close to the end of speech have reached it: no word is shorter, and numbers are rounded."""


class DeepgramSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What Nova is asked for; the names are Deepgram's."""

    model: str
    language: str = ""
    """BCP 47, or `multi`; empty: the model's own."""
    rate_hz: int = 16000
    smart_format: bool = True
    """Numbers, dates and addresses as they are written; it punctuates too."""
    punctuate: bool = True
    keyterms: tuple[str, ...] = ()
    """Words to listen for; not every model takes them."""


def path_of(settings: DeepgramSettings) -> str:
    """What stands behind the address."""
    fields = [
        ("model", settings.model),
        ("encoding", "linear16"),
        ("sample_rate", str(settings.rate_hz)),
        ("channels", "1"),
        ("interim_results", "true"),
        ("endpointing", "false"),
        ("vad_events", "false"),
        ("smart_format", str(settings.smart_format).lower()),
        ("punctuate", str(settings.punctuate).lower()),
        *([("language", settings.language)] if settings.language else []),
        *(("keyterm", term) for term in settings.keyterms),
    ]
    return f"/v1/listen?{urlencode(fields)}"


class DeepgramHearing:
    """One call's ears at Nova: a `Hearing`."""

    listens: Listens = "speech"
    farewell = CLOSE_STREAM

    def __init__(self, settings: DeepgramSettings, patience: Patience) -> None:
        self.rate_hz = settings.rate_hz
        self._language = "" if settings.language == "multi" else settings.language
        self._uplink = Uplink(settings.rate_hz)
        self._speeches = Speeches(self._uplink, patience)
        self._reached = 0  # everything before this position is final
        self._sent_at = math.inf
        self._quiet = False  # nothing was sent for KEEP_ALIVE_S

    # --- the caller -------------------------------------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """Speech began."""
        self._speeches.begin(now)

    def audio(self, pcm: bytes, now: float) -> None:
        """More of it."""
        self._speeches.audio(pcm)

    def finish(self, now: float) -> None:
        """Speech ended; it may be final already."""
        speech = self._speeches.finish(now)
        if speech is not None and self._is_reached(speech):
            self._speeches.settle(speech)

    # --- the link ---------------------------------------------------------------------------------------------------

    def connected(self, now: float) -> None:
        """Everything that is not final goes out again."""
        self._speeches.connected(now)
        self._sent_at, self._quiet = now, False

    def disconnected(self, now: float) -> None:
        """The connection is lost."""
        self._speeches.disconnected(now)

    def refused(self, reason: str) -> None:
        """There will be no connection any more."""
        self._speeches.refused(reason)

    def message(self, now: float) -> str | bytes | None:
        """Audio, `Finalize` after a speech, `KeepAlive` where there was nothing else."""
        match self._uplink.take():
            case Mark():
                message: str | bytes = FINALIZE
            case bytes() as pcm:
                message = pcm
            case None if self._quiet:
                message = KEEP_ALIVE
            case None:
                return None
        self._sent_at, self._quiet = now, False
        return message

    def receive(self, message: str | bytes, now: float) -> Received:
        """What Deepgram says. Raises ProviderError for garbage."""
        self._speeches.heard_at = now
        match read(message):
            case _, Results() as results:
                self._on_results(results)
                return Received(useful=True)
            case _, Trouble() as trouble:
                return Received(warning=str(trouble))
            case _:
                return Received()

    # --- what was understood ----------------------------------------------------------------------------------------

    def _on_results(self, results: Results) -> None:
        begin, end = self._uplink.position(results.start), self._uplink.position(results.start + results.duration)
        best = results.channel.alternatives[0] if results.channel.alternatives else Alternative("")
        told_again = begin < end <= self._reached
        for speech in self._speeches:
            piece = self._piece(speech, best, begin, end)
            if piece is None or told_again:
                continue
            if results.is_final:
                speech.partial = ""
                if piece.text:
                    speech.pieces.append(piece)
            else:
                speech.partial = piece.text
            self._speeches.show(speech)
        if results.is_final:
            self._reached = max(self._reached, end)
            self._uplink.release(end)
            self._settle_reached(end if results.from_finalize else -1)

    def _piece(self, speech: Speech, best: Alternative, begin: int, end: int) -> Piece | None:
        """What of a segment belongs to a speech; None where they do not touch. A word belongs where its middle is."""
        last = math.inf if speech.end is None else speech.end
        if end <= speech.begin or begin >= last:
            return None
        slack = self._uplink.bytes_of(REACHED_S)
        if speech.begin - slack <= begin and end <= last + slack:
            words, text = best.words, best.transcript
        else:
            words = tuple(word for word in best.words if speech.holds(self._middle(word)))
            text = " ".join(word.text for word in words)
        language = (best.languages or (self._language,))[0]
        spoken = tuple(self._spoken(word, speech) for word in words)
        return Piece(text.strip(), spoken, best.confidence, language)

    def _middle(self, word: Word) -> float:
        start = word.start or 0.0
        return self._uplink.position((start + (start if word.end is None else word.end)) / 2)

    def _spoken(self, word: Word, speech: Speech) -> SpokenWord:
        def ms(offset_s: float | None) -> float:
            size = self._uplink.position(offset_s or 0.0) - speech.begin
            return round(max(self._uplink.seconds_of(size), 0.0) * 1000, 3)

        return SpokenWord(word.text, ms(word.start), ms(word.end), word.confidence)

    def _settle_reached(self, finalized: int) -> None:
        """Answer the speeches that are final. A `from_finalize` is of the speech whose middle it has passed:

        it may fall short of the end by what Deepgram rounds, and one that is late is of a speech before.
        """
        for speech in self._speeches.owed:
            middle = (speech.begin + (speech.end or 0)) / 2
            if self._is_reached(speech) or finalized > middle:
                self._reached = max(self._reached, speech.end or 0)
                self._speeches.settle(speech)

    def _is_reached(self, speech: Speech) -> bool:
        return self._reached >= (speech.end or 0) - self._uplink.bytes_of(REACHED_S)

    # --- time -------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> str:
        """Time has passed."""
        self._quiet = now >= self._quiet_at()
        return self._speeches.tick(now)

    def deadline(self) -> float:
        """When something is late, or a `KeepAlive` is due that is not on its way yet."""
        return min(self._speeches.deadline(), math.inf if self._quiet else self._quiet_at())

    def _quiet_at(self) -> float:
        return self._sent_at + KEEP_ALIVE_S if self._speeches.up else math.inf

    def facts(self) -> list[EarFact]:
        """What is new for the call."""
        return self._speeches.facts()

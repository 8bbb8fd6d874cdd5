"""The output queue: ordered, paced, bounded, of frames that a barge-in may drop and frames that it may not. Pure.

A frame is a piece of speech (text, then audio as it is synthesised) or a message for the client that keeps its place
among the speech. Two halves meet here:

* What the core knows: which frames there are, how much of each was queued, sent and heard. It changes only by `open`,
  `put`, `finish`, `played` and `interrupt`, each of which stands in the journal, so that a replay needs no samples.
* What the writer does: `take` gives what may leave now, never more than `lead_ms` ahead of the caller; `progress` says
  what was heard meanwhile. Where the client reports what it has played, the report rules; else the clock does.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from audio.chunking import Chunking
from audio.events import Heard, Played, Word
from audio.frame import Frame
from audio.inflight import CLEAR_MARGIN_S, NO_FRAME, REPORT_S, InFlight, Reports
from audio.proportion import share_at

LATE_MARK_S = 0.12
"""A mark may be later than the one before it by so much."""


class PlayoutOptions(Struct, frozen=True):
    """How one wire plays."""

    rate_hz: int = 16000
    lead_ms: float = 200.0
    chunk_ms: float = 40.0
    granule_ms: float = 0.0
    """Sound leaves in whole ones; silence fills the last of a frame up. 0: in samples."""
    capacity_ms: float = 45_000.0
    reports: Reports = "nothing"
    pauses: bool = False
    """The client can stop playing and keep what it has."""


class Chunk(Struct, frozen=True):
    """Audio that leaves now, with the silence that fills it up; `first` of its frame."""

    frame: int
    pcm: bytes
    first: bool


class Cut(Struct, frozen=True):
    """A frame that ended early, and what was heard of it (or certainly will be)."""

    frame: int
    heard: str


class Interruption(Struct, frozen=True):
    """What a barge-in did to the queue. `clear`: the client holds audio that it must drop."""

    cuts: tuple[Cut, ...]
    clear: bool


class Playout:
    """The frames of one call between synthesis and the caller's ear, in the order in which they were opened."""

    def __init__(self, options: PlayoutOptions) -> None:
        self.options = options
        self._frames: dict[int, Frame] = {}
        self._ahead: dict[int, Frame] = {}  # audio of these is made, and nobody knows yet whether they are wanted
        self._protected = 0
        self.held = False
        marks = options.reports == "marks"
        report_s = 2 * options.chunk_ms / 1000 + LATE_MARK_S if marks else REPORT_S
        self._inflight = InFlight(options.rate_hz, reports=options.reports, report_s=report_s)
        self._chunking = Chunking(options.rate_hz, options.chunk_ms, options.granule_ms, short=marks)

    # --- what the core knows ----------------------------------------------------------------------------------------

    def open(self, number: int, text: str, *, interruptible: bool) -> None:
        """Give a piece of speech its place, before there is audio of it."""
        self._add(Frame(number, text, interruptible))

    def message(self, number: int, payload: object, *, interruptible: bool) -> None:
        """Give a message to the client its place among the speech."""
        self._add(Frame(number, "", interruptible, payload))

    def prepare(self, number: int, text: str) -> None:
        """A piece of speech that may be wanted: audio of it is kept, and it has no place until it is admitted."""
        self._ahead[number] = Frame(number, text, interruptible=True)

    def admit(self, number: int) -> None:
        """A piece that was prepared is wanted; its place is the last."""
        self._add(self._ahead.pop(number))

    def discard(self, number: int) -> None:
        """A piece that was prepared is not wanted."""
        self._ahead.pop(number, None)

    def put(
        self, number: int, samples: int, words: tuple[Word, ...], pcm: bytes = b"", places: tuple[Word, ...] = ()
    ) -> bool:
        """Add audio to a frame, as `Queued` tells. False when the frame was dropped. A replay gives no `pcm`."""
        frame = self.get(number)
        if frame is None or frame.done:
            return False
        frame.queued += samples
        frame.words.extend(words)
        frame.places = places or frame.places
        frame.pcm += pcm
        return True

    def finish(self, number: int) -> bool:
        """No more audio of this frame comes. True when nothing of it remains to be played."""
        frame = self.get(number)
        if frame is None:
            return False
        frame.done = True
        return number in self._frames and self._retire(frame)

    def pass_over(self) -> list[int]:
        """Frames whose turn it is and that have nothing to play, such as an emoji's: they are over, in order."""
        passed: list[int] = []
        while (head := self.head) is not None and self._retire(head):
            passed.append(head.id)
        return passed

    def fail(self, number: int) -> Cut | None:
        """The frame gets no more audio: its text ends where its audio does."""
        frame = self._frames.get(number)
        if frame is None:
            return None
        cut = self._end_at(frame, frame.queued)
        self._retire(frame)
        return cut

    def drop(self, number: int) -> None:
        """A piece of which nothing was sent is not said at all."""
        if frame := self._frames.get(number):
            self._remove(frame)

    def end_word(self, number: int) -> None:
        """A frame ends with the word of which the client has something; without word times where the next may begin."""
        frame = self._frames.get(number)
        if frame is not None and not frame.ending:
            frame.ending = True
            self._end_at(frame, self._word_end(frame))
            self._retire(frame)

    def _word_end(self, frame: Frame) -> int:
        rate = self.options.rate_hz
        sent_ms = frame.seen_sent * 1000 / rate
        if frame.begins:
            ends_ms = [word.start_ms for word in frame.begins if word.start_ms >= sent_ms]
            return min(int(ends_ms[0] * rate / 1000), frame.queued) if ends_ms else frame.queued
        share = share_at(frame.text, len(frame.text_at(frame.seen_sent, rate)))
        return min(max(int(frame.whole_ms(rate) * share * rate / 1000), frame.seen_sent), frame.queued)

    def played(self, number: int, samples: int, sent: int, first_at: float = 0.0) -> bool:
        """Record how much of a frame was heard and sent. True when the frame is over."""
        frame = self._frames.get(number)
        if frame is None:
            return False
        frame.heard, frame.seen_sent, frame.seen_first_at = samples, sent, first_at
        return self._retire(frame)

    def interrupt(self, now: float) -> Interruption:
        """Drop the interruptible frames, keep the others in order.

        With a protected frame at the head the client is not told to clear: what of the others is with it already will
        be heard, and they end there. So it is too shortly before one, for a client that tells nothing of a clear.
        """
        head = self.head
        too_late = self._clears_too_late(now)
        keep_sent = too_late or (head is not None and not head.interruptible)
        cuts: list[Cut] = []
        clear = False
        for frame in [frame for frame in self._frames.values() if frame.interruptible]:
            if keep_sent and frame.seen_sent > 0 and frame.payload is None:
                if not frame.done or frame.seen_sent < frame.queued:
                    cuts.append(self._end_at(frame, frame.seen_sent))
                if too_late:  # it will be heard, and nobody is to hold it: a protected frame stands behind it
                    frame.interruptible = False
                    self._protected += 1
                continue
            cuts.append(self._cut(frame, frame.heard))
            clear = clear or frame.seen_sent > frame.heard
            self._remove(frame)
        if clear:
            self._inflight.flush(now)
            self._rewind()
        return Interruption(tuple(cuts), clear)

    def _clears_too_late(self, now: float) -> bool:
        """The client may have begun with a protected frame when a `clear` arrives, and nobody would know how much.

        It is never ahead of the clock, so the margin need not cover the way to it, only how much that varies.
        """
        return self.options.reports == "marks" and any(
            frame.seen_first_at - now < CLEAR_MARGIN_S
            for frame in self._frames.values()
            if not frame.interruptible and frame.payload is None and frame.seen_sent > 0
        )

    def close(self) -> tuple[Cut, ...]:
        """The client is gone: what was not heard never will be."""
        cuts = tuple(self._cut(frame, frame.heard) for frame in self._frames.values())
        self._frames.clear()
        self._ahead.clear()
        self._protected = 0
        return cuts

    def get(self, number: int) -> Frame | None:
        """A frame that is not over yet, or that was prepared."""
        return self._frames.get(number) or self._ahead.get(number)

    def frames(self) -> Iterator[Frame]:
        """The frames that are not over yet, in order."""
        return iter(self._frames.values())

    @property
    def head(self) -> Frame | None:
        """The frame that is played now, or is next."""
        return next(iter(self._frames.values()), None)

    @property
    def busy(self) -> bool:
        """Something is to be said, being synthesised, queued, or sent and not yet heard."""
        return bool(self._frames)

    @property
    def has_uninterruptible(self) -> bool:
        """Some frame survives a barge-in."""
        return self._protected > 0

    @property
    def full(self) -> bool:
        """The voice is to wait before it hands over more; but never while the first in the queue is not complete.

        Nothing could be played to make room then: a frame that the voice speaks a second time stands before others.
        """
        if self.head is not None and not self.head.done:
            return False
        waiting = sum(frame.queued - frame.seen_sent for frame in self._frames.values())
        return waiting * 1000 >= self.options.capacity_ms * self.options.rate_hz

    @property
    def left_ms(self) -> float:
        """How long it takes to say what is not heard yet; by the text, where a voice is not done."""
        return sum(map(self._left_ms, self._frames.values()))

    def _left_ms(self, frame: Frame) -> float:
        rate = self.options.rate_hz
        return frame.whole_ms(rate) - frame.heard * 1000 / rate

    def __len__(self) -> int:
        return len(self._frames)

    def _add(self, frame: Frame) -> None:
        self._frames[frame.id] = frame
        self._protected += not frame.interruptible

    def _remove(self, frame: Frame) -> None:
        del self._frames[frame.id]
        self._protected -= not frame.interruptible

    def _retire(self, frame: Frame) -> bool:
        """Whether it is over: one with words and no sound is so when all before it are."""
        is_over = frame.finished and (not frame.silent or frame is self.head)
        if is_over:
            self._remove(frame)
        return is_over

    def _cut(self, frame: Frame, samples: int) -> Cut:
        return Cut(frame.id, frame.text_at(samples, self.options.rate_hz))

    def _end_at(self, frame: Frame, samples: int) -> Cut:
        cut = self._cut(frame, samples)
        frame.text = cut.heard
        frame.queued = samples
        frame.done = True
        del frame.pcm[max(0, samples - frame.pcm_start) * 2 :]
        return cut

    def _rewind(self) -> None:
        """The client was told to clear: what it had of the protected frames will leave again."""
        for frame in self._frames.values():
            if frame.payload is None:
                frame.sent = frame.seen_sent = frame.heard

    # --- what the writer does ---------------------------------------------------------------------------------------

    def take(self, now: float) -> list[Chunk | object]:
        """What leaves now: chunks of audio within the lead, and the messages that stand before or between them."""
        out: list[Chunk | object] = []
        if self._inflight.awaits_cleared(now, self._frames):
            return out
        self._inflight.forget_cleared(now)
        for frame in self._frames.values():
            if self.held and frame.interruptible:
                break
            if frame.payload is not None:
                if frame.sent == 0:
                    frame.sent = 1
                    out.append(frame.payload)
                continue
            while chunk := self._next_chunk(frame, now):
                out.append(chunk)
            if not frame.done or frame.sent < frame.queued:
                break
        return out

    def fill(self, now: float, lead_ms: float) -> int:
        """How many samples of another sound leave now, so that there is always some ahead of the caller."""
        if not self._frames:
            self._inflight.pop_heard(now)  # nobody else asks
        if self._inflight.pauses:
            return 0
        if samples := self._chunking.fill(self._inflight.room(now, lead_ms)):
            self._inflight.send(NO_FRAME, samples, now)
        return samples

    def progress(self, now: float) -> Played | None:
        """What was heard and sent since the last time; None for nothing."""
        changed = self._inflight.pop_heard(now)
        heard = tuple(
            Heard(frame.id, frame.heard + changed.get(frame.id, 0), frame.sent, frame.first_at)
            for frame in self._frames.values()
            if frame.id in changed or frame.sent != frame.seen_sent
        )
        return Played(heard) if heard else None

    def due(self, now: float) -> bool:
        """A frame began or ended, a word began, or a message left: `progress` is worth asking."""
        head = self.head
        if head is None:
            return False
        if head.payload is not None or head.seen_sent == 0:
            return head.sent > 0
        heard = head.heard + self._inflight.samples - self._inflight.unheard(now)
        if head.done and heard >= head.queued:
            return True
        heard_ms = heard * 1000 / self.options.rate_hz
        known_ms = head.heard * 1000 / self.options.rate_hz
        return any(known_ms <= word.start_ms < heard_ms for word in head.begins)

    def hold(self, now: float) -> None:
        """Stop playing what may be interrupted; nothing is lost."""
        self.held = True
        if self.options.pauses:
            self._inflight.pause(now)

    def resume(self, now: float) -> None:
        """Go on where `hold` stopped."""
        self.held = False
        self._inflight.resume(now)

    def report(self, now: float, samples: int) -> None:
        """The client has played `samples` since `ready`, skipped ones not counted."""
        self._inflight.report(now, samples)

    def cleared(self, samples: int) -> None:
        """The client dropped what it had, having played `samples` since `ready`."""
        for number, more in self._inflight.cleared(samples, self._frames).items():
            frame = self._frames[number]
            frame.sent = frame.heard + more

    def _next_chunk(self, frame: Frame, now: float) -> Chunk | None:
        waiting = frame.queued - frame.sent
        if waiting <= 0:
            return None
        room = self._inflight.room(now, self.options.lead_ms)
        piece = self._chunking.piece(waiting, room, complete=frame.done)
        samples, silence = piece.samples, piece.silence
        if samples == 0:
            return None
        start = (frame.sent - frame.pcm_start) * 2
        pcm = bytes(frame.pcm[start : start + samples * 2]) + bytes(silence * 2)
        first = frame.sent == 0
        if first and not frame.interruptible:
            frame.first_at = now + self._inflight.ahead_s(now)
        frame.sent += samples
        if frame.interruptible:
            del frame.pcm[: start + samples * 2]
            frame.pcm_start = frame.sent
        self._inflight.send(frame.id, samples, now)
        if silence:
            self._inflight.send(NO_FRAME, silence, now)
        return Chunk(frame.id, pcm, first)

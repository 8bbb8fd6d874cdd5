"""The bot's side of the core: what is said, what the voice has of it, what was heard, how a barge-in cuts it. Pure.

A frame goes opened ─► given to the voice ─► synthesised ─► heard. Its words stand in the log from the beginning, and
are cut there at what was heard when it ends early.
"""

from __future__ import annotations

import math
from collections import deque

from audio.events import Heard
from audio.pieces import Pieces
from audio.playout import Cut, Playout
from llm.context import Log
from llm.entry import Entry
from server.call import events as e
from server.call.keypad import MAX_KEYS
from server.call.line_events import PlayDigits
from server.call.outbox import Outbox
from server.call.policy import Policy


class Speaking:
    """Frames of one call, from text to ear."""

    def __init__(self, playout: Playout, log: Log, out: Outbox) -> None:
        self.playout = playout
        self._log = log
        self._out = out
        self._number = 0
        self._messages: dict[Entry, str] = {}  # the bot's messages that are not over -> what was told of them
        self._ahead: dict[int, str] = {}  # pieces of an answer that may be wanted, in order
        self._ahead_of = 0  # the number of its reply
        self._deferred: deque[str] = deque()  # words of the application that wait for the caller
        self._waiting: deque[int] = deque()  # frames that the voice does not have yet
        self._at_voice: dict[int, bool] = {}  # frames that it has -> for the second time
        self._voice_since = 0.0  # its last sign of life
        self._keys: dict[int, int] = {}  # frames of tones -> how many keys
        self._audible = False  # as it was told
        self._began_at = 0.0  # to be heard
        self._heard_at = 0.0  # the last that was
        self.filler = 0
        """The frame of the filler that is being said, or was said last."""
        self.spoken = False
        """The bot has said something to its end, and may have been heard."""

    # --- saying -----------------------------------------------------------------------------------------------------

    def say(self, text: str, policy: Policy, *, interruptible: bool = True) -> None:
        """Say words of the application: a message of its own in the log."""
        if text.strip():
            entry = self._log.assistant()
            self.follow(entry)
            pieces = Pieces()
            for piece in (*pieces.feed(text), *pieces.flush()):
                self.piece(entry, piece, policy, interruptible=interruptible)

    def defer(self, text: str, policy: Policy) -> None:
        """Say words of the application when the caller has spoken."""
        if self._has_room(policy):
            self._deferred.append(text)

    def say_deferred(self, policy: Policy) -> None:
        """The caller is silent: say what waited for that."""
        while self._deferred:
            self.say(self._deferred.popleft(), policy)

    def piece(self, entry: Entry, text: str, policy: Policy, *, interruptible: bool = True, reply: int = 0) -> None:
        """Say a piece of a message, or of a reply; when too much waits already it is dropped, and that is told."""
        if not text.strip() or not self._has_room(policy):
            return
        number = self._take_ahead(reply, text)
        if number == 0:
            number = self._open(text, interruptible=interruptible)
        self._log.say(entry, number, text)
        self._pass_over()  # the voice may be done with a piece that was spoken ahead

    def fill(self, text: str, policy: Policy) -> None:
        """Say a filler: words that no message has."""
        if text.strip() and self._has_room(policy):
            self.filler = self._open(text, interruptible=True)

    def press(self, digits: str, policy: Policy) -> None:
        """Play the tones of keys in their place among the speech; nobody interrupts a number."""
        self._keys = {frame: count for frame, count in self._keys.items() if self.playout.get(frame)}
        if sum(self._keys.values()) + len(digits) > MAX_KEYS:
            self._out.tell(e.Problem("playout_full", "too many keys wait to be pressed; the rest was dropped"))
        elif self._has_room(policy):
            self._number += 1
            self._keys[self._number] = len(digits)
            self.playout.open(self._number, "", interruptible=False)
            self._out.emit(PlayDigits(self._number, digits))

    def _open(self, text: str, *, interruptible: bool) -> int:
        """A new frame of speech; its number."""
        self._number += 1
        self.playout.open(self._number, text, interruptible=interruptible)
        self._waiting.append(self._number)
        return self._number

    def end_filler(self, *, wanted: bool) -> None:
        """One that has not begun is dropped when it is not `wanted` any more, or other words are there.

        One that is being said ends with its word as soon as there is a voice to follow it.
        """
        frame = self.playout.get(self.filler)
        if frame is None:
            self.filler = 0
            return
        others = [each for each in self.playout.frames() if each is not frame and each.payload is None]
        if frame.seen_sent == 0 and (others or not wanted):
            self._at_voice.pop(self.filler, None)
            self.playout.drop(self.filler)
        elif others and (others[0].queued > 0 or others[0].done):
            self._at_voice.pop(self.filler, None)
            self.playout.end_word(self.filler)

    def show(self, entry: Entry, text: str) -> None:
        """Words that are to be read only: they are told at once."""
        self._number += 1
        self._log.say(entry, self._number, text)
        self._log.heard(self._number)
        self.follow(entry)
        self._messages[entry] = entry.text
        self._out.tell(e.AssistantTranscript(entry.text, False))

    def send(self, payload: str, policy: Policy, *, interruptible: bool) -> None:
        """Give a message for the client its place among the speech; with no speech before it, it leaves at once."""
        if self._has_room(policy):
            self._number += 1
            self.playout.message(self._number, payload, interruptible=interruptible and self.playout.busy)

    def follow(self, entry: Entry) -> None:
        """Tell what is heard of a message, and when it is over."""
        self._messages.setdefault(entry, "")

    def _has_room(self, policy: Policy) -> bool:
        if len(self.playout) + len(self._deferred) < policy.max_frames:
            return True
        self._out.tell(e.Problem("playout_full", "too much is waiting to be said; the rest was dropped"))
        return False

    # --- ahead ------------------------------------------------------------------------------------------------------

    def prepare(self, reply: int, text: str) -> None:
        """Let the voice speak a piece of an answer that may be wanted; nobody hears of it before it is said.

        Nothing more of an answer of which it has failed to speak a piece.
        """
        if reply == self._ahead_of and not self._ahead:
            return
        self._number += 1
        self._ahead_of = reply
        self._ahead[self._number] = text
        self.playout.prepare(self._number, text)
        self._waiting.append(self._number)

    def keep_ahead(self, reply: int) -> None:
        """Forget all that was prepared, unless it is of this reply; the voice notices that nobody wants it."""
        if self._ahead and reply != self._ahead_of:
            for number in self._ahead:
                self.playout.discard(number)
                self._at_voice.pop(number, None)
            self._ahead.clear()

    def _take_ahead(self, reply: int, text: str) -> int:
        """The frame of a piece that was prepared and is said now; 0 for none."""
        number = next(iter(self._ahead), 0)
        if reply != self._ahead_of or self._ahead.get(number) != text:
            return 0
        del self._ahead[number]
        self.playout.admit(number)
        return number

    def said_before(self, frame: int) -> str:
        """What a message says before the words of a frame, while that may still be cut."""
        if frame not in self._ahead:
            return self._log.said_before(frame)
        return "".join(text for number, text in self._ahead.items() if number < frame)

    # --- the voice --------------------------------------------------------------------------------------------------

    def feed(self, policy: Policy, now: float) -> None:
        """Give the voice the next frames; only so many that a barge-in wastes little."""
        while self._waiting and len(self._at_voice) < policy.speak_ahead:
            number = self._waiting.popleft()
            if frame := self.playout.get(number):
                if not self._at_voice:
                    self._voice_since = now
                self._at_voice[number] = False
                self._out.emit(e.Speak(number, frame.text))

    def on_queued(self, now: float) -> None:
        """Audio came."""
        self._voice_since = now

    def on_synthesised(self, number: int, now: float) -> None:
        """All audio of a frame is there."""
        self._voice_since = now
        self._at_voice.pop(number, None)
        if self.playout.finish(number):
            self._heard(number)

    def on_failed(self, number: int, reason: str, now: float) -> None:
        """The voice gave a frame up: it gets it once more, if nothing of it was said; else the frame ends here."""
        if number in self._ahead:
            self.keep_ahead(0)  # when it is wanted the voice gets it again
        frame = self.playout.get(number)
        second = self._at_voice.pop(number, None)
        if frame is None or second is None:
            return
        self._voice_since = now
        if not second and frame.queued == 0:
            self._at_voice[number] = True
            self._out.emit(e.Speak(number, frame.text))
        else:
            self._give_up(number, reason)

    def watch(self, policy: Policy, now: float) -> None:
        """A voice that is silent for too long has lost its frame; the next may do better."""
        if now >= self.voice_deadline(policy):
            number = next(iter(self._at_voice))
            del self._at_voice[number]
            self._voice_since = now
            self._give_up(number, "the voice gave no audio in time")

    def voice_deadline(self, policy: Policy) -> float:
        """When the voice must have given audio; inf while it has nothing to say or must wait for room."""
        if not self._at_voice or self.playout.full:
            return math.inf
        frame = self.playout.get(next(iter(self._at_voice)))
        begun = frame is not None and frame.queued > 0
        return self._voice_since + (policy.speech_next_s if begun else policy.speech_first_s)

    def _give_up(self, number: int, reason: str) -> None:
        if number in self._ahead:
            self.keep_ahead(0)
            return
        self._out.tell(e.Problem("speech_failed", f"frame {number}: {reason}"))
        if cut := self.playout.fail(number):
            self._shorten(cut)
        self._pass_over()

    # --- what is heard ----------------------------------------------------------------------------------------------

    def on_played(self, frames: tuple[Heard, ...], now: float) -> None:
        """The caller has heard more."""
        if self.playout.full:
            self._voice_since = now  # the voice had to wait for this
        for each in frames:
            number, samples = each.frame, each.samples
            frame, entry = self.playout.get(number), self._log.entry_of(number)
            if frame is not None and samples > frame.heard:
                self._heard_at = now
            if self.playout.played(number, samples, each.sent, each.first_at):
                self._heard(number)
            if frame is not None and entry in self._messages and samples > 0:
                self._caption(entry, number, frame.text_at(samples, self.playout.options.rate_hz))

    def _caption(self, entry: Entry, number: int, part: str) -> None:
        text = entry.heard_text(number, part)
        if text.strip() and text != self._messages[entry]:
            self._messages[entry] = text
            self._out.tell(e.AssistantTranscript(text, False))

    def _heard(self, number: int) -> None:
        self._log.heard(number)
        self._pass_over()

    def _pass_over(self) -> None:
        """What has no sound is heard in its turn: at once, for whoever waits for silence looks only once."""
        for number in self.playout.pass_over():
            self._log.heard(number)

    def stop(self, now: float) -> bool:
        """Drop what may be dropped and cut the log at what was heard. True when something was."""
        interruption = self.playout.interrupt(now)
        for cut in interruption.cuts:
            self._shorten(cut)
        self._pass_over()
        if interruption.clear:
            self._out.emit(e.Flush())
        return bool(interruption.cuts)

    def _shorten(self, cut: Cut) -> None:
        """A frame ended early, at once or when what the client has of it is played."""
        self._at_voice.pop(cut.frame, None)
        if self.playout.get(cut.frame):
            self._log.shorten(cut.frame, cut.heard)
        else:
            self._log.cut(cut.frame, cut.heard)

    def has_only_begun_since(self, at: float) -> bool:
        """Nothing of the bot was heard since then, or it has begun since then and has not come to its end."""
        return self._heard_at <= at or (self._audible and self._began_at > at)

    @property
    def idle(self) -> bool:
        """Nothing is being said, and nothing waits for the caller."""
        return not self.playout.busy and not self._deferred

    def hold(self, wanted: bool, now: float) -> None:
        """Stop playing and keep everything, or play on."""
        if wanted and not self.playout.held:
            self.playout.hold(now)
            self._out.emit(e.Hold())
        elif self.playout.held and not wanted:
            self.playout.resume(now)
            self._out.emit(e.Resume())

    def close(self) -> None:
        """The call is over: nothing more will be heard."""
        for cut in self.playout.close():
            self._log.cut(cut.frame, cut.heard)
        self._waiting.clear()
        self._at_voice.clear()
        self._ahead.clear()
        self._deferred.clear()

    # --- telling ----------------------------------------------------------------------------------------------------

    def report(self, coming: Entry | None, now: float) -> None:
        """Tell when the bot begins and ends to be heard, and which messages are over. More of `coming` is expected."""
        head = self.playout.head
        if not self._audible and head is not None and head.seen_sent > 0 and head.payload is None:
            self._audible, self._began_at = True, now
            self._out.tell(e.BotSpeech(True))
        for entry in [entry for entry in self._messages if entry is not coming and not entry.speaking]:
            told = self._messages.pop(entry)
            self._log.forget(entry)
            if entry.text.strip() or told:
                self._out.tell(e.AssistantTranscript(entry.text, True))
            if entry.text.strip():
                self._out.tell(e.AssistantTurn(entry.text))
        if self._audible and not self.playout.busy and coming is None:
            self._audible = False
            self.spoken = True
            self._out.tell(e.BotSpeech(False))

"""The caller's side of the core: their voice, their words, their keys, and when they are not to be heard. Pure.

Speech that begins while the caller is not to be heard (`Policy.mute`) is no speech, unless it still goes on when they
may be heard again. No transcript says to which speech it belongs, so it is counted whose finals are still to come.
Where the speech-to-text follows turns, one final is that of several speeches, and heard if one of them was.
"""

from __future__ import annotations

from collections import deque

from audio import events as sound
from audio.turn import Turn
from server.call import events as e
from server.call.keypad import Keypad
from server.call.outbox import Outbox

FORGOTTEN_S = 3.0  # a final transcript is not waited for any longer: the next is of another speech
MAX_OWED = 64  # finals that ears who never answer may owe

SoundOfCaller = (
    sound.SpeechStarted
    | sound.SpeechStopped
    | sound.Transcript
    | sound.TurnHint
    | sound.TurnJudged
    | sound.SpeechLost
    | sound.HeardAgain
    | e.Dtmf
    | e.Muted
)


class Listening:
    """What the caller says and does, as far as they are to be heard."""

    def __init__(self, turn: Turn, out: Outbox) -> None:
        self.turn = turn
        self.keypad = Keypad()
        self.muted = False
        """The caller switched the microphone off, and not by letting go of a key to talk."""
        self._out = out
        self._deaf = False  # to the speech that goes on, or went on last
        self._speaking = False
        self._withheld = ""  # words of speech that nobody hears
        self._finals: deque[tuple[bool, float]] = deque(maxlen=MAX_OWED)  # of speech: was it heard, when did it end
        self._by_turns = False  # one final may be that of several speeches

    def record(self, fact: SoundOfCaller, now: float, *, deaf: bool, alone: bool) -> None:
        """More of the caller. `deaf`: they are not to be heard now. `alone`: as `Turn.begin` has it."""
        match fact:
            case sound.SpeechStarted(voiced_ms):
                self._start(now - voiced_ms / 1000, now, deaf=deaf, alone=alone)
            case sound.SpeechStopped(silence_ms):
                self._stop(now - silence_ms / 1000, now)
            case sound.Transcript(text, final):
                self._hear(text, final, now, deaf=deaf)
            case sound.TurnHint(kind):
                self._by_turns = True
                if not self._deaf:
                    self.turn.hint(kind, now)
            case sound.TurnJudged(complete) if not self._deaf:
                self.turn.judge(complete)
            case sound.SpeechLost(reason):
                self._finals.clear()
                self.turn.lost()
                self._out.tell(e.Problem("speech_lost", reason))
            case sound.HeardAgain():
                self.turn.heard_again(now)
            case e.Dtmf(digits):
                if not self.keypad.press(digits, now):
                    self._out.tell(
                        e.Problem("too_long", "more keys were pressed than a turn has; the rest was dropped")
                    )
                self._out.tell(e.Keys(digits))
            case e.Muted(on, key):
                self._mute(on, key=key or "key" in self.turn.options.rules, deaf=deaf)

    def _mute(self, on: bool, *, key: bool, deaf: bool) -> None:
        """The microphone is switched off or on, with a `key` to talk or without; whom nobody hears holds none."""
        self.muted = on and not key
        if not key:
            self.turn.press("")
        elif on or not deaf:
            self.turn.press("released" if on else "held")

    def watch(self, now: float, *, deaf: bool) -> None:
        """Who still speaks when they may be heard again is heard from the beginning."""
        if self._deaf and self._speaking and not deaf:
            self._deaf = False
            self.turn.begin(now)
            self._out.tell(e.UserSpeech(True))
            if self._withheld:
                self._tell_words(self._withheld, False, now)
            self._withheld = ""

    def _start(self, at: float, now: float, *, deaf: bool, alone: bool) -> None:
        self._speaking, self._deaf, self._withheld = True, deaf, ""
        if not deaf:
            self.turn.begin(at, alone=alone)
            self._out.tell(e.UserSpeech(True))

    def _stop(self, at: float, now: float) -> None:
        self._speaking = False
        self._forget_finals(now)
        self._finals.append((not self._deaf, now))
        if not self._deaf:
            self.turn.stop(at)
            self._out.tell(e.UserSpeech(False))

    def _hear(self, text: str, final: bool, now: float, *, deaf: bool) -> None:
        self._forget_finals(now)
        of_speech = self._speaking or self._finals
        heard = not (self._deaf if of_speech else deaf)  # no voice was noticed for it
        if final and self._finals:
            goes_on = self._speaking and heard
            heard = self._finals[0][0] or (self._by_turns and bool(text) and (goes_on or self._any_heard))
            self._finals.popleft()
        if heard:
            self._tell_words(text, final, now)
        elif final:
            self._withheld = ""
            self._out.tell(e.NotHeard(text))
        else:
            self._withheld = text

    @property
    def _any_heard(self) -> bool:
        return any(heard for heard, _ in self._finals)

    def _forget_finals(self, now: float) -> None:
        """No more is to come of what ended so long ago; where one final may be of several speeches, of none of them."""
        while self._finals and now >= self._finals[-1 if self._by_turns else 0][1] + FORGOTTEN_S:
            self._finals.popleft()

    def _tell_words(self, text: str, final: bool, now: float) -> None:
        before = self.turn.text
        self.turn.hear(text, final, now)
        if self.turn.text != before:
            self._out.tell(e.UserTranscript(self.turn.text, False))

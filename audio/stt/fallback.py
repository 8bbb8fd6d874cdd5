"""Several ears for one call, in order of preference: who fails or is late is replaced, and hears it all again. Pure.

    speech ─ Begin ─► heard by the best child ─ Finish ─ final ─► told to the call, and forgotten
                            │ SpeechLost, broken, or no final in `final_s`
                            └─► the next child, from the beginning of what is not answered; after the last: lost

One child listens at a time. The audio of what is not answered is kept, up to 15 s; what the call was told for good is
not heard again. The next speech after a while is the preferred child's again. A child that fails again and again, in
whichever call, comes after the others until a probe has worked.

Some ears that give up answer each `Finish` with nothing before they say so: an empty final is told a turn of the loop
later, and not at all if its child has failed by then.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Literal

from msgspec import Struct

from audio.events import EarFact, HeardAgain, Listens, SpeechLost, Transcript, TurnHint
from audio.stt.kept_audio import BYTES_PER_SAMPLE, KEPT_S, KeptAudio
from link.errors import ConfigError
from link.preference import Preference

PREROLL_S = 0.3
"""What a child that hears speech only gets of the time before it, where the call gives all audio."""


class FallbackOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """How long ears are waited for while others could be asked. Raises ConfigError."""

    final_s: float = 1.2
    """Ears that have given no final transcript so long after the end of speech are late. It is less than they allow
    themselves, and than the call waits: 1.5 s, and as long again for those that come after them."""
    avoid_s: float = 15.0
    """Ears that were late or failed come after the others for so long, in that call."""

    def __post_init__(self) -> None:
        for name, value in (("final_s", self.final_s), ("avoid_s", self.avoid_s)):
            if not 0 < value < math.inf:
                raise ConfigError(f"{name} must be above zero, not {value}")


class Open(Struct, frozen=True):
    """Give the child a new service; the one before it, whosever it was, ends."""

    child: int


class Give(Struct, frozen=True):
    """For the child that listens: audio, or what happened there."""

    item: bytes | Literal["begin", "finish"]


class Post(Struct, frozen=True):
    """Tell the call."""

    fact: EarFact


class Out(Struct, frozen=True):
    """The child fails again and again: see from time to time whether it is back."""

    child: int


class Note(Struct, frozen=True):
    """Worth a line of the log."""

    level: Literal["INFO", "WARNING"]
    text: str


Action = Open | Give | Post | Out | Note


class _Speech:
    """From `Begin` to `Finish`; positions of its audio in what is kept."""

    __slots__ = ("begin", "due", "end", "seen")

    def __init__(self, begin: int) -> None:
        self.begin = begin
        self.end: int | None = None
        self.due = math.inf
        self.seen = False  # the child has told something of it


class Fallback:
    """The rules for one call. `now` in seconds."""

    def __init__(
        self, names: list[str], preference: Preference, rate_hz: int, listens: Listens, options: FallbackOptions
    ) -> None:
        """`rate_hz` and `listens` are what the call was told."""
        self._names = names
        self._preference = preference
        self._options = options
        self._always = listens == "always"
        self._preroll_bytes = round(PREROLL_S * rate_hz) * BYTES_PER_SAMPLE
        self._preroll = bytearray()
        self._kept = KeptAudio(round(KEPT_S * rate_hz) * BYTES_PER_SAMPLE)
        self._speeches: deque[_Speech] = deque()
        self._speaking = False
        self._deaf = False  # to the rest of a speech that was lost
        self._empty = 0  # finals that are held
        self._child = 0
        self._gone = False  # it has no service
        self._child_always = self._always
        self._tried: set[int] = set()
        self._out: list[Action] = []

    # --- the caller -------------------------------------------------------------------------------------------------

    def start(self, child: int, listens: Listens) -> None:
        """This child listens already."""
        self._child, self._child_always = child, listens == "always"

    def opened(self, listens: Listens) -> None:
        """What the child that was opened last wants to hear."""
        self._child_always = listens == "always"

    def begin(self, now: float) -> list[Action]:
        """Speech began."""
        if not self._speeches:
            self._tried.clear()
            self._kept.release(self._kept.end)
            best = self._preference.best(now)
            if best is not None and (self._gone or best != self._child):
                self._note("INFO", f"{self._names[best]} listens")
                self._switch(best, now)
        self._speaking, self._deaf = True, False
        self._speeches.append(_Speech(self._kept.end))
        self._kept.put(bytes(self._preroll))
        self._give("begin")
        if self._preroll and not self._child_always:
            self._give(bytes(self._preroll))
        self._preroll.clear()
        return self._taken()

    def audio(self, pcm: bytes, now: float) -> list[Action]:
        """The caller's microphone."""
        if self._speaking and not self._deaf:
            self._kept.put(pcm)
        elif self._always and not self._speaking:
            self._preroll += pcm
            del self._preroll[: -self._preroll_bytes]
        if self._child_always or (self._speaking and not self._deaf):
            self._give(pcm)
        return self._taken()

    def finish(self, now: float) -> list[Action]:
        """Speech ended."""
        self._speaking = False
        if self._deaf or not self._speeches or self._speeches[-1].end is not None:
            self._post(Transcript("", True))  # every Finish is answered
        else:
            self._speeches[-1].end = self._kept.end
            self._speeches[-1].due = now + self._options.final_s
            self._give("finish")
        self._deaf = False
        return self._taken()

    # --- the children -----------------------------------------------------------------------------------------------

    def heard(self, fact: EarFact, now: float) -> list[Action]:
        """The child that listens has told something."""
        match fact:
            case SpeechLost(reason):
                self._fail(reason, now)
            case Transcript(text, final=True):
                self._on_final(fact, text, now)
            case Transcript() | TurnHint():
                if self._speeches:
                    self._speeches[0].seen = True
                self._post(fact)
        return self._taken()

    def gone(self, reason: str, now: float) -> list[Action]:
        """The child that listens is broken, or cannot be opened."""
        self._gone = True
        self._fail(reason, now)
        return self._taken()

    def full(self, now: float) -> list[Action]:
        """The child that was to listen has no room; that is no failure of it."""
        self._gone = True
        self._preference.avoid(self._child, now)
        self._pass_on("it has no room", now)
        return self._taken()

    def _on_final(self, fact: Transcript, text: str, now: float) -> None:
        if not self._speeches or self._speeches[0].end is None:
            if self._speeches and text:  # who follows turns may end one before speech does; it is not heard again
                self._speeches[0].begin = self._kept.end
            self._post(fact)
        elif not text:
            self._empty += 1
        else:
            self._tell_empty()
            self._answer(fact)

    def _answer(self, fact: Transcript) -> None:
        speech = self._speeches.popleft()
        self._kept.release(speech.end or 0)
        self._tried.clear()
        if self._preference.worked(self._child):
            self._note("INFO", f"{self._names[self._child]} understands again")
        self._post(fact)

    def _tell_empty(self) -> None:
        """Nothing was understood, and nobody has said that this is a failure."""
        count, self._empty = self._empty, 0
        for _ in range(count):
            if self._speeches and self._speeches[0].end is not None:
                self._answer(Transcript("", True))
            else:
                self._post(Transcript("", True))

    def _fail(self, reason: str, now: float) -> None:
        """The child is to blame, in all calls."""
        failed = self._child
        if self._preference.failed(failed, now):
            self._note("WARNING", f"{self._names[failed]} fails again and again ({reason}); the others go before it")
            self._out.append(Out(failed))
        self._pass_on(reason, now)

    def _pass_on(self, reason: str, now: float) -> None:
        """Somebody else hears what is not answered, from its beginning."""
        failed = self._child
        self._empty = 0
        self._tried.add(failed)
        other = self._preference.best(now, self._tried)
        if other is None:
            self._lose(reason, now)
            return
        self._note("WARNING", f"{self._names[failed]} fails ({reason}); {self._names[other]} listens instead")
        if any(speech.end is not None for speech in self._speeches):
            self._post(HeardAgain())  # the call waits for these
        self._switch(other, now)

    def _switch(self, child: int, now: float) -> None:
        self._child, self._gone, self._child_always = child, False, False  # what it wants is known once it is open
        self._out.append(Open(child))
        for speech in self._speeches:
            begin = max(speech.begin, self._kept.start)
            end = self._kept.end if speech.end is None else speech.end
            self._give("begin")
            if end > begin:
                self._give(self._kept.read(begin, end - begin))
            if speech.end is not None:
                speech.due, speech.seen = now + self._options.final_s, False
                self._give("finish")

    def _lose(self, reason: str, now: float) -> None:
        """Nobody is left: every Finish until now is answered, before the call hears that it need not wait."""
        lost = [speech for speech in self._speeches if speech.end is not None]
        self._deaf = self._speaking
        had = bool(self._speeches)
        self._speeches.clear()
        self._kept.release(self._kept.end)
        self._tried.clear()
        for _ in lost:
            self._post(Transcript("", True))
        if had:
            self._post(SpeechLost(reason))

    # --- time -------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> list[Action]:
        """Time has passed, or the loop has turned."""
        self._tell_empty()
        if self._speeches and now >= self._late_at():
            if self._preference.best(now, {*self._tried, self._child}) is not None:
                self._fail(f"no transcript within {self._options.final_s:g} s", now)
            else:
                self._speeches[0].due = math.inf  # the last has as much time as it takes itself
        return self._taken()

    def deadline(self) -> float:
        """When `tick` is due: -inf for the next turn of the loop, inf for never."""
        if self._empty:
            return -math.inf
        return self._late_at()

    def _late_at(self) -> float:
        """Who follows turns, and has told something of this one, knows what it waits for."""
        speech = self._speeches[0] if self._speeches else None
        return math.inf if speech is None or (self._child_always and speech.seen) else speech.due

    # --- actions ----------------------------------------------------------------------------------------------------

    def _give(self, item: bytes | Literal["begin", "finish"]) -> None:
        self._out.append(Give(item))

    def _post(self, fact: EarFact) -> None:
        self._out.append(Post(fact))

    def _note(self, level: Literal["INFO", "WARNING"], text: str) -> None:
        self._out.append(Note(level, text))

    def _taken(self) -> list[Action]:
        out, self._out = self._out, []
        return out

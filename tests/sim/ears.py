"""A simulated speech-to-text: it answers each speech with a final transcript, late, twice, in other words, or never.

One kind hears speech from `Begin` to `Finish`; the other one follows turns by itself and gives hints. The link of both
is lost now and then: what was said meanwhile comes when it is back, or is told to be lost. An acoustic model judges
the pauses, where there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from audio.events import EarFact, HeardAgain, SpeechLost, Transcript, TurnHint, TurnJudged
from server.call.listening import FORGOTTEN_S

if TYPE_CHECKING:
    from tests.sim.world import World

START_S, STOP_S = 0.064, 0.2  # how late voice activity detection says on and off
Hint = Literal["started", "eager", "resumed", "ended"]
LINK_S = 5.0  # a link that is away for longer has lost what was said
NOTHING = Transcript("", True)


class Part(Struct, frozen=True):
    """A voice from `begin` to `end`, in seconds from now, what it says, and what is understood of it on the way."""

    begin: float
    end: float
    text: str = ""
    partials: tuple[tuple[float, str], ...] = ()


class Ears:
    """Hears the caller; posts what it makes of it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._random = world.random
        self._follows_turns = world.swarm_has("follows_turns")
        self._hinted = False  # it is known that this engine follows turns
        self._epoch = 0  # how often all that was being heard was lost
        self._away_until = 0.0
        self._not_before = 0.0  # the final of the speech before
        self.known_at = 0.0
        """When the last final transcript comes."""
        self.coming = 0
        """So much they will still tell, some of it in the very instant that is `known_at`."""
        self.fresh_at = 0.0
        """The last transcript."""
        self.owes_until = 0.0
        """Until then a final is missing of which nobody has said that it never comes."""
        self.doubled = False

    def hear(self, parts: tuple[Part, ...]) -> None:
        """The caller says something, perhaps with pauses."""
        self._not_before = self.known_at
        if self._happens("stt_outage", 0.08):
            self._world.at(self._random.uniform(0.0, 1.0), self._lose_link, self._random.choice((0.4, 2.0, 4.0, 7.0)))
        if self._follows_turns:
            self._follow(parts)
        else:
            for part in parts:
                self._listen(part)
        for part in parts:
            self._judge(part)

    def _happens(self, kind: str, share: float) -> bool:
        return self._world.faulty(kind) and self._random.random() < share

    # --- from Begin to Finish -----------------------------------------------------------------------------------------

    def _listen(self, part: Part) -> None:
        for at, text in part.partials:
            self._show(at, text)
        over = max(part.end + STOP_S, self.known_at + 0.1 - self._world.now)
        final_at = self._final_at(over)
        if final_at is not None:
            final = NOTHING if self._happens("stt_retract", 0.04) else Transcript(part.text, True)
            self._close(final_at, *self._twice(final))

    def _final_at(self, over: float) -> float | None:
        """When the final transcript comes of what was said; None: never. `over`: now it is known to have been said."""
        if self._happens("stt_lost", 0.05):
            self._world.at(over + 0.02, self._lose)
        elif self._happens("stt_lost", 0.03):
            self._world.count("ears: nothing came")  # and nobody says so
            self.owes_until = self._world.now + over + FORGOTTEN_S
        else:
            late = self._happens("stt_late", 0.06)
            self._world.counts["ears: late finals"] += late
            if late and self._random.random() < 0.5:
                self._world.count("ears: heard again by others")
                self._later(over + 1.2, HeardAgain())
            return over + (2.0 if late else self._random.choice((0.01, 0.05, 0.2, 0.6)))
        return None

    def _twice(self, final: Transcript) -> tuple[Transcript, ...]:
        if not self._happens("stt_double", 0.04):
            return (final,)
        self._world.count("ears: double finals")
        self.doubled = True
        return final, final

    def _show(self, at: float, text: str) -> None:
        """A partial transcript; some engines take back what they said, at once or only with a later transcript."""
        at = max(at, self._not_before - self._world.now)
        if self._happens("stt_revise", 0.3):
            self._world.count("ears: revised partials")
            self._later(at, Transcript(f"{text} wrong", False))
            if self._world.counts["ears: revised partials"] % 2:
                return
        self._later(at + 0.05, Transcript(text, False))

    # --- turns --------------------------------------------------------------------------------------------------------

    def _follow(self, parts: tuple[Part, ...]) -> None:
        """All of it is one turn; each `Finish` is answered once, the first by the text, if it came before the end."""
        text = " ".join(part.text for part in parts if part.text)
        over = parts[-1].end + self._random.choice((0.1, 0.3, 0.6, 1.2))
        over = max(over, self.known_at + 0.2 - self._world.now)
        at = self._final_at(over)
        if text or self._random.random() < 0.2:
            self._follow_words(parts, over)
        if at is None:
            return
        stops = [part.end + STOP_S for part in parts]
        answered = sum(stop <= at for stop in stops)
        finals = (*self._twice(Transcript(text, True)), *[NOTHING] * (answered - 1))
        if self._happens("hints_odd", 0.1):
            self._hint(at - 0.01, "ended")
            self._close(at, *finals)
        else:
            self._close(at, *finals)
            self._hint(at, "ended")
        for stop in stops[answered:]:
            self._close(stop, NOTHING)

    def _follow_words(self, parts: tuple[Part, ...], over: float) -> None:
        self._hint(parts[0].begin + self._random.choice((0.05, 0.2)), "started")
        before = ""
        for number, part in enumerate(parts):
            for at, text in part.partials:
                self._show(at, f"{before} {text}".strip())
            before = f"{before} {part.text}".strip()
            pauses = part.end + 0.17 < over
            if pauses and self._world.swarm_has("eager") and self._random.random() < 0.6:
                self._show(part.end + 0.1, before)
                self._hint(part.end + 0.16, "eager")
                if number + 1 < len(parts):
                    self._hint(parts[number + 1].begin + 0.2, "resumed")

    def _hint(self, at: float, kind: Hint) -> None:
        """What it thinks of the turn: now and then it does not say so, or twice, or far too late."""
        hint = TurnHint(kind)
        at = max(at, self._not_before - self._world.now)
        if self._hinted and self._happens("hints_odd", 0.08):
            self._world.count("ears: hints that never came")
            return
        self._hinted = True
        if self._happens("hints_odd", 0.08):
            self._world.count("ears: double hints")
            self._later(at, hint)
        if kind != "started" and self._happens("hints_odd", 0.08):
            self._world.count("ears: late hints")
            at += 1.5
        self._later(at, hint)
        self._world.count(f"ears: {kind}")

    # --- the acoustic model -------------------------------------------------------------------------------------------

    def _judge(self, part: Part) -> None:
        """It has an opinion of the pause, mostly in time; where there is a `Judge`, that one has."""
        if self._world.judge or not self._world.swarm_has("judges") or self._random.random() < 0.2:
            return
        late_s = 1.5 if self._happens("judges_late", 0.2) else 0.0
        self._world.count("ears: late judgements" if late_s else "ears: judgements")
        at = part.end + STOP_S + self._random.choice((0.03, 0.2)) + late_s
        self._world.at(at, self._world.post, TurnJudged(self._random.random()))

    # --- the link -----------------------------------------------------------------------------------------------------

    def _lose_link(self, seconds: float) -> None:
        """What is said meanwhile is heard afterwards, if that is not too late."""
        self._world.count("ears: outages")
        self._away_until = max(self._away_until, self._world.now + seconds)  # what waits for that keeps its order
        if seconds > LINK_S:
            self._world.at(LINK_S, self._lose)

    def _lose(self) -> None:
        """What was being said never comes."""
        self._world.count("ears: lost")
        self._epoch += 1
        self._world.post(SpeechLost("the ears are gone"))

    def _close(self, at: float, *finals: Transcript) -> None:
        """Final transcripts, and never before those of the speech before."""
        self.known_at = max(self.known_at, self._world.now + at)
        self._later(at, *finals)

    def _later(self, at: float, *facts: EarFact) -> None:
        self.coming += 1
        self._world.at(at, self._tell, self._epoch, facts)

    def _tell(self, epoch: int, facts: tuple[EarFact, ...]) -> None:
        if epoch == self._epoch and self._world.now < self._away_until:
            self.known_at = max(self.known_at, self._away_until)
            self._world.at(self._away_until - self._world.now, self._tell, epoch, facts)
            return
        self.coming -= 1
        for fact in facts if epoch == self._epoch else ():
            if isinstance(fact, Transcript):
                self.fresh_at = self._world.now
            self._world.post(fact)

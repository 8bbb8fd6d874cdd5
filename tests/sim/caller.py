"""A simulated caller: asks, goes on, interrupts, coughs, falls silent, types, presses keys, hangs up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from audio.events import SpeechLost, SpeechStarted, SpeechStopped, Transcript
from llm.events import ModelSettings
from llm.items import DeveloperMessage
from server.call.events import Append, Configure, Dtmf, Gone, HangUp, Interrupt, Muted, Rewrite, Say, Send, UserText
from server.call.states import CallState
from tests.sim.peers import SPECS
from tests.sim.policy import POLICY, SAY_WORDS
from tests.sim.provider import sentence

if TYPE_CHECKING:
    from tests.sim.world import World

START_S, STOP_S = 0.064, 0.2  # how late voice activity detection says on and off


class Caller:
    """Acts at random times, whatever the bot does; so its turns fall into answers, thoughts and tools alike."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._random = world.random
        self._silent_from = 0.0
        self.turns = 0
        self.last_turn_at = 0.0
        self.counts: dict[str, int] = {}
        self.protected = 0
        self._ears = 0  # how often they failed
        self._last_final = 0.0
        self.says = 0
        self.keys = ""
        self.changes = 0
        self.reads = False  # some answers are to be read only
        self._keys_at = -10.0
        self.muted = False
        self.fresh_at = 0.0  # the last new sound or word
        self.sent: list[str] = []

    def begin(self) -> None:
        """Start to act."""
        self._world.at(self._random.uniform(0.1, 1.5), self._act)

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def _act(self) -> None:
        world = self._world
        if not world.faults_on or world.core.state is CallState.CLOSED:
            return
        names = ["turn"] * 6 + ["cough"] * 2 + ["noise", "typed", "keys", "stop_button", "say", "protected"]
        names += ["send", "mute", "television", "configure", "rewrite", "note", "listens", "mumbles"]
        act = self._random.choice(names)
        if act == "turn" or world.faulty(act):
            self._count(act)
            getattr(self, f"_{act}")()
        if world.faulty("hang_up") and self._random.random() < 0.01:
            self._count("app_hang_up")
            world.post(HangUp("the application has enough"))
        if world.faulty("hang_up") and self._random.random() < 0.02:
            self._count("hang_up")
            world.post(Gone("the caller is gone: hung up"))
            return
        gap = self._random.choice((0.2, 0.6, 1.5, 3.0, 5.0)) if world.faulty("barge_in") else 6.0
        world.at(gap, self._act)

    # --- speech -----------------------------------------------------------------------------------------------------

    def _voice(self, seconds: float, after: float = 0.0) -> float:
        """The voice goes on and off again; returns when the off is known."""
        end = after + max(seconds, 0.1)
        self._world.at(after + START_S, self._voiced)
        self._silent_from = self._world.now + end + STOP_S
        self._world.at(after + START_S, self._world.post, SpeechStarted(START_S * 1000))
        self._world.at(end + STOP_S, self._silent)
        return end + STOP_S

    def _voiced(self) -> None:
        self.fresh_at = self._world.now
        if self._world.judge:
            self._world.judge.start()

    def _silent(self) -> None:
        if self._world.judge:
            self._world.judge.stop(self._world.now - STOP_S)
        self._world.post(SpeechStopped(STOP_S * 1000))

    @property
    def speaking(self) -> bool:
        """The caller's voice is on, or will be again in a moment."""
        return self._world.now < self._silent_from

    @property
    def busy(self) -> bool:
        """The caller speaks, what was said is not known yet, or keys have just been pressed."""
        return (
            self._world.now < max(self._silent_from, self._last_final + 0.1)
            or self._world.now < self._keys_at + POLICY.keys_ms / 1000 + 0.1
        )

    def _turn(self) -> None:
        """A question, with partial transcripts; perhaps with a pause in the middle."""
        if self.speaking:
            return
        self.turns += 1
        text = f"q{self.turns}"
        seconds = self._random.choice((0.3, 0.8, 1.6))
        world = self._world
        if world.faulty("barge_in") and self.turns > 1:
            self._count("barge_in")
        for part in range(int(seconds / 0.3)):
            world.at(0.25 + part * 0.3, self._partial, text if part else "q")
        known = self._voice(seconds)
        if world.faulty("pause_in_turn") and self._random.random() < 0.3:
            self._final(f"{text} well", known)
            pause = self._random.choice((0.15, 0.25, 0.5, 0.9))
            again = self._voice(0.5, known - STOP_S + pause + STOP_S)
            self._final("please", again)
            return
        self._final(f"{text} please", known)

    def _partial(self, text: str) -> None:
        self.fresh_at = self._world.now
        self._world.post(Transcript(text, False))

    def _final(self, text: str, at: float) -> None:
        """The final transcript: late, empty, or lost now and then, and never before that of the speech before."""
        world, roll = self._world, self._random.random()
        at = max(at, self._last_final - world.now)
        if world.faulty("stt_lost") and roll < 0.05:
            world.at(at + 0.02, self._lose)
        elif world.faulty("stt_lost") and roll < 0.08:
            pass  # it never comes, and nobody says so
        elif world.faulty("stt_late") and roll < 0.12:
            self._last_final = world.now + at + 2.0
            world.at(at + 2.0, self._hear, text, self._ears)
        elif world.faulty("stt_retract") and roll < 0.16:
            world.at(at + 0.1, self._hear, "", self._ears)
        else:
            at += self._random.choice((0.01, 0.05, 0.2, 0.6))
            self._last_final = world.now + at
            world.at(at, self._hear, text, self._ears)

    def _lose(self) -> None:
        """The ears fail; what they had heard never comes."""
        self._ears += 1
        self._world.post(SpeechLost("the ears are gone"))

    def _hear(self, text: str, ears: int) -> None:
        if ears == self._ears:
            self.fresh_at = self._world.now
            self._world.post(Transcript(text, True))

    def _cough(self) -> None:
        if not self.speaking:
            self._final_nothing(self._voice(self._random.choice((0.1, 0.2, 0.35))))

    def _listens(self) -> None:
        """The caller shows that they listen; while the bot speaks that is no turn."""
        if not self.speaking:
            self._world.at(0.2, self._partial, "uh")
            self._final(self._random.choice(("uh huh", "okay", "yeah okay")), self._voice(0.3))

    def _mumbles(self) -> None:
        """Words for which voice activity detection notices no voice."""
        if not self.speaking and self._last_final <= self._world.now:
            self.turns += 1
            self.fresh_at = self._world.now
            self._world.post(Transcript(f"q{self.turns} please", True))

    def _noise(self) -> None:
        if not self.speaking:
            self._final_nothing(self._voice(self._random.choice((0.55, 0.8, 1.4))))

    def _television(self) -> None:
        """A voice without a word that goes on for longer than anybody waits."""
        if not self.speaking:
            self._final_nothing(self._voice(self._random.choice((4.0, 7.0))))

    def _final_nothing(self, at: float) -> None:
        if self._random.random() < 0.9:
            at = max(at, self._last_final - self._world.now) + self._random.choice((0.01, 0.1))
            self._world.at(at, self._hear, "", self._ears)

    # --- everything else ----------------------------------------------------------------------------------------------

    def _typed(self) -> None:
        self.turns += 1
        reads = self._world.faulty("read") and self._random.random() < 0.5
        self.reads |= reads
        self._world.post(UserText(f"q{self.turns}", reads))

    def _rewrite(self) -> None:
        """The application writes back the log as it is: nothing may come of it."""
        self._world.post(Rewrite(self._world.core.log.items()))

    def _note(self) -> None:
        """The application has something for the model to say."""
        self._world.post(Append(DeveloperMessage("Say something more."), ask=True))

    def _configure(self) -> None:
        """The application changes its mind: other words, one tool less or more, another model."""
        self.changes += 1
        settings = self._world.core.settings
        tools = (
            SPECS if len(settings.tools) < len(SPECS) else tuple(spec for spec in SPECS if spec.schema.name != "note")
        )
        model = ModelSettings(temperature=self.changes / 100, service=self._random.choice(("", "other")))
        instructions = f"Answer in numbered words, the {self.changes}th way."
        change = {"instructions": instructions, "tools": tools, "model": model}
        self._world.post(Configure(structs.replace(settings, **change)))

    def _keys(self) -> None:
        for digit in self._random.choice(("12", "7#", "411")):
            if self._world.core.state is CallState.READY:
                self.keys += digit
                self._keys_at = self._world.now
            self._world.post(Dtmf(digit))

    def _stop_button(self) -> None:
        self._world.post(Interrupt())

    def _mute(self) -> None:
        self.muted = self._random.random() < 0.5
        self._world.post(Muted(self.muted))

    def _say(self) -> None:
        self.says += 1
        self._world.post(Say(" ".join(sentence(f"S{self.says}", 0, SAY_WORDS))))

    def _protected(self) -> None:
        self.protected += 1
        self._world.post(Say(f"Protected number {self.protected} is heard once and whole.", interruptible=False))

    def _send(self) -> None:
        payload = f"message {len(self.sent)}"
        self.sent.append(payload)
        self._world.post(Send(payload, interruptible=False))
        if self._world.core.state is CallState.CLOSED:  # it ended in this very moment
            self.sent.pop()

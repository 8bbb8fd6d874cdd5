"""A simulated caller: asks, goes on, interrupts, coughs, falls silent, types, presses keys, hangs up."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import structs

from audio.events import SpeechStarted, SpeechStopped, Transcript
from llm.events import ModelSettings
from llm.items import DeveloperMessage
from server.call.events import Append, Configure, Dtmf, Gone, HangUp, Interrupt, Muted, Rewrite, Say, Send, UserText
from server.call.states import CallState
from tests.sim.ears import START_S, STOP_S, Part
from tests.sim.peers import SPECS
from tests.sim.policy import POLICY, SAY_WORDS
from tests.sim.provider import sentence

if TYPE_CHECKING:
    from tests.sim.world import World


class Caller:
    """Acts at random times, whatever the bot does; so its turns fall into answers, thoughts and tools alike."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._random = world.random
        self._silent_from = 0.0
        self.turns = 0
        self.last_turn_at = 0.0
        self.protected = 0
        self.says = 0
        self.keys = ""
        self.changes = 0
        self.reads = False  # some answers are to be read only
        self._keys_at = -10.0
        self.muted = False
        self.holds_key = False
        self.voiced = False
        """Voice activity detection hears them."""
        self._fresh_at = 0.0
        self.began: dict[str, float] = {}
        """Words, and when the voice came on in which they were said."""
        self.mumbled: set[str] = set()
        """Words without a voice."""
        self.sent: list[str] = []

    def begin(self) -> None:
        """Start to act."""
        self._world.at(self._random.uniform(0.1, 1.5), self._act)

    def _act(self) -> None:
        world = self._world
        if not world.faults_on or world.core.state is CallState.CLOSED:
            return
        names = ["turn"] * 6 + ["cough"] * 2 + ["noise", "typed", "keys", "stop_button", "say", "protected"]
        names += ["send", "mute", "television", "configure", "rewrite", "note", "listens", "mumbles"]
        if "key" in world.settings.turn.rules:
            names.remove("mute")
        act = self._random.choice(names)
        if act == "turn" or world.faulty(act):
            world.count(f"caller: {act}")
            getattr(self, f"_{act}")()
        if world.faulty("hang_up") and self._random.random() < 0.01:
            world.count("caller: app_hang_up")
            world.post(HangUp("the application has enough"))
        if world.faulty("hang_up") and self._random.random() < 0.02:
            world.count("caller: hang_up")
            world.post(Gone("the caller is gone: hung up"))
            return
        gap = self._random.choice((0.2, 0.6, 1.5, 3.0, 5.0)) if world.faulty("barge_in") else 6.0
        if world.faulty("falls_silent") and self._random.random() < 0.05:
            world.count("caller: falls_silent")
            gap += POLICY.idle_ms / 1000 + 2.0
        world.at(gap, self._act)

    # --- speech -----------------------------------------------------------------------------------------------------

    def _speak(self, *parts: Part) -> None:
        """The voice goes on and off again; with a key to talk it is held meanwhile, and let go a little too early."""
        has_key = "key" in self._world.settings.turn.rules
        last = parts[-1].end
        release = last + self._random.choice((0.05, 0.4))
        if has_key:
            self._press(True)
        for part in parts:
            self.began.update(dict.fromkeys(part.text.split(), self._world.now + (part.begin + START_S)))
            off = min(part.end + STOP_S, release if has_key else math.inf)
            self._world.at(part.begin + START_S, self._voice_on)
            self._world.at(off, self._voice_off, (off - part.end) * 1000)
        self._silent_from = self._world.now + last + STOP_S
        self._world.ears.hear(parts)
        if has_key:
            self._world.at(release, self._press, False)

    def _press(self, held: bool) -> None:
        self.holds_key = held
        self._world.post(Muted(not held))

    def _voice_on(self) -> None:
        self.voiced, self._fresh_at = True, self._world.now
        if self._world.judge:
            self._world.judge.start()
        self._world.post(SpeechStarted(START_S * 1000))

    def _voice_off(self, silence_ms: float) -> None:
        self.voiced = False
        if self._world.judge:
            self._world.judge.stop(self._world.now - silence_ms / 1000)
        self._world.post(SpeechStopped(silence_ms))

    @property
    def fresh_at(self) -> float:
        """The last new sound or word."""
        return max(self._fresh_at, self._world.ears.fresh_at)

    @property
    def speaking(self) -> bool:
        """The caller's voice is on, or will be again in a moment."""
        return self._world.now < self._silent_from

    @property
    def busy(self) -> bool:
        """The caller speaks, what was said is not known yet, or keys have just been pressed."""
        return (
            self._world.now < max(self._silent_from, self._world.ears.known_at)
            or self._world.ears.coming > 0
            or self._world.now < self._keys_at + POLICY.keys_ms / 1000 + 0.1
        )

    def _turn(self) -> None:
        """A question, with partial transcripts; perhaps with a pause in the middle. Each of its words is said once."""
        if self.speaking:
            return
        self.turns += 1
        number = self.turns
        seconds = self._random.choice((0.3, 0.8, 1.6))
        if self._world.faulty("barge_in") and number > 1:
            self._world.count("caller: barge_in")
        partials = tuple((0.25 + at * 0.3, f"q{number}" if at else "q") for at in range(int(seconds / 0.3)))
        last = f"please{number}{self._ending()}"
        if self._world.faulty("pause_in_turn") and self._random.random() < 0.3:
            pause = self._random.choice((0.35, 0.45, 0.7, 1.1))
            begin = seconds + pause
            first = Part(0.0, seconds, f"q{number} well{number}", partials)
            self._speak(first, Part(begin, begin + 0.5, last, ((begin + 0.3, f"please{number}"),)))
        else:
            self._speak(Part(0.0, seconds, f"q{number} {last}", partials))

    def _ending(self) -> str:
        """How a sentence ends: with a sign from engines that write them, or in a word after which more comes."""
        if self._world.swarm_has("punctuates"):
            return self._random.choice((".", "?", "", ","))
        return self._random.choice((" and", "", "")) if self._world.swarm_has("trails") else ""

    def _cough(self) -> None:
        self._sound(0.1, 0.2, 0.35)

    def _noise(self) -> None:
        self._sound(0.55, 0.8, 1.4)

    def _television(self) -> None:
        """A voice without a word that goes on for longer than anybody waits."""
        self._sound(4.0, 7.0)

    def _sound(self, *seconds: float) -> None:
        if not self.speaking:
            self._speak(Part(0.0, self._random.choice(seconds)))

    def _listens(self) -> None:
        """The caller shows that they listen; while the bot speaks that is no turn."""
        if not self.speaking:
            text = self._random.choice(("uh huh", "okay", "yeah okay"))
            self._speak(Part(0.0, 0.3, text, ((0.2, "uh"),)))

    def _mumbles(self) -> None:
        """Words for which voice activity detection notices no voice."""
        if not self.busy:
            self.turns += 1
            self._fresh_at = self._world.now
            text = f"q{self.turns} please{self.turns}"
            self.mumbled.update(text.split())
            self._world.post(Transcript(text, True))

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
            if self._world.line.open:
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

"""A sound that was nothing, in the middle of a word.

Elsewhere a door that slams, a long "mm-hmm" or a word that the ears took back made the bot forget the rest of its
sentence, say it again from its beginning, or fall silent for good.
Here it goes on where it stopped, to the sample: nothing is heard twice, nothing is left out, the voice speaks nothing
again, and the log says what was heard. It is so for a client that can pause, and for one that plays what it is sent.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

import pytest

from audio.events import SpeechStarted, SpeechStopped, Synthesised, Transcript, Word
from audio.playout import Playout, PlayoutOptions
from llm.events import Ask, Delta, LinkUp, ReplyDone
from server.call import events as e
from server.call.core import Core
from server.call.hub import Hub
from server.call.policy import CallSettings
from tests.sim.buffer import RATE_HZ
from tests.sim.client import Client, samples

ANSWER = (
    "One two three four five six seven eight nine ten eleven twelve and then as many words once more as there were."
)
WORD_MS = 200
WHOLE_MS = WORD_MS * len(ANSWER.split())


class Line:
    """A core with a client at the other end of the line, some milliseconds away, that knows what was truly heard."""

    def __init__(self, *, pauses: bool, reports: bool, latency_s: float) -> None:
        self.now = 0.0
        self._order = count()
        self._todo: list[tuple[float, int, Callable[..., object], tuple[object, ...]]] = []
        options = PlayoutOptions(rate_hz=RATE_HZ, pauses=pauses, reports="counts" if reports else "nothing")
        self.playout = Playout(options)
        self.client = Client(
            lambda: self.now, self.at, latency_s=latency_s, reports=reports, pauses=pauses, lead_ms=options.lead_ms
        )
        self.client.on_played = lambda total: self.playout.report(self.now, total)
        self.client.on_cleared = self.playout.cleared
        self.core = Core(CallSettings(), self.playout)
        self.hub = Hub(self.core, self.playout, lambda: self.now, self._execute)
        self.did: list[e.Command] = []
        self.hub.post(e.Ready())
        self.hub.post(LinkUp())

    def at(self, delay: float, call: Callable[..., object], *args: object) -> None:
        """Later."""
        heapq.heappush(self._todo, (self.now + delay, next(self._order), call, args))

    def posts(self, delay: float, fact: e.Fact) -> None:
        """A fact comes later."""
        self.at(delay, self.hub.post, fact)

    def run(self, seconds: float) -> None:
        """Let time pass, in ticks of 10 ms."""
        for _ in range(round(seconds * 100)):
            self.now += 0.01
            while self._todo and self._todo[0][0] <= self.now + 1e-9:
                _, _, call, args = heapq.heappop(self._todo)
                call(*args)
            deadline = self.core.deadline()
            if deadline is not None and deadline <= self.now:
                self.hub.post(e.Tick())
            for what in self.playout.take(self.now):
                self.client.take(what)
            self.hub.progress()
            self.client.play()

    def _execute(self, command: e.Command) -> None:
        self.did.append(command)
        match command:
            case e.Speak(frame, text):
                self._speak(frame, text)
            case e.Hold():
                self.client.command("pause")
            case e.Resume():
                self.client.command("resume")
            case e.Flush():
                self.client.command("clear")

    def _speak(self, frame: int, text: str) -> None:
        ends = [at for at in range(1, len(text) + 1) if at == len(text) or text[at] == " "]
        words = tuple(Word(n * float(WORD_MS), end) for n, end in enumerate(ends))
        whole = WORD_MS * len(words)
        self.at(0.05, self.hub.audio, frame, whole, words, samples(0, whole))
        self.posts(0.05, Synthesised(frame))

    def count(self, kind: type[e.Command]) -> int:
        """How many commands of a kind there were."""
        return sum(isinstance(each, kind) for each in self.did)

    def told(self, kind: type[e.Event]) -> int:
        """How many events of a kind there were."""
        return sum(isinstance(each, e.Notify) and isinstance(each.event, kind) for each in self.did)


def answering(*, pauses: bool, reports: bool, latency_s: float) -> Line:
    """A bot that has just begun to say its answer."""
    line = Line(pauses=pauses, reports=reports, latency_s=latency_s)
    line.hub.post(e.UserText("count"))
    line.hub.post(Delta(1, ANSWER))
    line.hub.post(ReplyDone(1))
    line.run(0.1)
    return line


def slams(line: Line, at: float) -> None:
    """A sound of 0.8 s, of which the ears say nothing."""
    line.posts(at, SpeechStarted(64.0))
    line.posts(at + 0.8, SpeechStopped(200.0))
    line.posts(at + 0.85, Transcript("", True))


def hums(line: Line, at: float) -> None:
    """A long "mm-hmm" that is understood late."""
    line.posts(at, SpeechStarted(64.0))
    line.posts(at + 0.9, SpeechStopped(200.0))
    line.posts(at + 1.2, Transcript("mm-hmm", True))


def takes_back(line: Line, at: float) -> None:
    """A word that the ears take back."""
    line.posts(at, SpeechStarted(64.0))
    line.posts(at + 0.2, Transcript("the", False))
    line.posts(at + 0.5, SpeechStopped(200.0))
    line.posts(at + 0.6, Transcript("", True))


def is_never_heard_of_again(line: Line, at: float) -> None:
    """A sound of 0.7 s whose final transcript never comes."""
    line.posts(at, SpeechStarted(64.0))
    line.posts(at + 0.7, SpeechStopped(200.0))


CLIENTS = [
    pytest.param(True, True, id="pauses and reports"),
    pytest.param(True, False, id="pauses"),
    pytest.param(False, True, id="reports"),
    pytest.param(False, False, id="only plays"),
]


@pytest.mark.parametrize("sound", [slams, hums, takes_back, is_never_heard_of_again])
@pytest.mark.parametrize(("pauses", "reports"), CLIENTS)
@pytest.mark.parametrize("latency_s", [0.0, 0.15])
def test_the_bot_goes_on_in_the_middle_of_the_word(
    sound: Callable[[Line, float], None], pauses: bool, reports: bool, latency_s: float
) -> None:
    for at_ms in (130, 470, 950, 1330):
        line = answering(pauses=pauses, reports=reports, latency_s=latency_s)
        sound(line, at_ms / 1000)
        line.run(0.1 + at_ms / 1000)
        stopped = line.client.heard[-1][2] if line.client.heard else 0
        line.run(0.4)
        lead_ms = (0 if pauses else 200) + 2 * latency_s * 1000
        assert line.client.heard[-1][2] <= stopped + lead_ms, "it holds"
        line.run(8.0)
        assert line.client.heard == [[1, 0, WHOLE_MS]], "each sample once, in order"
        assert line.core.log.items()[-1].text == ANSWER
        assert (line.count(e.Speak), line.count(Ask), line.count(e.Flush)) == (1, 1, 0)
        assert line.told(e.Interrupted) == line.told(e.FalseInterruption) == 1


@pytest.mark.parametrize(("pauses", "reports"), CLIENTS)
def test_a_turn_that_it_proves_to_be_cuts_the_log_at_what_was_heard(pauses: bool, reports: bool) -> None:
    for at_ms in range(100, 1500, 190):
        line = answering(pauses=pauses, reports=reports, latency_s=0.0)
        line.posts(at_ms / 1000, SpeechStarted(64.0))
        line.posts(at_ms / 1000 + 0.7, SpeechStopped(200.0))
        line.posts(at_ms / 1000 + 1.1, Transcript("stop it", True))
        line.run(6.0)
        [[_, start, heard_ms]] = line.client.heard
        begun = -(-heard_ms // WORD_MS)
        said = line.core.log.items()[1].text
        assert (start, len(said.split())) == (0, begun), f"{heard_ms} ms were heard"
        assert ANSWER.startswith(said)
        assert (line.told(e.Interrupted), line.told(e.FalseInterruption)) == (1, 0)

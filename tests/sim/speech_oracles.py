"""What must hold of the bot's words between the core and the caller's ear: held, once, in order, whole, as logged."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from audio.playout import Chunk
from llm.items import AssistantMessage
from server.call import events as e
from server.call.line_events import Transferred
from server.call.model_events import EarlyAnswer
from tests.sim.carrier import Carrier
from tests.sim.digest import WORD, known
from tests.sim.model_oracles import ModelOracles
from tests.sim.policy import FILLERS, LATE_WORDS, MARGIN_MS
from tests.sim.voice import WORD_MS

if TYPE_CHECKING:
    from tests.sim.world import World


class SpeechOracles:
    """Watches what one call says and what is heard of it."""

    def __init__(self, world: World, model: ModelOracles, check: Callable[[bool, str], None]) -> None:
        self._world = world
        self._model = model
        self._check = check
        self._flushed_at = -10.0
        self._gone = False  # the connection may have gone before everything was heard
        self.interruptions = 0
        self._ahead: dict[int, set[int]] = {}  # reply that is not wanted yet -> frames that the voice speaks of it
        self._discarded: set[int] = set()
        self.ahead = self.fillers = 0

    def fact(self, fact: e.Fact) -> None:
        """A fact is about to reach the core."""
        self._gone |= isinstance(fact, e.Gone | Transferred)

    def command(self, command: e.Command) -> None:
        """The core wants something."""
        match command:
            case e.Speak(frame) if number := self._world.core.answering.early.number:
                if self._world.core.log.entry_of(frame) is None:
                    self._ahead.setdefault(number, set()).add(frame)
            case e.Notify(e.Filler(text)):
                self._fills(text)
            case e.Notify(EarlyAnswer(reply, used)):
                frames = self._ahead.pop(reply, set())
                self.ahead += used and bool(frames)
                self._discarded |= set() if used else frames
            case e.Flush():
                self._flushed()
            case e.Notify(e.Interrupted()):
                self.interruptions += 1
            case e.Notify(e.Problem("speech_failed", message)):
                self._world.voice.lost.add(int(message.split()[1].rstrip(":")))
            case e.End():
                self._check(self._gone or not self._waiting(), "hung up on its own words")

    def leaves(self, what: object) -> None:
        """Something leaves for the client."""
        if isinstance(what, Chunk):
            frame = self._world.playout.get(what.frame)
            self._check_size(what)
            held = self._world.playout.held and frame is not None and frame.interruptible
            self._check(not held, "speech left while it was to be held")
            early = {each for frames in self._ahead.values() for each in frames} | self._discarded
            self._check(what.frame not in early, "speech left of an answer that nobody wanted yet")

    def _check_size(self, chunk: Chunk) -> None:
        """The piece is one that the wire takes."""
        options, size = self._world.playout.options, len(chunk.pcm) // 2
        if options.granule_ms:
            self._check(size % options.granule_ms == 0, f"a piece of {size} ms is not of whole granules")
            self._check(size >= options.chunk_ms, f"a piece of {size} ms is too short")

    def step(self) -> None:
        """After each event of the world."""
        frames = list(self._world.playout.frames())
        if frames and frames[0].text in FILLERS and not frames[0].ending:
            waits = len(frames) > 1 and frames[1].queued > 0
            self._check(not waits, "an answer waits for the end of a filler")
        for frame in self._discarded:
            self._check(self._world.playout.get(frame) is None, "the voice goes on with an answer that nobody wanted")

    def _fills(self, text: str) -> None:
        core = self._world.core
        self.fillers += 1
        self._check(core.calling.blocking, "told to wait for nothing")
        self._check(not core.turn.active and not core.listening.keypad.keys, "told to wait into what the caller says")
        others = [frame for frame in self._world.playout.frames() if frame.text != text]
        self._check(not others, "told to wait while something is said")

    def _flushed(self) -> None:
        client = self._world.client
        self._flushed_at = self._world.now
        client.play()
        protected = client.playing in self._protected_frames() and client.latency_s == 0
        self._check(not protected, "told the client to clear while it played protected speech")

    def _waiting(self) -> bool:
        """Words that were said have not left the client's speaker, as far as a server can know."""
        client = self._world.client
        if self._world.now - self._flushed_at <= client.latency_s:
            return False  # it is about to drop them
        client.play()
        return client.buffered > 2000 * client.latency_s + MARGIN_MS

    # --- at the end ---------------------------------------------------------------------------------------------------

    def at_end(self) -> None:
        """Nothing was lost or doubled."""
        self._check_samples()
        self._check_protected()
        self._check_words()
        messages = " ".join(item.text for item in self._world.core.log.items() if isinstance(item, AssistantMessage))
        self._check("F0w" not in messages and "F1w" not in messages, "a filler stands in the log")

    def _check_samples(self) -> None:
        """Each sample once: whatever held the bot, it went on in the middle of the word."""
        until: dict[int, int] = {}
        for frame, start, stop in self._world.client.heard:
            self._check(start == until.get(frame, 0), f"frame {frame}: heard from {start} after {until.get(frame, 0)}")
            until[frame] = stop

    def _protected_frames(self) -> set[int]:
        return {number for number, words in self._world.voice.words.items() if words[0] == "Protected"}

    def _check_protected(self) -> None:
        world = self._world
        if isinstance(world.client, Carrier) and world.client.cleared & self._protected_frames():
            world.count("carrier: cleared protected speech")
        for frame in self._protected_frames() - world.voice.lost:
            at = max((stop for number, _, stop in world.client.heard if number == frame), default=0)
            whole = WORD_MS * len(world.voice.words[frame])
            self._check(at == whole or self._gone, f"protected frame {frame}: {at} of {whole} ms were heard")
        wanted = world.caller.sent[: len(world.client.messages)] if self._gone else world.caller.sent
        self._check(world.client.messages == wanted, "messages were lost, doubled or out of order")
        order = [span[0] for span in world.client.heard]
        anew = world.swarm_has("ahead") and world.voice.lost  # what failed ahead has a later number at its turn
        self._check(bool(anew) or order == sorted(order), "frames were heard out of order")

    def _heard_words(self, margin: int) -> list[tuple[str, int]]:
        """The words that began to be heard, at least `margin` ms of them."""
        heard: list[tuple[str, int]] = []
        for frame, start, stop in self._world.client.heard:
            for number, word in enumerate(self._world.voice.words[frame]):
                if start <= number * WORD_MS and number * WORD_MS + margin < stop and (match := WORD.match(word)):
                    heard.append((match[1], int(match[2])))
        return heard

    def _check_words(self) -> None:
        """No word twice, none left out, and the log says what was heard."""
        near = self._world.client.latency_s == 0
        late = LATE_WORDS + 2 * (self._world.client.latency_s > 0.2) if not near else 0
        cuts = self.interruptions + self._gone
        allowed = late * cuts + 2 * self._world.swarm_has("untimed") * (cuts + len(self._world.voice.lost))
        surely = self._heard_words(MARGIN_MS)
        doubled = len(surely) - len(set(surely))
        self._check(doubled <= allowed, f"{doubled} words were heard twice")
        maybe = set(self._heard_words(-MARGIN_MS))
        lost = {
            (m[1], int(m[2]))
            for frame in self._world.voice.lost
            for word in self._world.voice.words[frame]
            if (m := WORD.match(word))
        }
        read = self._model.words_to_read(maybe)
        lost |= read
        gaps = [(n, i) for n, number in maybe for i in range(number) if (n, i) not in maybe and (n, i) not in lost]
        self._check(len(set(gaps)) <= allowed, f"words were left out: {sorted(set(gaps))[:5]}")
        items = self._world.core.log.items()
        messages = [item.text for item in items if isinstance(item, AssistantMessage)] + [known(items).text]
        logged = {(name, int(number)) for text in messages for name, number in WORD.findall(text)}
        wrong = (set(surely) - logged) | (logged - maybe - lost)
        self._check(len(wrong) <= allowed, f"the log and the ear differ: {sorted(wrong)[:5]}")

"""Who has the floor: when the caller's turn is over and what it is, what stops for it, and what goes on. Pure.

The caller's turn is over when the Turn says so (audio/turn.py). What was said is owed an answer, what was not
understood a question; after "uh-huh" and after nothing the bot goes on.
"""

from __future__ import annotations

from collections.abc import Iterator

from llm.items import UserMessage
from server.call import barge_in
from server.call import events as e
from server.call.answering import Answering, Owed
from server.call.asking import Asking
from server.call.calling import Calling
from server.call.listening import Listening
from server.call.outbox import Outbox
from server.call.policy import CallSettings, Policy
from server.call.pondering import Pondering
from server.call.silence import Silence
from server.call.speaking import Speaking


class TurnTaking:
    """Between what the caller says and what the bot does."""

    def __init__(
        self,
        *,
        listening: Listening,
        asking: Asking,
        speaking: Speaking,
        answering: Answering,
        calling: Calling,
        pondering: Pondering,
        silence: Silence,
        out: Outbox,
    ) -> None:
        self.to_read = False
        """The caller wants to read the answers to this turn, not to hear them."""
        self._yielded = False  # to the caller, as was told; nothing is lost yet
        self._turn = listening.turn
        self._keypad = listening.keypad
        self._asking = asking
        self._speaking = speaking
        self._answering = answering
        self._calling = calling
        self._pondering = pondering
        self._silence = silence
        self._log = answering.log
        self._out = out

    # --- who is heard, who holds ------------------------------------------------------------------------------------

    def is_deaf(self, policy: Policy) -> bool:
        """The caller is not to be heard now."""
        return barge_in.mutes(self._speaking, self._calling.blocking, policy)

    def hold(self, policy: Policy, now: float, *, ready: bool) -> None:
        """Pause for the caller, or go on. `ready`: the conversation does; else nobody is waited for."""
        head, rules = self._speaking.playout.head, barge_in.rules(self._phase, policy)
        presses = self._keypad.keys != "" and head is not None and head.interruptible
        wanted = presses or barge_in.holds(self._turn, head, policy, rules, now, yielded=self._yielded)
        self._speaking.hold(ready and wanted, now)

    @property
    def _phase(self) -> barge_in.Phase:
        return barge_in.phase(self._speaking, tool_runs=self._calling.blocking, thinks=self._thinks)

    @property
    def _thinks(self) -> bool:
        """More is to be said than the voice has."""
        return bool(self._answering.coming is not None or self._answering.owed)

    def deadlines(self, policy: Policy) -> Iterator[float]:
        """The instants that a rule of this file waits for."""
        yield self._turn.deadline()
        yield barge_in.recent_until(self._turn, policy)
        yield barge_in.long_sound_at(self._turn, policy)
        yield self._keypad.deadline(policy.keys_ms)

    # --- the turn is over -------------------------------------------------------------------------------------------

    def watch(self, settings: CallSettings, now: float) -> None:
        """End the caller's turn when it is over, the pressed keys too; yield to who goes on talking."""
        self._close(settings, now)
        if keys := self._keypad.take(settings.policy.keys_ms, now):
            self.user_turn(UserMessage(f"[keys pressed: {keys}]"), None, now)
        if self._phase == "speaking":
            self._yield(settings.policy, now)

    def _yield(self, policy: Policy, now: float) -> None:
        """To words or to a long sound. Nothing is lost yet; but words end the answer that is still being made."""
        words = barge_in.has_words(self._turn, policy)
        if words:
            self._answering.abandon(now)
        if not self._yielded and (words or now >= barge_in.long_sound_at(self._turn, policy)):
            self._yielded = True
            self._out.tell(e.Interrupted())

    def _close(self, settings: CallSettings, now: float) -> None:
        self._turn.watch(now)
        verdict = self._turn.verdict(now)
        if verdict in ("none", "open"):
            return
        meant = self._turn.keyed
        voiced_until, whole, text = self._turn.voiced_until, self._turn.whole, self._turn.take()
        listens = verdict == "said" and not meant and self._is_no_turn(text, settings.policy, whole=whole)
        if verdict == "said" and not listens:
            self.user_turn(UserMessage(text), voiced_until, now)
            return
        self._out.tell(e.UserTranscript("", True))
        if listens:
            self._out.tell(e.Backchannel(text))
        if verdict == "unclear" and not self._asking.busy:
            self._silence.broken()
            self._pondering.over()
            self.to_read = False
            self._log.developer(settings.sentences.unclear)
            self._out.tell(e.UserTurn("", voiced_until))
            self._answering.owe(Owed.TURN, now)
        elif self._yielded:
            self._out.tell(e.FalseInterruption())
        self._yielded = False

    def _is_no_turn(self, text: str, policy: Policy, *, whole: bool) -> bool:
        """The caller said "uh-huh", or less than counts, while the bot has more to say, or thinks.

        `whole`: it is all that was said; else more may come too late to be counted.
        """
        phase = self._phase
        if phase in ("speaking", "protected") and not self._thinks and not self._calling.blocking:
            at_its_end = self._speaking.playout.left_ms <= policy.while_speaking.backchannel_rest_ms
        else:
            at_its_end = False
        return not at_its_end and barge_in.is_no_turn(text, barge_in.rules(phase, policy), whole=whole)

    def user_turn(self, message: UserMessage, voiced_until: float | None, now: float, *, to_read: bool = False) -> None:
        """A confirmed turn of the caller: everything that may be interrupted is, and an answer is owed."""
        self._silence.broken()
        self.to_read = to_read
        self.stop(now)
        self._log.append(message)
        self._out.tell(e.UserTranscript(message.text, True))
        self._out.tell(e.UserTurn(message.text, voiced_until))
        self._answering.owe(Owed.TURN, now)

    # --- what stops for it ------------------------------------------------------------------------------------------

    def stop(self, now: float) -> None:
        """The caller wants none of what was being said, thought or looked up."""
        self._answering.abandon(now)
        if self._speaking.stop(now) and not self._yielded:
            self._out.tell(e.Interrupted())
        self._yielded = False
        self._pondering.over()
        self._answering.drop()
        self._calling.interrupt()

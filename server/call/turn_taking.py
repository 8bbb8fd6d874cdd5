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
from server.call.backchannels import is_backchannel
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

    def holds(self, policy: Policy, now: float) -> bool:
        """The bot is to pause."""
        return barge_in.holds(self._turn, self._speaking.playout.head, policy, now)

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
        if barge_in.yields(self._turn, self._speaking.playout.head, settings.policy, now):
            self.stop_talking(now)

    def _close(self, settings: CallSettings, now: float) -> None:
        self._turn.watch(now)
        verdict = self._turn.verdict(now)
        if verdict in ("none", "open"):
            return
        voiced_until, text = self._turn.voiced_until, self._turn.take()
        listens = verdict == "said" and self._only_listens(text, settings.policy)
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
        else:
            self._speaking.say_rest(settings.policy)

    def _only_listens(self, text: str, policy: Policy) -> bool:
        """The caller said "uh-huh" while the bot has more to say, or thinks."""
        more = self._answering.coming is not None or self._answering.owed or self._calling.blocking
        more = more or self._speaking.left_ms > policy.backchannel_rest_ms
        return bool(more) and is_backchannel(text, policy.backchannels)

    def user_turn(self, message: UserMessage, voiced_until: float | None, now: float, *, to_read: bool = False) -> None:
        """A confirmed turn of the caller: everything that may be interrupted is, and an answer is owed."""
        self._silence.broken()
        self.to_read = to_read
        self.stop_talking(now)
        self.forget_answers()
        self._log.append(message)
        self._out.tell(e.UserTranscript(message.text, True))
        self._out.tell(e.UserTurn(message.text, voiced_until))
        self._answering.owe(Owed.TURN, now)

    # --- what stops for it ------------------------------------------------------------------------------------------

    def stop_talking(self, now: float) -> None:
        """Barge-in: stop what may be stopped. The answer stays owed until the caller's turn proves to be one."""
        coming = self._answering.coming
        self._answering.abandon(now)
        if coming is not None and coming.calls:  # no model says again what it said before a call
            coming = None
        if self._speaking.stop(now, coming) and coming is not None:
            self._answering.cut_off(coming, now)

    def forget_answers(self) -> None:
        """The caller wants none of what was being said, thought or looked up."""
        self._pondering.over()
        self._answering.drop()
        self._speaking.forget_rest()
        self._calling.interrupt()

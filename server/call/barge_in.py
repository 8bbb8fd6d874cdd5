"""When the bot holds its breath, when it yields, and what of the caller's is no turn: a rule for each phase. Pure.

    the bot         is in the phase   the caller's turn is none
    speaks          speaking          below `min_words`, or a backchannel, while it has more to say
    says what nobody may interrupt    protected    or a backchannel, likewise: nothing is to be interrupted
    waits for a tool waiting          below `min_words`, or a backchannel
    thinks          thinking          below `min_words`, or a backchannel
    has nothing to say  listening     never

What is said with a key to talk always is one. Whatever the caller does, the bot holds, and nothing is lost before the
turn is over: so after a false interruption it goes on in the middle of the word.
"""

from __future__ import annotations

import math
from typing import Literal

from msgspec import Struct

from audio.frame import Frame
from audio.turn import Turn
from server.call.backchannels import is_backchannel, may_be_backchannel
from server.call.policy import Policy
from server.call.speaking import Speaking

Phase = Literal["speaking", "protected", "waiting", "thinking", "listening"]


class Rules(Struct, frozen=True):
    """What is no turn of the caller: fewer words than these, and these phrases."""

    min_words: int
    backchannels: tuple[str, ...]


def phase(speaking: Speaking, *, tool_runs: bool, thinks: bool) -> Phase:
    """What the bot does, as the caller can tell. What they have not begun to hear is not speech yet."""
    head = speaking.playout.head
    if head is not None and head.seen_sent > 0 and head.id != speaking.filler:
        return "speaking" if head.interruptible else "protected"
    if tool_runs:
        return "waiting"
    return "thinking" if thinks or head is not None else "listening"


def rules(phase: Phase, policy: Policy) -> Rules:
    """What is no turn in this phase."""
    match phase:
        case "speaking":
            return Rules(policy.while_speaking.min_words, policy.while_speaking.backchannels)
        case "protected":
            return Rules(1, policy.while_speaking.backchannels)
        case "waiting":
            return Rules(policy.while_waiting.min_words, policy.while_waiting.backchannels)
        case "thinking":
            return Rules(policy.while_thinking.min_words, policy.while_thinking.backchannels)
        case "listening":
            return Rules(1, ())


def is_no_turn(text: str, now: Rules, *, whole: bool) -> bool:
    """The caller only listens, or said less than counts; that is known only of what is `whole`."""
    too_short = whole and len(text.split()) < now.min_words
    return too_short or is_backchannel(text, now.backchannels)


def has_words(turn: Turn, policy: Policy) -> bool:
    """The bot, which speaks, gives way to what the caller says."""
    speaks = policy.while_speaking
    return turn.words >= speaks.min_words and not may_be_backchannel(turn.text, speaks.backchannels)


def holds(turn: Turn, head: Frame | None, policy: Policy, rules: Rules, now: float, *, yielded: bool) -> bool:
    """Pause while there is a sound that may be the beginning of a turn, or was until just now.

    After a sound to which the bot has yielded, and for a caller with a key to talk, it waits until the turn is over:
    words may come late.
    """
    if head is None or not head.interruptible:
        return False
    if turn.keyed:
        return True
    if not turn.speaking and is_backchannel(turn.text, rules.backchannels):
        return False
    recent = turn.active and (yielded or now < recent_until(turn, policy))
    return turn.speaking or turn.words > 0 or recent


def mutes(speaking: Speaking, tool_runs: bool, policy: Policy) -> bool:
    """The caller is not to be heard, as the agent wants it."""
    if not policy.mute:
        return False
    head = speaking.playout.head
    now = {
        "first_words": not speaking.spoken and speaking.playout.busy,
        "tool": tool_runs,
        "speaking": speaking.playout.busy,
        "protected": head is not None and not head.interruptible and head.payload is None,
    }
    return any(now[each] for each in policy.mute)


def long_sound_at(turn: Turn, policy: Policy) -> float:
    """When a sound makes the bot, which speaks, give way without a word; inf for never."""
    listens = may_be_backchannel(turn.text, policy.while_speaking.backchannels)
    return math.inf if listens or not turn.speaking else turn.since + policy.while_speaking.interrupt_ms / 1000


def recent_until(turn: Turn, policy: Policy) -> float:
    """Until when a sound that has ended may still prove to be words."""
    return turn.voiced_until + policy.resume_ms / 1000

"""When the bot holds its breath and when it yields to the caller. Pure."""

from __future__ import annotations

import math

from audio.playout import Frame
from audio.turn import Turn
from server.call.backchannels import is_backchannel, may_be_backchannel
from server.call.policy import Policy
from server.call.speaking import Speaking


def yields(turn: Turn, head: Frame | None, policy: Policy, now: float) -> bool:
    """Stop talking at words or at a long sound; a short one is a reason to hold, no more.

    What the caller has not begun to hear is not stopped: it is answered, or waits for its turn.
    """
    if head is None or head.seen_sent == 0:
        return False
    if may_be_backchannel(turn.text, policy.backchannels):
        return False
    return turn.words >= policy.min_words or now >= long_sound_at(turn, policy)


def holds(turn: Turn, head: Frame | None, policy: Policy, now: float) -> bool:
    """Pause while there is a sound that may be the beginning of a turn, or was until just now."""
    if head is None or not head.interruptible:
        return False
    if not turn.speaking and is_backchannel(turn.text, policy.backchannels):
        return False
    recent = turn.active and now < recent_until(turn, policy)
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
    """When a sound is a barge-in without a word; inf while there is none."""
    return turn.since + policy.interrupt_ms / 1000 if turn.speaking else math.inf


def recent_until(turn: Turn, policy: Policy) -> float:
    """Until when a sound that has ended may still prove to be words."""
    return turn.voiced_until + policy.resume_ms / 1000

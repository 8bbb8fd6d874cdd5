"""Numbers that the parts of the simulated world share."""

import re
from typing import get_args

from audio.endpoint import Rule
from llm.summary import SummaryOptions
from llm.turn_completion import TurnCompletionOptions
from server.call.policy import Mute, Policy

# Shorter than the defaults, so that more happens in a simulated second.
POLICY = Policy(
    first_output_s=1.5,
    filler_ms=300,
    filler_again_ms=700,
    next_output_s=1.0,
    give_up_s=8.0,
    idle_ms=6000,
    idle_again_ms=3000,
    idle_goodbye_ms=4000,
    speech_first_s=1.0,
    speech_next_s=1.0,
)
MARKS = TurnCompletionOptions(filter_incomplete_user_turns=True, short_s=0.8, long_s=1.5)
SUMMARY = SummaryOptions(mode="summary", max_unsummarized_messages=7, min_messages_to_keep=2, timeout_s=3.0)
SAY_WORDS = 6
FILLERS = ("F0w0 F0w1 F0w2 F0w3.", "F1w0 F1w1.")
"""What a caller hears who waits for a tool."""
MAX_SPEECH_MS = 3000.0
"""A television is on for longer."""
LISTENS = re.compile(r"(uh|uh huh|okay|yeah okay)( (uh|uh huh|okay|yeah okay))*")
"""What the caller says to show that they listen."""
RULES: tuple[Rule, ...] = get_args(Rule)
"""What may decide when a turn is over."""
MUTES: tuple[tuple[Mute, ...], ...] = (
    ("first_words",),
    ("tool",),
    ("speaking",),
    ("protected",),
    ("tool", "protected"),
)
"""When the caller is not to be heard."""
REST_S = 10.0  # after the last thing that takes its time, a call is at rest
GOODBYE_S = (POLICY.idle_ms + POLICY.idle_again_ms + POLICY.idle_goodbye_ms) / 1000 + 15.0
"""Who says nothing for so long has been said goodbye to; some of it is said by us."""
MARGIN_MS = 3  # the clock and the speaker round differently
LATE_WORDS = 2  # a client that is some way off may hear so many words more than the server knew at a barge-in

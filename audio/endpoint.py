"""When a turn is over: each rule asks for a silence, and the longest of them ends the turn. Pure.

All silences count from the caller's last voiced sample. A speech-to-text that follows turns itself, and a key that is
let go, end a turn at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from link.errors import ConfigError

# A caller who stops at one of these goes on.
TRAILING_WORDS = frozenset(
    "and or but so because the a an to of for with from in on at my your is are um uh er hmm".split()
)
DIGITS = frozenset("zero oh nought one two three four five six seven eight nine double triple".split())
NUMBERS = DIGITS | frozenset(
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
    " twenty thirty forty fifty sixty seventy eighty ninety".split()
)
GROUP = 3  # digits, or numbers in a row: a group of a longer number, and no age, time or table for two
YEARS = range(1900, 2100)  # look like a group, and are none
ENDS = (".", "?", "!", "\u2026", "\u3002", "\uff1f", "\uff01", "\u0964")
"""How a sentence ends, for engines that punctuate; the last ones in Chinese, Japanese and Hindi."""

CLOSING = "\"') \u201d\u2019"

Rule = Literal["transcript", "sentence", "pauses", "acoustic", "stt", "key"]
Hint = Literal["", "started", "eager", "resumed", "ended"]
Key = Literal["", "held", "released"]


class TurnOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """When a turn is over. Raises ConfigError."""

    rules: tuple[Rule, ...] = ("transcript", "pauses")
    """What decides besides the silence of `min_delay_ms` (docs/turns.md); none: the silence alone."""
    min_delay_ms: float = 300.0
    """The silence that ends a turn, from the last voiced sample."""
    max_delay_ms: float = 3000.0
    """The longest such silence."""
    unfinished_delay_ms: float = 1200.0
    """The silence after "and", "um", digits that are being dictated, or speech that was not understood."""
    open_delay_ms: float = 800.0
    """The silence after a text that does not end like a sentence, with the rule `sentence`."""
    complete_probability: float = 0.5
    """From here on the acoustic model says that the turn is over, with the rule `acoustic`."""
    judge_timeout_ms: float = 500.0
    """A judgement of that model that is not there so long after the last voiced sample is not waited for."""
    final_timeout_ms: float = 1500.0
    """A final transcript that is not there so long after the last voiced sample (or after other ears of several were
    given it) is not waited for."""
    max_speech_ms: float = 15_000.0
    """A voice without a new word for so long is part of the room (a television): nobody waits for it any more."""
    unclear_ms: float = 700.0
    """Speech this long of which nothing was understood is asked about."""

    def __post_init__(self) -> None:
        if not 0 < self.complete_probability < 1:
            raise ConfigError("turn: complete_probability must lie between 0 and 1")


def fault_of(options: TurnOptions) -> str:
    """What does not go together, with the names of the keys; empty for nothing."""
    return "" if options.min_delay_ms <= options.max_delay_ms else "turn.min_delay_ms must not exceed turn.max_delay_ms"


class Evidence(Struct, frozen=True):
    """What is known of a turn while the caller is silent."""

    text: str = ""
    unclear: bool = False
    """A voice was heard for long, and nothing was understood."""
    punctuates: bool = False
    """The speech-to-text has ended a sentence with a sign before."""
    pause_ms: float = 0.0
    """What pauses of this caller are like; 0 while there were none."""
    complete: float | None = None
    """How sure the acoustic model is that the turn is over; None while it has said nothing."""
    hint: Hint = ""
    """What the speech-to-text said last of this turn."""
    key: Key = ""
    """Whether the caller holds a key to talk, or let it go in this turn; empty for those who have none."""


def silence_ms(evidence: Evidence, options: TurnOptions) -> float:
    """The silence that ends a turn of which this is known; inf for none."""
    if evidence.key:
        return math.inf if evidence.key == "held" else 0.0
    if "stt" in options.rules and evidence.hint == "ended":
        return 0.0
    wanted = [RULES[rule](evidence, options) for rule in options.rules if rule in RULES]
    return min(max([options.min_delay_ms, *wanted]), options.max_delay_ms)


def transcript(evidence: Evidence, options: TurnOptions) -> float:
    """Longer after "and", "um", digits that are dictated, and where nothing was understood.

    Who asks again too early talks into the middle of a sentence.
    """
    words = evidence.text.lower().split()
    dictated = _is_dictated([word.strip(",.-()") for word in words[-GROUP:]])
    trailing = bool(words) and words[-1].strip(",.…") in TRAILING_WORDS
    return options.unfinished_delay_ms if dictated or trailing or evidence.unclear else 0.0


def sentence(evidence: Evidence, options: TurnOptions) -> float:
    """Longer while the text does not end like a sentence, if this engine writes such ends at all."""
    open_ended = evidence.punctuates and bool(evidence.text) and not evidence.text.rstrip(CLOSING).endswith(ENDS)
    return options.open_delay_ms if open_ended else 0.0


def pauses(evidence: Evidence, _: TurnOptions) -> float:
    """As long as the caller's own pauses are."""
    return evidence.pause_ms


def acoustic(evidence: Evidence, options: TurnOptions) -> float:
    """The longest silence while words sound as if more were to come; before that, time for the judgement."""
    if not evidence.text:  # nobody waits for the rest of a cough
        return 0.0
    if evidence.complete is None:
        return options.judge_timeout_ms
    return options.max_delay_ms if evidence.complete < options.complete_probability else 0.0


def stt(evidence: Evidence, options: TurnOptions) -> float:
    """The longest silence until the speech-to-text says that the turn is over, once it follows this one."""
    return options.max_delay_ms if evidence.hint else 0.0


RULES: dict[Rule, Callable[[Evidence, TurnOptions], float]] = {
    "transcript": transcript,
    "sentence": sentence,
    "pauses": pauses,
    "acoustic": acoustic,
    "stt": stt,
}


def _is_dictated(last: list[str]) -> bool:
    """The last words are part of a number that is dictated: "five five", "twenty two fifty", "5 5", "030-555"."""
    if len(last) >= 2 and all(word in DIGITS or word.isdigit() for word in last[-2:]):
        return True
    if len(last) == GROUP and all(word in NUMBERS or word.isdigit() for word in last):
        return True
    digits = re.sub(r"[-/()]", "", last[-1]) if last else ""
    return digits.isdigit() and len(digits) >= GROUP and not (digits == last[-1] and int(digits) in YEARS)

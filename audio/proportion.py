"""Where in a text a voice is, from the share of its sound that was heard. Pure.

For sound in which no words were placed: audio/placing.py does better.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Final

PAUSES: Final = frozenset(",;:.!?")
PAUSE_WEIGHT: Final = 6
"""A voice rests at these about as long as it takes for six letters.

Measured with espeak-ng on twelve sentences, every 20 ms: 2.6 % of the places are more than one word off; 10 % without.
"""


def place_at(text: str, share: float) -> int:
    """The character that sounds when `share` (0 to 1) of the sound has been heard."""
    ends = _ends(text)
    wanted = share * ends[-1] if ends else 0.0
    return sum(end <= wanted for end in ends)


def share_at(text: str, place: int) -> float:
    """The share of the sound after which the first `place` characters were heard."""
    ends = _ends(text)
    return ends[min(place, len(ends)) - 1] / ends[-1] if ends and place > 0 else 0.0


def _ends(text: str) -> list[int]:
    return list(accumulate(PAUSE_WEIGHT if char in PAUSES else 1 for char in text))

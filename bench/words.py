"""How many words a recogniser got wrong. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def errors(said: Sequence[str], understood: Sequence[str]) -> int:
    """The fewest words to change, drop or add that make one of the other (Levenshtein's distance)."""
    row = list(range(len(understood) + 1))
    for count, word in enumerate(said, 1):
        diagonal, row[0] = row[0], count
        for place, other in enumerate(understood, 1):
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, diagonal + (word != other))
    return row[-1]


def plain(text: str) -> str:
    """Without what engines write differently: capitals and signs. Numbers stay as they are written."""
    return " ".join(re.sub(r"[^\w' ]+", " ", text.lower()).split())


def error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """Wrong words for each word that was said, over all pairs of what was said and understood.

    Raises ValueError when nothing was said.
    """
    wrong = total = 0
    for said, understood in pairs:
        wrong += errors(said.split(), understood.split())
        total += len(said.split())
    if not total:
        raise ValueError("nothing was said, so no word of it can be wrong")
    return wrong / total

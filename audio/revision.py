"""What is new in a transcript of which a turn has had the words already, perhaps in another form. Pure.

A transcript that comes later brings all words of its speech again, with other signs and capitals, and some of them
revised: after "book a flight two" comes "Book a flight to Rome." The two are laid beside each other so that as much
as possible is the same. What comes after the last word that both have is new; so no word is said twice, and none lost.
"""

from __future__ import annotations

SIGNS = ".,;:!?\u2026\u3002\uff1f\uff01\u0964"
MOST = 64  # words that are laid beside each other; those before them stand where they stood


def new_words(words: list[str], taken: list[str]) -> list[str]:
    """`words` without those that were `taken`; all of them where more differs than is the same: another speech."""
    had, came = _folded(taken), _folded(words)
    same = next((at for at, (old, new) in enumerate(zip(had, came, strict=False)) if old != new), None)
    if same is None:
        same = min(len(had), len(came))
    same = max(same, len(had) - MOST)
    scores = _scores(had[same:], came[same : same + 2 * MOST])
    best = max(scores)
    return words if same + best < 0 else words[same + scores.index(best) :]


def _scores(had: list[str], came: list[str]) -> list[int]:
    """How well `had` goes with the first 0, 1, … words of `came`: 1 for each word of both, -1 for each change."""
    row = [-at for at in range(len(came) + 1)]
    for number, old in enumerate(had, 1):
        before, row = row, [-number]
        for at, new in enumerate(came):
            row.append(max(before[at] + (1 if old == new else -1), before[at + 1] - 1, row[at] - 1))
    return row


def _folded(words: list[str]) -> list[str]:
    return [word.strip(SIGNS).casefold() for word in words]

"""A trigram language model from weighted sentences, as text in the ARPA format. Pure.

The smoothing is Witten and Bell's, interpolated: what was seen after a word keeps its share, and the rest goes to the
shorter context. With a corpus of example sentences that means: the examples are likely, parts of them put together in
another way are possible.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

BEGIN, END = "<s>", "</s>"

Ngram = tuple[str, ...]
Table = dict[Ngram, float]

ESCAPE = 0.5
"""How much a word that followed once counts for words that never did. From 0.3 to 1 the error rate did not change."""

EXTRA_COUNT = 0.2  # added to each word's count, for words that all stand in sentences of small weight
NEVER = -99.0  # the logarithm of zero, in this format
LEAST = 1e-6


class Trigrams:
    """What was seen, with its probability (a natural number, no logarithm), and the weights for falling back."""

    def __init__(self, sentences: Iterable[tuple[Sequence[str], float]]) -> None:
        """`sentences` are words and a weight. Raises ValueError when there is no word at all."""
        ones, twos, threes = _count(sentences)
        total = sum(ones.values()) + EXTRA_COUNT * len(ones)
        self.unigrams = {gram: (count + EXTRA_COUNT) / total for gram, count in ones.items()}
        self.bigrams, self.backoff = _smooth(twos, self.unigrams.__getitem__)
        self.trigrams, self.bigram_backoff = _smooth(threes, self._bigram)

    @property
    def words(self) -> list[str]:
        """All words, without the marks of a sentence's ends."""
        return [word for (word,) in self.unigrams if word != END]

    @property
    def pairs(self) -> set[tuple[str, str]]:
        """Which word was seen after which, the marks included."""
        return {(first, second) for first, second in self.bigrams}

    def _bigram(self, gram: Ngram) -> float:
        return self.bigrams[gram] if gram in self.bigrams else self.backoff[gram[:1]] * self.unigrams[gram[1:]]


def arpa(model: Trigrams, unigrams: dict[str, float], bigrams: dict[tuple[str, str], float]) -> str:
    """The model as text, with further words that it knows nothing of, which may stand before and after every word.

    `unigrams` and `bigrams` of those are taken as they are, also where they sum to more than 1; falling back from them
    costs nothing.
    """
    first = [_line(NEVER, BEGIN, model.backoff[(BEGIN,)])]
    first += [
        _line(math.log10(chance), word, model.backoff.get((word,), 1)) for (word,), chance in model.unigrams.items()
    ]
    first += [_line(math.log10(chance), word, 1) for word, chance in unigrams.items()]
    second = [_line(math.log10(p), " ".join(g), model.bigram_backoff.get(g, 1)) for g, p in model.bigrams.items()]
    second += [_line(math.log10(p), " ".join(g), 1) for g, p in bigrams.items()]
    third = [f"{math.log10(p):.4f} {' '.join(g)}" for g, p in model.trigrams.items()]
    return "\n".join(_sections(first, second, third)) + "\n"


def _sections(*orders: list[str]) -> Iterator[str]:
    yield "\\data\\"
    for size, lines in enumerate(orders, 1):
        yield f"ngram {size}={len(lines)}"
    for size, lines in enumerate(orders, 1):
        yield f"\n\\{size}-grams:"
        yield from lines
    yield "\n\\end\\"


def _line(log_chance: float, words: str, backoff: float) -> str:
    return f"{log_chance:.4f} {words} {math.log10(backoff):.4f}"


def _count(sentences: Iterable[tuple[Sequence[str], float]]) -> tuple[Table, Table, Table]:
    tables: tuple[Table, Table, Table] = ({}, {}, {})
    for words, weight in sentences:
        marked = (BEGIN, *words, END)
        for size, table in enumerate(tables, 1):
            for at in range(len(marked) - size + 1):
                gram = marked[at : at + size]
                table[gram] = table.get(gram, 0.0) + weight
    tables[0].pop((BEGIN,), None)
    if len(tables[0]) < 2:
        raise ValueError("a language model needs at least one word")
    return tables


def _smooth(counts: Table, shorter: Callable[[Ngram], float]) -> tuple[Table, Table]:
    """Probabilities of n-grams, and of each context the weight for falling back to the shorter one."""
    contexts: dict[Ngram, list[Ngram]] = defaultdict(list)
    for gram in counts:
        contexts[gram[:-1]].append(gram)
    chances: Table = {}
    backoffs: Table = {}
    for context, grams in contexts.items():
        escape = ESCAPE * sum(min(1.0, counts[gram]) for gram in grams)
        total = sum(counts[gram] for gram in grams) + escape
        for gram in grams:
            chances[gram] = (counts[gram] + escape * shorter(gram[1:])) / total
        left = 1 - sum(chances[gram] for gram in grams)
        left_shorter = 1 - sum(shorter(gram[1:]) for gram in grams)
        backoffs[context] = max(left, LEAST) / max(left_shorter, LEAST)
    return chances, backoffs

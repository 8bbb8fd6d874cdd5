"""The language model: a proper distribution, and what the format says of it."""

from __future__ import annotations

import itertools
import math
import re

import pytest

from audio.stt.ngrams import BEGIN, END, Trigrams, arpa

SENTENCES = [
    ("stop the timer".split(), 1.0),
    ("set the timer".split(), 2.0),
    ("stop".split(), 1.0),
    ("stop the story now".split(), 0.01),
]


def chance(lines: dict[tuple[str, ...], tuple[float, float]], *words: str) -> float:
    """P(last word | the others), by the rules of the format."""
    if words in lines:
        return float(10 ** lines[words][0])
    if len(words) == 1:
        return 0.0
    return float(10 ** lines.get(words[:-1], (0.0, 0.0))[1]) * chance(lines, *words[1:])


def parsed(text: str) -> dict[tuple[str, ...], tuple[float, float]]:
    lines: dict[tuple[str, ...], tuple[float, float]] = {}
    for size, body in re.findall(r"\\(\d)-grams:\n(.*?)\n\n", text, re.DOTALL):
        for line in body.split("\n"):
            fields = line.split(" ")
            words = fields[1 : 1 + int(size)]
            lines[tuple(words)] = (float(fields[0]), float(fields[-1]) if len(fields) > len(words) + 1 else 0.0)
    return lines


def model_text() -> str:
    return arpa(Trigrams(SENTENCES), {}, {})


def test_chances_sum_to_one_after_every_context() -> None:
    lines = parsed(model_text())
    words = [*Trigrams(SENTENCES).words, END]
    contexts = [(), (BEGIN,), *((word,) for word in words[:-1]), (BEGIN, "stop"), ("stop", "the"), ("now", "stop")]
    for context in contexts:
        total = sum(chance(lines, *context, word) for word in words)
        assert total == pytest.approx(1, abs=2e-3), context


def test_what_was_seen_is_likelier_and_weights_count() -> None:
    lines = parsed(model_text())
    assert chance(lines, "set", "the", "timer") > 0.5
    assert chance(lines, "stop", "the", "timer") > 10 * chance(lines, "stop", "the", "story")
    assert 0 < chance(lines, "the", "timer", "story") < 0.1
    assert chance(lines, BEGIN, "set") > chance(lines, BEGIN, "the")


def test_the_head_counts_the_lines() -> None:
    text = model_text()
    counts = {int(size): int(count) for size, count in re.findall(r"ngram (\d)=(\d+)", text)}
    lines = parsed(text)
    assert counts == {size: sum(len(words) == size for words in lines) for size in (1, 2, 3)}
    assert text.startswith("\\data\\\n")
    assert text.endswith("\n\\end\\\n")


def test_further_words_are_taken_as_they_are() -> None:
    lines = parsed(arpa(Trigrams(SENTENCES), {"*A": 0.01, "*B": 0.02}, {("*A", "*B"): 0.5}))
    assert chance(lines, "*B") == pytest.approx(0.02, rel=1e-3)
    assert chance(lines, "*A", "*B") == pytest.approx(0.5, rel=1e-3)
    assert chance(lines, "*A", "*A") == pytest.approx(0.01, rel=1e-3)
    assert chance(lines, "*A", "timer") == pytest.approx(chance(lines, "timer"))


def test_pairs_are_what_stood_side_by_side() -> None:
    sentences = [words for words, _ in SENTENCES]
    expected = {pair for words in sentences for pair in itertools.pairwise([BEGIN, *words, END])}
    assert Trigrams(SENTENCES).pairs == expected


def test_numbers_are_finite() -> None:
    lines = parsed(arpa(Trigrams([(["yes"], 1.0)]), {}, {}))
    assert all(math.isfinite(number) for pair in lines.values() for number in pair)
    assert chance(lines, BEGIN, "yes") > 0.5


def test_no_word_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one word"):
        Trigrams([([], 1.0)])

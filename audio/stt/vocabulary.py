"""What callers may say becomes a language model, a dictionary and the pairs of words that belong together. Pure.

A vocabulary is a list of example sentences, tool words and key terms, each a string in any case, with digits and
punctuation as they come. In a sentence `<number>` stands for any whole number from zero to 999 and the thousands
("twenty five", "three hundred and two"), and `<digits>` for digits one by one ("four two oh nine").

What a caller says beyond it is taken in by *garbage*: one word for each phone, in the order that English puts phones
in. A stretch of unknown speech is cheaper as a run of garbage than as known words that hardly fit. `understanding`
decides what the rest is worth.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from unicodedata import normalize

from msgspec import Struct

from audio.stt.ngrams import Trigrams, arpa
from audio.stt.pronunciation import PHONES, Dictionary, guess
from audio.tts.english import cardinal
from audio.tts.text import speakable

GARBAGE = "*"  # begins the words that are none; no word of a vocabulary has it

# Measured by `python -m bench.stt` with the language weight of `pocketsphinx_job`, as powers of ten. Entering garbage
# costs about what a rare word does; going on in it costs less, else a long unknown word becomes many short known ones.
GARBAGE_ENTRY = 10**-1.5
GARBAGE_ONWARDS = 10**-0.7

CLASS_WEIGHT = 2.0  # of a sentence with classes, shared by all ways to write it out; a plain sentence counts 1
RARE_NUMBER = 0.1  # of the weight of a number up to a hundred
DIGITS = "zero oh one two three four five six seven eight nine".split()
DIGITS_IN_A_ROW = 5

_CLASS = re.compile(r"<(number|digits)>")
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*'?")


class Phones(Struct, frozen=True):
    """How likely a phone is, and one phone after another (their names are those of the CMU dictionary)."""

    alone: Mapping[str, float]
    after: Mapping[tuple[str, str], float]


class Language(Struct, frozen=True):
    """What a recogniser needs. `guessed` are words that no dictionary has; `unusable` are entries without a word."""

    lm: str
    """In the ARPA format."""
    dictionary: str
    """A line for each pronunciation, in the format of the CMU dictionary."""
    pairs: frozenset[tuple[str, str]]
    """Words that stand side by side in the vocabulary, `<s>` and `</s>` included."""
    guessed: dict[str, str]
    unusable: tuple[str, ...]


def words_of(entry: str) -> list[str]:
    """An entry as the words that are spoken: "Set it to 5!" -> set, it, to, five. Classes stay as they are."""
    words: list[str] = []
    for part in re.split(r"(<(?:number|digits)>)", entry):
        words += [part] if _CLASS.fullmatch(part) else _plain_words(part)
    return words


def build(entries: Iterable[str], look_up: Callable[[Sequence[str]], Dictionary], phones: Phones) -> Language:
    """A vocabulary as a language. `look_up` finds words in a dictionary. Raises ValueError when no word is in it."""
    sentences, unusable = [], []
    for entry in dict.fromkeys(entries):
        words = words_of(entry)
        if words:
            sentences.append(words)
        else:
            unusable.append(entry)
    model = Trigrams(_written_out(sentences))
    dictionary = look_up(model.words)
    guessed = {word: guess(word, dictionary) for word in model.words if word not in dictionary}
    return Language(
        arpa(model, *_garbage(phones)),
        _dictionary(model.words, {**dictionary, **{word: [sound] for word, sound in guessed.items()}}),
        frozenset(model.pairs),
        guessed,
        tuple(unusable),
    )


def _plain_words(text: str) -> list[str]:
    spoken = normalize("NFKD", speakable(text).text).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    ascii_only = "".join(char for char in spoken if char.isascii() or char.isspace())
    return [word.removesuffix("'") for word in _WORD.findall(ascii_only.lower())]


# --- numbers ---


def _numbers() -> list[tuple[str, float]]:
    """Whole numbers in words, with their weights. From the rare ones the model learns how hundreds are put together."""
    rare = [cardinal(100 * count) for count in range(2, 10)] + [cardinal(1000 * count) for count in (*range(1, 11), 20)]
    rare += ["a hundred", "a thousand", "two thousand and six", "two thousand twenty six"]
    for rest in range(1, 100):
        hundreds = cardinal(100 * (rest % 9 + 1))
        rare += [f"{hundreds} {cardinal(rest)}", f"{hundreds} and {cardinal(rest)}"]
    common = [(cardinal(value), 1.0) for value in range(101)]
    return common + [(words, RARE_NUMBER) for words in rare]


NUMBERS = tuple((tuple(words.replace("-", " ").split()), weight) for words, weight in _numbers())
DIGIT_WALKS = tuple(
    tuple(DIGITS[(start + step * count) % len(DIGITS)] for count in range(DIGITS_IN_A_ROW))
    for start, step in product(range(len(DIGITS)), repeat=2)
)
"""Digits in steps of each size, so that every digit stands once after every other."""

_APART = 37  # between the numbers of one sentence, so that they differ


def _written_out(sentences: Iterable[list[str]]) -> Iterator[tuple[list[str], float]]:
    """Each sentence with its classes replaced in many ways, whose weights sum to CLASS_WEIGHT."""
    for sentence in sentences:
        if "<number>" in sentence:
            weights = [weight for _, weight in NUMBERS]
        elif "<digits>" in sentence:
            weights = [1.0] * len(DIGIT_WALKS)
        else:
            yield sentence, 1.0
            continue
        share = CLASS_WEIGHT / sum(weights)
        for variant, weight in enumerate(weights):
            yield _replaced(sentence, variant), weight * share


def _replaced(sentence: list[str], variant: int) -> list[str]:
    words: list[str] = []
    for place, word in enumerate(sentence):
        which = variant + _APART * place
        if word == "<number>":
            words += NUMBERS[which % len(NUMBERS)][0]
        elif word == "<digits>":
            words += DIGIT_WALKS[which % len(DIGIT_WALKS)]
        else:
            words.append(word)
    return words


# --- garbage and the dictionary ---


def _garbage(phones: Phones) -> tuple[dict[str, float], dict[tuple[str, str], float]]:
    """The chances of garbage words. The factor is what a phone would have if all were alike: so it is the mean."""
    scale = len(PHONES)
    alone = {GARBAGE + phone: GARBAGE_ENTRY * scale * phones.alone[phone] for phone in PHONES}
    after = {
        (GARBAGE + first, GARBAGE + second): GARBAGE_ONWARDS * scale * phones.after[first, second]
        for first, second in product(PHONES, repeat=2)
    }
    return alone, after


def _dictionary(words: Sequence[str], sounds: Mapping[str, Sequence[str]]) -> str:
    lines = [
        f"{word}({number}) {sound}" if number > 1 else f"{word} {sound}"
        for word in words
        for number, sound in enumerate(sounds[word], 1)
    ]
    lines += [f"{GARBAGE}{phone} {phone}" for phone in PHONES]
    return "\n".join(lines) + "\n"

"""What the words of a recogniser are worth."""

from __future__ import annotations

from itertools import pairwise

import pytest

from audio.stt.understanding import Segment, understand

SENTENCES = ("tell me a story", "set a timer for five seconds", "stop", "my name is")
PAIRS = {pair for sentence in SENTENCES for pair in pairwise(["<s>", *sentence.split(), "</s>"])}


def heard(text: str, *, ended: bool = True) -> tuple[str, float]:
    """`text` is words that last 20 frames each; `word:40` lasts longer; `*` is garbage, `.` silence."""
    segments = []
    for part in text.split():
        word, _, frames = part.partition(":")
        name = {"*": "*AA", ".": "<sil>"}.get(word, word)
        segments.append(Segment(name, int(frames or 20)))
    found = understand([Segment("<s>", 30), *segments, Segment("</s>", 30)], PAIRS, ended=ended)
    return found.text, found.confidence


@pytest.mark.parametrize(
    ("words", "text", "confidence"),
    [
        ("tell me a story", "tell me a story", 1.0),
        ("tell(2) me a(3) story", "tell me a story", 1.0),
        ("tell me . . a [NOISE] story", "tell me a story", 1.0),
        ("tell me a * * *", "tell me a", 0.5),
        ("tell me a * * * *", "", 0.43),
        ("set a timer for * five seconds", "set a timer for five seconds", 0.86),
        ("tell me a story * name *", "tell me a story", 0.57),  # a loose word beside garbage is garbage
        ("stop stop stop", "stop stop stop", 0.83),  # the one in the middle is loose
        ("timer story five name", "timer story five name", 0.5),  # all loose
        ("timer story:40 * five", "", 0.1),
        ("* * *", "", 0.0),
        ("", "", 0.0),
        (". .", "", 0.0),
        ("stop:10 *:30", "", 0.25),
        ("stop:30 *:30", "stop", 0.5),
    ],
)
def test_weights(words: str, text: str, confidence: float) -> None:
    assert heard(words) == (text, confidence)


def test_while_it_goes_on_the_end_is_no_neighbour() -> None:
    assert heard("a story", ended=True) == ("a story", 1.0)
    assert heard("story", ended=True) == ("story", 1.0)
    assert heard("story", ended=False) == ("", 0.0)
    assert heard("tell me", ended=False) == ("tell me", 1.0)
    assert heard("tell me a timer", ended=False) == ("tell me a timer", 1.0)
    assert heard("tell me stop", ended=False) == ("tell me", 0.67)


def test_words_that_are_understood_have_times() -> None:
    said = [
        Segment("<s>", 30),
        Segment("tell(2)", 20, 30),
        Segment("me", 10, 50),
        Segment("*AA", 5, 60),
        Segment("a", 7, 65),
    ]
    found = understand([*said, Segment("story", 40, 72)], PAIRS, ended=True)
    assert [(word.text, word.start_ms, word.end_ms) for word in found.words] == [
        ("tell", 300, 500),
        ("me", 500, 600),
        ("a", 650, 720),
        ("story", 720, 1120),
    ]
    assert understand([Segment("*AA", 5)], PAIRS, ended=True).words == ()

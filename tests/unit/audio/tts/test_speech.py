"""One utterance between provider and sink: no sample twice, none lost without a word."""

from __future__ import annotations

from random import Random

import pytest

from audio.events import Word
from audio.tts.speech import HOLD_MS, MAX_ASKS, Speech, State, has_sound
from audio.tts.wire import Timed

RATE_HZ = 1000  # two bytes are a millisecond


def asked(text: str = "one two three", times_from: str = "message") -> Speech:
    """An utterance that was asked."""
    speech = Speech(1, text, RATE_HZ, "message" if times_from == "message" else "context")
    assert speech.ask("c") == text
    return speech


def letters(text: str, start_ms: float = 0.0) -> list[Timed]:
    """10 ms for each character."""
    return [Timed(char, start_ms + n * 10, start_ms + n * 10 + 10) for n, char in enumerate(text)]


def silence(ms: int) -> bytes:
    return bytes(2 * ms)


def test_audio_is_given_as_it_comes_up_to_the_word_that_breaks_off() -> None:
    speech = asked()
    speech.add(silence(60), letters("one tw"))
    assert speech.take() == (silence(40), (Word(0.0, 3),))
    assert speech.take() is None
    speech.add(silence(70), letters("o three"))
    assert speech.take() == (silence(40), (Word(40.0, 7),))
    speech.end()
    assert speech.state is State.COMPLETE
    assert speech.take() == (silence(50), (Word(80.0, 13),))
    assert speech.take() is None


def test_nobody_waits_for_the_first_word_to_be_whole() -> None:
    speech = asked()
    speech.add(silence(20), letters("on"))
    assert speech.take() == (silence(20), ())


def test_a_long_word_is_given_in_parts() -> None:
    speech = asked()
    speech.add(silence(40), letters("one "))
    speech.take()
    speech.add(silence(int(HOLD_MS) + 1), [Timed("t", 0.0, 5000.0)])
    assert speech.take() == (silence(int(HOLD_MS) + 1), ())


def test_without_word_times_all_is_given_at_once() -> None:
    speech = asked()
    speech.add(silence(33), ())
    assert speech.take() == (silence(33), ())
    speech.add(b"\x00\x00\x00", ())
    assert speech.take() == (b"\x00\x00", ())
    speech.add(b"\x00", ())
    assert speech.take() == (b"\x00\x00", ())


def test_what_was_not_begun_is_asked_again_as_a_whole() -> None:
    speech = asked()
    speech.add(silence(60), letters("one tw"))
    speech.lose("lost")
    assert (speech.state, speech.kept) == (State.WAITING, 0)
    assert speech.ask("d") == "one two three"
    speech.add(silence(130), letters("one two three"))
    speech.end()
    assert speech.take() == (silence(130), (Word(0.0, 3), Word(40.0, 7), Word(80.0, 13)))


def test_the_rest_is_asked_from_the_word_that_broke_off() -> None:
    speech = asked()
    speech.add(silence(60), letters("one tw"))
    speech.take()
    speech.lose("lost")
    assert speech.state is State.WAITING
    assert speech.ask("d") == "two three"
    speech.add(silence(90), letters("two three"))
    speech.end()
    assert speech.take() == (silence(90), (Word(40.0, 7), Word(80.0, 13)))


def test_words_that_came_and_were_not_given_are_kept() -> None:
    speech = asked()
    speech.add(silence(40), letters("one "))
    speech.take()
    speech.add(silence(50), letters("two three")[:5])
    speech.lose("lost")
    assert speech.ask("d") == "three"
    assert speech.take() == (silence(40), (Word(40.0, 7),))
    assert speech.take() is None


def test_a_loss_between_two_messages_goes_on_after_the_first() -> None:
    speech = asked("One. Two.")
    speech.add(silence(50), letters("One. "))
    speech.take()
    speech.lose("lost")
    assert speech.ask("d") == "Two."


def test_where_words_come_later_than_their_audio_a_loss_in_the_middle_is_final() -> None:
    speech = asked(times_from="context")
    speech.add(silence(100), ())
    speech.take()
    speech.add(b"", [Timed("one ", 0.0, 30.0)])
    speech.lose("the line broke")
    assert (speech.state, speech.reason) == (State.FAILED, "the line broke")


def test_where_they_come_before_it_the_rest_is_asked() -> None:
    speech = asked(times_from="context")
    speech.add(b"", [Timed("one ", 0.0, 30.0), Timed("two ", 40.0, 70.0), Timed("three ", 80.0, 120.0)])
    speech.add(silence(60), ())
    assert speech.take() == (silence(40), (Word(0.0, 3),))
    speech.lose("lost")
    assert speech.ask("d") == "two three"
    speech.add(b"", [Timed("two ", 0.0, 30.0), Timed("three ", 40.0, 90.0)])
    speech.add(silence(90), ())
    speech.end()
    assert speech.take() == (silence(90), (Word(40.0, 7), Word(80.0, 13)))


def test_when_only_marks_are_left_nothing_is_asked() -> None:
    speech = asked("Hello (…)")
    speech.add(silence(60), letters("Hello "))
    speech.take()
    speech.lose("lost")
    assert speech.state is State.COMPLETE
    assert speech.take() is None


def test_it_is_asked_so_often_and_then_fails() -> None:
    speech = Speech(1, "one", RATE_HZ)
    for _ in range(MAX_ASKS):
        assert speech.state is State.WAITING
        speech.ask("c")
        speech.add(silence(10), ())
        speech.lose("lost")
    assert speech.state is State.FAILED
    assert speech.take() is None  # or the core would not say it again


def test_an_end_without_audio_is_a_loss() -> None:
    speech = asked()
    speech.end()
    assert speech.state is State.WAITING


@pytest.mark.parametrize("text", ["", "  ", "…", "— ?!", "👍"])
def test_what_has_no_sound_is_complete_at_once(text: str) -> None:
    assert Speech(1, text, RATE_HZ).state is State.COMPLETE
    assert not has_sound(text)


@pytest.mark.parametrize("seed", range(200))
def test_whatever_is_lost_each_letter_is_heard_once(seed: int) -> None:
    """Audio that spells the text: each letter is 4 ms of its code, each loss is in the middle of something."""
    dice = Random(seed)
    text = " ".join("".join(dice.choices("abcdefg", k=dice.randint(1, 9))) for _ in range(12))
    speech, heard = Speech(1, text, RATE_HZ, "message"), bytearray()
    words: list[Word] = []
    while speech.state is not State.COMPLETE or speech.kept:
        if speech.state is State.WAITING:
            speech.asks = 0
            rest = speech.ask("c")
        assert speech.state is not State.FAILED
        size = dice.randint(1, 12)
        part, rest = rest[:size], rest[size:]
        spoken = [Timed(char, n * 4.0, n * 4.0 + 4) for n, char in enumerate(part)]
        speech.add(b"".join(ord(char).to_bytes(2, "little") * 4 for char in part), spoken)
        if not rest:
            speech.end()
        elif dice.random() < 0.3 and len(heard) // 8 not in range(1, len(text.split()[0])):
            speech.lose("lost")
        if dice.random() < 0.7 and (piece := speech.take()):
            heard += piece[0]
            words += piece[1]
    if piece := speech.take():
        words += piece[1]
        heard += piece[0]
    said = "".join(chr(code) for code in heard[::8])
    assert said.replace(" ", "") == text.replace(" ", "")
    assert [text[: word.end].split()[-1] for word in words] == text.split()


@pytest.mark.parametrize("ms", [1e308, -1e308])
def test_times_that_cannot_be_are_no_harm(ms: float) -> None:
    speech = asked()
    speech.add(silence(60), [Timed("one ", ms, ms), Timed("tw", ms, ms)])
    while speech.take():
        pass
    speech.lose("gone")
    if speech.state is State.WAITING:
        speech.ask("d")
    speech.add(silence(60), letters("three"))
    speech.end()
    assert speech.state in (State.COMPLETE, State.FAILED)

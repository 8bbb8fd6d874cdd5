"""The child's side, in this process: the binding, and what a job does with what it gets."""

from __future__ import annotations

from typing import Any

import pytest

from audio.tts.espeak_job import job_of
from audio.tts.espeak_ng import RATE_HZ, OnBlock, SpokenWord, Synthesizer
from audio.tts.voice_job import Chunk
from tests.unit.audio.tts.test_espeak import samples


class EndlessVoice(Synthesizer):
    """Says a word of 0.3 s again and again, until it is told to stop."""

    def __init__(self) -> None:
        self.language = "en"
        self.blocks = 0

    def speak(self, text: str, on_block: OnBlock) -> None:
        positions = [at for at, char in enumerate(text) if at == 0 or text[at - 1] == " "]
        tone = b"\x00\x10" * (RATE_HZ * 3 // 10)
        for position in positions:
            self.blocks += 1
            if not on_block(tone, [SpokenWord(position, (self.blocks - 1) * 300)]):
                return


@pytest.fixture(scope="module")
def synthesizer() -> Synthesizer:
    return Synthesizer("en-us", 175, 50, 80)


def test_words_are_counted_in_characters(synthesizer: Synthesizer) -> None:
    words = say(synthesizer, "Café über naïve one")[1]
    assert [word.position for word in words] == [0, 5, 10, 16]
    assert [word.ms for word in words] == sorted({word.ms for word in words})


def test_an_error_in_the_callback_comes_out_of_speak(synthesizer: Synthesizer) -> None:
    def fail(_pcm: bytes, _words: list[SpokenWord]) -> bool:
        raise BrokenPipeError("the parent is gone")

    with pytest.raises(BrokenPipeError):
        synthesizer.speak("Hello.", fail)


def test_what_was_stopped_does_not_sound_in_what_is_said_next(synthesizer: Synthesizer) -> None:
    alone, _ = say(synthesizer, "Yes.")
    synthesizer.speak("This is another long text that is stopped at once.", lambda _pcm, _words: False)
    after, _ = say(synthesizer, "Yes.")
    assert len(after) == pytest.approx(len(alone), rel=0.02)


def say(synthesizer: Synthesizer, text: str) -> tuple[bytes, list[SpokenWord]]:
    """All that a synthesizer gives for a text."""
    blocks: list[tuple[bytes, list[SpokenWord]]] = []

    def keep(pcm: bytes, words: list[SpokenWord]) -> bool:
        blocks.append((pcm, words))
        return True

    synthesizer.speak(text, keep)
    return b"".join(pcm for pcm, _ in blocks), [word for _, words in blocks for word in words]


def test_a_dropped_speech_stops_in_the_middle_of_a_sentence() -> None:
    voice = EndlessVoice()
    job = job_of(voice)
    sent: list[Chunk] = []

    def send(chunk: Any) -> None:
        sent.append(chunk)
        if len(sent) == 2:
            job.urgent(1, 1)

    job.open(1, {})
    job.message(1, [1, "word " * 30], send)
    assert len(sent) == 2
    assert voice.blocks == 3
    job.message(1, [1], send)
    assert len(sent) == 2


def test_one_sentence_for_each_time_it_is_asked() -> None:
    job = job_of(EndlessVoice())
    sent: list[Chunk] = []
    job.open(1, {})
    job.message(1, [7, "One two. Three four."], sent.append)
    assert [chunk.more for chunk in sent] == [False, True]
    assert [word.end for chunk in sent for word in chunk.words] == [3, 8]
    job.message(1, [6], sent.append)
    assert len(sent) == 2
    job.message(1, [7], sent.append)
    assert sent[-1].done
    assert [word.end for word in sent[-1].words] == [20]
    assert {chunk.serial for chunk in sent} == {7}


def test_a_new_text_replaces_the_one_before() -> None:
    job = job_of(EndlessVoice())
    sent: list[Chunk] = []
    job.open(1, {})
    job.message(1, [1, "One. Two."], sent.append)
    job.message(1, [2, "Three."], sent.append)
    job.message(1, [1], sent.append)
    assert [(chunk.serial, chunk.done) for chunk in sent] == [(1, False), (2, True)]


def test_a_long_sentence_is_made_in_parts(synthesizer: Synthesizer) -> None:
    job = job_of(synthesizer)
    text = "and so on and on " * 30
    sent: list[Chunk] = []
    job.open(1, {})
    job.message(1, [1, text], sent.append)
    while sent[-1].more:
        job.message(1, [1], sent.append)
    assert sum(chunk.more for chunk in sent) == 2
    assert sent[-1].done
    ends = [word.end for chunk in sent for word in chunk.words]
    assert ends == sorted(set(ends))
    assert ends[-1] == len(text.rstrip())
    assert all(abs(samples(chunk.pcm)).max() > 1000 for chunk in sent)

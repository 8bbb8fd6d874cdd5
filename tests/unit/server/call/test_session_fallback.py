"""Ears and voices that die in the middle of a real call: what is heard, shown and logged is right, and once."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.unit.server.call.fallback_stand import CountedEars, Fault, FrailEars, FrailVoice, voices, words_in
from tests.unit.server.call.session_stand import Stand, virtual

SENTENCE = "One two three four five six seven."
LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen."


def stand(first: FrailVoice, second: FrailVoice, answers: list[list[str]], **options: Any) -> Stand:
    return Stand(None, answers, voice=voices(first, second).open(), **options)


def captions(call: Stand) -> list[str]:
    return [each["text"] for each in call.of("transcript", role="assistant", final=False)]


@pytest.mark.parametrize("fault", ["fails", "stalls", "breaks"])
@pytest.mark.parametrize("rate_hz", [16000, 24000])
@virtual
async def test_a_voice_dies_in_the_middle_of_a_sentence(rate_hz: int, fault: Fault) -> None:
    first, second = FrailVoice(fault, 3), FrailVoice(rate_hz=rate_hz)
    async with stand(first, second, [[SENTENCE + " And more."]], expects_failures=fault == "breaks") as call:
        await call.speak(silence_s=4.0)
        await call.hears_the_bot(SENTENCE + " And more.")
        said = second.asked[0]
        assert SENTENCE.endswith(said) and 0 < len(said) < len(SENTENCE)
        before = len(SENTENCE.split()) - len(said.split())
        words = words_in(call.heard, 16000)
        assert words[: before + len(said.split())] == [*range(before), *range(len(said.split()))]
        assert words[-2:] == [0, 1]
        shown = captions(call)
        assert all(later.startswith(earlier) for earlier, later in pairwise(shown))
        assert call.of("error") == []


@virtual
async def test_a_voice_without_word_times_loses_the_rest_of_its_sentence_only() -> None:
    first, second = FrailVoice("fails", 3, told=False), FrailVoice(told=False)
    async with stand(first, second, [[SENTENCE, " And more.", " And the end."]]) as call:
        await call.speak(silence_s=5.0)
        await call.talk(3.0, loud=False)
        assert [each.strip() for each in second.asked] == ["And more.", "And the end."]
        (logged,) = call.bot
        assert logged.endswith(" And more. And the end.")
        cut = logged.removesuffix(" And more. And the end.")
        assert SENTENCE.startswith(cut) and cut != SENTENCE
        assert len(call.of("error")) == 1


@pytest.mark.parametrize("late_s", [-0.1, 0.0, 0.1, 0.2, 0.3])
@pytest.mark.parametrize("fault", ["fails", "stalls"])
@virtual
async def test_a_voice_dies_while_the_caller_interrupts(fault: Fault, late_s: float) -> None:
    """The caller begins to speak `late_s` after the voice died."""
    first, second = FrailVoice(fault, 9), FrailVoice()
    async with stand(first, second, [[LONG], ["Yes."]], lines=["hello", "stop that"]) as call:
        await call.speak(silence_s=0.4)
        await call.talk(1.7 + late_s, loud=False)
        await call.speak(silence_s=3.0)
        await call.hears_the_bot("Yes.")
        cut, _ = call.bot
        assert LONG.startswith(cut) and cut != LONG
        assert len(words_in(call.heard, 16000)) == len(cut.split()) + 1, "what is logged was heard, and the answer"
        assert captions(call)[-2:] == [cut, "Yes."]
        assert len(first.asked + second.asked) == 3, "nobody was asked twice"


EARS_FAULTS: list[Fault] = ["fails", "breaks", "stalls"]


@pytest.mark.parametrize("after_s", [0.0, 0.6])
@pytest.mark.parametrize(("delay_ms", "partials"), [(0, True), (600, True), (0, False), (600, False)])
@pytest.mark.parametrize("fault", EARS_FAULTS)
@virtual
async def test_ears_die_in_the_middle_of_speech(fault: Fault, after_s: float, delay_ms: float, partials: bool) -> None:
    first = FrailEars(["what time is it"], fault, after_s=after_s)
    ears = CountedEars(first, FrailEars(["What time is it?"], delay_ms=delay_ms, partials=partials))
    async with Stand(None, [["At nine."], ["Twice."]], ears=ears, expects_failures=fault == "breaks") as call:  # type: ignore[arg-type]
        await call.speak(1.0, silence_s=5.0)
        said = [each["text"] for each in call.of("transcript", role="user", final=True)]
        assert said == ["What time is it?"]
        assert call.bot == ["At nine."]

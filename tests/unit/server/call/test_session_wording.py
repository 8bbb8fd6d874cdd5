"""What is said and what is written, through a real session: the log and the captions keep the words as they stand."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from audio.tts.cache import CachedVoice, SentenceCache
from audio.tts.scripted import ScriptedTextToSpeech, decode
from llm.items import AssistantMessage
from server.agent import Agent
from server.call import events as e
from server.config import Settings
from server.services.cached import fixed_sentences
from tests.unit.server.call.session_stand import Stand, virtual


def captions(call: Stand) -> list[str]:
    """Those that the caller saw while the bot spoke."""
    return [each["text"] for each in call.of("transcript", role="assistant", final=False)]


def spoken_ms(call: Stand) -> float:
    return len(call.heard) / 32


def logged(call: Stand) -> list[str]:
    return [item.text for item in call.session.handle.log if isinstance(item, AssistantMessage)]


@virtual
async def test_markup_is_not_spoken_and_stands_in_captions_and_log() -> None:
    text = "It is **very** good, see [the page](https://example.org) now."
    async with Stand(Agent(greeting=text)) as call:
        await call.hears_the_bot(text)
        assert logged(call) == [text]
    assert spoken_ms(call) == len("It is very good, see the page now.") * 50
    assert captions(call) == [
        "It", "It is", "It is **very**", "It is **very** good,", "It is **very** good, see",
        "It is **very** good, see [the", "It is **very** good, see [the page](https://example.org)", text,
    ]  # fmt: skip


@virtual
async def test_after_a_barge_in_the_log_ends_with_the_word_that_was_heard_as_it_was_written() -> None:
    answers = [
        ["**One** `two` & [three](https://example.org/3) 😀 four five six seven eight nine ten eleven. 😀"],
        ["Yes."],
    ]
    agent = Agent(pronunciations={"three": "the number three"})
    async with Stand(agent, answers, voice=ScriptedTextToSpeech()) as call:
        await call.speak()
        await call.hears(
            "transcript", role="assistant", final=False, text="**One** `two` & [three](https://example.org/3)"
        )
        await call.speak(0.6)
        await call.hears_the_bot("Yes.")
        cut, last = logged(call)
    assert last == "Yes."
    assert "**One** `two` & [three](https://example.org/3) 😀 four five six seven".startswith(cut)
    assert cut.startswith("**One** `two` & [three](https://example.org/3)")
    assert call.bot == [cut, "Yes."]
    assert "😀" not in cut.partition("four")[2], "it was not reached"


@virtual
async def test_what_has_no_sound_waits_for_its_turn_and_for_no_voice() -> None:
    answers = [["Here it is. 😀\n```\nx = 1\n```\n", "Do you like it? 👍"]]
    async with Stand(Agent(), answers) as call:
        call.send("text", text="show me")
        await call.hears("bot_stopped")
        assert logged(call) == ["Here it is. 😀\n```\nx = 1\n```\nDo you like it? 👍"]
    assert call.bot == logged(call)
    shown = captions(call)
    begun = "Here it is. 😀\n```\nx = 1"
    assert shown[:5] == ["Here", "Here it", "Here it is.", begun, begun + "\n```\nDo"]
    assert all(after.startswith(before) for before, after in pairwise(shown))
    assert {piece.frame for piece in decode(call.heard)} == {1, 3}


@virtual
async def test_an_answer_without_a_word_is_shown_at_once() -> None:
    async with Stand(Agent(), [["👍"], ["Bye."]]) as call:
        call.send("text", text="hi")
        await call.hears_the_bot("👍")
        assert call.heard == b""
        call.send("text", text="bye")
        await call.hears_the_bot("Bye.")
        assert logged(call) == ["👍", "Bye."]


@virtual
async def test_what_may_not_be_interrupted_and_has_no_sound_holds_nothing_up() -> None:
    async with Stand(Agent(greeting="Hello there, my friend.")) as call:
        call.session.post(e.Say("👍", interruptible=False))
        await call.hears("bot_started")
        call.session.post(e.Interrupt())
        await call.hears_the_bot("👍")
        call.session.post(e.Say("And on."))
        await call.hears_the_bot("And on.")


@virtual
async def test_without_it_everything_is_spoken_as_it_is_written() -> None:
    async with Stand(Agent(greeting="It is **good** & 😀.", speakable=False)) as call:
        await call.hears_the_bot("It is **good** & 😀.")
    assert spoken_ms(call) == len("It is **good** & 😀.") * 50


@virtual
async def test_the_configuration_goes_before_for_the_words_that_it_has() -> None:
    agent = Agent(greeting="SQL and GUI.", pronunciations={"SQL": "sequel", "GUI": "gooey"})
    async with Stand(agent, pronunciations={"SQL": "ess cue ell"}) as call:
        await call.hears_the_bot("SQL and GUI.")
    assert spoken_ms(call) == len("ess cue ell and gooey.") * 50


@virtual
async def test_a_filter_gets_what_was_made_speakable() -> None:
    seen: list[str] = []

    def note(text: str) -> str:
        seen.append(text)
        return text

    async with Stand(Agent(greeting="**SQL** & 😀 more.", pronunciations={"SQL": "sequel"}, filters=[note])) as call:
        await call.hears_the_bot("**SQL** & 😀 more.")
    assert seen == ["sequel and more."]


@virtual
async def test_what_the_agent_says_in_every_call_is_kept_as_it_comes_to_the_voice(tmp_path: Path) -> None:
    disclaimer = "This call may be **recorded**. Please hold on!"
    agent = Agent(fixed=[disclaimer])
    kept = SentenceCache(tmp_path, "v", 16000)
    voice = CachedVoice(ScriptedTextToSpeech(), kept, fixed_sentences(Settings(), agent))
    async with Stand(agent, voice=voice) as call:
        await call.session.handle.say(disclaimer, interruptible=False)
        await call.session.handle.say("Your number is 12.")
        await call.hears_the_bot("Your number is 12.")
    again = SentenceCache(tmp_path, "v", 16000)
    assert again.get("This call may be recorded.")
    assert again.get(" Please hold on!") or again.get("Please hold on!")
    assert not again.get("Your number is 12."), "that is of this caller"

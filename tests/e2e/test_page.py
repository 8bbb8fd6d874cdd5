"""The page as a person sees it, against a server that does what the test says."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.e2e.page_browser import FOREIGN_HOST, Stand, Visit
from tests.e2e.page_server import PageCall

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

EVIL = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script> & <b>bold</b>"
NO_DEVICE = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('none', 'NotFoundError'))"
BUBBLES = "items => items.map(item => item.dataset.role + ': ' + item.querySelector('.words').textContent)"


async def bubbles(visit: Visit) -> list[str]:
    found: list[str] = await visit.page.eval_on_selector_all(".bubble", BUBBLES)
    return found


async def say(call: PageCall, role: str, text: str, *, final: bool) -> None:
    await call.send("transcript", role=role, text=text, final=final)


# --- the wire ---------------------------------------------------------------------------------------------------------


async def test_start_says_what_the_page_can_and_keeps_the_token_out_of_the_url(stand: Stand) -> None:
    async with stand.visit(path="#token=s3cret") as visit:
        async with visit.page.expect_websocket() as opened:
            await visit.page.click("#talk")
        call = await stand.server.call()
        assert await call.expect("start") == {
            "type": "start",
            "sample_rate": 16000,
            "output_sample_rate": 24000,
            "can": ["clear", "pause", "played"],
            "echo": False,
            "token": "s3cret",
            "metadata": {},
        }
        assert (await opened.value).url == f"ws://127.0.0.1:{stand.server.port}/ws"


async def test_unknown_messages_and_broken_ones_are_ignored(stand: Stand) -> None:
    async with stand.visit() as visit:
        call = await visit.talk()
        await call.send("news", text="x")
        await call.text("{not json")
        await call.text("[1, 2]")
        await call.text("null")
        await call.audio(b"odd")
        await say(call, "assistant", "Still here.", final=True)
        await visit.sees(".bubble .words", "Still here.")


# --- the conversation -------------------------------------------------------------------------------------------------


async def test_words_appear_as_they_are_spoken(stand: Stand) -> None:
    async with stand.visit() as visit:
        call = await visit.talk()
        await say(call, "assistant", "Hello, this", final=False)
        await visit.sees(".bubble[data-open] .words", "Hello, this")
        await say(call, "assistant", "Hello, this is", final=False)
        await visit.sees(".bubble[data-open] .words", "Hello, this is")
        await say(call, "assistant", "Hello, this is the shop.", final=True)
        await say(call, "user", "uh", final=False)
        await say(call, "user", "", final=True)
        await say(call, "user", "what time", final=False)
        await visit.sees(".bubble[data-open] .words", "what time")
        assert await bubbles(visit) == ["assistant: Hello, this is the shop.", "user: what time"]


async def test_a_cut_sentence_shows_what_was_heard(stand: Stand) -> None:
    async with stand.visit() as visit:
        call = await visit.talk()
        await say(call, "assistant", "We are open from nine until five", final=False)
        await say(call, "assistant", "We are open from nine", final=True)
        await visit.sees(".bubble .words", "We are open from nine")
        await visit.sees(".bubble .cut", "interrupted")


async def test_words_in_which_the_bot_gives_way_are_marked_until_it_goes_on(stand: Stand) -> None:
    async with stand.visit() as visit:
        call = await visit.talk()
        await say(call, "assistant", "We are open", final=False)
        await call.send("interrupted")
        await visit.sees(".bubble .cut", "interrupted")
        await call.send("false_interruption")
        await say(call, "assistant", "We are open from nine", final=True)
        await visit.sees(".bubble:not([data-open]) .words", "We are open from nine")
        assert await visit.page.locator(".bubble .cut").count() == 0


async def test_nothing_the_model_says_becomes_html(stand: Stand) -> None:
    async with stand.visit() as visit:
        call = await visit.talk()
        await say(call, "assistant", EVIL, final=False)
        await say(call, "user", EVIL, final=True)
        await call.send("tool_call", id="1", name=EVIL, arguments={EVIL: EVIL})
        await call.send("tool_result", id="1", name=EVIL, status=EVIL, result=EVIL)
        await call.send("error", code="x", message=EVIL, fatal=False)
        await call.send("link", state=EVIL)
        await visit.sees("#notice-words", EVIL)
        await visit.page.click("#settings-toggle")
        assert await bubbles(visit) == [f"assistant: {EVIL}", f"user: {EVIL}"]
        assert await visit.page.locator("img, body script, b").count() == 0
        assert await visit.page.title() == "voicewire"


async def test_tools_and_latencies_are_shown_as_they_happen(stand: Stand) -> None:
    async with stand.visit() as visit:
        call = await visit.talk()
        await say(call, "user", "When do you open?", final=True)
        await call.send("tool_call", id="t1", name="opening_hours", arguments='{"day": "monday"}')
        await visit.sees(".tool-line", 'opening_hours day: "monday"')
        await visit.sees(".tool-status", "running")
        await call.send("tool_result", id="t1", name="opening_hours", status="completed", result="nine to five")
        await visit.sees(".tool-status", "done")
        await visit.sees(".tool-result", "nine to five")
        await call.send("turn", end_of_turn_ms=300, transcript_ms=200, first_token_ms=None, first_audio_ms=460)
        await visit.sees(".turn summary", "Answered in 0.46 s")
        kinds = await visit.page.eval_on_selector_all("#transcript > li", "items => items.map(item => item.className)")
        assert kinds == ["bubble", "turn", "tool"]
        await visit.page.click(".turn summary")
        rows = await visit.page.locator(".stage-row").all_inner_texts()
        assert [row.split("\n") for row in rows] == [
            ["Transcript", "0.20 s"],
            ["End of turn", "0.30 s"],
            ["First audio", "0.46 s"],
        ]
        widths = await visit.page.eval_on_selector_all(
            ".turn summary .bar", "bars => bars.map(bar => bar.getBoundingClientRect().width)"
        )
        assert widths[0] / widths[1] == pytest.approx(2, rel=0.1)


async def test_who_speaks_now_and_the_link_are_shown(stand: Stand) -> None:
    async with stand.visit() as visit:
        await visit.sees("#link", "Not connected")
        call = await visit.talk()
        await visit.sees("#phase", "Listening")
        await visit.sees("#link", "Connected")
        await call.send("speech_started")
        await visit.sees("#phase", "You are speaking")
        await call.send("speech_stopped")
        await say(call, "user", "Hello", final=True)
        await visit.sees("#phase", "Thinking")
        await call.send("bot_started")
        await visit.sees("#phase", "The bot is speaking")
        await call.send("link", state="reconnecting")
        await visit.sees("#link", "Model reconnecting")
        await visit.page.click("#interrupt")
        await call.expect("interrupt")


# --- typing, muting, choosing -----------------------------------------------------------------------------------------


async def test_a_conversation_by_text_alone_needs_no_microphone(stand: Stand) -> None:
    async with stand.visit(microphone=False) as visit:
        await visit.page.fill("#text", "Hello there")
        await visit.page.press("#text", "Enter")
        call = await stand.server.call()
        await call.ready()
        assert (await call.expect("text"))["text"] == "Hello there"
        await say(call, "user", "Hello there", final=True)
        await call.audio(bytes(2400 * 2))
        await call.expect("played", samples=2400)
        await call.send("bot_started")
        await call.send("bot_stopped")
        await visit.sees("#phase", "Type to talk")
        assert await bubbles(visit) == ["user: Hello there"]
        assert await visit.page.input_value("#text") == ""
        assert call.pcm == b""
        await expect(visit.page.locator("#notice")).to_be_hidden()


async def test_mute_stops_the_microphone_and_says_so(stand: Stand) -> None:
    async with stand.visit() as visit:
        call = await visit.talk()
        await call.heard(1)
        await visit.page.click("#microphone")
        await call.expect("mute")
        await visit.sees("#phase", "You are muted")
        await visit.page.click("#microphone")
        await call.expect("unmute")
        assert call.pcm_at["unmute"] == call.pcm_at["mute"], "nothing is sent between the two"
        await call.heard(call.pcm_at["unmute"] // 2 + 1)


async def test_another_microphone_can_be_chosen_in_a_call(stand: Stand) -> None:
    async with stand.visit() as visit:
        call = await visit.talk()
        await call.heard(1)
        await visit.page.click("#settings-toggle")
        options = await visit.page.locator("#microphones option").all_inner_texts()
        assert len(options) > 1
        await visit.page.select_option("#microphones", label=options[1])
        await expect(visit.page.locator("#facts")).to_contain_text(f"{options[1]}, 16000 Hz")
        await call.heard(len(call.pcm) // 2 + 1)
        await visit.page.click("#keypad button:text-is('5')")
        assert (await call.expect("dtmf"))["digits"] == "5"


# --- what goes wrong --------------------------------------------------------------------------------------------------


async def test_a_chosen_microphone_that_is_gone_is_replaced(stand: Stand) -> None:
    async with stand.visit(script="localStorage.setItem('voicewire.microphone', 'gone')") as visit:
        call = await visit.talk()
        await call.heard(512)


async def test_a_refused_microphone_is_explained_and_no_call_begins(stand: Stand) -> None:
    async with stand.visit(microphone=False) as visit:
        await visit.page.click("#talk")
        await expect(visit.page.locator("#notice-words")).to_contain_text("The microphone was refused.")
        await visit.sees("#phase", "Ready when you are")
        await visit.page.fill("#text", "Then in writing")
        await visit.page.press("#text", "Enter")
        call = await stand.server.call()
        await call.ready()
        await call.expect("text", text="Then in writing")


async def test_a_missing_microphone_is_explained(stand: Stand) -> None:
    async with stand.visit(script=NO_DEVICE) as visit:
        await visit.page.click("#talk")
        await expect(visit.page.locator("#notice-words")).to_contain_text("No microphone was found.")


async def test_a_page_without_https_says_so_and_goes_on_in_writing(stand: Stand) -> None:
    async with stand.visit(host=FOREIGN_HOST) as visit:
        await expect(visit.page.locator("#notice-words")).to_contain_text("without https")
        await visit.page.click("#talk")
        await visit.sees("#phase", "Ready when you are")
        await visit.page.fill("#text", "Hello")
        await visit.page.press("#text", "Enter")
        call = await stand.server.call()
        assert (await call.expect("start"))["can"] == []
        await call.send("ready", call_id="c", sample_rate=16000, output_sample_rate=24000, version="0")
        await call.expect("text", text="Hello")
        await call.audio(bytes(480))
        await say(call, "assistant", "Good day.", final=True)
        await visit.sees(".bubble[data-role=assistant] .words", "Good day.")


async def test_it_returns_when_the_connection_drops(stand: Stand) -> None:
    async with stand.visit() as visit:
        call = await visit.talk()
        await say(call, "assistant", "One moment", final=False)
        await visit.sees(".bubble .words", "One moment")
        call.drop()
        await visit.sees("#connection-words", "The connection was lost.")
        second = await stand.server.call()
        await second.ready()
        await visit.sees("#phase", "Listening")
        await visit.sees(".note", "Connected again. This is a new call.")
        await expect(visit.page.locator("#connection")).to_be_hidden()
        await expect(visit.page.locator(".bubble[data-open]")).to_have_count(0)
        await second.heard(512)


async def test_a_server_that_is_away_is_tried_again(stand: Stand) -> None:
    stand.server.refuse = True
    async with stand.visit() as visit:
        await visit.page.click("#talk")
        await visit.sees("#connection-words", "The server is away, or takes no more calls just now.")
        await expect(visit.page.locator("#countdown")).to_contain_text("Trying again")
        await visit.sees("#phase", "Reconnecting")
        stand.server.refuse = False
        call = await stand.server.call()
        await call.ready()
        await visit.sees("#phase", "Listening")


async def test_a_full_server_is_given_time_but_the_person_need_not_wait(stand: Stand) -> None:
    async with stand.visit() as visit:
        call = await visit.talk()
        await call.close(1013)
        await visit.sees("#connection-words", "The server is full.")
        await expect(visit.page.locator("#countdown")).to_have_text(re.compile("Trying again in [5-8] s."))
        await visit.page.click("#retry")
        await expect(visit.page.locator("#talk")).to_be_focused()
        await (await stand.server.call()).ready()
        await visit.sees("#phase", "Listening")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1008, "The server refused the call. The link you opened may lack its access token, or be too old."),
        (1000, "The call has ended: goodbye."),
    ],
)
async def test_some_ends_are_final_and_a_new_call_can_be_made(stand: Stand, code: int, words: str) -> None:
    async with stand.visit() as visit:
        call = await visit.talk()
        await say(call, "assistant", "Goodbye", final=True)
        if code == 1000:
            await call.send("ended", reason="goodbye")
        await call.close(code)
        await visit.sees("#connection-words", words)
        await expect(visit.page.locator("#retry")).to_be_hidden()
        await visit.sees("#phase", "Call ended")
        await visit.sees("#talk-label", "Talk")
        await visit.talk()
        await visit.sees("#phase", "Listening")
        assert await bubbles(visit) == []


async def test_a_fatal_error_says_its_own_words(stand: Stand) -> None:
    async with stand.visit() as visit:
        call = await visit.talk()
        await call.send("error", code="auth", message="The access token is wrong.", fatal=True)
        await call.close(1008)
        await visit.sees("#connection-words", "The access token is wrong.")


async def test_words_that_could_not_be_sent_are_named(stand: Stand) -> None:
    async with stand.visit() as visit:
        await visit.page.fill("#text", "Is anybody there?")
        await visit.page.press("#text", "Enter")
        call = await stand.server.call()
        await call.close(1008)
        await visit.sees(".note", "Not sent: Is anybody there?")


async def test_ending_a_call_says_so_and_lets_go_of_everything(stand: Stand) -> None:
    async with stand.visit() as visit:
        call = await visit.talk()
        await visit.page.click("#talk")
        await call.expect("end")
        assert await call.closed() == 1000
        await visit.sees("#phase", "Call ended")
        await expect(visit.page.locator("#connection")).to_be_hidden()
        await visit.page.click("#settings-toggle")
        await expect(visit.page.locator("#facts dd").nth(2)).to_have_text("off")

"""The page for everybody: by keyboard, by screen reader, on small screens, in light and dark."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.e2e.page_browser import Stand, Visit
from tests.e2e.page_server import PageCall

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SPOKEN = "() => Array.from(document.querySelectorAll('#announcer p'), line => line.textContent)"
FOCUSED = "() => document.activeElement.id || document.activeElement.tagName"
OUTLINED = "() => getComputedStyle(document.activeElement).outlineStyle !== 'none'"
SMALL_TARGETS = """() => Array.from(document.querySelectorAll('button, input, select, summary'))
  .filter(element => element.checkVisibility({ visibilityProperty: true }))
  .map(element => [element.id || element.className || element.tagName, element.getBoundingClientRect()])
  .filter(([, box]) => box.width < 44 || box.height < 44).map(([name, box]) => `${name} ${box.width}x${box.height}`)"""
INSIDE = """button => {
  const box = button.getBoundingClientRect();
  return box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight && box.right <= innerWidth;
}"""
SCREENS = [(320, 640), (390, 844), (844, 390), (740, 360), (1280, 800)]
BOX = "selector => document.querySelector(selector).getBoundingClientRect().toJSON()"
NAMELESS = """() => {
  const name = element => element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent;
  return Array.from(document.querySelectorAll('button, input, select, summary, [tabindex], section, aside'))
    .filter(element => name(element).trim() === '').map(element => element.outerHTML);
}"""
LOW_CONTRAST = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const over = (...colors) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const color of colors) { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); }
    return Array.from(canvas.getImageData(0, 0, 1, 1).data.slice(0, 3));
  };
  const luminance = rgb => rgb.map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const backgrounds = element => element
    ? [...backgrounds(element.parentElement), getComputedStyle(element).backgroundColor] : ['#fff'];
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let checked = 0;
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (element.closest('.visually-hidden, noscript, script, :disabled, [aria-disabled=true]')) continue;
    const behind = backgrounds(element);
    const [a, b] = [over(...behind, getComputedStyle(element).color), over(...behind)].map(luminance);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    checked += 1;
    if (ratio < 4.5) found.push(`${walker.currentNode.data.trim()}: ${ratio.toFixed(2)}`);
  }
  return { checked, found };
}"""


async def tab_to(page: Page, name: str, key: str = "Tab") -> None:
    """Press Tab until an element has the focus, which must be visible on the way."""
    for _ in range(30):
        await page.keyboard.press(key)
        assert await page.evaluate(OUTLINED), f"no visible focus on {await page.evaluate(FOCUSED)}"
        if await page.evaluate(FOCUSED) == name:
            return
    raise AssertionError(f"{name} cannot be reached by {key}")


async def converse(visit: Visit) -> PageCall:
    """A call that shows one of everything."""
    call = await visit.talk()
    await call.send("transcript", role="assistant", text="We open at nine and", final=False)
    await call.send("transcript", role="assistant", text="We open at nine", final=True)
    await call.send("transcript", role="user", text="And on Sunday?", final=True)
    await call.send("turn", end_of_turn_ms=300, transcript_ms=200, first_token_ms=400, first_audio_ms=460)
    await call.send("tool_call", id="1", name="hours", arguments='{"day": "sunday"}')
    await call.send("tool_result", id="1", name="hours", status="failed", result="no such day")
    await call.send("tool_call", id="2", name="hours", arguments='{"day": "monday"}')
    await call.send("error", code="tool", message="A tool failed.", fatal=False)
    await call.send("link", state="down")
    await call.send("bot_started")
    await call.send("transcript", role="assistant", text="On Sunday", final=False)
    await visit.sees(".bubble[data-open] .words", "On Sunday")
    return call


async def test_a_whole_call_by_keyboard(stand: Stand) -> None:
    async with stand.visit() as visit:
        page = visit.page
        await tab_to(page, "talk")
        await page.keyboard.press("Enter")
        call = await stand.server.call()
        await call.ready()
        await visit.sees("#phase", "Listening")
        await tab_to(page, "microphone", "Shift+Tab")
        await page.keyboard.press("Space")
        await call.expect("mute")
        await page.keyboard.press("Space")
        await call.expect("unmute")
        await call.send("bot_started")
        await visit.sees("#phase", "The bot is speaking")
        await tab_to(page, "interrupt")
        await page.keyboard.press("Enter")
        await call.expect("interrupt")
        await tab_to(page, "text")
        await page.keyboard.type("Goodbye")
        await page.keyboard.press("Enter")
        await call.expect("text", text="Goodbye")
        await tab_to(page, "talk", "Shift+Tab")
        await page.keyboard.press("Enter")
        await call.expect("end")


async def test_the_settings_open_and_close_by_keyboard(stand: Stand) -> None:
    async with stand.visit() as visit:
        page = visit.page
        await visit.talk()
        await tab_to(page, "settings-toggle", "Shift+Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("#settings")).to_be_visible()
        await tab_to(page, "microphones")
        await page.keyboard.press("Escape")
        await expect(page.locator("#settings")).to_be_hidden()
        assert await page.evaluate(FOCUSED) == "settings-toggle"


@pytest.mark.parametrize(
    ("focus", "left_with"), [("#text", "text"), ("#talk", "talk"), ("#settings button", "settings-toggle")]
)
async def test_escape_closes_the_settings_wherever_the_focus_is(stand: Stand, focus: str, left_with: str) -> None:
    async with stand.visit() as visit:
        page = visit.page
        await visit.talk()
        await page.click("#settings-toggle")
        await page.focus(f"{focus} >> nth=0")
        await expect(page.locator("#settings")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator("#settings")).to_be_hidden()
        await expect(page.locator("#settings-toggle")).to_have_attribute("aria-expanded", "false")
        assert await page.evaluate(FOCUSED) == left_with
        await page.keyboard.press("Escape")
        assert await page.evaluate(FOCUSED) == left_with, "there is nothing to close"


async def test_a_click_outside_closes_the_settings_and_does_what_it_says(stand: Stand) -> None:
    async with stand.visit() as visit:
        page = visit.page
        call = await visit.talk()
        await page.click("#settings-toggle")
        await page.click("#settings h2 >> nth=0")
        await page.click("#keypad button:text-is('5')")
        await call.expect("dtmf", digits="5")
        await expect(page.locator("#settings")).to_be_visible()
        await page.click("#microphone")
        await call.expect("mute")
        await expect(page.locator("#settings")).to_be_hidden()
        await page.click("#settings-toggle")
        await expect(page.locator("#settings")).to_be_visible()


async def test_a_tool_keeps_the_focus_while_it_changes(stand: Stand) -> None:
    async with stand.visit() as visit:
        call = await visit.talk()
        await call.send("tool_call", id="1", name="hours", arguments="{}")
        await visit.page.focus(".tool summary")
        await visit.page.keyboard.press("Enter")
        await call.send("tool_result", id="1", name="hours", status="completed", result="nine to five")
        await visit.sees(".tool pre >> nth=-1", "nine to five")
        assert await visit.page.evaluate(FOCUSED) == "SUMMARY"


async def test_a_screen_reader_hears_finished_words_only(stand: Stand) -> None:
    async with stand.visit() as visit:
        call = await visit.talk()
        await call.send("transcript", role="user", text="what", final=False)
        await call.send("transcript", role="user", text="What time?", final=True)
        await call.send("transcript", role="assistant", text="Nine", final=False)
        await call.send("transcript", role="assistant", text="Nine o'clock, or", final=False)
        await call.send("transcript", role="assistant", text="Nine o'clock", final=True)
        await visit.sees(".cut", "interrupted")
        assert await visit.page.evaluate(SPOKEN) == ["Connected.", "You: What time?", "Bot: Nine o'clock (interrupted)"]
        live = await visit.page.eval_on_selector_all(
            "[aria-live], [role=status], [role=alert]", "all => all.map(e => e.id)"
        )
        assert live == ["announcer"]


async def test_a_screen_reader_hears_who_spoke_first_first(stand: Stand) -> None:
    async with stand.visit() as visit:
        call = await visit.talk()
        await call.send("transcript", role="assistant", text="Once upon a", final=False)
        await call.send("transcript", role="user", text="stop", final=False)
        await call.send("transcript", role="user", text="Stop it.", final=True)
        await visit.sees(".bubble[data-role=user] .words", "Stop it.")
        assert await visit.page.evaluate(SPOKEN) == ["Connected."], "the bot began, and has not ended"
        await call.send("transcript", role="assistant", text="Once upon", final=True)
        await visit.sees(".cut", "interrupted")
        assert await visit.page.evaluate(SPOKEN) == ["Connected.", "Bot: Once upon (interrupted)", "You: Stop it."]
        await call.send("transcript", role="user", text="hm", final=False)
        await call.send("transcript", role="assistant", text="All right.", final=True)
        await call.send("transcript", role="user", text="", final=True)
        await expect(visit.page.locator("#announcer p")).to_have_count(4)
        assert (await visit.page.evaluate(SPOKEN))[-1] == "Bot: All right.", "a sound that was nothing holds nothing up"


async def test_the_page_has_its_landmarks_and_everything_a_name(stand: Stand) -> None:
    async with stand.visit() as visit:
        await converse(visit)
        await visit.page.click("#settings-toggle")
        assert await visit.page.get_attribute("html", "lang") == "en"
        for landmark in ("h1", "main", "header"):
            assert await visit.page.locator(landmark).count() == 1
        assert await visit.page.evaluate(NAMELESS) == []
        await expect(visit.page.get_by_role("button", name="End", exact=True)).to_be_visible()
        await expect(visit.page.get_by_role("button", name="Mute")).to_be_visible()
        await expect(visit.page.get_by_role("button", name="Settings")).to_have_attribute("aria-expanded", "true")
        await expect(visit.page.get_by_role("textbox", name="Message")).to_be_visible()
        await expect(visit.page.get_by_role("region", name="Conversation")).to_be_visible()
        assert await visit.page.locator("[onclick], [style*=expression], style, script:not([src])").count() == 0


async def test_text_can_be_read_in_light_and_dark(stand: Stand) -> None:
    async with stand.visit() as visit:
        call = await converse(visit)
        await visit.page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true; })")
        await visit.page.click("#settings-toggle")
        await call.close(1012)
        await expect(visit.page.locator("#retry")).to_be_visible()
        await visit.page.emulate_media(reduced_motion="reduce", color_scheme="light")
        light = await visit.page.evaluate(LOW_CONTRAST)
        await visit.page.emulate_media(reduced_motion="reduce", color_scheme="dark")
        dark = await visit.page.evaluate(LOW_CONTRAST)
        assert light["checked"] > 40
        assert (light["found"], dark["found"]) == ([], [])


async def test_it_fits_and_can_be_touched(stand: Stand) -> None:
    async with stand.visit() as visit:
        await converse(visit)
        for width in (1280, 390, 320):
            await visit.page.set_viewport_size({"width": width, "height": 800})
            assert await visit.page.evaluate(SMALL_TARGETS) == []
            assert await visit.page.evaluate("() => document.documentElement.scrollWidth") == width
            for button in ("#talk", "#microphone", "#interrupt", "#text", "#settings-toggle"):
                assert await visit.page.eval_on_selector(button, INSIDE), f"{button} at {width}"


@pytest.mark.parametrize(("width", "height"), SCREENS)
async def test_every_screen_has_room_for_everything(stand: Stand, width: int, height: int) -> None:
    async with stand.visit() as visit:
        page = visit.page
        call = await converse(visit)
        await page.set_viewport_size({"width": width, "height": height})
        await page.click("#notice-close")
        for state in ("up", "reconnecting"):
            await call.send("link", state=state)
            await visit.sees("#link", {"up": "Connected", "reconnecting": "Model reconnecting"}[state])
            assert await page.eval_on_selector("#link", "link => link.scrollWidth <= link.clientWidth"), "clipped"
        assert await page.evaluate("() => document.documentElement.scrollWidth") == width
        assert await page.evaluate("() => document.documentElement.scrollHeight") == height
        meters = await page.evaluate(BOX, ".meters")
        assert meters["height"] == 0 or meters["bottom"] <= height - 12
        await page.click("#settings-toggle")
        panel, field = await page.evaluate(BOX, "#settings"), await page.evaluate(BOX, "#text")
        assert panel["height"] > 100
        assert panel["bottom"] <= field["top"], "the text field stays free"
        assert field["bottom"] <= height
        for button in ("#talk", "#text", "#settings-toggle"):
            assert await page.eval_on_selector(button, INSIDE), button


async def test_the_keypad_is_one_of_a_telephone(stand: Stand) -> None:
    async with stand.visit() as visit:
        await visit.page.click("#settings-toggle")
        tops = await visit.page.eval_on_selector_all(
            ".key", "keys => keys.map(key => [key.textContent, key.offsetTop])"
        )
        rows = ["".join(key for key, top in tops if top == row) for row in sorted({top for _, top in tops})]
        assert rows == ["123", "456", "789", "*0#"]


async def test_motion_can_be_reduced(stand: Stand) -> None:
    async with stand.visit() as visit:
        await visit.page.emulate_media(reduced_motion="reduce")
        await converse(visit)
        running = "() => document.getAnimations().filter(animation => animation.playState === 'running').length"
        assert await visit.page.evaluate(running) == 0

"""The estimate of tokens: its rule, and that more is never less."""

from __future__ import annotations

from random import Random

import pytest

from llm.events import Request, ToolSchema
from llm.items import AssistantMessage, Audio, Call, DeveloperMessage, Image, Item, Reasoning, UserMessage
from llm.tokens import estimated_tokens, shortened
from tests.unit.llm.random_items import conversation

LETTERS = 'aé ß\n{}"9жअ今ん한、\uff01😀𠀀\ud800…'


def text(dice: Random, most: int = 40) -> str:
    return "".join(dice.choices(LETTERS, k=dice.randint(0, most)))


# --- text -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "tokens"),
    [
        ("", 0),
        ("a", 1),
        ("abcd", 1),
        ("abcde", 2),
        ("The quick brown fox jumps over the lazy dog.", 11),
        ("é", 1),
        ("éé", 1),
        ("ééé", 2),
        ("今日は", 3),
        ("한국", 2),
        ("𠀀", 1),
        ("今abc", 2),
        ("今abcde", 3),
        ("a今b今c今d", 4),
        ("😀", 1),
        ("\ud800", 1),
    ],
)
def test_the_rule_for_text(words: str, tokens: int) -> None:
    assert estimated_tokens(words) == tokens


def test_more_text_never_has_fewer_tokens() -> None:
    dice = Random(1)
    for _ in range(5000):
        words, more = text(dice), text(dice, 5)
        at = dice.randint(0, len(words))
        longer = words[:at] + more + words[at:]
        assert estimated_tokens(words) <= estimated_tokens(longer)
        assert estimated_tokens(longer) <= estimated_tokens(words) + estimated_tokens(more)


def test_a_long_log_is_estimated_at_once() -> None:
    """256 KiB, the most that a log holds, with every kind of letter."""
    assert estimated_tokens("é今" * 50_000) == 50_000 + 25_000


# --- messages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "tokens"),
    [
        (UserMessage(""), 4),
        (UserMessage("abcd"), 5),
        (DeveloperMessage("abcd"), 5),
        (AssistantMessage("abcd"), 5),
        (AssistantMessage("", (Call("c1", "look", "{}", "abcd"),)), 4 + (4 + 2) + (4 + 1)),
        (AssistantMessage("", (), (Reasoning("openai", "12345678"),)), 4 + (4 + 2)),
    ],
)
def test_a_message_is_its_text_its_calls_and_its_edges(item: Item, tokens: int) -> None:
    assert estimated_tokens(item) == tokens


@pytest.mark.parametrize(
    ("image", "tokens"),
    [
        (Image(b"x", detail="low"), 85),
        (Image(b"x"), 765),
        (Image(b"x", detail="high", width_px=1024, height_px=1024), 765),
        (Image(b"x", width_px=2048, height_px=4096), 1105),
        (Image(b"x", width_px=512, height_px=512), 255),
        (Image(url="u", width_px=100), 255),
        (Image(b"x", height_px=513), 765),
        (Image(b"x", width_px=3000, height_px=1500), 1105),
        (Image(b"x", width_px=1, height_px=10**9), 765),
    ],
)
def test_a_picture_is_tiles(image: Image, tokens: int) -> None:
    """OpenAI's guide has three examples: 85 for `low`, 765 for 1024 by 1024, 1105 for 2048 by 4096."""
    assert estimated_tokens(UserMessage("", (image,))) == 4 + tokens


def wav(seconds: float, bytes_a_s: int) -> bytes:
    head = b"RIFF0000WAVEfmt 0000000000000000"
    return (head[:28] + bytes_a_s.to_bytes(4, "little") + head[32:]).ljust(round(seconds * bytes_a_s), b"\0")


@pytest.mark.parametrize(
    ("audio", "tokens"),
    [
        (Audio(wav(2, 32_000)), 20),
        (Audio(wav(2, 16_000)), 20),
        (Audio(wav(0.25, 32_000)), 3),
        (Audio(b"x"), 1),
        (Audio(wav(1, 4_000)[:28] + bytes(3972)), 10),
        (Audio(bytes(160_000), "mp3"), 100),
    ],
)
def test_a_recording_is_seconds(audio: Audio, tokens: int) -> None:
    assert estimated_tokens(UserMessage("", (audio,))) == 4 + tokens


def test_messages_are_the_sum_of_them() -> None:
    for seed in range(300):
        items = conversation(seed)
        assert estimated_tokens(items) == sum(estimated_tokens(item) for item in items)
        assert estimated_tokens(list(items)) == estimated_tokens(items)
        assert estimated_tokens(items) >= 4 * len(items)


def test_a_request_is_all_that_the_model_reads() -> None:
    items = (UserMessage("abcd"),)
    bare = Request("abcd", items)
    assert estimated_tokens(bare) == 5 + 5
    assert estimated_tokens(Request("abcd", items, note="abcd")) == 15
    offering = Request("abcd", items, (ToolSchema("look", "Look around.", {"type": "object"}),))
    assert estimated_tokens(offering) == 10 + 19


# --- shortened ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "most", "short"),
    [
        ("abcd efgh", 3, "abcd efgh"),
        ("abcd efgh ijkl", 3, "abcd efgh…"),
        ("abcd efgh ijkl", 2, "abcd…"),
        ("abcd  efgh ijkl", 2, "abcd…"),
        ("abcdefghijkl", 2, "abcde…"),
        ("今日は今日は", 3, "今日…"),
        ("abcdefgh", 1, "a…"),
        ("abcdefgh", 0, ""),
        ("", 0, ""),
    ],
)
def test_a_text_is_cut_at_the_end_of_a_word(words: str, most: int, short: str) -> None:
    assert shortened(words, most) == short


def test_what_is_cut_is_the_beginning_and_fits() -> None:
    dice = Random(2)
    for _ in range(3000):
        words, most = text(dice, 120), dice.randint(0, 40)
        short = shortened(words, most)
        assert estimated_tokens(short) <= most
        if short != words:
            assert estimated_tokens(words) > most
            assert short == "" or words.startswith(short.removesuffix("…"))
            assert short == "" or len(short) + 41 > longest(words, most)


def longest(words: str, most: int) -> int:
    """How much of it would fit, found letter by letter."""
    return max(at for at in range(len(words)) if at == 0 or estimated_tokens(f"{words[:at]}…") <= most)


def test_a_text_of_blanks_is_cut_in_time() -> None:
    assert estimated_tokens(shortened(" " * 200_000 + "x", 1000)) <= 1000

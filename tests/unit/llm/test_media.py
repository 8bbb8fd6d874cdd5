"""Pictures and recordings: their size, their URL, and the bound that they keep."""

from __future__ import annotations

import base64
from random import Random

import pytest

from llm import media
from llm.context import Log
from llm.items import AssistantMessage, Audio, DeveloperMessage, Image, Item, Media, UserMessage
from llm.media import AUDIO_LEFT_OUT, IMAGE_LEFT_OUT, base64_text, data_url, size_bytes
from tests.unit.llm.random_items import conversation

LINK = Image(url="https://example.org/a.jpg")


@pytest.mark.parametrize("length", range(9))
def test_base64_is_that_of_everybody(length: int) -> None:
    data = Random(length).randbytes(length)
    assert base64_text(data) == base64.b64encode(data).decode()


def test_a_picture_has_a_url_of_its_own_or_one_that_carries_it() -> None:
    assert data_url(Image(b"hello", mime="image/png")) == "data:image/png;base64,aGVsbG8="
    assert data_url(LINK) == "https://example.org/a.jpg"


def test_what_is_elsewhere_holds_nothing_here() -> None:
    assert size_bytes(Image(b"hello")) == 5
    assert size_bytes(Audio(b"hello!")) == 6
    assert size_bytes(LINK) == 0
    assert size_bytes(Image(url="data:image/png;base64,aGVsbG8=")) == 30


def picture(size: int) -> Image:
    return Image(bytes(size))


ITEMS: tuple[Item, ...] = (
    UserMessage("one", (picture(10), LINK)),
    AssistantMessage("I see."),
    UserMessage("", (Audio(bytes(10)), picture(10))),
    DeveloperMessage("note"),
    UserMessage("three", (picture(10),)),
)


@pytest.mark.parametrize(
    ("limit", "replaced", "texts"),
    [
        (100, 0, ("one", "", "three")),
        (40, 0, ("one", "", "three")),
        (39, 1, (f"one {IMAGE_LEFT_OUT}", "", "three")),
        (30, 1, (f"one {IMAGE_LEFT_OUT}", "", "three")),
        (29, 2, (f"one {IMAGE_LEFT_OUT}", AUDIO_LEFT_OUT, "three")),
        (10, 3, (f"one {IMAGE_LEFT_OUT}", f"{AUDIO_LEFT_OUT} {IMAGE_LEFT_OUT}", "three")),
        (9, 4, (f"one {IMAGE_LEFT_OUT}", f"{AUDIO_LEFT_OUT} {IMAGE_LEFT_OUT}", f"three {IMAGE_LEFT_OUT}")),
        (0, 4, (f"one {IMAGE_LEFT_OUT}", f"{AUDIO_LEFT_OUT} {IMAGE_LEFT_OUT}", f"three {IMAGE_LEFT_OUT}")),
    ],
)
def test_the_oldest_are_replaced_by_notes(limit: int, replaced: int, texts: tuple[str, ...]) -> None:
    items, count = within(ITEMS, limit)
    assert count == replaced
    assert tuple(item.text for item in items if isinstance(item, UserMessage)) == texts
    assert (items[1], items[3]) == (ITEMS[1], ITEMS[3])
    first = items[0]
    assert isinstance(first, UserMessage)
    assert LINK in first.media


def within(items: tuple[Item, ...], limit_bytes: int) -> tuple[tuple[Item, ...], int]:
    """A log of these messages with at most so many bytes of media, and how many it left out."""
    log = Log(items, media_limit_bytes=limit_bytes)
    return log.items(), log.truncated


def test_one_object_shown_twice_is_left_out_once_if_that_is_enough() -> None:
    same = picture(10)
    message = UserMessage("a", (same, same), pinned=True)
    less = UserMessage(f"a {IMAGE_LEFT_OUT}", (same,), pinned=True)
    assert within((message,), 10) == ((less,), 1)
    assert media.bounded(message, 10) == (less, 0)


def shown(items: tuple[Item, ...]) -> list[Media]:
    return [medium for item in items if isinstance(item, UserMessage) for medium in item.media]


def test_the_bound_holds_and_nothing_goes_without_need() -> None:
    for seed in range(800):
        items = Log(conversation(seed)).items()
        limit = Random(seed).randint(0, 200)
        bounded, count = within(items, limit)
        held = sum(map(size_bytes, shown(items)))
        left = sum(map(size_bytes, shown(bounded)))
        assert left <= limit
        assert count == len(shown(items)) - len(shown(bounded))
        assert within(bounded, limit) == (bounded, 0)
        heavy = [medium for medium in shown(items) if size_bytes(medium)]
        assert [medium for medium in shown(bounded) if size_bytes(medium)] == heavy[count:]
        if count:
            assert left + size_bytes(heavy[count - 1]) > limit
        else:
            assert held <= limit
            assert bounded == items
        assert len(bounded) == len(items)
        assert [item.text for item in bounded if not isinstance(item, UserMessage)] == [
            item.text for item in items if not isinstance(item, UserMessage)
        ]

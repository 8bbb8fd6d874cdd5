"""The bounded queue between the call and a service."""

from __future__ import annotations

import asyncio

import pytest

from link.inbox import MAX_ITEMS, Inbox, InboxFull


def taken(inbox: Inbox[bytes | str]) -> list[bytes | str]:
    """All that waits, without waiting."""

    async def read() -> list[bytes | str]:
        return [await inbox.get() for _ in range(len(inbox))]

    return asyncio.run(read())


def audio_inbox(limit: int) -> Inbox[bytes | str]:
    """Audio costs its bytes, markers (text) nothing."""
    return Inbox(limit, "drop_oldest", cost=lambda item: len(item) if isinstance(item, bytes) else 0)


def test_first_in_first_out() -> None:
    inbox: Inbox[bytes | str] = Inbox(3)
    for item in "abc":
        inbox.put(item)
    assert taken(inbox) == ["a", "b", "c"]
    assert len(inbox) == 0


def test_a_full_inbox_refuses_and_keeps_what_it_has() -> None:
    inbox: Inbox[bytes | str] = Inbox(2)
    inbox.put("a")
    inbox.put("b")
    with pytest.raises(InboxFull):
        inbox.put("c")
    assert taken(inbox) == ["a", "b"]
    inbox.put("d")
    inbox.put("e")
    with pytest.raises(InboxFull):
        inbox.put("f")


def test_the_oldest_audio_is_dropped_and_counted_and_markers_stay_in_place() -> None:
    inbox = audio_inbox(6)
    for item in ("begin", b"aa", b"bb", "finish", "begin", b"cc", b"dd"):
        inbox.put(item)
    assert inbox.dropped == 2
    assert taken(inbox) == ["begin", b"bb", "finish", "begin", b"cc", b"dd"]
    for item in ("begin", b"eeee", b"ffff"):
        inbox.put(item)
    assert inbox.dropped == 6
    assert taken(inbox) == ["begin", b"ffff"]


def test_markers_before_dropped_audio_keep_their_order() -> None:
    inbox = audio_inbox(4)
    for item in ("1", b"aa", "2", b"bb", "3", b"cccc"):
        inbox.put(item)
    assert taken(inbox) == ["1", "2", "3", b"cccc"]
    assert inbox.dropped == 4


def test_an_item_above_the_limit_is_held_alone() -> None:
    inbox = audio_inbox(4)
    inbox.put(b"aa")
    inbox.put(b"bbbbbb")
    assert inbox.dropped == 2
    inbox.put(b"cc")
    assert taken(inbox) == [b"cc"]
    assert inbox.dropped == 8


def test_items_of_no_cost_have_a_bound_too() -> None:
    inbox = audio_inbox(4)
    for _ in range(MAX_ITEMS):
        inbox.put("begin")
    with pytest.raises(InboxFull):
        inbox.put("begin")


@pytest.mark.asyncio
async def test_a_reader_waits_and_is_woken_once() -> None:
    inbox: Inbox[bytes | str] = Inbox(4)
    reader = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put("a")
    inbox.put("b")
    assert await reader == "a"
    assert await inbox.get() == "b"


@pytest.mark.asyncio
async def test_a_reader_that_is_cancelled_loses_nothing() -> None:
    inbox: Inbox[bytes | str] = Inbox(4)
    reader = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put("a")
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    assert await inbox.get() == "a"

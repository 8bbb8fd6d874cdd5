"""The log's handle while a picture is being scaled, which takes a while: what the caller says then is not lost."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from PIL import Image as pillow

from llm.events import Delta, ReplyDone
from llm.items import Image, Item, UserMessage
from server.call.log_handle import LogHandle
from tests.unit.server.call.core_stand import Stand
from tests.virtual.loop import run

Edit = Callable[[LogHandle, Item], Coroutine[Any, Any, None]]


class SlowThread:
    """Where plain functions run; each begins when it is let."""

    def __init__(self) -> None:
        self.busy = asyncio.Event()
        self.let = asyncio.Event()

    async def run_sync(self, function: Callable[..., Any], **arguments: Any) -> Any:
        """Run a function, later."""
        self.busy.set()
        await self.let.wait()
        return function(**arguments)


def picture(width: int, height: int, width_px: int) -> Image:
    """A PNG, to be shown in a smaller size."""
    file = io.BytesIO()
    pillow.new("RGB", (width, height)).save(file, "PNG")
    return Image(file.getvalue(), mime="image/png", width_px=width_px)


def said(stand: Stand) -> list[str]:
    """The texts in the log."""
    return [item.text for item in stand.core.log.items()]


def turn(stand: Stand, question: str, answer: str) -> None:
    """The caller says something, and the bot begins to answer."""
    stand.hear(question)
    stand.post(Delta(stand.reply, answer))
    stand.post(ReplyDone(stand.reply))
    stand.voice()


async def edited(edit: Edit, stand: Stand, meanwhile: Callable[[], None]) -> None:
    """Edit the log with a picture that is too large, and let something happen while it is being scaled."""
    thread = SlowThread()
    handle = LogHandle(stand.core, stand.hub.post, thread.run_sync)
    look = UserMessage("Look.", (picture(64, 32, 16),))
    task = asyncio.create_task(edit(handle, look))
    await thread.busy.wait()
    meanwhile()
    thread.let.set()
    await task


def append(handle: LogHandle, message: Item) -> Coroutine[Any, Any, None]:
    """At the end."""
    return handle.append(message)


def insert(handle: LogHandle, message: Item) -> Coroutine[Any, Any, None]:
    """At the beginning."""
    return handle.insert(0, message)


def merge(handle: LogHandle, message: Item) -> Coroutine[Any, Any, None]:
    """With something that stands there already."""
    return handle.merge([UserMessage("first"), message])


@pytest.mark.parametrize(
    ("edit", "texts"),
    [
        (append, ["first", "One.", "second", "Two and three.", "Look."]),
        (insert, ["Look.", "first", "One.", "second", "Two and three."]),
        (merge, ["first", "One.", "second", "Look.", "Two and three."]),
    ],
)
def test_a_turn_that_comes_while_a_picture_is_being_scaled_is_not_lost(edit: Edit, texts: list[str]) -> None:
    stand = Stand()
    turn(stand, "first", "One.")
    stand.wait(stand.now + 3.0)
    run(edited(edit, stand, lambda: turn(stand, "second", "Two and three.")))
    assert said(stand) == texts
    [shown] = [item for item in stand.core.log.items() if isinstance(item, UserMessage) and item.media]
    [image] = shown.media
    assert isinstance(image, Image)
    assert pillow.open(io.BytesIO(image.data)).size == (16, 8)


@pytest.mark.parametrize("edit", [append, insert, merge])
def test_words_that_come_while_a_picture_is_being_scaled_are_still_cut_where_they_are_interrupted(edit: Edit) -> None:
    stand = Stand()
    run(edited(edit, stand, lambda: turn(stand, "tell me", "Two and three are five of course.")))
    stand.wait(stand.now + 0.25)
    stand.hear("stop", seconds=0.1)
    [told] = [text for text in said(stand) if text.startswith("Two")]
    assert told != "Two and three are five of course."


def whole_turn(stand: Stand) -> None:
    """A turn whose answer is heard to its end."""
    turn(stand, "second", "Two.")
    stand.wait(stand.now + 3.0)


def test_a_place_is_counted_when_the_picture_is_scaled() -> None:
    stand = Stand()
    run(edited(lambda handle, message: handle.insert(2, message), stand, lambda: whole_turn(stand)))
    assert said(stand) == ["second", "Two.", "Look."]


def test_a_place_that_is_not_there_when_the_picture_is_scaled_is_refused() -> None:
    stand = Stand()
    with pytest.raises(ValueError, match="cannot be inserted at 3: there are 2"):
        run(edited(lambda handle, message: handle.insert(3, message), stand, lambda: whole_turn(stand)))
    assert said(stand) == ["second", "Two."]

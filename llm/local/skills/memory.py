"""What a log says about earlier turns: the story so far, the caller's name, the last call. Pure."""

from __future__ import annotations

from llm.local.exchanges import Exchange
from llm.local.request import Called
from llm.local.resume import remaining
from llm.local.skills import abilities, course, small_talk
from llm.local.skills.stories import STORIES
from llm.local.skills.turn import Memory
from llm.local.skills.wording import plain, verbatim


class Recall:
    """Reads a log from its start, one exchange after the other."""

    def __init__(self) -> None:
        self._story = ""
        self._told: list[str] = []
        self._said = ""
        self._heard = ""
        self._caller = ""
        self._called: Called | None = None

    def memory(self, latest: Memory) -> Memory:
        """What is known so far; what only the latest answers tell comes from `latest`."""
        return Memory(
            self._story,
            tuple(self._told),
            latest.cut,
            latest.held,
            latest.asking,
            latest.lost,
            self._said,
            verbatim(self._heard),
            self._caller,
            self._called,
            latest.question,
        )

    def add(self, exchange: Exchange) -> None:
        """Take in one more exchange. Of most of them only few words matter, and the rest is not read."""
        self._said = exchange.said or self._said
        self._called = exchange.calls[-1] if exchange.calls else self._called
        if not exchange.users:
            return
        self._heard = " ".join(exchange.users)
        if "name" in self._heard.lower() and (found := small_talk.MY_NAME.search(plain(self._heard))):
            self._caller = found[1].capitalize()
        if exchange.said:
            self._follow_story(exchange.said)

    def _follow_story(self, said: str) -> None:
        if "story" in said and (begun := _begun(said)) and abilities.STORY.search(plain(self._heard)):
            self._story = begun[1]
            self._told.append(begun[0])
        elif self._story and _goes_on(plain(self._heard)):
            left = remaining(self._story, said)
            self._story = self._story if left is None else left


def _goes_on(words: str) -> bool:
    return bool(course.GO_ON.match(words) or course.BACKCHANNEL.match(words))


def _begun(said: str) -> tuple[str, str] | None:
    """The story that was begun, and what is left of it."""
    for story in STORIES:
        left = remaining(story.text, said)
        if left is not None:
            return story.title, left
    return None

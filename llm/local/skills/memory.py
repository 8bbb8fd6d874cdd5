"""What a log says about earlier turns: the story so far, names, what still runs. Pure."""

from __future__ import annotations

from llm.local.exchanges import Exchange
from llm.local.request import Called
from llm.local.resume import remaining
from llm.local.skills import rules, small_talk
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
        self._running: dict[str, Called] = {}

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
            self._heard,
            self._caller,
            tuple(self._running.values()),
        )

    def add(self, exchange: Exchange) -> None:
        """Take in one more exchange."""
        self._note_running(exchange)
        self._said = exchange.said or self._said
        if not exchange.users:
            return
        text = " ".join(exchange.users)
        words = plain(text)
        self._heard = verbatim(text)
        if found := small_talk.MY_NAME.search(words):
            self._caller = found[1].capitalize()
        if exchange.said:
            self._follow_story(words, exchange.said)

    def _follow_story(self, words: str, said: str) -> None:
        if rules.STORY.search(words) and (begun := _begun(said)):
            self._story = begun[1]
            self._told.append(begun[0])
        elif self._story and (rules.GO_ON.match(words) or rules.BACKCHANNEL.match(words)):
            left = remaining(self._story, said)
            self._story = self._story if left is None else left

    def _note_running(self, exchange: Exchange) -> None:
        for finding in exchange.findings:
            if finding.call and finding.status == "started":
                self._running[finding.call.call_id] = finding.call
            elif finding.call and finding.status != "running":
                self._running.pop(finding.call.call_id, None)


def _begun(said: str) -> tuple[str, str] | None:
    """The story that was begun, and what is left of it."""
    for story in STORIES:
        left = remaining(story.text, said)
        if left is not None:
            return story.title, left
    return None

"""Random conversations as values, with all that a log can hold."""

from __future__ import annotations

from random import Random

from llm.context import IN_PROGRESS
from llm.function_calls import async_note, started_note
from llm.items import AssistantMessage, Audio, Call, DeveloperMessage, Image, Item, Media, Reasoning, UserMessage
from llm.summary import PREFIX

WORDS = "yes no well the caller's bicycle is at the shop until Monday, twelve euros [ok] {é} 今日は ✓ 😀 \n \t".split(
    " "
)
PINNED = 0.04
"""How many of the messages that can be pinned are."""


def words(dice: Random, most: int = 20) -> str:
    return " ".join(dice.choices(WORDS, k=dice.randint(0, most)))


def media(dice: Random) -> tuple[Media, ...]:
    made: list[Media] = []
    for _ in range(dice.choice((0, 0, 0, 1, 2))):
        data = dice.randbytes(dice.randint(1, 40))
        sizes = dice.choice((0, 512)), dice.choice((0, 300))
        made.append(
            dice.choice(
                (
                    Image(data, mime="image/png", detail="low", width_px=sizes[0], height_px=sizes[1]),
                    Image(url="https://example.org/a.jpg"),
                    Audio(data, dice.choice(("wav", "mp3"))),
                )
            )
        )
    return tuple(made)


class Conversation:
    """A log that grows at random. `open` are the async calls without their last note; each message is one object."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice
        self.items: list[Item] = [
            DeveloperMessage(f"Lead {at}. {words(dice)}") for at in range(dice.choice((0, 0, 1, 2)))
        ]
        self.open: list[str] = []
        self.calls = 0
        if dice.random() < 0.2:
            self.items.append(DeveloperMessage(f"{PREFIX}they like tea. {words(dice)}"))
        for _ in range(dice.randint(0, 40)):
            self.step()

    def step(self) -> None:
        """One more message."""
        dice = self.dice
        match dice.randrange(8):
            case 0 | 1 | 2:
                self.items.append(UserMessage(words(dice), media(dice), dice.random() < PINNED))
            case 3 | 4:
                thoughts = (Reasoning("openai", '{"id": "rs_1"}'),) if dice.random() < 0.1 else ()
                self.items.append(AssistantMessage(words(dice, 30), (), thoughts))
            case 5:
                calls = tuple(self._call() for _ in range(dice.randint(1, 3)))
                self.items.append(AssistantMessage(words(dice, 5), calls))
            case 6 if self.open:
                self._note()
            case _:
                self.items.append(DeveloperMessage(words(dice) or "Note.", dice.random() < PINNED))

    def _call(self) -> Call:
        dice = self.dice
        self.calls += 1
        call_id = f"c{self.calls}"
        output = f"The result of {call_id}: {words(dice)}"
        if dice.random() < 0.03:
            output = IN_PROGRESS
        elif dice.random() < 0.3:
            output = started_note(call_id, "export")
            self.open.append(call_id)
        return Call(call_id, "export", '{"a": 1}', output)

    def _note(self) -> None:
        dice = self.dice
        call_id = dice.choice(self.open)
        if dice.random() < 0.5:
            self.items.append(DeveloperMessage(async_note(call_id, "running", words(dice))))
        else:
            self.open.remove(call_id)
            outcome = dice.choice(("completed", "failed", "timed_out", "cancelled"))
            text = async_note(call_id, outcome, words(dice))  # type: ignore[arg-type]
            self.items.append(DeveloperMessage(text, dice.random() < PINNED))


def conversation(seed: int) -> tuple[Item, ...]:
    """A log of 0 to 43 messages."""
    return tuple(Conversation(Random(seed)).items)

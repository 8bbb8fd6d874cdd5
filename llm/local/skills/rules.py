"""The rules, in the order in which they are tried: the first that knows an answer gives it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import msgspec

from llm.local.skills import abilities, calling, course, offering, small_talk, timers
from llm.local.skills.tool_words import subject, tool_with_role
from llm.local.skills.turn import Reply, Turn
from llm.local.skills.wording import listing, said_back

Rule = Callable[[Turn], Reply | None]

FORCED = -2
LOST = -1


def answer(turn: Turn, tool_choice: str = "auto") -> Reply:
    """The answer to one thing that the caller said."""
    if tool_choice not in {"auto", "none"} and (call := calling.forced(turn, tool_choice)):
        return msgspec.structs.replace(call, rule=FORCED)
    for number, rule in enumerate(RULES):
        if reply := rule(turn):
            return msgspec.structs.replace(reply, rule=number)
    return lost(turn)


def again(turn: Turn, reply: Reply) -> Reply:
    """The same answer in another wording, by the rule that gave it."""
    if reply.rule == FORCED:
        return reply
    return (RULES[reply.rule](turn) if reply.rule >= 0 else lost(turn)) or reply


def introduce(turn: Turn) -> Reply | None:
    """Who is speaking."""
    if small_talk.CAPABILITIES.search(turn.text):
        return Reply(capabilities(turn))
    if not small_talk.NAME.search(turn.text):
        return None
    who, persona = "", turn.persona
    if persona.name or persona.place:
        name = f"I am {persona.name}. " if persona.name else ""
        who = name + (f"This is {persona.place}. " if persona.place else "")
    return Reply(
        f"{who or 'I am the demo voice of voicewire. '}I am a small demo that answers by rules, and no language model."
    )


def caller_name(turn: Turn) -> Reply | None:
    """The caller's name, to remember and to recall."""
    if small_talk.WHO_AM_I.search(turn.text):
        name = turn.memory.caller
        return Reply(f"Your name is {name}." if name else "You have not told me your name yet.")
    found = small_talk.MY_NAME.search(turn.text)
    return Reply(f"Nice to meet you, {found[1].capitalize()}.") if found else None


def talk(table: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...], turn: Turn) -> Reply | None:
    """The first line of a table of small talk that fits."""
    for pattern, answers in table if turn.short else ():
        if pattern.search(turn.text):
            return Reply(turn.pick(answers))
    return None


def hello(turn: Turn) -> Reply | None:
    """Greet back."""
    return Reply(greeting(turn)) if is_hello(turn) else None


def is_hello(turn: Turn) -> bool:
    """Whether the caller only greets."""
    return small_talk.GREETING.match(turn.text) is not None


def greeting(turn: Turn) -> str:
    """Hello, with the place that the agent speaks for."""
    if turn.persona.place and not turn.memory.said:
        return f"Hello! You have reached {turn.persona.place}. What can I do for you?"
    return turn.pick(small_talk.HELLO)


def capabilities(turn: Turn) -> str:
    """What can be asked of the brain and of the agent's tools, honestly."""
    able = ["tell a story", "say the time", "do a sum", "read back a number"]
    special = []
    for role, words in (("timer", "set a timer"), ("look_up", "look things up"), ("end_call", "")):
        tool = tool_with_role(turn.tools, role)
        if tool:
            special.append(tool.name)
            able += [words] if words else []
    own = [subject(tool.name) for tool in turn.tools if tool.name not in special]
    more = f" You can also ask me about: {listing(own[:6])}." if own else ""
    return f"I am a small demo and no language model. I can {listing(able)}.{more} Interrupt me whenever you like."


def hints(turn: Turn) -> str:
    """Two things to say."""
    examples = ["tell me a story", "what time is it", "what is nine plus five", "my number is five five one two"]
    if tool_with_role(turn.tools, "timer"):
        examples.append("set a timer for ten seconds")
    start = (turn.number + turn.shift) % len(examples)
    return f"You could say: {examples[start]}, or: {examples[(start + 1) % len(examples)]}."


def lost(turn: Turn) -> Reply:
    """Nothing fits, and that is said."""
    said = said_back(turn.raw)
    if not said:
        return Reply(f"Sorry, I did not catch that. {hints(turn)}", lost=True)
    if turn.memory.lost:
        return Reply(f"I heard: {said}. I do not know that either. {hints(turn)}", lost=True)
    return Reply(
        f"I heard: {said}. That is beyond me, I am only a small demo and no language model. {hints(turn)}", lost=True
    )


RULES: tuple[Rule, ...] = (
    course.stop,
    course.goodbye,
    course.go_on,
    course.backchannel,
    course.thinking,
    course.repeat,
    course.heard,
    timers.how_long,
    partial(calling.asked_for, any_words=False),
    partial(talk, small_talk.ADDRESSED),
    introduce,
    caller_name,
    timers.cancel_timer,
    timers.timer,
    calling.unwanted_tool,
    calling.certain_tool,
    abilities.look_up,
    abilities.clock,
    abilities.arithmetic,
    abilities.story,
    partial(calling.asked_for, any_words=True),
    offering.bare_choice,
    calling.likely_tool,
    offering.bare_weekday,
    abilities.other_date,
    abilities.digits,
    abilities.no_sum,
    abilities.look_up_question,
    partial(talk, small_talk.GENERAL),
    hello,
    abilities.echo,
    offering.answer_to_question,
)

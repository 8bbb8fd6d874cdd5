"""A small, honest, rule-based talker: it answers a request without a model, the same way each time. Pure.

The answer to the last exchange of a log is worked out as if nothing of it had been given yet. Then what was heard of
it, and the calls that it made, are taken away. So an answer that was cut off by a lost link or by a noise goes on
exactly where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

from msgspec import Struct, structs

from llm.local.exchanges import CANCEL_ASYNC, Exchange, Note, calls_were_cut_short, exchanges
from llm.local.request import Output, Request, Text, Tool
from llm.local.resume import remaining, rest
from llm.local.skills import course, rules, small_talk
from llm.local.skills.memory import Recall
from llm.local.skills.speaking import say_findings
from llm.local.skills.turn import Memory, Persona, Reply, Turn, persona
from llm.local.skills.wording import plain, sentence

MAX_SHIFT = 10  # every combination of two wordings in one answer
MAX_AGE_MINUTES = 10  # how old an answer may be that told the time and goes on now
REMEMBERED = 200  # exchanges of which the memory takes in the words
REPLAYED = 4  # exchanges whose answers are worked out again to know what was cut or asked for


def respond(request: Request, now: datetime) -> Iterator[Output]:
    """Answer a request: pieces of text, then function calls; nothing when all was said already.

    `now` is the caller's local time.
    """
    log = exchanges(request.items)
    tools = () if request.tool_choice == "none" else request.tools
    brain = _Brain(tools, request.tool_choice, persona(request.instructions), now)
    last = log[-1] if log else Exchange(0)
    reply = brain.reply(last, brain.memory(log[:-1]))
    outputs: list[Output] = [Text(reply.text)] if reply.text else []
    yield from rest([*outputs, *reply.calls], last.said, [call.name for call in last.calls])
    if calls_were_cut_short(request.items):
        yield from brain.uncalled(log)


class _Brain:
    """One request's surroundings."""

    def __init__(self, tools: tuple[Tool, ...], tool_choice: str, who: Persona, now: datetime) -> None:
        self._tools = tuple(tool for tool in tools if tool.name != CANCEL_ASYNC)  # that is not for callers to name
        self._can_cancel = len(self._tools) < len(tools)
        self._tool_choice = tool_choice
        self._persona = who
        self._now = now

    def memory(self, past: Sequence[Exchange]) -> Memory:
        """What the log says; what was cut or asked for is known by working out the latest answers again."""
        recall, latest = Recall(), Memory()
        for index in range(max(0, len(past) - REMEMBERED), len(past)):
            exchange = past[index]
            if index >= len(past) - REPLAYED:
                latest = _after(exchange, self.reply(exchange, recall.memory(latest)), latest)
            recall.add(exchange)
        return recall.memory(latest)

    def uncalled(self, log: Sequence[Exchange]) -> Iterator[Output]:
        """The calls that belong to the answer to the caller's last turn, and were not made since."""
        at = next((at for at in range(len(log) - 2, -1, -1) if log[at].users), None)
        if at is not None and not log[-1].users:
            wanted = self.reply(log[at], self.memory(log[:at])).calls
            yield from rest(wanted, "", [call.name for each in log[at:] for call in each.calls])

    def reply(self, exchange: Exchange, memory: Memory) -> Reply:
        """The whole answer, in the wording of which a part was heard already, if one was."""
        parts = self._parts(exchange, memory)
        first = _together([part.reply for part in parts])
        if not exchange.said or _goes_on(first, exchange.said):
            return first
        others = _others(parts, first, self._now) if first.text else ()
        heard = next((other for other in others if _goes_on(other, exchange.said)), None)
        return heard or (first if exchange.prompted else Reply())

    def _parts(self, exchange: Exchange, memory: Memory) -> list[_Part]:
        now, tools, who, running = self._now, self._tools, self._persona, exchange.running

        def turn(text: str) -> Turn:
            return Turn(text, plain(text), exchange.number, 0, now, memory, tools, who, running, self._can_cancel)

        parts = []
        if exchange.findings:
            found = Reply(say_findings(exchange.findings, answered_besides=bool(exchange.users)))
            parts.append(_Part(found, turn(""), lambda _: found))
        if exchange.users:
            parts += self._users([turn(text) for text in exchange.users], turn(" ".join(exchange.users)))
        elif exchange.notes:
            parts.append(_part(turn(""), partial(_note, exchange.notes[-1])))
        elif not exchange.findings:
            parts.append(_part(turn(""), lambda turn: Reply(rules.greeting(turn))))
        return parts

    def _users(self, turns: Sequence[Turn], joined: Turn) -> list[_Part]:
        """Answer a turn that was said in several goes: as one sentence, or as several of which each is understood."""
        if len(turns) > 1:
            parts = [self._user(turn) for turn in turns]
            by_rule = {part.reply.rule for part in parts}
            if len(by_rule) == len(parts) and not any(part.reply.lost for part in parts):
                return _worth_saying(parts)
        return [self._user(joined)]

    def _user(self, turn: Turn) -> _Part:
        reply = rules.answer(turn, self._tool_choice)
        return _Part(reply, turn, lambda turn: rules.again(turn, reply))


class _Part(Struct, frozen=True):
    """A part of an answer, and the rule that gave it, which says it again in another wording."""

    reply: Reply
    turn: Turn
    again: Callable[[Turn], Reply]


def _part(turn: Turn, say: Callable[[Turn], Reply]) -> _Part:
    return _Part(say(turn), turn, say)


def _others(parts: Sequence[_Part], first: Reply, now: datetime) -> Iterator[Reply]:
    """An answer in its other wordings, until they come round again; and as it was minutes ago, if that differs."""

    def said(shift: int, age_minutes: int) -> Reply:
        then = now - timedelta(minutes=age_minutes)
        return _together([part.again(structs.replace(part.turn, shift=shift, now=then)) for part in parts])

    for shift in range(1, MAX_SHIFT):
        other = said(shift, 0)
        if other.text == first.text:
            break
        yield other
    if said(0, MAX_AGE_MINUTES).text != first.text:
        yield from (said(0, age) for age in range(1, MAX_AGE_MINUTES + 1))


def _worth_saying(parts: Sequence[_Part]) -> list[_Part]:
    """The replies to what the caller said in one go: "stop" ends what was before it, mere noises need no answer."""
    kept: list[_Part] = []
    stopped: list[_Part] = []
    for part in parts:
        if course.STOP.match(part.turn.text):
            kept, stopped = [], [part]
        elif not (course.BACKCHANNEL.match(part.turn.text) or rules.is_hello(part.turn)):
            kept.append(part)
    return kept or stopped or [parts[-1]]


def _note(note: Note, turn: Turn) -> Reply:
    """The answer to a message of the application."""
    match note.kind:
        case "say":
            return Reply(sentence(note.text))
        case "farewell":
            return course.farewell(turn)
        case "greet":
            return Reply(rules.greeting(turn))
        case "silence":
            return Reply(f"{turn.pick(('Are you still there?', 'Hello? Are you there?'))} {rules.hints(turn)}")
        case "unclear":
            more = "Say go on, and I will." if turn.memory.cut else rules.hints(turn)
            return Reply(
                f"{turn.pick(('Sorry, I did not catch that.', 'I am sorry, I did not understand that.'))} {more}"
            )


def _together(parts: Sequence[Reply]) -> Reply:
    """Several replies as one; a story, which may be interrupted, is the last."""
    ordered = sorted(parts, key=lambda part: bool(part.story))
    return Reply(
        " ".join(part.text for part in ordered if part.text),
        tuple(call for part in ordered for call in part.calls),
        next((part.story for part in ordered if part.story), ""),
        next((part.asking for part in ordered if part.asking), None),
        any(part.lost for part in ordered),
    )


def _after(exchange: Exchange, reply: Reply, before: Memory) -> Memory:
    """What is left of an answer once the talk has gone on."""
    left = remaining(reply.text, exchange.said) if exchange.said else ""
    words = plain(" ".join(exchange.users))
    open_still = reply.lost or course.THINKING.match(words) is not None
    waits = not exchange.users or course.STOP.match(words) is not None
    return Memory(
        cut="" if waits else left or "",
        held=(before.cut or before.held) if waits else "",
        asking=reply.asking or (before.asking if open_still or not exchange.users else None),
        lost=reply.lost,
        question=before.question if open_still else _question(exchange, reply),
    )


def _question(exchange: Exchange, reply: Reply) -> str:
    """What a tool asked, although it may have been cut short; or the agent by itself, in its greeting."""
    if exchange.findings and reply.text.endswith("?"):
        return reply.text
    said = "" if exchange.prompted else exchange.said.strip()
    return said if said.endswith("?") and not small_talk.ANYTHING.search(said) else ""


def _goes_on(reply: Reply, said: str) -> bool:
    return remaining(reply.text, said) is not None if reply.text else False

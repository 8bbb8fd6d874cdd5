"""A small, honest, rule-based talker: it answers a request without a model, the same way each time. Pure.

The answer to the last exchange of a log is worked out as if nothing of it had been given yet. Then what was heard of
it, and the calls that it made, are taken away. So an answer that was cut off by a lost link or by a noise goes on
exactly where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from llm.local.exchanges import Exchange, Note, exchanges
from llm.local.request import Output, Request, Text, Tool
from llm.local.resume import remaining, rest
from llm.local.skills import rules
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


class _Brain:
    """One request's surroundings."""

    def __init__(self, tools: tuple[Tool, ...], tool_choice: str, who: Persona, now: datetime) -> None:
        self._tools = tools
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

    def reply(self, exchange: Exchange, memory: Memory) -> Reply:
        """The whole answer, in the wording of which a part was heard already, if one was."""
        first = self._answer(exchange, memory, 0, self._now)
        if not exchange.said or _goes_on(first, exchange.said):
            return first
        for age in range(MAX_AGE_MINUTES + 1):
            for shift in range(MAX_SHIFT if age == 0 else 1):
                other = self._answer(exchange, memory, shift, self._now - timedelta(minutes=age))
                if _goes_on(other, exchange.said):
                    return other
        return first if exchange.prompted else Reply()

    def _answer(self, exchange: Exchange, memory: Memory, shift: int, now: datetime) -> Reply:
        def turn(text: str) -> Turn:
            return Turn(text, plain(text), exchange.number, shift, now, memory, self._tools, self._persona)

        parts = []
        if exchange.findings:
            parts.append(Reply(say_findings(exchange.findings, answered_besides=bool(exchange.users))))
        if exchange.users:
            parts += self._users([turn(text) for text in exchange.users], turn(" ".join(exchange.users)))
        elif exchange.notes:
            parts.append(_note(exchange.notes[-1], turn("")))
        elif not exchange.findings:
            parts.append(Reply(rules.greeting(turn(""))))
        return _together(parts)

    def _users(self, turns: Sequence[Turn], joined: Turn) -> list[Reply]:
        """Answer a turn that was said in several goes: as one sentence, or as several of which each is understood."""
        if len(turns) > 1:
            replies = [rules.answer(turn, self._tool_choice) for turn in turns]
            by_rule = {reply.rule for reply in replies}
            if len(by_rule) == len(replies) and not any(reply.lost for reply in replies):
                return _worth_saying(turns, replies)
        return [rules.answer(joined, self._tool_choice)]


def _worth_saying(turns: Sequence[Turn], replies: Sequence[Reply]) -> list[Reply]:
    """The replies to what the caller said in one go: "stop" ends what was before it, mere noises need no answer."""
    kept: list[Reply] = []
    stopped: list[Reply] = []
    for turn, reply in zip(turns, replies, strict=True):
        if rules.STOP.match(turn.text):
            kept, stopped = [], [reply]
        elif not (rules.BACKCHANNEL.match(turn.text) or rules.is_hello(turn)):
            kept.append(reply)
    return kept or stopped or [replies[-1]]


def _note(note: Note, turn: Turn) -> Reply:
    """The answer to a message of the application."""
    match note.kind:
        case "say":
            return Reply(sentence(note.text))
        case "farewell":
            return rules.farewell(turn)
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
    waits = not exchange.users or rules.STOP.match(plain(" ".join(exchange.users))) is not None
    return Memory(
        cut="" if waits else left or "",
        held=(before.cut or before.held) if waits else "",
        asking=reply.asking or (None if exchange.users else before.asking),
        lost=reply.lost,
    )


def _goes_on(reply: Reply, said: str) -> bool:
    return remaining(reply.text, said) is not None if reply.text else False

"""Which tool a caller means, by the words of its name, description and arguments. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from msgspec import Struct

from llm.local.request import Tool

MAX_NAME = 100  # characters of a name that are read
MAX_DESCRIPTION = 1000

_STOP_WORDS = frozenset(
    """a an the of to for in on at and or is are was be been do does did done can could will would should i me my you
    your we us our it its this that these those what which when where who whom how why as if so not any some one all
    want need like have has had get gets set make makes give gives tell tells call calls caller callers function tool
    use uses used user return returns about with from by into out up let know there here please thing things say says
    go going come take put see given today tomorrow now much many""".split()
)
_GENERIC_VERBS = frozenset("get set do make give tell call run fetch fn tool function the a my handle on".split())
_SAYS_LITTLE = _GENERIC_VERBS | frozenset("to of for in at by with from or and".split())
_SYNONYMS = {
    "clos": "open",
    "shut": "open",
    "cost": "pric",
    "expensiv": "pric",
    "cheap": "pric",
    "buy": "order",
    "reserv": "book",
    "appointment": "book",
    "rain": "weather",
    "sunny": "weather",
    "forecast": "weather",
    "temperatur": "weather",
    "person": "human",
    "operator": "human",
    "somebody": "human",
}
_PHRASES = ((re.compile(r"\bhow (much|expensive)\b"), "price"), (re.compile(r"\bhow long\b"), "duration"))
_ROLES: dict[str, tuple[re.Pattern[str], re.Pattern[str]]] = {
    "timer": (re.compile(r"\b(timer|alarm|countdown|reminder)\b"), re.compile(r"\b(cancel|stop|list|get|delete)\b")),
    "look_up": (re.compile(r"\b(look ?up|search|find out|find information)\b"), re.compile(r"\bcancel\b")),
    "end_call": (
        re.compile(
            r"\b(hang ?up|goodbye|(end|finish|close|terminate|stop|leave) (the )?(call|conversation|session))\b"
        ),
        re.compile(r"\b(transfer|async)\b"),
    ),
}


class Match(Struct, frozen=True):
    """A tool that fits. `whole`: every word of its name was said."""

    tool: Tool
    whole: bool
    score: int


def tool_with_role(tools: Iterable[Tool], role: str) -> Tool | None:
    """The first tool whose name says that it is a `timer`, a `look_up` or an `end_call`."""
    wanted, unwanted = _ROLES[role]
    for tool in tools:
        name = spoken_name(tool.name)
        if wanted.search(name) and not unwanted.search(name):
            return tool
    return None


def has_role(tool: Tool, *roles: str) -> bool:
    """Whether a tool's name says that it is one of these."""
    return any(tool_with_role([tool], role) for role in roles)


def best_match(tools: Sequence[Tool], text: str) -> Match | None:
    """The tool that `text` (in plain form) speaks of, if any. Those with a role have rules of their own."""
    said = _content(text)
    for pattern, word in _PHRASES:
        if pattern.search(text):
            said = said | {stem(word)}
    loose = said | {_SYNONYMS[word] for word in said if word in _SYNONYMS}
    special = [tool_with_role(tools, "timer"), tool_with_role(tools, "look_up")]
    offered = [tool for tool in tools if tool not in special and not has_role(tool, "end_call")]
    matches = [match for tool in offered if (match := _match(tool, said, loose))]
    return max(matches, key=lambda match: (match.score, match.whole), default=None)


def spoken_name(name: str) -> str:
    """A tool's or an argument's name in words: `getOrderStatus` is "get order status"."""
    return _spoken_name(name[:MAX_NAME])


@lru_cache(1024)
def _spoken_name(name: str) -> str:
    return " ".join(re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name).replace("_", " ").replace("-", " ").lower().split())


def subject(name: str) -> str:
    """What a tool is about, in words: `get_order_status` is "order status"."""
    words = spoken_name(name).split()
    while len(words) > 1 and words[0] in _GENERIC_VERBS:
        words = words[1:]
    return " ".join(words)


def name_stems(name: str) -> frozenset[str]:
    """The stems of the words of a name."""
    return frozenset(map(stem, spoken_name(name).split()))


def _match(tool: Tool, said: frozenset[str], loose: frozenset[str]) -> Match | None:
    name = frozenset(stem(word) for word in spoken_name(tool.name).split() if word not in _SAYS_LITTLE)
    described = _content(tool.description[:MAX_DESCRIPTION]) - name
    arguments = _content(" ".join(_argument_words(tool.parameters))[:MAX_DESCRIPTION]) - name
    in_name = len(loose & name)
    score = 3 * in_name + len(loose & described) + len(said & (arguments - described))
    whole = bool(name) and name <= said
    half = in_name and 2 * in_name >= len(name)
    helped = in_name and loose & (described | arguments)
    if whole or half or helped or len(loose & described) >= 2:
        return Match(tool, whole, score)
    return None


def _argument_words(parameters: dict[str, Any]) -> Iterable[str]:
    properties = parameters.get("properties")
    for name, schema in properties.items() if isinstance(properties, dict) else ():
        yield spoken_name(name)
        if isinstance(schema, dict):
            yield from (str(choice) for choice in schema.get("enum", ()))


@lru_cache(1024)  # tools are described in each request, in the same words
def _content(text: str) -> frozenset[str]:
    words: Sequence[str] = re.findall(r"[a-z]+", text.lower())
    return frozenset(stem(word) for word in words if word not in _STOP_WORDS and len(word) > 1)


@lru_cache(4096)
def stem(word: str) -> str:
    """A word without its usual endings, so that "opening" meets "open" and "prices" meets "price"."""
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word[:-1] if word.endswith("e") and len(word) > 3 else word

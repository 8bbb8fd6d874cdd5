"""Whether a language model answers: one small question, over a service of its own. See link/probing.py."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from link.inbox import Inbox
from link.probing import Found, Probe
from link.tasks import Spawn
from llm.events import Command, Fact, Infer, InferenceFailed, Inferred, LinkDown, LinkUp, Request
from llm.items import UserMessage
from llm.service import LanguageModel

PROBE_S = 10.0
"""A provider that is slower than this is of no use to a caller."""
QUESTION = Request("Answer with one word.", (UserMessage("Are you there?"),))


def asking(open_service: Callable[[], LanguageModel]) -> Probe:
    """A probe that asks a new service one question."""

    def probe(spawn: Spawn, found: Found) -> None:
        inbox: Inbox[Command] = Inbox(4)
        spawn(open_service().run(inbox, partial(_hear, inbox, found), spawn))

    return probe


def _hear(inbox: Inbox[Command], found: Found, fact: Fact) -> None:
    match fact:
        case LinkUp():
            inbox.put(Infer(1, QUESTION, PROBE_S))
        case Inferred():
            found(True)
        case InferenceFailed() | LinkDown():  # the next probe tries again, not this one
            found(False)

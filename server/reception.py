"""Who takes a call by telephone, and what is known of it before it comes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from msgspec import structs

from server.call import events as e
from server.call.line_events import AnsweredBy
from server.call.shared import Greeting, Shared
from server.calls import Calls
from server.phones.control.carriers import Carriers
from server.phones.expected import Expected
from server.phones.markup.stream import Stream

NO_DIGIT = re.compile(r"\D")


class Reception:
    """The numbers of this server, each with the agent that answers there, and the calls that are to come."""

    def __init__(self, numbers: Mapping[str, Shared], others: Shared, now: Callable[[], float]) -> None:
        """`others`: who answers at every other number."""
        self._numbers = {_digits(number): shared for number, shared in numbers.items()}
        self._others = others
        self._now = now
        self.expected = Expected()

    def who(self, number: str) -> Shared:
        """Who answers calls to one of our numbers, or makes calls from it."""
        return self._numbers.get(_digits(number), self._others)

    def welcome(self, greeting: Greeting, number: str) -> tuple[Greeting, Shared]:
        """A call by telephone has come: what is known of it, and who takes it.

        `number` is ours, where a ticket said it; else a parameter of our own answer to the webhook says it.
        """
        phone = greeting.opened.phone
        assert phone is not None
        shared = self.who(number or str(greeting.opened.metadata.get("agent", "")) or phone.called)
        coming = self.expected.take(phone.call_id, self._now())
        if coming is None:
            return greeting, shared
        if coming.greeting is not None:
            shared = _saying(shared, coming.greeting)
        if coming.answered_by is not None:
            greeting = structs.replace(greeting, first=[coming.answered_by, *greeting.first])
        return greeting, shared


class Office:
    """What the webhooks know of calls; meets `server.phones.webhooks.Office`."""

    def __init__(self, calls: Calls, reception: Reception, carriers: Carriers, now: Callable[[], float]) -> None:
        self._calls = calls
        self._reception = reception
        self._carriers = carriers
        self._now = now

    def expects(self, call_id: str) -> bool:
        """Whether it is a call that we make."""
        return self._reception.expected.knows(call_id)

    def bound_for(self, call_id: str) -> str:
        """The number that a call is being transferred to; empty: none."""
        return self._carriers.bound_for(call_id)

    async def answer(self, call_id: str, stream: Stream, *, outbound: bool) -> None:
        """Have Telnyx' Call Control take a call, or stream one of ours. Raises VoicewireError."""
        await self._carriers.answer(call_id, stream, outbound=outbound)

    def refusal(self, number: str) -> str | None:
        """Why no call to this number of ours can be taken; None when it can."""
        return self._calls.refusal(shared=self._reception.who(number))

    def tell(self, call_id: str, fact: AnsweredBy | e.Gone) -> None:
        """Something is known of a call; of one that is to come it is kept."""
        if self._calls.tell(call_id, fact):
            return
        if isinstance(fact, AnsweredBy):
            self._reception.expected.answered(call_id, fact, self._now())
        else:
            self._reception.expected.forget(call_id)


def _digits(number: str) -> str:
    """Carriers write numbers with a plus or without; addresses without digits stay as they are."""
    return NO_DIGIT.sub("", number) or number


def _saying(shared: Shared, greeting: str) -> Shared:
    return replace(shared, settings=structs.replace(shared.settings, greeting=greeting))

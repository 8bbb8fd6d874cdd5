"""All carriers of this server: what is to be told about a call goes to the one that it came from."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Protocol

from link.http import Connector, open_connector
from server.phones.control.exotel import ExotelControl
from server.phones.control.forwarding import Forwarding
from server.phones.control.needs import NEEDS, lacking
from server.phones.control.plivo import PlivoControl
from server.phones.control.rest import Call, ControlError
from server.phones.control.telnyx import TelnyxControl
from server.phones.control.twilio import TwilioControl
from server.phones.control.vonage import VonageControl
from server.phones.markup.stream import Stream
from server.phones.options import Phones
from server.protocols.wire import Phone


class CarrierControl(Protocol):
    """One carrier's REST interface. Each verb raises ControlError."""

    async def hang_up(self, phone: Phone) -> None:
        """End a call; one that is over is no error."""

    async def transfer(self, phone: Phone, to: str, words: str) -> None:
        """Connect the caller to somebody else."""

    async def send_digits(self, phone: Phone, digits: str) -> None:
        """Press keys."""

    async def dial(self, call: Call) -> str:
        """Make a call; returns the carrier's name for it."""

    async def close(self) -> None:
        """Close the connections."""


class Carriers:
    """Those whose keys are configured; meets `server.call.line.Control`."""

    def __init__(
        self,
        phones: Phones,
        public_url: str,
        random: Random,
        now: Callable[[], float],
        connector: Connector = open_connector,
    ) -> None:
        """`now` is Unix time. Raises ConfigError."""
        self._forwarding = Forwarding()
        url = public_url.removesuffix("/")
        made: dict[str, Callable[[], CarrierControl]] = {
            "twilio": lambda: TwilioControl(phones.twilio, url, random, connector),
            "telnyx": lambda: TelnyxControl(phones.telnyx, url, random, connector),
            "plivo": lambda: PlivoControl(phones.plivo, url, random, self._forwarding, connector),
            "exotel": lambda: ExotelControl(phones.exotel, url, random, self._forwarding, connector),
            "vonage": lambda: VonageControl(phones.vonage, url, random, now, connector),
        }
        self._controls = {name: make() for name, make in made.items() if not lacking(phones, name)}

    async def hang_up(self, phone: Phone) -> None:
        """End a call at its carrier; where we have no keys, the closed socket has to do it. Raises ControlError."""
        if phone.carrier in self._controls and phone.call_id:
            await self._controls[phone.carrier].hang_up(phone)

    async def transfer(self, phone: Phone, to: str, words: str) -> None:
        """Connect the caller to somebody else. Raises ControlError."""
        await self._of(phone).transfer(phone, to, words)

    async def send_digits(self, phone: Phone, digits: str) -> None:
        """Press keys in a call. Raises ControlError."""
        await self._of(phone).send_digits(phone, digits)

    async def dial(self, carrier: str, call: Call) -> str:
        """Make a call; returns the carrier's name for it. Raises ControlError."""
        return await self._named(carrier).dial(call)

    async def answer(self, call_id: str, stream: Stream, *, outbound: bool) -> None:
        """Take a call of Telnyx' Call Control. Raises ControlError."""
        control = self._named("telnyx")
        assert isinstance(control, TelnyxControl)
        await control.answer(call_id, stream, outbound=outbound)

    def bound_for(self, call_id: str) -> str:
        """Where a call goes on; asked once. Empty: nowhere."""
        return self._forwarding.take(call_id)

    async def close(self) -> None:
        """Close all connections."""
        for control in self._controls.values():
            await control.close()

    def _of(self, phone: Phone) -> CarrierControl:
        if not phone.call_id:
            raise ControlError(f"{phone.carrier} did not say by which name it knows the call")
        return self._named(phone.carrier)

    def _named(self, carrier: str) -> CarrierControl:
        if carrier not in self._controls:
            keys = " and ".join(f"phones.{carrier}.{key}" for key in NEEDS.get(carrier, ()))
            what = f"set {keys}" if keys else "it has no interface for this"
            raise ControlError(f"{carrier} cannot be told anything: {what}")
        return self._controls[carrier]

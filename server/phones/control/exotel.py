"""Exotel: its flows go on by themselves when our socket is closed; calls are made through its REST interface.

<https://developer.exotel.com/api/make-a-call-api>. A transfer: the Connect applet behind our Voicebot applet asks
`/exotel/transfer` whom to dial. To end a call: the socket closes, and no number is given.
"""

from __future__ import annotations

import base64
from random import Random
from urllib.parse import quote

from link.http import Connector, UrlEncoded, open_connector
from link.websocket import Endpoint
from server.phones.control.forwarding import Forwarding
from server.phones.control.rest import Call, ControlError, Rest
from server.phones.options import Exotel
from server.protocols.wire import Phone

KEYS = "phones.exotel.account_sid, api_key and api_token"


class ExotelControl:
    """One account."""

    def __init__(
        self,
        options: Exotel,
        public_url: str,
        random: Random,
        forwarding: Forwarding,
        connector: Connector = open_connector,
    ) -> None:
        login = base64.b64encode(f"{options.api_key}:{options.api_token}".encode()).decode()
        self._account = quote(options.account_sid, safe="")
        url = f"{options.base_url.rstrip('/')}/v1/Accounts/{self._account}/Calls/connect.json"
        headers = (("Authorization", f"Basic {login}"),)
        secrets = (options.api_token,)
        self._rest = Rest("Exotel", Endpoint(url, headers), KEYS, random, secrets=secrets, connector=connector)
        self._app_id = options.app_id
        self._public_url = public_url
        self._forwarding = forwarding

    async def hang_up(self, phone: Phone) -> None:
        """Nothing: the closed socket says it."""

    async def transfer(self, phone: Phone, to: str, words: str) -> None:
        """The flow goes on when our socket is closed. Raises ControlError for a warm transfer."""
        if words:
            raise ControlError("Exotel transfers without words: leave them out")
        self._forwarding.put(phone.call_id, to)

    async def send_digits(self, phone: Phone, digits: str) -> None:
        """Raises ControlError: it has no way to do it."""
        raise ControlError("Exotel presses no keys; they must be played as tones")

    async def dial(self, call: Call) -> str:
        """Call somebody and put them into our flow. Returns Exotel's name for it."""
        if not self._app_id:
            raise ControlError("Exotel calls into a flow: set phones.exotel.app_id")
        flow = f"http://my.exotel.com/{self._account}/exoml/start_voice/{quote(self._app_id, safe='')}"
        fields = [("From", call.to), ("CallerId", call.caller), ("Url", flow)]
        fields += [("StatusCallback", f"{self._public_url}/exotel/status")]
        fields += [("StatusCallbackEvents[0]", "terminal"), ("StatusCallbackContentType", "application/json")]
        made = await self._rest.ask("POST", "", UrlEncoded(tuple(fields)), again=False)
        return str(made["Call"]["Sid"])

    async def close(self) -> None:
        """Close the connections."""
        await self._rest.close()

"""Twilio's REST interface (SignalWire's too, with its `base_url`).

<https://www.twilio.com/docs/voice/api/call-resource>
"""

from __future__ import annotations

import asyncio
import base64
from random import Random
from urllib.parse import quote

from link.http import Connector, UrlEncoded, open_connector
from link.websocket import Endpoint
from server.phones.control.rest import Call, ControlError, Rest
from server.phones.markup import twilio
from server.phones.options import Twilio
from server.protocols.wire import Phone

KEYS = "phones.twilio.account_sid and auth_token"
WORDS = {
    "21210": "--from (the caller) must be a number of this account, or a verified one",
    "21211": "the number to call is none: write it as +4930…",
    "21212": "the number that calls is none: write it as +4930…",
    "21215": "the account may not call there: allow the country under Voice > Geo permissions",
    "21219": "a trial account calls verified numbers only",
    "21220": "the call is not going on any more",
    "13227": "the account may not call there: allow the country under Voice > Geo permissions",
}
GONE = ("20404", "21220")
ASK_EVERY_S = 1.0
ANSWERED, UNANSWERED = frozenset({"in-progress"}), frozenset({"busy", "failed", "no-answer", "canceled", "completed"})


class TwilioControl:
    """One account."""

    def __init__(self, options: Twilio, public_url: str, random: Random, connector: Connector = open_connector) -> None:
        login = base64.b64encode(f"{options.account_sid}:{options.auth_token}".encode()).decode()
        url = f"{options.base_url.rstrip('/')}/2010-04-01/Accounts/{quote(options.account_sid, safe='')}/Calls"
        endpoint = Endpoint(url, (("Authorization", f"Basic {login}"),))
        secrets = (options.auth_token,)
        self._rest = Rest("Twilio", endpoint, KEYS, random, secrets=secrets, words=WORDS, connector=connector)
        self._public_url = public_url

    async def hang_up(self, phone: Phone) -> None:
        """End a call; one that is over is no error."""
        body = UrlEncoded((("Status", "completed"),))
        await self._rest.ask("POST", _path(phone.call_id), body, again=True, gone=GONE)

    async def transfer(self, phone: Phone, to: str, words: str) -> None:
        """Cold: the call goes on with `<Dial>`. Warm: who is called hears the words, and only then the caller comes."""
        if words:
            await self._transfer_warmly(phone, to, words)
        else:
            await self._redirect(phone.call_id, twilio.dial(to))

    async def _redirect(self, call_id: str, twiml: str) -> None:
        await self._rest.ask("POST", _path(call_id), UrlEncoded((("Twiml", twiml),)), again=False)

    async def _transfer_warmly(self, phone: Phone, to: str, words: str) -> None:
        """Both meet in a conference, into which the caller goes when the other one has answered."""
        room = f"voicewire-{phone.call_id}"
        fields = (("From", phone.called), ("To", to), ("Twiml", twilio.conference(room, words, ends=True)))
        other = await self._create(fields)
        try:
            await self._answered(other)
            await self._redirect(phone.call_id, twilio.conference(room, ends=True))
        except (asyncio.CancelledError, ControlError):
            await self.hang_up(Phone("twilio", other))
            raise

    async def _answered(self, call_id: str) -> None:
        """Wait until somebody answers. Raises ControlError when nobody does; whoever calls has a limit."""
        while True:
            found = await self._rest.ask("GET", _path(call_id), again=True)
            status = str((found or {}).get("status", ""))
            if status in ANSWERED:
                return
            if status in UNANSWERED:
                raise ControlError(f"nobody took the call ({status})")
            await asyncio.sleep(ASK_EVERY_S)

    async def send_digits(self, phone: Phone, digits: str) -> None:
        """Raises ControlError: Twilio presses no keys while it streams."""
        raise ControlError("Twilio presses no keys in a call that streams; they must be played as tones")

    async def dial(self, call: Call) -> str:
        """Make a call; when it is answered its webhook connects it to us. Returns Twilio's name for it."""
        status_url = f"{self._public_url}/twilio/status"
        fields = [
            ("From", call.caller),
            ("To", call.to),
            ("Url", f"{self._public_url}/twilio/voice"),
            ("StatusCallback", status_url),
        ]
        if call.detect_machine:
            fields += [("MachineDetection", "DetectMessageEnd"), ("AsyncAmd", "true")]
            fields += [("AsyncAmdStatusCallback", status_url)]
        return await self._create(tuple(fields))

    async def _create(self, fields: tuple[tuple[str, str], ...]) -> str:
        made = await self._rest.ask("POST", ".json", UrlEncoded(fields), again=False)
        return str(made["sid"])

    async def close(self) -> None:
        """Close the connections."""
        await self._rest.close()


def _path(call_id: str) -> str:
    return f"/{quote(call_id, safe='')}.json"

"""Plivo's REST interface.

<https://www.plivo.com/docs/voice/api/call>
"""

from __future__ import annotations

import base64
from random import Random
from urllib.parse import quote

import msgspec

from link.http import Connector, Json, open_connector
from link.websocket import Endpoint
from server.phones.control.forwarding import Forwarding
from server.phones.control.rest import Call, ControlError, Rest
from server.phones.options import Plivo
from server.protocols.wire import Phone

KEYS = "phones.plivo.auth_id and auth_token"
GONE = ("not found",)


class PlivoControl:
    """One account."""

    def __init__(
        self,
        options: Plivo,
        public_url: str,
        random: Random,
        forwarding: Forwarding,
        connector: Connector = open_connector,
    ) -> None:
        login = base64.b64encode(f"{options.auth_id}:{options.auth_token}".encode()).decode()
        url = f"{options.base_url.rstrip('/')}/v1/Account/{quote(options.auth_id, safe='')}/Call/"
        endpoint = Endpoint(url, (("Authorization", f"Basic {login}"),))
        secrets = (options.auth_token,)
        self._rest = Rest("Plivo", endpoint, KEYS, random, secrets=secrets, connector=connector)
        self._public_url = public_url
        self._forwarding = forwarding

    async def hang_up(self, phone: Phone) -> None:
        """End a call; one that is over is no error."""
        await self._rest.ask("DELETE", _path(phone.call_id), again=True, gone=GONE)

    async def transfer(self, phone: Phone, to: str, words: str) -> None:
        """Plivo asks our webhook what the call goes on with. Raises ControlError for a warm transfer too."""
        if words:
            raise ControlError("Plivo transfers without words: leave them out")
        self._forwarding.put(phone.call_id, to)
        body = {"legs": "aleg", "aleg_url": f"{self._public_url}/plivo/transfer", "aleg_method": "POST"}
        try:
            await self._rest.ask("POST", _path(phone.call_id), _json(body), again=True)
        except ControlError:
            self._forwarding.take(phone.call_id)
            raise

    async def send_digits(self, phone: Phone, digits: str) -> None:
        """Press keys."""
        path = f"{_path(phone.call_id)}DTMF/"
        await self._rest.ask("POST", path, _json({"digits": digits, "leg": "aleg"}), again=False)

    async def dial(self, call: Call) -> str:
        """Make a call; when it is answered its webhook connects it to us. Returns Plivo's name for it."""
        status_url = f"{self._public_url}/plivo/status"
        body = {
            "from": call.caller.removeprefix("+"),
            "to": call.to.removeprefix("+"),
            "answer_url": f"{self._public_url}/plivo/answer",
            "answer_method": "POST",
            "hangup_url": status_url,
        }
        if call.detect_machine:
            body |= {"machine_detection": "true", "machine_detection_url": status_url}
        made = await self._rest.ask("POST", "", _json(body), again=False)
        return str(made["request_uuid"])

    async def close(self) -> None:
        """Close the connections."""
        await self._rest.close()


def _path(call_id: str) -> str:
    return f"{quote(call_id, safe='')}/"


def _json(body: dict[str, str]) -> Json:
    return Json(msgspec.json.encode(body))

"""How a number of a carrier is pointed at this server: the steps, the values to paste, and what is wrong. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from link.addresses import fault_of
from server.phones.control.needs import lacking
from server.phones.options import Phones

STEPS: dict[str, tuple[str, ...]] = {
    "twilio": (
        "In the console (console.twilio.com) copy Account SID and Auth Token: phones.twilio.account_sid, auth_token.",
        "Phone Numbers > Manage > Active numbers > your number > Voice Configuration:",
        "  A call comes in: Webhook, {http}/twilio/voice, HTTP POST",
        "  Call status changes: {http}/twilio/status, HTTP POST",
    ),
    "telnyx": (
        "In the portal (portal.telnyx.com) copy Keys & Credentials > Public Key: phones.telnyx.public_key.",
        "There, make an API key: phones.telnyx.api_key.",
        "Voice > TeXML Applications > Add: Voice Method POST, Webhook URL {http}/telnyx/voice,",
        "  Status Callback {http}/telnyx/status. (A Voice API application with the same webhook works too.)",
        "Numbers > your number > Voice: choose this application.",
        "To make calls: a Voice API application's id as phones.telnyx.connection_id.",
    ),
    "plivo": (
        "In the console (console.plivo.com) copy Auth ID and Auth Token: phones.plivo.auth_id, auth_token.",
        "Voice > Applications > XML > Add:",
        "  Primary Answer URL {http}/plivo/answer, POST",
        "  Hangup URL {http}/plivo/status, POST",
        "Phone Numbers > your number: choose this application.",
    ),
    "exotel": (
        "Exotel signs nothing: choose a user and a password (phones.exotel.username, password), or list the addresses",
        "  that it connects from (phones.exotel.addresses).",
        "In the dashboard (my.exotel.com) make a flow in App Bazaar: Voicebot applet, then Hangup.",
        "  Voicebot URL: {socket_with_login}/exotel",
        "  or, to choose the agent by the number: {http_with_login}/exotel/answer",
        "For transfers put a Connect applet behind it, whose numbers come from",
        "  {http_with_login}/exotel/transfer",
        "ExoPhones > your number: choose this flow.",
        "To make calls: Settings > API: phones.exotel.account_sid, api_key, api_token, and the flow's id as app_id.",
    ),
    "vonage": (
        "In the dashboard (dashboard.vonage.com) copy Settings > API settings > Signature secret:",
        "  phones.vonage.signature_secret.",
        "Applications > Create: generate a key (its file: phones.vonage.private_key), switch Voice on:",
        "  Answer URL {http}/vonage/answer, POST",
        "  Event URL {http}/vonage/event, POST; signed webhooks on",
        "Its Application ID: phones.vonage.application_id. Link your number to it.",
    ),
    "genesys": (
        "In Genesys Cloud, Admin > Integrations > AudioConnector (or AudioHook):",
        "  Connection URI {socket}/genesys",
        "  API Key and Client Secret: choose both; phones.genesys.api_key, client_secret (base64).",
        "Architect: put the AudioConnector action into a call flow.",
    ),
    "asterisk": (
        "websocket_client.conf: a section [voicewire] with type = websocket_client, connection_type = per_call_config,",
        "  uri = {socket}/asterisk, protocols = media, tls_enabled = yes,",
        "  username and password: choose both; phones.asterisk.username, password.",
        "extensions.conf, for the number 100:",
        "  exten => 100,1,Set(__CALLER=${{CALLERID(num)}})",
        "  same => n,Set(__CALLED=${{EXTEN}})",
        "  same => n,Dial(WebSocket/voicewire/c(ulaw)f(json))",
    ),
}


def steps(carrier: str, url: str) -> list[str]:
    """What is to be done at a carrier, with the values to paste; a line that is indented belongs to the one before."""
    http = url.rstrip("/")
    socket = http.replace("http", "ws", 1)
    names = {
        "http": http,
        "socket": socket,
        "http_with_login": _with_login(http),
        "socket_with_login": _with_login(socket),
    }
    return [line.format_map(names) for line in STEPS[carrier]]


def faults(url: str, phones: Phones, carrier: str, door_lacks: list[str]) -> Iterator[str]:
    """What keeps calls from coming in; `door_lacks`: keys without which the carrier's path is closed."""
    if fault := _fault_of(url):
        yield fault
    for key in dict.fromkeys(door_lacks):
        yield f"{key} is not set; without it nobody is let in"
    for key in (each for each in lacking(phones, carrier) if each not in door_lacks):
        yield f"{key} is not set; without it calls cannot be transferred or made"


def _fault_of(url: str) -> str:
    if not url:
        return "public_url is not set; give it there or as --url https://…"
    if fault := fault_of(url, ("https", "http")):
        return f"the address {fault}"
    parts = urlsplit(url)
    if parts.scheme != "https":
        return f"{url} is not https: carriers send what callers say over it; put a proxy with TLS in front"
    if parts.path.strip("/") or parts.query:
        return f"{url} must end behind the host: the paths are ours"
    if _is_private(parts.hostname or ""):
        return f"{url} leads to this machine or network, where no carrier comes; a tunnel has a public address"
    return ""


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal")) or "." not in host


def _with_login(url: str) -> str:
    return url.replace("://", "://USER:PASSWORD@", 1)

"""The carriers' paths of the real server, by a real websocket: with a proof, without one, a wrong one, one again."""

from __future__ import annotations

import json
from pathlib import Path as File
from typing import Any

import pytest
from aiohttp import ClientSession, WSServerHandshakeError

from server.agent import Agent
from server.door.door import Carrier, Path
from server.door.tickets import Facts
from tests.corpus.raw import BINARY, TEXT, RawClient
from tests.unit.server.call.session_stand import virtual
from tests.unit.server.door import signers
from tests.unit.server.phones.carrier_stand import FIRST, PATHS, PROOFS, SECRETS, SETTINGS, lines
from tests.unit.server.server_stand import ServerStand
from tests.unit.server.test_listening import listening

UNKNOWN = Facts()
MEDIA = ("Sec-WebSocket-Protocol: media",)  # Asterisk asks for it


class Spoken:
    """An agent that remembers the calls that began."""

    def __init__(self) -> None:
        self.phones: list[Any] = []
        self.agent = Agent(greeting="")
        self.agent.on("call_started")(self.began)

    async def began(self, call: Any) -> None:
        """A call began."""
        self.phones.append(call.phone)


def headers_of(path: Path) -> tuple[str, ...]:
    """What a carrier has in its upgrade."""
    proof = lines(PROOFS[path]()) if path in PROOFS else ()
    return (*proof, *(MEDIA if path == "asterisk" else ()))


async def knock(stand: ServerStand, path: Path, *headers: str, ticket: str = "") -> RawClient:
    """An upgrade."""
    return await stand.client(target=f"/{path}/{ticket}" if ticket else f"/{path}", headers=headers)


async def come_in(stand: ServerStand, path: Path, facts: Facts = UNKNOWN) -> RawClient:
    """An upgrade with all that it takes."""
    ticket = "" if path in PROOFS else stand.server.door.issue(path, facts)
    return await knock(stand, path, *headers_of(path), ticket=ticket)


async def call(stand: ServerStand, path: Path, client: RawClient) -> None:
    """Open a call, and be gone once it goes on."""
    assert (client.status, client.body) == (101, "")
    await client.frame(TEXT, FIRST[path].encode())
    await stand.over(left=1)
    client.cut()
    await stand.over()


@pytest.mark.parametrize("path", PATHS)
@virtual
async def test_with_its_proof_a_carrier_has_a_call(path: Path) -> None:
    spoken = Spoken()
    async with ServerStand(spoken.agent, **SETTINGS) as stand:
        client = await come_in(stand, path)
        assert client.head.get("sec-websocket-protocol") == ("media" if path == "asterisk" else None)
        await call(stand, path, client)
        assert [each.carrier for each in spoken.phones] == [path if path != "carrier" else "twilio"]


@pytest.mark.parametrize("path", PATHS)
@virtual
async def test_without_or_with_another_proof_it_has_none(path: Path) -> None:
    async with ServerStand(**SETTINGS) as stand:
        refused = [await knock(stand, path)]
        refused.append(await knock(stand, path, *MEDIA, "Authorization: Bearer x", "X-Twilio-Signature: x"))
        refused.append(await knock(stand, path, ticket="x.y"))
        other: Path = "telnyx" if path != "telnyx" else "plivo"
        refused.append(await knock(stand, path, ticket=stand.server.door.issue(other, Facts())))
        foreign: Carrier = "exotel" if path != "exotel" else "asterisk"
        refused.append(await knock(stand, path, *headers_of(foreign)))
        assert [(each.status, each.body) for each in refused] == [(403, "Forbidden.\n")] * len(refused)
        assert await stand.count("voicewire_refused_total", why="door") == len(refused)
        assert stand.log.said(f"a connection to /{path} was refused: it", "WARNING")


@pytest.mark.parametrize("path", ["telnyx", "plivo", "exotel", "asterisk", "carrier"])
@virtual
async def test_a_ticket_is_good_once_in_the_path_or_in_the_query(path: Path) -> None:
    spoken = Spoken()
    async with ServerStand(spoken.agent, **SETTINGS) as stand:
        for query in (False, True):
            ticket = stand.server.door.issue(path, Facts())
            target = f"/{path}?ticket={ticket}&more=1" if query else f"/{path}/{ticket}"
            await call(stand, path, await stand.client(target=target, headers=MEDIA))
            assert (await stand.client(target=target, headers=MEDIA)).status == 403
        ticket = stand.server.door.issue(path, Facts())
        assert (await knock(stand, path, ticket=ticket[:-1])).status == 403
        assert len(spoken.phones) == 2


@pytest.mark.parametrize("path", ["vonage", "genesys"])
@virtual
async def test_a_signature_with_a_name_is_good_once(path: Path) -> None:
    async with ServerStand(**SETTINGS) as stand:
        shown = headers_of(path)
        await call(stand, path, await knock(stand, path, *shown))
        assert (await knock(stand, path, *shown)).status == 403
        assert stand.log.said("its ticket or signature was shown before", "WARNING")


@virtual
async def test_who_is_told_to_come_again_may_show_its_ticket_again() -> None:
    async with ServerStand(**SETTINGS, max_calls=1) as stand:
        first, ticket = await come_in(stand, "telnyx"), stand.server.door.issue("telnyx", Facts())
        await first.frame(TEXT, FIRST["telnyx"].encode())
        await stand.over(left=1)
        assert (await knock(stand, "telnyx", ticket=ticket)).status == 503
        assert (await knock(stand, "telnyx")).status == 403  # strangers do not learn that it is full
        first.cut()
        await stand.over()
        await call(stand, "telnyx", await knock(stand, "telnyx", ticket=ticket))


@virtual
async def test_what_the_ticket_knew_is_known_in_the_call() -> None:
    spoken = Spoken()
    async with ServerStand(spoken.agent, **SETTINGS) as stand:
        facts = Facts("", "of the ticket", "+15550001", "+15550002")
        await call(stand, "plivo", await come_in(stand, "plivo", facts))
        phone = spoken.phones[0]
        assert phone.called == "+15550002"
        assert (phone.caller, phone.call_id) != ("+15550001", "of the ticket")  # the carrier says these itself


@virtual
async def test_with_the_public_token_nobody_is_a_carrier() -> None:
    async with ServerStand(**SETTINGS, token="s3cret") as stand:
        assert (await knock(stand, "telnyx", "Authorization: Bearer s3cret")).status == 403
        await call(stand, "twilio", await come_in(stand, "twilio"))


@virtual
async def test_no_header_tells_where_the_server_is() -> None:
    async with ServerStand(**SETTINGS) as stand:
        forged = signers.twilio("wss://attacker.example.org", "/twilio")
        hosts = ("X-Forwarded-Host: attacker.example.org", "Forwarded: host=attacker.example.org;proto=https")
        client = await stand.client(target="/twilio", host="attacker.example.org", headers=(*lines(forged), *hosts))
        assert client.status == 403


@pytest.mark.parametrize("path", PATHS)
@virtual
async def test_without_secrets_a_path_is_closed_and_the_log_names_the_keys(path: Path) -> None:
    async with ServerStand() as stand:
        assert (await knock(stand, path, *headers_of(path))).status == 403
        if path != "carrier":
            assert stand.log.said(f"/{path} was refused: it is closed until phones.{path}.", "WARNING")


@virtual
async def test_insecure_opens_the_paths_and_says_so() -> None:
    async with ServerStand(insecure=True) as stand:
        opened = "/twilio, /telnyx, /plivo, /exotel, /vonage, /genesys, /asterisk"
        assert stand.log.said(f"--insecure: nobody is checked at {opened}", "WARNING")
        for path in PATHS[:-1]:
            await call(stand, path, await knock(stand, path, *MEDIA))
        assert (await knock(stand, "carrier")).status == 403
        page = await knock(stand, "twilio", "Origin: https://attacker.example.org")
        assert (page.status, page.body) == (403, "This page may not connect here.\n")
    async with ServerStand(**SETTINGS, insecure=True) as stand:
        assert not stand.log.said("nobody is checked")
        assert (await knock(stand, "twilio")).status == 403


@virtual
async def test_what_is_configured_by_half_is_said_at_the_start() -> None:
    async with ServerStand(phones=SETTINGS["phones"] | {"vonage": {}}) as stand:
        assert stand.log.said("/twilio is closed until public_url is set", "WARNING")
        assert not stand.log.said("/vonage")
        assert not stand.log.said("/exotel")


@virtual
async def test_a_message_may_be_as_long_as_the_carrier_makes_it() -> None:
    async with ServerStand(**SETTINGS) as stand:
        for path, size, code in (("twilio", 65_537, 1009), ("exotel", 140 * 1024 + 1, 1009)):
            client = await come_in(stand, path)  # type: ignore[arg-type]
            await client.frame(BINARY, bytes(size))
            assert await client.closed() == code


def journals_in(folder: File) -> list[str]:
    """All of them."""
    return [file.read_text() for file in folder.iterdir()]


@virtual
async def test_no_secret_is_seen_anywhere(tmp_path: File) -> None:
    shown: list[str] = []
    async with ServerStand(Spoken().agent, **SETTINGS, token="s3cret-token", journal=str(tmp_path)) as stand:
        for path in PATHS:
            await knock(stand, path, *headers_of("vonage"), *headers_of("exotel"))
            client = await come_in(stand, path)
            await call(stand, path, client)
            shown += [*map(json.dumps, client.messages), *client.head.values(), client.close_reason]
            ticket = stand.server.door.issue(path, Facts())
            shown.append(repr(await knock(stand, path, ticket=ticket)))
            assert not stand.log.said(ticket)
        for page in ("/metrics", "/health", "/ready"):
            shown.append((await stand.get(page))[1])
        shown += [entry.message for entry in stand.log.entries]
        shown.append(repr(stand.settings))
    journals = journals_in(tmp_path)
    assert len(journals) == len(PATHS)
    for secret in (*SECRETS, "s3cret-token"):
        assert secret not in "\n".join((*shown, *journals))


@pytest.mark.asyncio
async def test_exotel_by_its_addresses() -> None:
    for addresses, status in ((["127.0.0.0/8", "::1"], 101), (["203.0.113.0/24"], 403)):
        async with listening(phones={"exotel": {"addresses": addresses}}) as address, ClientSession() as http:
            if status == 101:
                async with http.ws_connect(f"{address}/exotel"):
                    pass
                continue
            with pytest.raises(WSServerHandshakeError) as caught:
                await http.ws_connect(f"{address}/exotel", headers={"X-Forwarded-For": "203.0.113.7"})
            assert caught.value.status == status


def basic(password: str) -> dict[str, str]:
    """The header of the user `pbx`."""
    return signers.basic("pbx", password).headers


@pytest.mark.asyncio
async def test_asterisk_by_its_password_over_tcp() -> None:
    async with listening(phones={"asterisk": {"username": "pbx", "password": "p"}}) as address, ClientSession() as http:
        async with http.ws_connect(f"{address}/asterisk", headers=basic("p"), protocols=("media",)) as line:
            assert line.protocol == "media"
        with pytest.raises(WSServerHandshakeError, match="403"):
            await http.ws_connect(f"{address}/asterisk", headers=basic("q"), protocols=("media",))

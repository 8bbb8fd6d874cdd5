"""What goes wrong with a provider: each has one outcome and one line in the log, and no secret is in either."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from link.websocket import Endpoint
from llm.events import Delta, Failure, LinkDown, LinkUp, ReplyDone, ReplyFailed
from llm.local.faults import Faults
from llm.local.scripted import words
from llm.responses import ResponsesCodec, ResponsesSettings
from llm.websocket import WebsocketLLMService
from tests.unit.link.dice import LongestDelays
from tests.unit.link.peer import Peer
from tests.unit.link.stage import play
from tests.unit.llm.desk import Desk
from tests.unit.llm.local.client import serving
from tests.unit.llm.provider import Lane, Provider, two_words
from tests.unit.llm.self_signed import self_signed
from tests.unit.llm.service_stand import a_moment, kinds, now, real, service, text_of
from tests.unit.server.logbook import Logbook

PATIENCE_S = 5.0  # of tests with real sockets
KEY = "sk-proj-0123456789abcdef"
HEADERS = (("Authorization", f"Bearer {KEY}"), ("api-key", KEY))


def lines(book: Logbook) -> list[str]:
    """What was logged for the operator."""
    return [f"{entry.level} {entry.message}" for entry in book.entries if entry.level not in ("DEBUG", "TRACE")]


def keeps_its_secrets(book: Logbook, desk: Desk) -> bool:
    """Neither the log nor the call has seen the key."""
    return KEY not in repr(book.entries) and KEY not in repr(desk.facts)


# --- at the door ------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_whoever_is_not_let_in_does_not_knock_again(status: int) -> None:
    with Logbook() as book:
        async with asyncio.timeout(PATIENCE_S), serving(faults=Faults(reject_status=status)) as brain:
            url = f"{brain.url}?api-version=1&sig={KEY}"
            async with real(url, headers=HEADERS) as desk:
                down = await desk.until(LinkDown)
                assert (down.fatal, down.reason) == (True, f"{brain.url} answered the handshake with HTTP {status}")
                await asyncio.sleep(0)
                assert desk.ended
                assert keeps_its_secrets(book, desk)
                assert not [line for line in lines(book) if "llm" in line], "the call logs it"


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_whoever_is_asked_to_wait_waits(status: int) -> None:
    faults = Faults(reject_status=status, retry_after_s=0.05)
    with Logbook() as book:
        async with (
            asyncio.timeout(PATIENCE_S),
            serving(faults=faults) as brain,
            real(brain.url, headers=HEADERS) as desk,
        ):
            assert not (await desk.until(LinkDown)).fatal
            brain.faults = Faults()
            await desk.until(LinkUp)
            assert kinds(desk) == ["LinkDown", "LinkUp"]
            words_ = [line for line in lines(book) if "llm:" in line]
            assert words_[0] == f"WARNING llm: {brain.url} answered the handshake with HTTP {status}"
            assert [line.partition(" after")[0] for line in words_[1:]] == ["INFO llm: the link is back"]
            assert keeps_its_secrets(book, desk)


@pytest.mark.asyncio
async def test_a_certificate_that_nobody_vouches_for_is_fatal(tmp_path: Path) -> None:
    with Logbook() as book:
        async with (
            asyncio.timeout(PATIENCE_S),
            self_signed(tmp_path) as port,
            real(f"wss://localhost:{port}/v1/responses", headers=HEADERS) as desk,
        ):
            down = await desk.until(LinkDown)
            assert down.fatal
            assert down.reason.startswith(f"the certificate of wss://localhost:{port}/v1/responses is not valid:")
            assert not [line for line in lines(book) if "llm" in line], "the call logs it"
            assert keeps_its_secrets(book, desk)


@pytest.mark.asyncio
@pytest.mark.parametrize("encrypted", [True, False])
async def test_whoever_speaks_tls_to_one_who_does_not_tries_again(tmp_path: Path, encrypted: bool) -> None:
    """Or the other way round: nothing says that it will be so tomorrow."""
    with Logbook() as book:
        async with (
            asyncio.timeout(PATIENCE_S),
            self_signed(tmp_path, encrypted=encrypted) as port,
            real(f"{'ws' if encrypted else 'wss'}://localhost:{port}/", headers=HEADERS) as desk,
        ):
            down = await desk.until(LinkDown)
            assert not down.fatal
            assert keeps_its_secrets(book, desk)


@pytest.mark.asyncio
async def test_a_name_that_nobody_knows_may_be_known_later() -> None:
    async with asyncio.timeout(PATIENCE_S):
        with Logbook() as book:
            codec = ResponsesCodec(ResponsesSettings("m"))
            endpoint = Endpoint("wss://provider.invalid/v1/responses", HEADERS)
            model = WebsocketLLMService(endpoint, codec, random=LongestDelays(), gate=asyncio.Semaphore(1))
            async with Desk(model) as desk:
                down = await desk.until(LinkDown)
                assert not down.fatal
                assert not desk.ended
                assert down.reason.startswith("wss://provider.invalid/v1/responses cannot be reached: ")
                assert [line for line in lines(book) if "llm:" in line][:1] == [f"WARNING llm: {down.reason}"]
                assert keeps_its_secrets(book, desk)


@pytest.mark.asyncio
async def test_nobody_listens_there() -> None:
    async with serving() as brain:
        url = brain.url
    async with asyncio.timeout(PATIENCE_S), real(url) as desk:
        down = await desk.until(LinkDown)
        assert not down.fatal
        assert "cannot be reached" in down.reason


# --- an answer that is refused ----------------------------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.parametrize("lanes", [True, False])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("invalid_api_key", "fatal"),
        ("model_not_found", "fatal"),
        ("insufficient_quota", "fatal"),
        ("context_length_exceeded", "too_long"),
        ("content_filter", "blocked"),
        ("invalid_prompt", "blocked"),
        ("rate_limit_exceeded", "passing"),
        ("server_error", "passing"),
        ("something_new", "passing"),
    ],
)
async def test_an_error_is_of_the_reply_and_the_link_stays(code: str, kind: Failure, lanes: bool) -> None:
    """The call logs it; here it is told, once."""
    faults = Faults(error_event=code)
    with Logbook() as book:
        async with asyncio.timeout(PATIENCE_S), serving(faults=faults) as brain, real(brain.url, lanes=lanes) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            assert await desk.until(ReplyFailed) == ReplyFailed(
                1, f"{code}: An error, as this server was told to.", kind
            )
            brain.faults = Faults()
            desk.ask(2)
            await desk.until(ReplyDone)
            assert LinkDown not in map(type, desk.facts)
            assert not [line for line in lines(book) if "llm" in line]


def test_a_provider_that_repeats_the_key_is_not_quoted(tmp_path: Path) -> None:
    async def tell(lane: Lane) -> None:
        await lane.send({"type": "error", "error": {"code": "x", "message": f"Incorrect key: {KEY}, {KEY[:-4]}"}})
        await lane.connection.close(1008, f"wrong key {KEY}")

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(tell).act) as peer:
            endpoint = Endpoint("ws://localhost/", HEADERS)
            model = WebsocketLLMService(
                endpoint,
                ResponsesCodec(ResponsesSettings("m")),
                random=LongestDelays(),
                gate=asyncio.Semaphore(1),
                opener=peer.open,
            )
            with Logbook() as book:
                async with Desk(model) as desk:
                    await desk.until(LinkUp)
                    desk.ask(1)
                    failed = await desk.until(ReplyFailed)
                    assert failed.reason == f"x: Incorrect key: ***, {KEY[:-4]}"
                    down = await desk.until(LinkDown)
                    assert "wrong key ***" in down.reason
                    assert keeps_its_secrets(book, desk)

    play(scene())


@pytest.mark.asyncio
@pytest.mark.parametrize("lanes", [True, False])
async def test_an_answer_that_fails_half_way(lanes: bool) -> None:
    faults = Faults(fail_after_events=6)
    async with (
        asyncio.timeout(PATIENCE_S),
        serving(words(40), faults=faults) as brain,
        real(brain.url, lanes=lanes) as desk,
    ):
        await desk.until(LinkUp)
        desk.ask(1)
        failed = await desk.until(ReplyFailed)
        assert (failed.kind, failed.reason) == ("passing", "server_error: An end, as this server was told to.")
        assert text_of(desk, 1).startswith("Answer zero")
        brain.faults = Faults()
        desk.ask(2)
        await desk.until(ReplyDone)
        assert LinkDown not in map(type, desk.facts)


@pytest.mark.asyncio
async def test_a_filter_that_leaves_nothing_has_blocked_the_answer() -> None:
    async with (
        asyncio.timeout(PATIENCE_S),
        serving(words(40), faults=Faults(filter_after_events=2)) as brain,
        real(brain.url) as desk,
    ):
        await desk.until(LinkUp)
        desk.ask(1)
        failed = await desk.until(ReplyFailed)
        assert (failed.kind, failed.reason) == (
            "blocked",
            "content_filter: the provider's filter held the whole answer back",
        )
        brain.faults = Faults(filter_after_events=6)
        desk.ask(2)
        done = await desk.until(ReplyDone)
        assert (done.reply, done.incomplete) == (2, "content_filter"), "what was said was said"
        assert text_of(desk, 2)


# --- on the socket ----------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_garbage_costs_the_connection_and_one_line() -> None:
    faults = Faults(garbage_after_events=6)
    with Logbook() as book:
        async with asyncio.timeout(PATIENCE_S), serving(words(40), faults=faults) as brain, real(brain.url) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            down = await desk.until(LinkDown)
            assert (down.fatal, "not a Responses event" in down.reason) == (False, True)
            assert [line for line in lines(book) if "llm" in line] == [f"INFO llm link lost: {down.reason}"]


def test_a_policy_close_is_fatal_and_the_call_logs_it(tmp_path: Path) -> None:
    async def refuse(lane: Lane) -> None:
        await lane.connection.close(1008, "no such project")

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(refuse).act) as peer:
            with Logbook() as book:
                async with Desk(service(peer.open)) as desk:
                    await desk.until(LinkUp)
                    desk.ask(1)
                    down = await desk.until(LinkDown)
                    assert down.fatal
                    assert "no such project" in down.reason
                    assert lines(book) == []

    play(scene())


@pytest.mark.parametrize("code", [1012, 1013])
def test_a_provider_that_pauses_the_session(tmp_path: Path, code: int) -> None:
    """It closes, and again until it is ready: each time it is waited for longer, and the call hears of it."""

    async def pause(lane: Lane) -> None:
        await lane.connection.close(code, "please try again later")

    async def scene() -> None:
        provider = Provider(pause)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            for reply in range(1, 4):
                before = now()
                desk.ask(reply)
                down = await desk.until(LinkDown)
                assert (down.fatal, "try again later" in down.reason) == (False, True)
                await desk.until(LinkUp)
                assert now() - before == pytest.approx(0.25 * 2 ** (reply - 1))
            provider.answer = two_words
            desk.ask(4)
            assert (await desk.until(ReplyDone)).reply == 4

    play(scene())


@pytest.mark.parametrize("lanes", [True, False])
def test_a_response_for_a_request_that_is_gone_is_ignored_and_counted(tmp_path: Path, lanes: bool) -> None:
    async def scene() -> None:
        async def answer(lane: Lane) -> None:
            await two_words(lane)
            lane.request = {"stream_id": "r99"} if lanes else {}
            await lane.delta("who")
            await lane.call("c1")
            await lane.done()
            await lane.error("server_error")

        async with Peer(tmp_path, act=Provider(answer).act) as peer:
            model = service(peer.open, lanes=lanes)
            async with Desk(model) as desk:
                await desk.until(LinkUp)
                desk.ask(1)
                await desk.until(ReplyDone)
                await a_moment()
                assert kinds(desk) == ["LinkUp", "Delta", "Delta", "ReplyDone"]
                assert (model.discarded, model.counts.discarded) == (4, 4)

    play(scene())


def test_with_lanes_an_error_without_one_is_of_the_request_that_waits(tmp_path: Path) -> None:
    async def answer(lane: Lane) -> None:
        lane.request = {}
        await lane.delta("nobody's")
        await lane.error("server_error")

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(answer).act) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            assert (await desk.until(ReplyFailed)).reply == 1
            assert Delta not in map(type, desk.facts)

    play(scene())


def test_a_provider_that_goes_quiet_costs_the_connection_when_the_call_says_so(tmp_path: Path) -> None:
    """Its socket stays open and it answers pings; how long to wait is the core's business."""

    async def quiet(lane: Lane) -> None:
        await lane.delta("Well, ")

    async def scene() -> None:
        provider = Provider(quiet)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            await asyncio.sleep(60)
            assert kinds(desk) == ["LinkUp", "Delta"]
            desk.cancel(1, stalled=True)
            await desk.until(LinkDown)
            provider.answer = two_words
            await desk.until(LinkUp)
            desk.ask(2)
            await desk.until(ReplyDone)
            assert peer.closes == [None]

    play(scene())


# --- what is not told -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (f"no such key: {KEY}", "no such key: ***"),
        (f"you sent 'Bearer {KEY}'", "you sent '***'"),
        ("api-version=1&sig=0123456789 is wrong", "*** is wrong"),
        ("0123456789", "***"),
        ("http://user:pass@proxy:3128 refused", "http://***@proxy:3128 refused"),
        ("Bearer of bad news, version 1", "Bearer of bad news, version 1"),
    ],
)
def test_an_endpoint_knows_its_secrets(said: str, told: str) -> None:
    endpoint = Endpoint("wss://host/v1/responses?api-version=1&sig=0123456789", HEADERS)
    assert endpoint.without_secrets(said) == told
    assert Endpoint("wss://host/v1/responses").without_secrets("as it is") == "as it is"

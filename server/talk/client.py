"""The connection of one call: opens the websocket, moves messages and time between it and the caller, closes it.

One TaskGroup: the reader is whoever calls `talk`, the ticker is its one task.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import ssl
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus, InvalidURI, WebSocketException

from link.errors import ConfigError, VoicewireError
from server.talk.address import Address
from server.talk.caller import Caller, Outgoing
from server.talk.events import Connected, Summary, Trouble

TICK_S = 0.02
CONNECT_S = 5.0
READY_S = 5.0
SEND_S = 5.0  # as long as the server waits for a client that does not read
LEAVE_S = 3.0  # for the server to close after the goodbye
CLOSE_S = 1.0
PING_S = 20.0
MAX_MESSAGE_BYTES = 1 << 20
LOST = 1006


class Door(Struct, frozen=True):
    """How to get in."""

    address: Address
    token: str = ""
    check_certificate: bool = True


async def talk(door: Door, caller: Caller) -> Summary:
    """Hold one call until it is over.

    Raises ConfigError, in one sentence, when it does not come about or this machine fails (a full disk, a sound card).
    """
    socket = await _open(door)
    try:
        await _begin(socket, door, caller)
        with _interrupts(socket, caller):
            await _hold(socket, caller)
    finally:
        await socket.close()
    now = asyncio.get_running_loop().time()
    end = caller.end(now, socket.close_code or LOST, socket.close_reason or "")
    caller.tell(end, now)
    return end


# --- opening ----------------------------------------------------------------------------------------------------------


async def _open(door: Door) -> ClientConnection:
    address = door.address
    try:
        return await connect(
            address.url,
            additional_headers={"Authorization": f"Bearer {door.token}"} if door.token else None,
            ssl=_tls(door) if address.secure else None,
            compression=None,
            proxy=None if address.loopback else True,
            open_timeout=CONNECT_S,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            close_timeout=CLOSE_S,
            max_size=MAX_MESSAGE_BYTES,
        )
    except (OSError, ValueError, WebSocketException) as error:  # TimeoutError and TLS errors are OSErrors
        raise ConfigError(_why_not(error, address)) from error


def _tls(door: Door) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not door.check_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _why_not(error: Exception, address: Address) -> str:
    match error:
        case InvalidStatus():
            return _refusal(error.response.status_code, error.response.body or b"", address)
        case ssl.SSLCertVerificationError():
            return (
                f"the certificate of {address.host} is not trusted: {error.verify_message};"
                " --insecure-tls takes it as it is"
            )
        case ssl.SSLError():
            return f"{address.host} does not speak TLS as expected ({error.reason}); is it ws:// or http://?"
        case ConnectionResetError() | ConnectionAbortedError() if address.secure:
            return f"{address.host} broke off the TLS handshake; is it ws:// or http://?"
        case TimeoutError():
            return f"{address.host} did not answer within {CONNECT_S:g} s"
        case InvalidURI() | ValueError():
            return f"{address.name} is not an address of a websocket: {error}"
        case InvalidMessage() | EOFError():
            return f"what answers at {address.host} is no websocket server"
        case OSError():
            return f"no server can be reached at {address.host}{_reason(error)}; `voicewire serve` starts one"
        case _:
            return f"{address.name} cannot be talked to: {error}"


def _reason(error: OSError) -> str:
    """The system's words; none where several addresses failed, each in its own way."""
    number = error.errno or 0
    words = os.strerror(number) if number > 0 else error.strerror
    return f": {words}" if words else ""


def _refusal(status: int, body: bytes | bytearray, address: Address) -> str:
    said = " ".join(body.decode(errors="replace").split())[:200]
    match status:
        case 401 | 403:
            return f"{address.name} refused the connection (HTTP {status}); does it want a --token?"
        case 404:
            return f"there is no websocket at {address.name} (HTTP 404); that of voicewire is /ws"
        case 503:
            return f"{address.host} takes no call now (HTTP 503){f': {said}' if said else ''}"
        case _:
            return f"{address.name} refused the connection with HTTP {status}{f': {said}' if said else ''}"


async def _begin(socket: ClientConnection, door: Door, caller: Caller) -> None:
    """Say `start` and wait for `ready`."""
    try:
        async with asyncio.timeout(READY_S):
            await socket.send(caller.opening())
            ready = await _ready(socket)
    except TimeoutError as error:
        raise ConfigError(f"{door.address.name} took the connection, but not the call, for {READY_S:g} s") from error
    except ConnectionClosed as error:
        code, reason = (error.rcvd.code, error.rcvd.reason) if error.rcvd else (1006, "")
        hint = "" if door.token or "token" not in reason else " (--token, or VOICEWIRE_TOKEN)"
        raise ConfigError(f"the server took no call: {reason or 'it closed the connection'} ({code}){hint}") from error
    if {ready.sample_rate, ready.output_sample_rate} != {caller.rate_hz}:
        raise ConfigError(
            f"the server hears at {ready.sample_rate} Hz and speaks at {ready.output_sample_rate}, not at"
            f" {caller.rate_hz} Hz: try another --rate"
        )
    now = asyncio.get_running_loop().time()
    caller.begin(now)
    caller.tell(Connected(door.address.name, ready.call_id, ready.sample_rate), now)


class _Ready(Struct, tag="ready"):
    call_id: str
    sample_rate: int
    output_sample_rate: int


async def _ready(socket: ClientConnection) -> _Ready:
    message = await socket.recv()
    try:
        return msgspec.json.decode(message, type=_Ready)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"the server does not speak the native wire: it began with {message[:60]!r}") from error


# --- holding ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _interrupts(socket: ClientConnection, caller: Caller) -> Iterator[None]:
    """Ctrl-C says goodbye; the second one does not wait for the server."""
    loop, signals = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)

    def stop() -> None:
        if caller.left_at is not None:
            socket.transport.abort()
        caller.hang_up()

    with contextlib.suppress(NotImplementedError):  # Windows ends the process instead
        for number in signals:
            loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        with contextlib.suppress(NotImplementedError):
            for number in signals:
                loop.remove_signal_handler(number)


async def _hold(socket: ClientConnection, caller: Caller) -> None:
    """Until the connection is closed. Raises what kept the call from going on: a full disk, a closed terminal."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.TaskGroup() as group:
            ticker = group.create_task(_tick(socket, caller))
            try:
                async for message in socket:
                    await _send(socket, caller.receive(message, loop.time()), caller)
            except ConnectionClosed:
                pass  # its code is in the summary
            finally:
                ticker.cancel()
    except* (VoicewireError, BrokenPipeError) as errors:
        raise errors.exceptions[0] from None


async def _tick(socket: ClientConnection, caller: Caller) -> None:
    """Every 20 ms on an absolute grid; a tick that comes late finds all that is due."""
    loop = asyncio.get_running_loop()
    began, count = loop.time(), 0
    while True:
        count = max(count + 1, int((loop.time() - began) / TICK_S))
        await asyncio.sleep(began + count * TICK_S - loop.time())
        now = loop.time()
        await _send(socket, caller.tick(now), caller)
        if caller.left_at is not None and now - caller.left_at >= LEAVE_S:
            await socket.close()


async def _send(socket: ClientConnection, messages: Sequence[Outgoing], caller: Caller) -> None:
    try:
        async with asyncio.timeout(SEND_S):
            for message in messages:
                await socket.send(message)
    except TimeoutError:
        caller.tell(Trouble(f"the server did not read for {SEND_S:g} s"), asyncio.get_running_loop().time())
        socket.transport.abort()
    except ConnectionClosed:
        pass  # the reader sees it too

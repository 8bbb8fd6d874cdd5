"""A websocket that comes back: connect, receive, notice the loss, wait, connect again. No other module is a client.

`links()` is an endless iterator of connections. A handshake proves nothing, so the delays start anew only after the
consumer called `proved()`; what cannot be cured by trying again is raised as a fatal ProviderError.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from random import Random
from urllib.parse import urljoin, urlsplit

from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException

from link.addresses import hidden, secrets_of
from link.backoff import delays
from link.errors import ProviderError
from link.retry_after import retry_after_s
from link.wishes import wish_s

FATAL_STATUS = frozenset({400, 401, 403, 404})
FATAL_CLOSE = frozenset({1008})  # policy violation
HANDSHAKES_AT_ONCE = 20
CLOSE_S = 1.0


class Endpoint(Struct, frozen=True):
    """Where a provider is. Headers, query and user may be secret: what is shown of it is its `name`."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    connect_s: float = 5.0
    send_s: float = 5.0
    ping_s: float = 20.0
    """A half-open connection is noticed after two of these."""
    max_message_bytes: int = 1 << 20

    def __repr__(self) -> str:
        return f"Endpoint({self.name!r})"

    @property
    def name(self) -> str:
        """The URL as it may be logged."""
        try:
            parts = urlsplit(self.url)
            return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
        except ValueError:
            return "the url of the provider"

    def without_secrets(self, text: str) -> str:
        """A text of the provider as it may be logged: some repeat the key that they were shown, or the whole query."""
        return hidden(text, secrets_of(self.url, [value for _, value in self.headers]))


Opener = Callable[[Endpoint], Awaitable[ClientConnection]]


async def open_websocket(endpoint: Endpoint) -> ClientConnection:
    """Connect. Raises what `websockets` raises, and ValueError for an address that cannot be read."""
    loopback = urlsplit(endpoint.url).hostname in ("127.0.0.1", "localhost", "::1")
    attempt = connect(
        endpoint.url,
        additional_headers=list(endpoint.headers),
        compression=None,  # a few small messages a second: latency and CPU count, bytes do not
        proxy=None if loopback else True,
        open_timeout=endpoint.connect_s,
        ping_interval=endpoint.ping_s,
        ping_timeout=endpoint.ping_s,
        close_timeout=CLOSE_S,
        max_size=endpoint.max_message_bytes,
    )
    # A redirection is an error: with one, all headers but three would go to whomever it names. There is no option.
    attempt.process_redirect = lambda error: error  # type: ignore[assignment]
    return await attempt


def classify(error: Exception, endpoint: Endpoint) -> ProviderError:
    """Whose fault a failure is and whether trying again can help; the message carries no secret."""
    match error:
        case InvalidStatus():
            status = error.response.status_code
            wish = retry_after_s(error.response.headers.get("Retry-After"))
            text = f"{endpoint.name} answered the handshake with HTTP {status}"
            if 300 <= status < 400:
                place = Endpoint(urljoin(endpoint.url, error.response.headers.get("Location", ""))).name
                return ProviderError(f"{text}: it has moved to {place}; give that address", fatal=True)
            return ProviderError(text, fatal=status in FATAL_STATUS, retry_after_s=wish)
        case ConnectionClosed():
            code = error.rcvd.code if error.rcvd else None
            wish = wish_s(error.rcvd.reason) if error.rcvd else 0.0
            text = endpoint.without_secrets(f"the connection to {endpoint.name} is lost: {error}")
            return ProviderError(text, fatal=code in FATAL_CLOSE, retry_after_s=wish)
        case ssl.SSLCertVerificationError():  # a ValueError too, so it stands before it
            return ProviderError(f"the certificate of {endpoint.name} is not valid: {error.verify_message}", fatal=True)
        case InvalidURI() | ValueError():
            return ProviderError(f"{endpoint.name} is not a websocket address (ws:// or wss://)", fatal=True)
        case ImportError():
            return ProviderError(f"{endpoint.name} cannot be reached: {error}", fatal=True)
        case TimeoutError():
            return ProviderError(f"{endpoint.name} did not answer in time")
        case _:
            text = f"{endpoint.name} cannot be reached: {type(error).__name__}: {error}"
            return ProviderError(endpoint.without_secrets(text))


class Link:
    """One connection. `receive` and `send` raise ProviderError when it is lost."""

    def __init__(self, connection: ClientConnection, endpoint: Endpoint) -> None:
        self._connection = connection
        self._endpoint = endpoint
        self.proven = False
        self.wish_s = 0.0
        """How long the provider wants to be left alone, as it said when it closed."""

    def proved(self) -> None:
        """A useful message came: the next loss is a new one."""
        self.proven = True

    async def receive(self) -> str | bytes:
        """The next message."""
        try:
            return await self._connection.recv()
        except ConnectionClosed as error:
            lost = classify(error, self._endpoint)
            self.wish_s = lost.retry_after_s or 0.0
            raise lost from error

    async def send(self, message: str | bytes) -> None:
        """Send a text message; a peer that does not read for `send_s` is lost."""
        await self._send(message, text=True)

    async def send_bytes(self, message: bytes) -> None:
        """The same for a binary message: audio."""
        await self._send(message, text=False)

    async def _send(self, message: str | bytes, *, text: bool) -> None:
        try:
            async with asyncio.timeout(self._endpoint.send_s):
                await self._connection.send(message, text=text)
        except (ConnectionClosed, TimeoutError) as error:
            self.abort()
            raise classify(error, self._endpoint) from error

    def abort(self) -> None:
        """Give the connection up at once; `receive` raises."""
        self._connection.transport.abort()

    async def close(self) -> None:
        """Close in order, for at most CLOSE_S seconds."""
        await self._connection.close()


class Links:
    """Connections to one provider for one user of it, one after the other, for ever."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        random: Random,
        gate: asyncio.Semaphore,
        opener: Opener = open_websocket,
        on_failure: Callable[[ProviderError], None] = lambda _: None,
    ) -> None:
        """`gate` bounds the handshakes of the process; `on_failure` hears of each attempt that failed."""
        self._endpoint = endpoint
        self._random = random
        self._gate = gate
        self._opener = opener
        self._on_failure = on_failure

    async def links(self) -> AsyncGenerator[Link, None]:
        """Connections, each when the one before is lost. Raises a fatal ProviderError.

        Whoever stops early closes it (`contextlib.aclosing`), and with it the connection.
        """
        waits = delays(self._random)
        while True:
            try:
                link = await self.open()
            except ProviderError as error:
                if error.fatal:
                    raise
                self._on_failure(error)
                await asyncio.sleep(next(waits) + (error.retry_after_s or 0.0))
                continue
            try:
                yield link
            finally:
                await link.close()
            if link.proven:
                waits = delays(self._random)
            await asyncio.sleep(next(waits) + link.wish_s)

    async def open(self) -> Link:
        """One connection beside the others, which whoever opens it closes. Raises ProviderError."""
        try:
            async with self._gate:
                return Link(await self._opener(self._endpoint), self._endpoint)
        except (OSError, WebSocketException, ValueError, ImportError) as error:  # a SOCKS proxy needs a package
            raise classify(error, self._endpoint) from error

"""A request to a provider over HTTP, and its answer as it comes; connections are kept. No other module posts.

It asks once: when and whether again is for who asks. Errors say whose fault it is, as those of link/websocket.py do.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import msgspec
from msgspec import Struct
from yarl import URL

from link.errors import ProviderError
from link.retry_after import retry_after_s
from link.websocket import Endpoint
from link.wishes import wish_s

MAX_CONNECTIONS = 1000
KEPT_S = 60.0
"""How long an idle connection is kept: longer than most turns of a conversation."""
PASSING_STATUS = frozenset({408, 409, 425, 429})
"""And those from 500 on. After any other the same request would be refused again."""
QUOTA = "insufficient_quota"
"""OpenAI's code for a 429 that no waiting cures."""
MAX_REFUSAL_BYTES = 16 << 10
MAX_REASON_CHARS = 300

Connector = Callable[[], aiohttp.BaseConnector]


class File(Struct, frozen=True):
    """A part of a form that is a file."""

    name: str
    filename: str
    content_type: str
    data: bytes


class Form(Struct, frozen=True):
    """A body as `multipart/form-data`."""

    fields: tuple[tuple[str, str], ...]
    files: tuple[File, ...] = ()


class Json(Struct, frozen=True):
    """A body as JSON, encoded."""

    data: bytes


class UrlEncoded(Struct, frozen=True):
    """A body as `application/x-www-form-urlencoded`."""

    fields: tuple[tuple[str, str], ...]


Body = Form | Json | UrlEncoded


class Answer:
    """What comes back, while it comes. The waits have no limit of their own; who asks has one."""

    def __init__(self, response: aiohttp.ClientResponse, endpoint: Endpoint) -> None:
        self._response = response
        self._endpoint = endpoint
        self.content_type = response.content_type

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Its bytes as they arrive. Raises ProviderError when they break off."""
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise _explained(error, self._endpoint) from error

    async def read(self) -> bytes:
        """All of it. Raises ProviderError when it breaks off, or is longer than the endpoint's messages may be."""
        found = bytearray()
        async with contextlib.aclosing(self.chunks()) as chunks:
            async for chunk in chunks:
                found += chunk
                if len(found) > self._endpoint.max_message_bytes:
                    most = self._endpoint.max_message_bytes
                    raise ProviderError(f"{self._endpoint.name} sent more than {most} bytes")
        return bytes(found)


def open_connector() -> aiohttp.BaseConnector:
    """The connections of a process to one provider."""
    return aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=KEPT_S)


class HttpClient:
    """The connections of the process to one endpoint, for all calls."""

    def __init__(self, endpoint: Endpoint, connector: Connector = open_connector) -> None:
        """`connector` is replaced where time is virtual."""
        self.endpoint = endpoint
        self._proxy, self._proxy_headers = proxy_of(endpoint.url)
        # Over TLS a proxy has a request of its own; else it reads ours.
        self._plain_headers = {} if endpoint.url.startswith("https:") else self._proxy_headers
        self._connector = connector
        self._session: aiohttp.ClientSession | None = None

    def post(self, body: Form | Json) -> contextlib.AbstractAsyncContextManager[Answer]:
        """Post to the endpoint itself. Raises as `ask`."""
        return self.ask("POST", body)

    @contextlib.asynccontextmanager
    async def ask(self, method: str, body: Body | None = None, path: str = "") -> AsyncIterator[Answer]:
        """Ask; what is not read when the context ends is not waited for. `path` goes behind the endpoint's.

        Raises ProviderError.
        """
        try:
            response = await self._open().request(
                method,
                self.endpoint.url + path,
                data=_encoded(body),
                headers={**_headers(self.endpoint, body), **self._plain_headers},
                allow_redirects=False,  # headers may be secret, and would be shown to wherever it leads
                proxy=self._proxy,
                proxy_headers=self._proxy_headers,
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _explained(error, self.endpoint) from error
        async with response:
            if response.status >= 300:
                raise await _refused(response, self.endpoint)
            yield Answer(response, self.endpoint)

    async def close(self) -> None:
        """Close all connections. Closing twice is closing once."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            limit = aiohttp.ClientTimeout(total=None, connect=self.endpoint.connect_s)
            self._session = aiohttp.ClientSession(
                connector=self._connector(), timeout=limit, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session


def proxy_of(url: str) -> tuple[URL | None, dict[str, str]]:
    """The proxy that the environment names for an address, and its headers; none is between us and this machine.

    The package would read the environment itself (`trust_env`), and a ~/.netrc file with it, whose entry for the
    provider goes in the place of our key.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxy = getproxies().get(parts.scheme)
    if not proxy or host in ("127.0.0.1", "localhost", "::1") or proxy_bypass(host):
        return None, {}
    found = URL(proxy if "://" in proxy else f"http://{proxy}")
    if found.user is None:
        return found, {}
    login = base64.b64encode(f"{found.user}:{found.password or ''}".encode()).decode()
    return found.with_user(None), {"Proxy-Authorization": f"Basic {login}"}


def _encoded(body: Body | None) -> aiohttp.FormData | bytes | None:
    match body:
        case None:
            return None
        case Json(data):
            return data
        case UrlEncoded(fields):
            return urlencode(fields).encode()
        case Form():
            return _multipart(body)


def _multipart(body: Form) -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)  # names have brackets: `include[]`
    for name, value in body.fields:
        form.add_field(name, value)
    for file in body.files:
        form.add_field(file.name, file.data, filename=file.filename, content_type=file.content_type)
    return form


def _headers(endpoint: Endpoint, body: Body | None) -> dict[str, str]:
    own = dict(endpoint.headers)
    match body:
        case Json():
            return {"Content-Type": "application/json", **own}
        case UrlEncoded():
            return {"Content-Type": "application/x-www-form-urlencoded", **own}
        case _:
            return own


async def _refused(response: aiohttp.ClientResponse, endpoint: Endpoint) -> ProviderError:
    """What a status calls for, with the provider's own words."""
    status = response.status
    text = f"{endpoint.name} answered HTTP {status}"
    if status < 400:
        place = Endpoint(urljoin(endpoint.url, response.headers.get("Location", ""))).name
        return ProviderError(f"{text}: it has moved to {place}; give that address", fatal=True, status=status)
    words = ""
    with contextlib.suppress(aiohttp.ClientError, OSError):
        words = words_of(await response.content.read(MAX_REFUSAL_BYTES))
    wish = retry_after_s(response.headers.get("Retry-After")) or wish_s(words) or None
    text = endpoint.without_secrets(f"{text}: {words}" if words else text)
    passing = (status >= 500 or status in PASSING_STATUS) and not words.startswith(QUOTA)
    return ProviderError(text[:MAX_REASON_CHARS], fatal=not passing, retry_after_s=wish, status=status)


def words_of(body: bytes) -> str:
    """What the body of a refusal says, on one line: OpenAI's form, one of the usual others, or plain text."""
    whole = body.decode(errors="replace")
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return "" if whole.lstrip().startswith("<") else " ".join(whole.split())  # a web server's page says nothing
    error = found.get("error", found) if isinstance(found, dict) else found
    if isinstance(error, dict) and isinstance(error.get("errors"), list):
        error = next(iter(error["errors"]), error)  # JSON:API has several; the first is the cause
    if isinstance(error, dict):
        parts = [
            error.get("code") or error.get("type"),
            error.get("message") or error.get("detail") or error.get("title"),
        ]
        error = ": ".join(str(part) for part in parts if part)
    return " ".join(str(error).split())


def _explained(error: Exception, endpoint: Endpoint) -> ProviderError:
    """Whose fault it is that there was no answer; the message carries no secret."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            why = error.certificate_error
            return ProviderError(f"the certificate of {endpoint.name} is not valid: {why}", fatal=True)
        case aiohttp.InvalidURL():
            return ProviderError(f"{endpoint.name} is not an address of a web server", fatal=True)
        case TimeoutError():
            return ProviderError(f"{endpoint.name} did not answer in time")
        case _:
            text = f"the connection to {endpoint.name} failed: {type(error).__name__}: {error}"
            return ProviderError(endpoint.without_secrets(text)[:MAX_REASON_CHARS])

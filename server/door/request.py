"""A request as its sender signed it, and what is said when it is not let in. Pure."""

from __future__ import annotations

from hmac import compare_digest
from urllib.parse import parse_qsl

from msgspec import Struct

from link.errors import VoicewireError

FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 500
"""Of a form or a query; carriers send about 30."""


class Refused(VoicewireError):
    """A request that is not let in. The text is for the log: it holds no secret and nothing that the sender wrote."""


class Request(Struct, frozen=True):
    """What signatures are over. The address is ours, as it is configured: no header tells it."""

    method: str
    base: str
    """Scheme, host and perhaps port, without a slash: `wss://voice.example.org`; empty if no `public_url` is set."""
    target: str
    """Path and query, as they came."""
    headers: dict[str, str] = {}
    """Names in lower case; one that came several times has its values joined by `, `."""
    body: bytes = b""
    remote: str = ""
    """The address at the other end of the connection."""

    def __repr__(self) -> str:
        return f"Request({self.method})"  # the target may hold a ticket, the headers a password

    @property
    def url(self) -> str:
        """The address that was asked for."""
        return self.base + self.target

    @property
    def query(self) -> list[tuple[str, str]]:
        """Names and values behind the `?`, decoded. Raises Refused."""
        return _fields(self.target.partition("?")[2])

    @property
    def form(self) -> list[tuple[str, str]] | None:
        """Names and values of a form, decoded; None where the body is something else. Raises Refused."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return _fields(self.body.decode(errors="replace")) if kind == FORM else None

    def header(self, name: str) -> str:
        """A header that must be there. Raises Refused."""
        value = self.headers.get(name, "")
        if not value:
            raise Refused(f"it has no header {name}")
        return value


def same(given: str, wanted: str) -> bool:
    """Whether two secrets are equal, in a time that tells nothing."""
    return compare_digest(encoded(given), encoded(wanted))


def encoded(text: str) -> bytes:
    """A text as UTF-8, also one with half characters: what came as no UTF-8 at all is compared, and does not fit."""
    return text.encode(errors="surrogatepass")


def _fields(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Refused(f"it has more than {MAX_FIELDS} fields") from None

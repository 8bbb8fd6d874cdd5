"""How the brain's server misbehaves when it is told to, for tests and load. Pure: the dice are passed in."""

from __future__ import annotations

from random import Random

import msgspec
from msgspec import Struct, structs

from link.errors import ConfigError


class Faults(Struct, frozen=True, forbid_unknown_fields=True):
    """Delays apply to every response; the other fields, each or together, to a share `probability` of them.

    Events are counted in each response, from its first. `drop_after_events` ends the connection after that many, with
    `close_code`, or without a close frame where that is None. `stall_after_events` sends nothing more on the
    connection, which stays open and answers pings. `garbage_after_events` sends one message that is not JSON, and goes
    on. `fail_after_events` breaks the response off with `response.failed`, `filter_after_events` with
    `response.incomplete` (content_filter). `forget_responses` knows no `previous_response_id`. `error_event` answers
    with an `error` event of this code. `reject_status` refuses the upgrade with an HTTP status (with
    `Retry-After: retry_after_s`). `seed` sets the dice.

    Chat Completions has chunks for events, and an HTTP status with each request, where `error_event` and
    `reject_status` belong; a whole answer fails with 500. It knows neither `close_code` nor `forget_responses`.
    """

    first_token_ms: float = 0
    token_ms: float = 0
    drop_after_events: int | None = None
    close_code: int | None = None
    stall_after_events: int | None = None
    garbage_after_events: int | None = None
    fail_after_events: int | None = None
    filter_after_events: int | None = None
    forget_responses: bool = False
    reject_status: int | None = None
    retry_after_s: float | None = None
    error_event: str | None = None
    seed: int = 0
    probability: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ConfigError(f"faults: probability must be from 0 to 1, not {self.probability}")
        if min(self.first_token_ms, self.token_ms) < 0:
            raise ConfigError("faults: first_token_ms and token_ms must not be negative")
        if self.reject_status is not None and not 400 <= self.reject_status <= 599:
            raise ConfigError(f"faults: reject_status must be from 400 to 599, not {self.reject_status}")
        if self.close_code is not None and not (self.close_code in _CLOSE_CODES or 3000 <= self.close_code <= 4999):
            raise ConfigError(f"faults: close_code {self.close_code} cannot be sent on a websocket")

    def strikes(self, dice: Random) -> bool:
        """Whether one response (or one upgrade) is hit."""
        return self.probability >= 1 or dice.random() < self.probability

    def thrown(self, dice: Random) -> Faults:
        """The faults of one response: these, or only their delays."""
        if self.strikes(dice):
            return self
        return structs.replace(NO_FAULTS, first_token_ms=self.first_token_ms, token_ms=self.token_ms)


_CLOSE_CODES = {1000, 1001, 1002, 1003, *range(1007, 1015)}
NO_FAULTS = Faults()

STATUS_OF_ERROR = {
    "rate_limit_exceeded": 429,
    "invalid_api_key": 401,
    "insufficient_quota": 429,
    "model_not_found": 404,
    "server_error": 500,
    "overloaded": 503,
}
"""The HTTP status that goes with an error's code; others have 400."""


def wished(wish: str | None, base: Faults, *, allowed: bool) -> Faults:
    """The faults of one client: the server's, or what it wished for (`?faults=…`) if it may. Raises ConfigError."""
    if not wish:
        return base
    if not allowed:
        raise ConfigError("faults: this server does not take them from clients")
    return parse_faults(wish, base)


def parse_faults(text: str, base: Faults = NO_FAULTS) -> Faults:
    """Read `name:value,name:value`, as `drop_after_events:5,close_code:1011`, over `base`. Raises ConfigError."""
    given = {**msgspec.to_builtins(base)}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, colon, value = pair.partition(":")
        if not colon or name.strip() not in Faults.__struct_fields__:
            known = ", ".join(Faults.__struct_fields__)
            raise ConfigError(f"faults: '{pair}' is not name:value with a name of {known}")
        given[name.strip()] = value.strip()
    try:
        return msgspec.convert(given, Faults, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"faults: {error}") from error

"""What a connection may do: how long it may be silent, how fast it may talk, how long it may refuse to read. Pure."""

from __future__ import annotations

from link.errors import ClientError
from server.config import Limits

TOO_SLOW = 4408  # our own code: the client does not read


class Guard:
    """The limits of one connection. Times are seconds on the clock that is passed in."""

    def __init__(self, limits: Limits, rate_in: int, now: float, silent_since: float | None = None) -> None:
        """`silent_since`: when the connection was opened, if nothing came of it yet."""
        self._limits = limits
        self._rate_in = rate_in
        self._silent_since = silent_since
        self._heard = now  # the last sign of life
        self._pinged = now
        self._window = now
        self._messages = 0
        self._audio_messages = 0
        self._samples = 0

    def alive(self, now: float) -> None:
        """A message, a ping or a pong came."""
        self._heard = now
        self._silent_since = None

    def audio(self, samples: int, now: float) -> None:
        """Audio came. Raises ClientError when it is a flood."""
        self._renew_window(now)
        self._samples += samples
        self._audio_messages += 1
        self._check_speed()

    def message(self, now: float) -> None:
        """A control message, a ping or a pong came. Raises ClientError when it is one of a flood."""
        self._renew_window(now)
        self._messages += 1
        self._check_speed()

    def _renew_window(self, now: float) -> None:
        """First of all: what came before a pause is no part of what comes after it."""
        if now - self._window >= self._limits.flood_s:
            self._window, self._messages, self._audio_messages, self._samples = now, 0, 0, 0

    def _check_speed(self) -> None:
        limits = self._limits
        allowed_s = limits.flood_s * limits.audio_speed
        if self._samples > allowed_s * self._rate_in:
            raise ClientError(
                1008, f"audio came at over {limits.audio_speed:g} times real time for {limits.flood_s:g} s"
            )
        for count, allowed in (
            (self._messages, limits.messages_per_s),
            (self._audio_messages, limits.audio_messages_per_s),
        ):
            if count > allowed * limits.flood_s:
                raise ClientError(1008, f"over {allowed:g} messages a second for {limits.flood_s:g} s")

    def should_ping(self, now: float) -> bool:
        """It is time for a ping; True once each time."""
        if now - self._pinged < self._limits.ping_s:
            return False
        self._pinged = now
        return True

    def check(self, now: float, sending_since: float | None) -> None:
        """Called now and then. Raises ClientError for a client that is silent or does not read."""
        limits = self._limits
        if sending_since is not None and now - sending_since >= limits.write_s:
            raise ClientError(TOO_SLOW, f"the client did not read for {limits.write_s:g} s")
        if self._silent_since is not None and now - self._silent_since >= limits.first_message_s:
            raise ClientError(1008, f"nothing came for {limits.first_message_s:g} s after the connection was opened")
        if now - self._heard >= limits.idle_s:
            raise ClientError(1001, f"no sign of life for {limits.idle_s:g} s")

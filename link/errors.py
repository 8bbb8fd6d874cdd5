"""The error tree, split by whose fault it is: that decides the close code and whether to try again.

`ClientError` is the caller's, `ProviderError` a service's, `ConfigError` the operator's. Anything else is ours.
"""

from __future__ import annotations


class VoicewireError(Exception):
    """The base of every error that this server raises on purpose."""


class ConfigError(VoicewireError):
    """A setting or an agent file is wrong; the message names the key and says what to do."""


class Overloaded(VoicewireError):
    """A pool or the server is full; the call is refused with 503 or close code 1013."""


class ClientError(VoicewireError):
    """The peer on a call's socket broke the wire's rules.

    `code` is the websocket close code that answers it (1003, 1007, 1008, 1009, 4408).
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class ProviderError(VoicewireError):
    """A service failed. `fatal` means that asking again cannot help (wrong key, unknown model).

    `retry_after_s` is the provider's own wish, or None. `status` is HTTP's, or 0.
    """

    def __init__(
        self, message: str, *, fatal: bool = False, retry_after_s: float | None = None, status: int = 0
    ) -> None:
        super().__init__(message)
        self.status = status
        self.fatal = fatal
        self.retry_after_s = retry_after_s


def install(extra: str) -> str:
    """The command that brings the packages of an extra of pyproject.toml. Voicewire stands on no package index."""
    return f".venv/bin/pip install -e '.[{extra}]'"

"""Text that can be sent and written to a file, and what comes of text that cannot be read. Pure."""

from __future__ import annotations

import msgspec

UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What reading a peer's JSON may raise: it is none, or no UTF-8, or brackets without end."""


def utf8_text(text: str) -> str:
    """The text, with `?` for what UTF-8 cannot say: half of a surrogate pair, as some clients cut emoji."""
    return text.encode(errors="replace").decode()

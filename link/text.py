"""Text that can be sent and written to a file. Pure."""

from __future__ import annotations


def utf8_text(text: str) -> str:
    """The text, with `?` for what UTF-8 cannot say: half of a surrogate pair, as some clients cut emoji."""
    return text.encode(errors="replace").decode()

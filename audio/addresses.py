"""Addresses as they are said: "example dot org slash help", "ann at example dot org". Pure.

Here are the patterns that find them in a text, and the words for what was found. Digits stay digits.
"""

from __future__ import annotations

import re

PATH_CHARS = 40  # a longer path is not said: nobody writes it down from a call

_ENDING = r".,;:!?_~"  # at the end of an address these belong to the sentence
_CHAR = rf"[^\s<>\[\]()\"'`*|\\^{{}}“”„{_ENDING}]"
_REST = rf"(?:[{_ENDING}]*(?:{_CHAR}|\([^\s()<>]*+\)))"
_LABEL = r"[a-zA-Z0-9][a-zA-Z0-9-]{0,62}"
_TOP = "com|org|net|edu|gov|int|mil|info|biz|app|dev|io|ai|co|cloud|shop|site|online|xyz|tv|uk|eu|de|ch|fr|es|nl|pl"

URL = rf"(?i:https?://|www\.){_REST}+"
DOMAIN = rf"(?<![\w@/.-])(?:{_LABEL}\.)+(?i:{_TOP})(?:\.[a-z]{{2}})?(?![\w-]|\.\w)(?::\d{{1,5}}\b)?(?:/{_REST}*)?"
EMAIL = r"(?<![\w.+-])(?:mailto:)?[\w.+-]{0,64}\w@[\w-]+(?:\.[\w-]+)*"

_SIGNS = {".": "dot", "@": "at", "-": "dash", "_": "underscore", "+": "plus", ":": "colon", "~": "tilde", "=": "equals"}
_SIGN = re.compile(r"[\W_]")
_BEFORE = re.compile(r"(?i:https?://)?(?:[^/@]*@)?(?i:www\.)?")  # also a name and a password


def say_url(url: str) -> str:
    """Host and path: https://www.example.org/help?id=1 -> "example dot org slash help"."""
    place = re.split("[?#]", url, maxsplit=1)[0]
    host, _, path = place[_end_of_scheme(place) :].rstrip("/").partition("/")
    parts = [host, *path.split("/")] if path and len(path) <= PATH_CHARS else [host]
    return " slash ".join(filter(None, map(spelled, parts)))


def say_email(address: str) -> str:
    """ann.lee@example.org -> "ann dot lee at example dot org"."""
    return spelled(address.removeprefix("mailto:"))


def spelled(text: str) -> str:
    """A name with its signs in words."""
    return " ".join(_SIGN.sub(lambda sign: f" {_SIGNS.get(sign.group(), '')} ", text).split())


def _end_of_scheme(url: str) -> int:
    found = _BEFORE.match(url)
    return found.end() if found else 0

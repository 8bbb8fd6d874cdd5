"""Small XML documents, in which nothing that a caller sent can become markup. Pure."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, tostring

NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'


def element(tag: str, /, *inside: Element | str, **attributes: str) -> Element:
    """An element with children or a text; attributes that are empty are left out."""
    made = Element(tag, {key: _clean(value) for key, value in attributes.items() if value})
    for each in inside:
        if isinstance(each, str):
            made.text = _clean(each)
        else:
            made.append(each)
    return made


def document(*verbs: Element) -> str:
    """The answer to a webhook: the verbs in a `Response`."""
    return DECLARATION + tostring(element("Response", *verbs), encoding="unicode")


def _clean(text: str) -> str:
    return NO_XML.sub("", text)

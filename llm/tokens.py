"""An estimate of tokens: for bounds, not for bills. No provider's tokenizer is asked, and each has its own. Pure.

The rule, with its sources:

* text: one token for each 4 bytes of UTF-8, rounded up (OpenAI's "4 characters of English"); one for each letter of
  Chinese, Japanese and Korean, whose 3 bytes are about a token;
* a message: 4 more, for its role and its edges; a function call counts as two messages, the call and its result;
* a picture (OpenAI's tiles): 85, and unless its detail is `low`, 170 for each square of 512 px, once its longer side is
  at most 2048 px and its shorter one 768; one of unknown size counts as 1024 by 1024;
* a recording: 10 a second (OpenAI's realtime models: one for 100 ms); an MP3 counts as 128 kbit/s.

More text never has fewer tokens.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import msgspec

from llm.events import Request
from llm.items import AssistantMessage, Audio, DeveloperMessage, Image, Item, Media, UserMessage

BYTES_A_TOKEN = 4
MESSAGE_TOKENS = 4
# Radicals to Yi, Hangul, compatibility ideographs and forms, full width; and what lies beyond the first plane.
_WIDE = re.compile(
    "[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]+"
)
_IMAGE_TOKENS = 85
_TILE_TOKENS = 170
_TILE_PX = 512
_LONG_PX = 2048
_SHORT_PX = 768
_UNKNOWN_PX = 1024
_AUDIO_TOKENS_A_S = 10
_MP3_BYTES_A_S = 16_000
_MIN_WAV_BYTES_A_S = 4_000  # a header may say anything
_LONGEST_WORD = 40


def estimated_tokens(value: str | Item | Sequence[Item] | Request) -> int:
    """About how many tokens a model reads here; the rule stands at the top of this file."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Request):
        tools = sum(_text(msgspec.json.encode(tool).decode()) for tool in value.tools)
        note = _message(value.note) if value.note else 0
        return _message(value.instructions) + estimated_tokens(value.items) + tools + note
    if isinstance(value, UserMessage | DeveloperMessage | AssistantMessage):
        return _item(value)
    return sum(map(_item, value))


def shortened(text: str, max_tokens: int) -> str:
    """The beginning of a text, at most so many tokens of it, up to the end of a word; `…` where it was cut."""
    if _text(text) <= max_tokens:
        return text
    low, high = 0, len(text)  # the longest beginning that fits lies here: more text never has fewer tokens
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _text(f"{text[:middle]}…") <= max_tokens else (low, middle - 1)
    return f"{_whole_words(text[:low], text[low])}…" if low else ""


def _whole_words(piece: str, following: str) -> str:
    """Without the word that was cut, if it is one of a usual length."""
    if following.isspace():
        return piece.rstrip()
    head, tail = piece[:-_LONGEST_WORD], piece[-_LONGEST_WORD:]
    return head + re.sub(r"\s+\S*\Z", "", tail)


def _text(text: str) -> int:
    if text.isascii():
        return -(-len(text) // BYTES_A_TOKEN)
    wide = "".join(_WIDE.findall(text))
    narrow_bytes = _size(text) - _size(wide)
    return len(wide) - (-narrow_bytes // BYTES_A_TOKEN)


def _size(text: str) -> int:
    return len(text.encode(errors="replace"))


def _message(text: str) -> int:
    return MESSAGE_TOKENS + _text(text)


def _item(item: Item) -> int:
    tokens = _message(item.text)
    if isinstance(item, UserMessage):
        tokens += sum(map(_medium, item.media))
    elif isinstance(item, AssistantMessage):
        tokens += sum(_message(call.name + call.arguments) + _message(call.output) for call in item.calls)
        tokens += sum(_message(thought.item) for thought in item.reasoning)
    return tokens


def _medium(medium: Media) -> int:
    if isinstance(medium, Audio):
        return math.ceil(len(medium.data) / _bytes_a_s(medium) * _AUDIO_TOKENS_A_S)
    if medium.detail == "low":
        return _IMAGE_TOKENS
    return _IMAGE_TOKENS + _TILE_TOKENS * _tiles(medium)


def _tiles(image: Image) -> int:
    width = image.width_px or image.height_px or _UNKNOWN_PX
    height = image.height_px or width
    factor = min(1.0, _LONG_PX / max(width, height), _SHORT_PX / min(width, height))
    return math.prod(math.ceil(max(1, round(side * factor)) / _TILE_PX) for side in (width, height))


def _bytes_a_s(audio: Audio) -> int:
    """From the header of a WAV file: the byte rate is the 4 bytes at 28."""
    if audio.format == "wav":
        return max(int.from_bytes(audio.data[28:32], "little"), _MIN_WAV_BYTES_A_S)
    return _MP3_BYTES_A_S

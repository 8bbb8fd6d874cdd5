"""What a child writes, as it is read: also where its JSON is a little wrong."""

from __future__ import annotations

import pytest
from mcp_types import JSONRPCError, JSONRPCResponse

from llm.mcp_http import FAILED
from llm.mcp_lines import message_of


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (rb"a \ud83d\ude00 b", "a \N{GRINNING FACE} b"),
        (rb"a \ud83d", "a \ufffd"),
        (rb"a \ude00 b", "a \ufffd b"),
        (rb"\uD83D\uD83D\uDE00", "\ufffd\N{GRINNING FACE}"),
        (rb"\ude00\ud83d", "\ufffd\ufffd"),
        (rb"\\ud83d \ud83d", "\\ud83d \ufffd"),
        (rb"\\\ud83d\n", "\\\ufffd\n"),
        (b"caf\xe9", "caf\ufffd"),
        (b"caf\xc3\xa9 \xed\xa0\xbd", "caf\xe9 \ufffd\ufffd\ufffd"),
        (b"a\x00\tb", "a\x00\tb"),
    ],
)
def test_letters_that_are_none_are_replaced(written: bytes, read: str) -> None:
    message = message_of(b'{"jsonrpc":"2.0","id":7,"result":{"text":"' + written + b'"}}\n')
    assert isinstance(message, JSONRPCResponse)
    assert (message.id, message.result) == (7, {"text": read})


@pytest.mark.parametrize(
    ("line", "number"),
    [
        (b'{"jsonrpc":"2.0","id":7,"result":[1]}', 7),
        (b'{"result":{},"id":"a"}', "a"),
        (b'{"jsonrpc":"2.0","id":7,"error":"no"}', 7),
        (b'{"jsonrpc":"2.0","id":7,"result":{"a":', 7),
        (b' { "id": 7, "result": {"a": tru}}', 7),
        (b'{"id":7,"result":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 7),
    ],
)
def test_an_answer_that_cannot_be_read_is_an_error(line: bytes, number: int | str) -> None:
    message = message_of(line)
    assert isinstance(message, JSONRPCError)
    assert (message.id, message.error.code) == (number, FAILED)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"a banner",
        b"\xff",
        b"null",
        b"[1]",
        b"{}",
        b"{" * 1000,
        b"[" * 100_000,
        b'{"id":true,"result":[1]}',
        b'{"id":[7],"result":[1]}',
        b'{"id":7}',
        b'{"id":7,"method":5}',
        b'log: {"id":7,"result":{"a":tru}}',
        b'{"a":{"id":7,"result":{"a":tru}}}',
    ],
)
def test_what_is_no_message_is_none(line: bytes) -> None:
    assert message_of(line) is None

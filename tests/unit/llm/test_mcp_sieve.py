"""What a server lists as a tool and that is none is taken out of its list, by each version of the protocol."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCNotification, JSONRPCResponse
from mcp_types.version import KNOWN_PROTOCOL_VERSIONS

from llm.mcp_sieve import MAX_REASON, Sieve

GOOD = {"name": "good", "inputSchema": {"type": "object"}}
VERSION = "2025-06-18"
IN_2026 = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}


def sifted(result: dict[str, Any], version: str = VERSION) -> tuple[Any, list[tuple[str, str]]]:
    """What is left of the tools, and what was wrong with the others."""
    sieve = Sieve()
    sieve.version = version
    message = JSONRPCResponse(jsonrpc="2.0", id=1, result=result)
    sieve.sift(SessionMessage(message))
    return message.result.get("tools"), sieve.faults


@pytest.mark.parametrize("version", KNOWN_PROTOCOL_VERSIONS)
@pytest.mark.parametrize(
    ("tool", "fault"),
    [
        ({"name": "a"}, ("a", "it.inputSchema: Field required")),
        ({"name": "a", "inputSchema": {}}, ("a", "it.inputSchema.type: Field required")),
        ({"name": "a", "description": 5, "inputSchema": {"type": "object"}}, ("a", "it.description: ")),
        ({"name": 5, "inputSchema": {"type": "object"}}, ("", "it.name: ")),
        (None, ("", "it: Input should be a valid dictionary")),
    ],
)
def test_what_is_no_tool_is_taken_out(tool: Any, fault: tuple[str, str], version: str) -> None:
    left, faults = sifted({"tools": [GOOD, tool, GOOD], **IN_2026}, version)
    assert left == [GOOD, GOOD]
    ((name, what),) = faults
    assert name == fault[0]
    assert what.startswith(fault[1])
    assert len(what) <= MAX_REASON


@pytest.mark.parametrize("result", [{"tools": [GOOD]}, {"tools": []}, {"tools": "none"}, {"content": []}, {}])
def test_what_is_right_or_no_list_stays(result: dict[str, Any]) -> None:
    assert sifted(dict(result)) == (result.get("tools"), [])


def test_what_is_wrong_with_the_list_itself_is_not_said_of_its_tools() -> None:
    assert sifted({"tools": [GOOD], "nextCursor": 5}) == ([GOOD], [])


def test_before_the_version_is_known_and_for_other_messages_nothing_happens() -> None:
    assert sifted({"tools": [None]}, "") == ([None], [])
    sieve = Sieve()
    sieve.version = VERSION
    sieve.sift(SessionMessage(JSONRPCNotification(jsonrpc="2.0", method="x", params={"tools": [None]})))
    sieve.sift(ValueError("no message"))
    assert sieve.faults == []

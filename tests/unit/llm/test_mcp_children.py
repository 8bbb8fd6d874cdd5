"""MCP servers that are child processes and behave badly: they die, hang, shout, and do not want to go."""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import signal
from pathlib import Path
from random import Random

import msgspec
import pytest
from mcp.shared import jsonrpc_dispatcher
from mcp_types import TextContent

from link.errors import ConfigError
from llm import mcp_link, mcp_stdio
from llm.mcp import MCPServer
from llm.mcp_link import ServerLink
from tests.unit.llm.mcp_stand import Owner, Stand, lives, odd, using
from tests.unit.server.logbook import Logbook

TOKEN = "token-0123456789"
pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that does not go is not waited for as long as in earnest."""
    monkeypatch.setattr(mcp_stdio, "GRACE_S", 0.2)


async def pid_of(stand: Stand) -> int:
    """The child."""
    return int(await stand.call("pid"))


async def another_than(pid: int, stand: Stand) -> int:
    """The child that came after this one; a call that came too early is lost."""
    while not (said := await stand.call("pid")).isdigit() or int(said) == pid:
        await asyncio.wait([asyncio.create_task(asyncio.sleep(0.01))])
    return int(said)


async def refused(server: MCPServer) -> str:
    """Why a server cannot be used."""
    with pytest.raises(ConfigError) as caught:
        async with using(server):
            pass
    return str(caught.value)


# --- what dies --------------------------------------------------------------------------------------------------------


async def test_a_child_that_is_killed_in_mid_call_fails_the_call_and_is_started_again() -> None:
    with Logbook() as log:
        async with using(odd()) as stand:
            first = await pid_of(stand)
            call = asyncio.create_task(stand.call("hang"))
            assert await stand.call("work") == "done", "so the call before has arrived"
            os.kill(first, signal.SIGKILL)
            lost = "Error: the connection to the tool server 'python' was lost while 'hang' ran"
            assert await call == f"{lost}; whether it was done is not known."
            assert not lives(first)
            second = await another_than(first, stand)
            assert await stand.call("work") == "done"
        assert not lives(second)
    assert log.said("the tool server python is lost: it died of signal 9; connecting again", "WARNING")
    assert log.said("the tool server python is back", "INFO")
    assert log.failures == []


async def test_a_child_that_stops_in_the_middle_is_found_out_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_link, "REREAD_S", 60.0)  # it is not found out by a look at its list
    async with using(odd(timeout_s=0.2, connect_s=0.6)) as stand:
        first = await pid_of(stand)
        assert await stand.call("freeze") == "Error: 'freeze' did not answer within 0.2 s."
        await another_than(first, stand)
        assert not lives(first), "stopped as it was, it was ended"


async def test_a_call_that_takes_too_long_does_not_end_a_server_that_is_there() -> None:
    async with using(odd(timeout_s=0.35, connect_s=0.6)) as stand:
        first = await pid_of(stand)
        for _ in range(2):  # longer than it may take to connect
            assert await stand.call("hang") == "Error: 'hang' did not answer within 0.35 s."
        assert await pid_of(stand) == first


@pytest.mark.parametrize(
    ("tool", "reason"),
    [("giant", "it sent a message of over 4 MiB"), ("deafen", "it closed its stdin")],
)
async def test_a_child_that_breaks_the_line_is_replaced(tool: str, reason: str) -> None:
    with Logbook() as log:
        async with using(odd(timeout_s=5.0)) as stand:
            first = await pid_of(stand)
            call = asyncio.create_task(stand.call(tool))
            if tool == "deafen":
                await asyncio.wait([call], timeout=0.05)
                await stand.call("work")
            assert "was lost while" in await call
            await another_than(first, stand)
            assert not lives(first)
    assert log.said(f"is lost: {reason}; connecting again")


async def test_a_call_that_is_given_up_does_not_wait_until_its_frozen_child_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jsonrpc_dispatcher, "_ABANDON_WRITE_TIMEOUT", 60.0)
    async with using(odd(timeout_s=0.3, connect_s=0.6)) as stand:
        frozen = asyncio.create_task(stand.call("freeze"))
        calls = [asyncio.create_task(stand.call("work", text="x" * 200_000)) for _ in range(3)]  # the pipe is full
        assert await frozen == "Error: 'freeze' did not answer within 0.3 s."
        assert {await call for call in calls} == {"Error: 'work' did not answer within 0.3 s."}


async def test_a_server_that_is_lost_while_others_start_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_link, "delays", lambda *_, **__: itertools.repeat(60.0))
    owner = Owner()
    link = ServerLink(odd(), owner.spawn, Random(1), lambda _: None)
    link.begin()
    try:
        async with asyncio.timeout(20):
            client = await link.reachable(math.inf)
            assert client is not None
            (said,) = (await client.call_tool("pid", {})).content
            assert isinstance(said, TextContent)
            os.kill(int(said.text), signal.SIGKILL)
            while not link.is_lost(client):
                await asyncio.wait([asyncio.create_task(asyncio.sleep(0.01))])
            await link.until_up()
    finally:
        link.end()
        await link.close()


# --- what says odd things ---------------------------------------------------------------------------------------------


async def test_garbage_on_stdout_is_ignored_and_told_once() -> None:
    with Logbook() as log:
        async with using(odd()) as stand:
            assert [await stand.call("garbage") for _ in range(3)] == ["done"] * 3
    assert len([entry for entry in log.entries if "writes other things" in entry.message]) == 1
    assert log.failures == [], "and no traceback of the package"


async def test_a_result_that_is_none_is_an_error_for_the_model() -> None:
    async with using(odd()) as stand:
        assert (await stand.call("wrong")).startswith("Error: 'wrong' gave a result that cannot be used: ")
        assert await stand.call("work") == "done"


ANSWER = '{"jsonrpc":"2.0","id":NUMBER,"result":{"content":[{"type":"text","text":"%s"}]}}'


@pytest.mark.parametrize(
    ("written", "read"), [("a nice day \\ud83d", "a nice day \ufffd"), ("caf\xe9", "caf\ufffd"), ("a\tb", "a\tb")]
)
async def test_an_answer_with_a_letter_that_is_none_is_an_answer(written: str, read: str) -> None:
    async with using(odd()) as stand:
        assert await stand.call("raw", line=ANSWER % written) == read


@pytest.mark.parametrize("line", ['{"jsonrpc":"2.0","id":NUMBER,"result":[1]}', '{"id":NUMBER,"result":{"a":tru}}'])
async def test_an_answer_that_cannot_be_read_is_an_error_at_once(line: str) -> None:
    async with using(odd(timeout_s=60.0)) as stand:
        said = await stand.call("raw", line=line)
        assert said == "Error: the tool server 'python': its answer is no message of MCP"
        assert await stand.call("work") == "done"


async def test_a_tool_with_a_schema_that_is_none_is_left_out_and_the_others_stay() -> None:
    with Logbook() as log:
        async with using(odd()) as stand:
            assert "odd" not in stand.names
            assert "work" in stand.names
            await stand.call("vanish")
            await stand.until("work", offered=False)
    said = [
        entry.message for entry in log.entries if "left out: tool 'odd': its schema is no JSON schema" in entry.message
    ]
    assert len(said) == 1, "the same fault is not told with every list"


async def test_what_is_no_tool_at_all_is_left_out_and_the_others_stay() -> None:
    server = odd("shapeless")
    with Logbook() as log:
        async with using(msgspec.structs.replace(server, exclude=["hidden"])) as stand:
            assert await stand.call("work") == "done"
            await stand.call("vanish")
            await stand.until("work", offered=False)
            assert "raw" in stand.names
    said = [entry.message.partition("left out: ")[2] for entry in log.entries if "no tool of MCP" in entry.message]
    assert [each.partition(" is no tool of MCP")[0] for each in said] == [
        *("'no-schema'", "'null-schema'", "'number'", "''", "''")
    ], "each is told once"
    assert said[0].endswith(": it.inputSchema: Field required")


async def test_the_words_of_a_tool_that_failed_are_told_with_its_json() -> None:
    result = '{"isError":true,"structuredContent":{"ok":false},"content":[{"type":"text","text":"the disk is full"}]}'
    async with using(odd()) as stand:
        said = await stand.call("raw", line=f'{{"jsonrpc":"2.0","id":NUMBER,"result":{result}}}')
    assert said == 'Error: the disk is full\n{"ok":false}'


async def test_what_it_says_on_stderr_is_logged_in_bounds() -> None:
    with Logbook() as log:
        async with using(odd("chatty")) as stand:
            assert await stand.call("work") == "done"
    said = [entry for entry in log.entries if "says: " in entry.message]
    assert said[0].message == "the tool server python says: line 0"
    assert 20 <= len(said) <= 60
    assert {entry.level for entry in said} == {"DEBUG"}
    assert max(len(entry.message) for entry in said) < 600


async def test_a_server_that_leaves_at_a_word_of_2026_is_asked_in_the_old_way() -> None:
    async with using(odd("strict")) as stand:
        first = await pid_of(stand)
        os.kill(first, signal.SIGKILL)
        await another_than(first, stand)
        assert not lives(first)


# --- what cannot be used ----------------------------------------------------------------------------------------------


async def test_a_program_that_does_not_exist() -> None:
    said = await refused(MCPServer(command="no-such-program", args=[TOKEN]))
    assert said == (
        "the tool server 'no-such-program' cannot be used: there is no program 'no-such-program';"
        " install it, or give its whole path"
    )


async def test_a_program_that_cannot_be_run(tmp_path: Path) -> None:
    file = tmp_path / "server"
    file.write_text("no program at all")
    file.chmod(0o755)
    said = await refused(MCPServer(command=str(file)))
    assert said.endswith("cannot be started: Exec format error")


async def test_a_program_that_ends_says_its_last_words_without_our_secrets() -> None:
    said = await refused(odd("leaves", env={"TEST_TOKEN": TOKEN}))
    assert said == ("the tool server 'python' cannot be used: it ended with code 7; its last words: no database at ***")


async def test_a_program_that_is_no_server_of_tools() -> None:
    said = await refused(MCPServer(command="cat"))  # it answers with what it was asked
    assert said.startswith("the tool server 'cat' cannot be used: it does not speak MCP as we do: ")


@pytest.mark.parametrize("word", ["deaf", "mute"])
async def test_a_program_that_says_nothing(word: str) -> None:
    said = await refused(odd(word, connect_s=0.4))
    assert said.partition("cannot be used: ")[2] in (
        "it did not answer as an MCP server within 0.4 s",
        "it closed its stdout",
    )


# --- the end ----------------------------------------------------------------------------------------------------------


async def test_a_child_that_does_not_want_to_go_is_killed() -> None:
    async with using(odd("stubborn")) as stand:
        pid = await pid_of(stand)
    assert not lives(pid)


async def test_the_children_of_a_child_go_with_it(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    async with using(odd("parent", env={"TEST_NOTE": str(note)})) as stand:
        await stand.call("work")
        other = int(note.read_text())
        assert lives(other)
    await over(other)


@pytest.mark.parametrize("words", [("aloof",), ("aloof", "hard")])
async def test_the_children_of_a_child_that_is_over_already_go_too(words: tuple[str, ...], tmp_path: Path) -> None:
    note = tmp_path / "pid"
    async with using(odd("parent", *words, env={"TEST_NOTE": str(note)})) as stand:
        await stand.call("work")
        other = int(note.read_text())
        os.kill(await pid_of(stand), signal.SIGKILL)
        await over(other)
        await stand.call("work")
        another = int(note.read_text())
        assert lives(another)
    await over(another)


async def test_closing_while_it_connects_leaves_no_child() -> None:
    stand = Stand(odd("deaf"))
    start = asyncio.create_task(stand.mcp.start())
    while not children():
        await asyncio.wait([start], timeout=0.01)
    start.cancel()
    await asyncio.wait([start])
    assert start.cancelled()
    await asyncio.sleep(0)
    assert stand.owner.tasks == set()
    assert children() == []


async def test_closing_while_it_is_away_or_twice_is_no_trouble() -> None:
    async with using(odd()) as stand:
        os.kill(await pid_of(stand), signal.SIGKILL)
        assert "was lost while" in await stand.call("hang")
        await stand.mcp.close()
        await stand.mcp.close()
    assert children() == []


async def test_a_task_that_is_cancelled_a_second_time_kills_its_child_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(mcp_stdio, "GRACE_S", 60.0)
    note = tmp_path / "pid"
    async with using(odd("stubborn", "parent", env={"TEST_NOTE": str(note)})) as stand:
        pid = await pid_of(stand)
        (task,) = stand.owner.tasks
        task.cancel()
        assert not (await asyncio.wait([task], timeout=0.1))[0]
        assert lives(pid), "it has its time to go by itself"
        task.cancel()
        await asyncio.wait([task])
        assert not lives(pid)
        await over(int(note.read_text()))


async def over(pid: int) -> None:
    """Wait for the end of a process that was killed: it needs a moment."""
    async with asyncio.timeout(5):
        while runs(pid):
            await asyncio.wait([asyncio.create_task(asyncio.sleep(0.01))])


def runs(pid: int) -> bool:
    """Whether a process is there, and no zombie that waits for whoever takes in orphans."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children() -> list[str]:
    """Our children of the odd kind."""
    found = []
    for line in Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split():
        command = Path(f"/proc/{line}/cmdline").read_bytes().decode()
        found += [command] if "mcp_odd" in command or not command else []
    return found

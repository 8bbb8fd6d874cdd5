"""The journals of real calls: what stands in them, how large they get, and what a fresh core does with them."""

from __future__ import annotations

import asyncio
import errno
import io
from functools import lru_cache
from pathlib import Path

import msgspec
import pytest

from audio.playout import Playout, PlayoutOptions
from link.errors import ConfigError
from server import __version__
from server.__main__ import main
from server.agent import Agent
from server.call import events as e
from server.call.core import Core
from server.call.hub import Hub
from server.call.journal import LIMIT_BYTES, Difference, Header, JournalFile, Line, replay
from server.call.policy import CallSettings
from server.commands import serve
from tests.sim.replayed import KeptBytes
from tests.unit.server.call.session_stand import virtual
from tests.unit.server.logbook import Logbook
from tests.unit.server.parts import Call
from tests.unit.server.server_stand import ServerStand
from tests.virtual.conversations import CONVERSATIONS
from tests.virtual.link import Drop
from tests.virtual.loop import run
from tests.virtual.stand import call

OPTIONS = PlayoutOptions()


def difference(journal: bytes) -> Difference | None:
    """Where a fresh core first does something else."""
    return next((found for _, found in replay(io.BytesIO(journal)) if found is not None), None)


def journals_in(folder: Path) -> dict[str, bytes]:
    """The files of a folder."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def facts(journal: bytes) -> list[Line]:
    """The facts of a journal that replays."""
    assert difference(journal) is None
    return [line for line, _ in replay(io.BytesIO(journal))]


@lru_cache
def journal_of(conversation: int, drops: tuple[Drop, ...] = ()) -> bytes:
    """The journal of a real call with the demo, held in virtual time."""
    file = KeptBytes()
    chosen = CONVERSATIONS[conversation]
    steps = chosen.steps()
    run(call(chosen.make_agent(), steps, drops, journal=lambda *made: JournalFile(file, Header(__version__, *made))))
    return file.getvalue()


# --- replay -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("conversation", range(len(CONVERSATIONS)), ids=[each.name for each in CONVERSATIONS])
@pytest.mark.parametrize("drops", [(), (Drop(9, "reset"), Drop(30, "stall"))], ids=["no drops", "drops"])
def test_a_fresh_core_does_the_same_with_a_real_call(conversation: int, drops: tuple[Drop, ...]) -> None:
    with Logbook():
        assert len(facts(journal_of(conversation, drops))) > 50


@virtual
async def test_audio_without_word_times_is_replayed_in_its_order(tmp_path: Path) -> None:
    agent = Agent(greeting="Hello there you people of the north and the south of this large country.")
    voice = {"name": "tests.unit.server.parts:wordless"}
    async with ServerStand(agent, journal=str(tmp_path), tts=voice) as stand:
        client = await stand.call()
        await asyncio.sleep(11)
        await client.say("end")
        await stand.over()
    (journal,) = journals_in(tmp_path).values()
    assert facts(journal)


# --- a journal that was changed ---------------------------------------------------------------------------------------


def lines_of_a_call() -> tuple[list[bytes], list[int]]:
    """A real journal as lines, and the numbers of those that hold commands, counted from 1."""
    with Logbook():
        lines = journal_of(0).splitlines(keepends=True)
    return lines, [number for number, line in enumerate(lines, 1) if b'"did":' in line]


def changed(line: bytes) -> bytes:
    """The same line with another first command."""
    whole = msgspec.json.decode(line)
    whole["did"][0]["type"] = "Another"
    return msgspec.json.encode(whole) + b"\n"


def test_commands_that_were_changed_are_reported_with_their_line() -> None:
    lines, commands = lines_of_a_call()
    for number in commands[::5]:
        line = lines[number - 1]
        found = difference(b"".join([*lines[: number - 1], changed(line), *lines[number:]]))
        assert found is not None
        assert found.line == number
        assert found.core == msgspec.json.decode(line)["did"]
        assert found.journal != found.core


def test_commands_that_were_removed_are_reported_with_the_line_that_came_instead() -> None:
    lines, commands = lines_of_a_call()
    for number in commands[:-1:5]:
        found = difference(b"".join([*lines[: number - 1], *lines[number:]]))
        assert found == Difference(number, [], msgspec.json.decode(lines[number - 1])["did"])


def test_commands_that_were_added_are_reported_with_their_line() -> None:
    lines, commands = lines_of_a_call()
    for number in commands[::5]:
        found = difference(b"".join([*lines[:number], lines[number - 1], *lines[number:]]))
        assert found == Difference(number + 1, msgspec.json.decode(lines[number - 1])["did"], [])


def test_a_fact_that_was_removed_is_missed_where_its_commands_stand() -> None:
    lines, commands = lines_of_a_call()
    for number in commands[::5]:
        found = difference(b"".join([*lines[: number - 2], *lines[number - 1 :]]))
        assert found is not None
        assert found.line == number - 1


def test_settings_that_were_changed_change_what_the_core_does() -> None:
    lines, commands = lines_of_a_call()
    greeting = msgspec.json.decode(lines[0])["settings"]["greeting"].encode()
    found = difference(b"".join([lines[0].replace(greeting, b"Good evening!"), *lines[1:]]))
    assert found is not None
    assert found.line == commands[0]


BROKEN = {
    "no JSON": b"hello\n",
    "half a line": b'{"t":1.0,"fact":{"ty',
    "no fact": b'{"t":1.0}\n',
    "a fact of tomorrow": b'{"t":1.0,"fact":{"type":"Telepathy"}}\n',
    "a fact without its text": b'{"t":1.0,"fact":{"type":"UserText"}}\n',
    "no time": b'{"fact":{"type":"Tick"}}\n',
    "no UTF-8": b'{"t":1.0,"fact":{"type":"UserText","text":"\xff"}}\n',
    "no end to it": b"[" * 100_000,
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_line_that_cannot_be_read_is_named(broken: bytes) -> None:
    lines, commands = lines_of_a_call()
    with pytest.raises(msgspec.DecodeError, match=f"^line {commands[3] + 1}[ :]"):
        difference(b"".join([*lines[: commands[3]], broken]))


@pytest.mark.parametrize("first", [b"", b"\n", b"{}\n", b'{"t":1.0,"fact":{"type":"Tick"}}\n', b"\x00\x01\xff"])
def test_what_does_not_begin_like_a_journal_is_none(first: bytes) -> None:
    with pytest.raises(msgspec.DecodeError, match=r"^line 1: "):
        difference(first)


# --- writing ----------------------------------------------------------------------------------------------------------


@virtual
async def test_each_call_of_a_server_has_its_journal_and_the_command_replays_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = [["One."], [Call("lookup", '{"x": 1}')]]
    model = {"name": "tests.unit.server.parts:model", "answers": answers}
    async with ServerStand(Agent(greeting="Hello."), llm=model, journal=str(tmp_path), token="s3cret") as stand:
        for _ in range(2):
            client = await stand.client(headers=("Authorization: Bearer s3cret",))
            await client.say("start", token="another", metadata={"pin": "pin-1234"})
            await client.hears("bot_stopped")
            await client.say("text", text="one")
            await client.hears("transcript", role="assistant", text="One.", final=True)
            await client.say("text", text="two")
            await client.hears("tool_result")
            await client.say("end")
            await client.closed()
        await (await stand.client()).say("start")  # no token, no call, no journal
        await stand.over()
        ids = {client.of("ready")[0]["call_id"] for client in stand.clients[:2]}
        journals = journals_in(tmp_path)
        assert set(journals) == {f"{each}.journal" for each in ids}
        for name, journal in journals.items():
            assert main(["replay", str(tmp_path / name)]) == 0
            assert capsys.readouterr().out.endswith(" facts, the same commands\n")
            for secret in (b"s3cret", b"another", b"pin-1234"):
                assert secret not in journal


@virtual
async def test_a_call_goes_on_without_the_journal_that_cannot_be_made(tmp_path: Path) -> None:
    async with ServerStand(journal=str(tmp_path / "gone"), expects_failures=True) as stand:
        client = await stand.call()
        await client.say("text", text="hello")
        await client.hears("transcript", role="user", text="hello", final=True)
        assert stand.log.said("a call has no journal: ", "ERROR")


def test_a_folder_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"the journal folder .* cannot be made: "):
        serve._make_folder(tmp_path / "file" / "journals")


def talk(writer: JournalFile, turns: int) -> None:
    """A call of many long turns, written down."""
    settings, playout, now = CallSettings(greeting="Hello."), Playout(OPTIONS), 100.0
    hub = Hub(Core(settings, playout), playout, lambda: now, lambda _: None, writer)
    hub.post(e.Ready())
    for number in range(turns):
        hub.post(e.UserText(f"{number} " + "word " * 12_000))
        now += 1
    writer.close()


def header() -> Header:
    """The beginning of that call's journal."""
    return Header(__version__, "c1", CallSettings(greeting="Hello."), OPTIONS)


def test_a_journal_ends_at_its_limit_says_so_and_can_be_replayed() -> None:
    file = KeptBytes()
    talk(JournalFile(file, header()), 300)
    journal = file.getvalue()
    assert LIMIT_BYTES - 150_000 < len(journal) < LIMIT_BYTES + 100
    assert msgspec.json.decode(journal.splitlines()[-1]) == {"t": 0.0, "full": True}
    assert len(facts(journal)) > 50


class FullDisk(KeptBytes):
    """A file on a disk that is full after so many bytes."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Write, while there is room."""
        self._room -= len(data)
        if self._room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)

    def close(self) -> None:
        """What is buffered does not fit either."""
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_cuts_the_journal_off_and_not_the_call() -> None:
    file = FullDisk(400_000)
    with Logbook() as log:
        talk(JournalFile(file, header()), 20)
    assert [entry.message for entry in log.entries] == [
        "a journal is cut off: [Errno 28] No space left on device",  # the first line that does not fit, once
        "a journal is cut off: [Errno 28] No space left on device",  # and closing it
    ]
    assert len(facts(file.getvalue())) == 3

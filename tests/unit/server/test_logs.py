"""The log: one line for each event that matters, the call's id in each; at INFO nothing that was said or is secret."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator

import pytest
from loguru import logger

from link.errors import ConfigError
from llm.tools import tool
from server import logs
from server.agent import Agent
from tests.unit.server.call.session_stand import virtual
from tests.unit.server.logbook import Entry
from tests.unit.server.parts import Call
from tests.unit.server.server_stand import SERVICES, ServerStand

LINE = re.compile(r"\d\d:\d\d:\d\d\.\d{3} ([A-Z]+|Level \d+) +(.*)")


@pytest.fixture
def _logging_as_it_was() -> Iterator[None]:
    """The process's logging is everybody's."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logger.remove()
    root.handlers[:] = handlers
    root.setLevel(level)


pytestmark = pytest.mark.usefixtures("_logging_as_it_was")


def lines(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """Level and text of each line that was logged; a line of another form is none of ours."""
    out, err = capsys.readouterr()
    assert out == ""
    matches = [LINE.fullmatch(line) for line in err.splitlines()]
    assert None not in matches, err
    return [(match[1], match[2]) for match in matches if match]


# --- the form of a line -----------------------------------------------------------------------------------------------


def test_a_line_has_the_id_of_its_call_where_there_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("INFO", as_json=False)
    logger.info("listening")
    with logger.contextualize(call="c0ffee"):
        logger.warning("too {}", "late")
    assert lines(capsys) == [("INFO", "listening"), ("WARNING", "c0ffee too late")]


@pytest.mark.parametrize(
    ("level", "shown"),
    [("INFO", ["INFO", "ERROR"]), ("debug", ["DEBUG", "INFO", "ERROR"]), ("Error", ["ERROR"]), ("CRITICAL", [])],
)
def test_what_is_below_the_level_is_not_logged(
    capsys: pytest.CaptureFixture[str], level: str, shown: list[str]
) -> None:
    logs.set_up(level, as_json=False)
    for each in ("DEBUG", "INFO", "ERROR"):
        logger.log(each, "x")
    assert [level for level, _ in lines(capsys)] == shown


@pytest.mark.parametrize("level", ["LOUD", "", "20"])
def test_an_unknown_level_is_told_with_those_that_there_are(level: str) -> None:
    with pytest.raises(ConfigError) as caught:
        logs.set_up(level, as_json=False)
    assert str(caught.value) == f"log_level {level!r} is none of {', '.join(logs.LEVELS)}"


@pytest.mark.parametrize("text", ["{} {call} {0}", "<red>x</red>", "% %s", "é €"])
def test_no_text_is_taken_for_a_format(capsys: pytest.CaptureFixture[str], text: str) -> None:
    logs.set_up("INFO", as_json=False)
    logger.info("{}", text)
    assert lines(capsys) == [("INFO", text)]


def test_what_a_peer_says_does_not_look_like_a_line_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("INFO", as_json=False)
    logger.info("lost: {}", "bye\n12:00:00.000 INFO    call ended\r\nx")
    assert lines(capsys) == [("INFO", "lost: bye 12:00:00.000 INFO    call ended x")]


# --- for machines -----------------------------------------------------------------------------------------------------


def test_as_json_each_line_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("INFO", as_json=True)
    logger.info('of two\nlines, with a " and a \u2028')
    with logger.contextualize(call="c0ffee"):
        logger.warning("late")
        try:
            raise ValueError("broken")
        except ValueError:
            logger.exception("failed")
    out, err = capsys.readouterr()
    assert out == ""
    objects = [json.loads(line)["record"] for line in err.split("\n")[:-1]]
    assert [each["level"]["name"] for each in objects] == ["INFO", "WARNING", "ERROR"]
    assert objects[0]["message"] == 'of two\nlines, with a " and a \u2028'
    assert [each["extra"].get("call") for each in objects] == [None, "c0ffee", "c0ffee"]
    assert objects[2]["exception"]["type"] == "ValueError"


# --- tracebacks and libraries -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_shows_no_values(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    logs.set_up("DEBUG", as_json=as_json)

    def fail(said: str) -> int:
        return len(said) // 0

    try:
        fail("my pin is " + "47" + "11")
    except ZeroDivisionError:
        logger.exception("a call failed")
    err = capsys.readouterr().err
    assert "ZeroDivisionError" in err
    assert "in fail" in err
    assert "4711" not in err


def test_warnings_of_libraries_stand_with_ours(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("INFO", as_json=False)
    library = logging.getLogger("some.library")
    library.info("chatter")
    library.warning("%d dropped, {} and <red>", 3)
    library.log(35, "of a level of its own")
    assert lines(capsys) == [
        ("WARNING", "some.library: 3 dropped, {} and <red>"),
        ("Level 35", "some.library: of a level of its own"),
    ]


def test_setting_up_again_replaces_what_was_set_up(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        logs.set_up("INFO", as_json=False)
    logger.info("once")
    logging.getLogger("x").warning("once")
    assert lines(capsys) == [("INFO", "once"), ("WARNING", "x: once")]


# --- a real call ------------------------------------------------------------------------------------------------------

TOKEN = "t0ken-t0ken"
SAID = ("4711", "zanzibar", "quokka", "wombat", "noted", TOKEN)
"""The caller's words, the greeting's, an argument, a result, the bot's words, and the token."""


@tool
def look_up(topic: str) -> str:
    """Look something up."""
    return f"a {topic} is no wombat"


def agent() -> Agent:
    """It greets, and looks things up."""
    return Agent(greeting="Welcome to Zanzibar.", tools=[look_up])


ANSWERS = [["Let me see.", Call("look_up", '{"topic": "quokka"}')], ["It is noted."]]
SHY = ("INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL")


def told(entries: list[Entry], *levels: str) -> str:
    """What stands in the log at these levels, in lower case."""
    return "\n".join(entry.message for entry in entries if entry.level in levels).lower()


@virtual
async def test_a_call_is_told_line_by_line_with_its_id_and_without_its_words() -> None:
    stand = ServerStand(agent(), token=TOKEN, llm={**SERVICES["llm"], "answers": ANSWERS})
    async with stand:
        client = await stand.client()
        await client.say("start", token=TOKEN)
        call_id = (await client.hears("ready"))["call_id"]
        await client.hears("transcript", role="assistant", text="Welcome to Zanzibar.", final=True)
        await client.say("text", text="my number is 4711")
        await client.hears("transcript", role="assistant", text="It is noted.", final=True)
        await client.say("end")
        await client.closed()
        await stand.over()
    of_the_call = [entry for entry in stand.log.entries if entry.call]
    assert {entry.call for entry in of_the_call} == {call_id}
    assert [entry.message for entry in of_the_call if entry.level in SHY] == [
        "call started",
        "link to the language model: up",
        "turn of the bot: 3 words heard",
        "turn of the caller: 4 words",
        "tool look_up started (c1)",
        "tool look_up completed (c1)",
        "turn of the bot: 3 words heard",
        "turn of the bot: 3 words heard",
        "call ended: the client ended the call",
    ]
    assert [word for word in SAID if word in told(stand.log.entries, *SHY)] == []
    assert [word for word in SAID if word in told(stand.log.entries, "DEBUG", "TRACE")] == ["4711", "zanzibar", "noted"]


@virtual
async def test_calls_that_go_on_at_once_have_their_own_ids() -> None:
    async with ServerStand() as stand:
        clients = [await stand.call() for _ in range(3)]
        for words, client in enumerate(clients, 1):
            await client.say("text", text="word " * words)
        for client in clients:
            await client.say("end")
            await client.closed()
    ids = [client.of("ready")[0]["call_id"] for client in clients]
    assert len(set(ids)) == 3
    for words, call_id in enumerate(ids, 1):
        turns = [entry for entry in stand.log.entries if entry.message == f"turn of the caller: {words} words"]
        assert [entry.call for entry in turns] == [call_id]


@virtual
async def test_a_wrong_token_is_not_written_down() -> None:
    async with ServerStand(token=TOKEN) as stand:
        client = await stand.client(headers=("Authorization: Bearer wr0ng-t0ken",))
        await client.say("start", token="wr0ng-t0ken")
        assert await client.closed() == 1008
    assert stand.log.said("no call: the token is missing or wrong", "INFO")
    assert "t0ken" not in told(stand.log.entries, *SHY, "DEBUG", "TRACE")

"""The command line: help for a person, and one sentence and an exit code for what cannot be done."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest
from loguru import logger

from audio.playout import Playout, PlayoutOptions
from llm.events import Delta, LinkUp, ReplyDone
from server import __version__
from server.__main__ import COMMANDS, main
from server.call import events as e
from server.call.core import Core
from server.call.hub import Hub
from server.call.journal import Header, JournalFile
from server.call.policy import CallSettings

ROOT = Path(__file__).parents[3]
AGENT = "from server.agent import Agent\nagent = Agent(stt='scripted', llm='scripted', tts='scripted')\n"
PATIENCE_S = 30.0


@pytest.fixture(autouse=True)
def clean_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder with an agent, none of our variables, and the process's logging as it was."""
    for name in [*os.environ]:
        if name.startswith("VOICEWIRE_") or name == "OPENAI_API_KEY":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("agent.py").write_text(AGENT)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logger.remove()
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.modules.pop("voicewire_agent", None)


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def failure(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one sentence of a command that cannot be done; before it there may be lines of the log."""
    interrupt = Timer(PATIENCE_S, os.kill, (os.getpid(), signal.SIGINT))  # a server that starts would never end
    interrupt.start()
    try:
        assert main(list(arguments)) == 2
    finally:
        interrupt.cancel()
        interrupt.join()
    out, err = capsys.readouterr()
    assert out == ""
    *log, sentence = err.splitlines()
    assert [line for line in log if " INFO " not in line and " WARNING " not in line] == []
    begin = f"voicewire {arguments[0]}: "
    assert sentence.startswith(begin)
    return sentence.removeprefix(begin)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What argparse says of wrong arguments: the usage, and in the last line what is wrong."""
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: voicewire ")
    return err.splitlines()[-1]


# --- help and usage ---------------------------------------------------------------------------------------------------


def help_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is printed, to the output and not to the errors, with exit code 0."""
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    out, err = capsys.readouterr()
    assert (caught.value.code, err) == (0, "")
    return out


def test_the_help_names_every_command_with_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(help_of(capsys, "--help").split())
    assert list(COMMANDS) == ["serve", "talk", "phone", "dial", "brain", "replay"]
    for name, command in COMMANDS.items():
        summary = (command.__doc__ or "").splitlines()[0].rstrip(".")
        assert f" {name} {summary}" in text


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert help_of(capsys, "--version") == f"voicewire {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_has_examples_and_explains_every_argument(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    text = help_of(capsys, name, "--help")
    assert text.startswith(f"usage: voicewire {name} ")
    assert f"\n    voicewire {name} " in text, "an example, set off"
    lines = text[text.index("-h, --help") :].splitlines()
    arguments = [line for line in lines if line.startswith("  -")]
    assert arguments
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("  -"):
            explained = "  " in line.strip() or after.startswith(" " * 10)
            assert explained, f"{line.strip()} is not explained"
    assert max(len(line) for line in text.splitlines()[:-1]) <= 125


@pytest.mark.parametrize(
    ("arguments", "last"),
    [
        ([], "voicewire: error: the following arguments are required: COMMAND"),
        (
            ["dance"],
            "voicewire: error: argument COMMAND: invalid choice: 'dance'"
            " (choose from 'serve', 'talk', 'phone', 'dial', 'brain', 'replay')",
        ),
        (["serve", "--prot", "1"], "voicewire: error: unrecognized arguments: --prot"),
        (["serve", "agent.py", "more.py"], "voicewire: error: unrecognized arguments: more.py"),
        (["serve", "--port", "high"], "voicewire serve: error: argument --port: invalid int value: 'high'"),
        (["serve", "--config"], "voicewire serve: error: argument --config: expected one argument"),
        (["brain", "--port", "high"], "voicewire brain: error: argument --port: invalid int value: 'high'"),
        (["replay"], "voicewire replay: error: the following arguments are required: journal"),
        (["talk", "--rate", "high"], "voicewire talk: error: argument --rate: invalid int value: 'high'"),
    ],
)
def test_wrong_arguments(capsys: pytest.CaptureFixture[str], arguments: list[str], last: str) -> None:
    assert refusal(capsys, *arguments) == last


# --- serve ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nope.py"], "there is no agent file nope.py"),
        (["--config", "nope.toml"], "the configuration file nope.toml does not exist"),
        (["--config", "wrong.toml"], "the configuration in wrong.toml is wrong: there is no key prot"),
        (["--port", "65536"], "the configuration is wrong: port must be between 0 and 65535"),
        (["--port", "-1"], "the configuration on the command line is wrong: --port: must be zero or more, not -1"),
        (["--max-calls", "0"], "the configuration is wrong: max_calls must be at least 1"),
        (
            ["--public-url", "x.org"],
            "the configuration is wrong: public_url: 'x.org' must be like https://voice.example.org",
        ),
        (["--tls-cert", "agent.py"], "the configuration is wrong: tls_cert and tls_key belong together; give both"),
        (
            ["agent.py", "--tls-cert", "nope.pem", "--tls-key", "nope.key"],
            "tls_cert nope.pem and tls_key nope.key cannot be loaded: [Errno 2] No such file or directory",
        ),
        (["--journal", "agent.py"], "the journal folder agent.py cannot be made: File exists"),
        (["--journal", "agent.py/journals"], "the journal folder agent.py/journals cannot be made: Not a directory"),
        (
            ["--log-level", "loud"],
            "log_level 'loud' is none of TRACE, DEBUG, INFO, SUCCESS, WARNING, ERROR, CRITICAL",
        ),
        (["broken.py"], "the agent file broken.py failed, line 1: ValueError: of two lines"),
        (
            ["agent.py", "--host", "0.0.0.0"],
            "host 0.0.0.0 can be reached from other machines: set a token (VOICEWIRE_TOKEN=…), or say --insecure",
        ),
        (
            ["agent.py", "--config", "ears.toml"],
            "there is no stt 'ears'; there are pocketsphinx, deepgram, deepgram-flux, openai-stt,"
            " openai-realtime-stt, faster-whisper, moonshine, fallback, scripted,"
            ' or "package.module:factory"',
        ),
        (["deaf.py"], "stt: PocketSphinx understands only what is in the agent's vocabulary, but a language model"),
    ],
)
def test_a_server_that_cannot_start_says_why(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    Path("wrong.toml").write_text("prot = 1")
    Path("ears.toml").write_text('stt = "ears"')
    Path("broken.py").write_text("raise ValueError('of\\ntwo lines')")
    Path("deaf.py").write_text(AGENT.replace("stt='scripted'", "stt='pocketsphinx'"))
    assert failure(capsys, "serve", *arguments).startswith(sentence)


def test_the_environment_and_the_file_are_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICEWIRE_PROT", "1")
    assert failure(capsys, "serve") == "the configuration in the environment is wrong: there is no key VOICEWIRE_PROT"


@pytest.mark.parametrize("token", [["--token", "t0ken"], ["--insecure"]])
def test_a_port_that_is_taken_and_beyond_loopback_a_token_is_enough(
    capsys: pytest.CaptureFixture[str], token: list[str]
) -> None:
    with socket.create_server(("0.0.0.0", 0)) as listening:
        port = listening.getsockname()[1]
        told = failure(capsys, "serve", "agent.py", "--host", "0.0.0.0", "--port", str(port), *token)
    assert told.startswith(f"cannot listen on 0.0.0.0:{port}: ")
    assert "address already in use; choose another" in told
    assert "t0ken" not in told


def test_a_certificate_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    told = failure(capsys, "serve", "agent.py", "--port", "0", "--tls-cert", "agent.py", "--tls-key", "agent.py")
    assert told.startswith("tls_cert agent.py and tls_key agent.py cannot be loaded: ")


def test_the_demo_is_served_where_no_agent_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, taken_port: int
) -> None:
    for kind in ("STT", "LLM", "TTS"):
        monkeypatch.setenv(f"VOICEWIRE_{kind}", "scripted")
    told = failure(capsys, "serve", "--port", str(taken_port))
    assert told.startswith(f"cannot listen on 127.0.0.1:{taken_port}: ")


def test_an_interrupted_start_has_the_exit_code_of_an_interrupt(capsys: pytest.CaptureFixture[str]) -> None:
    Path("agent.py").write_text("raise KeyboardInterrupt")
    assert main(["serve", "agent.py"]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.asyncio
async def test_a_real_server_says_where_it_is_and_ends_in_order_when_it_is_told_to() -> None:
    command = [sys.executable, "-m", "server", "serve", "agent.py", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=PIPE, stderr=PIPE)
    async with asyncio.timeout(PATIENCE_S):
        assert process.stdout
        line = (await process.stdout.readline()).decode()
        process.send_signal(signal.SIGTERM)
        out, err = await process.communicate()
    assert line.startswith("voicewire is ready: open http://127.0.0.1:")
    assert (process.returncode, out) == (0, b"")
    assert "stopping: 0 calls may go on for 60 s" in err.decode()
    assert "Traceback" not in err.decode()


def test_a_real_failure_is_one_sentence(taken_port: int) -> None:
    """In a process of its own, where nothing of pytest catches what is said at its end."""
    command = [sys.executable, "-W", "error", "-m", "server", "serve", "agent.py", "--port", str(taken_port)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "VOICEWIRE_LOG_LEVEL": "ERROR"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert done.stderr.startswith(f"voicewire serve: cannot listen on 127.0.0.1:{taken_port}: ")


# --- brain ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--port", "65536"], "--port must be from 0 to 65535, not 65536"),
        (["--port", "-1"], "--port must be from 0 to 65535, not -1"),
        (["--host", "0.0.0.0"], "the brain binds to 0.0.0.0, beyond this machine, only with a token (or --insecure)"),
        (["--faults", "probability:7"], "faults: probability must be from 0 to 1, not 7.0"),
        (["--log-level", "loud"], "log_level 'loud' is none of TRACE, DEBUG, INFO, SUCCESS, WARNING, ERROR, CRITICAL"),
    ],
)
def test_a_brain_that_cannot_start_says_why(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert failure(capsys, "brain", *arguments) == sentence


def test_a_fault_that_is_not_known_is_told_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    told = failure(capsys, "brain", "--faults", "drop:1")
    assert told.startswith("faults: 'drop:1' is not name:value with a name of first_token_ms, ")


def test_a_brain_on_a_port_that_is_taken(capsys: pytest.CaptureFixture[str], taken_port: int) -> None:
    told = failure(capsys, "brain", "--port", str(taken_port))
    assert told.startswith(f"the brain cannot listen on 127.0.0.1:{taken_port}: ")
    assert "address already in use" in told


# --- talk and replay --------------------------------------------------------------------------------------------------


def test_a_server_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    told = failure(capsys, "talk", "--text", "hello", "ws://127.0.0.1:1/ws")
    assert told.startswith("no server can be reached at 127.0.0.1:1: ")


CALL: tuple[e.Fact, ...] = (
    e.Ready(),
    LinkUp(),
    e.UserText("what time is it"),
    Delta(1, "It is noon."),
    ReplyDone(1),
    e.Gone("hung up"),
)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The journal of a short call."""
    file = tmp_path / "call.journal"
    settings, options = CallSettings(greeting="Hello."), PlayoutOptions(rate_hz=1000)
    kept = JournalFile(file.open("wb"), Header(__version__, "c1", settings, options))
    now = [100.0]
    playout = Playout(options)
    hub = Hub(Core(settings, playout), playout, lambda: now[0], lambda _: None, kept)
    for fact in CALL:
        hub.post(fact)
        now[0] += 0.5
    kept.close()
    return file


def test_a_journal_is_replayed(capsys: pytest.CaptureFixture[str], journal: Path) -> None:
    assert main(["replay", str(journal)]) == 0
    assert capsys.readouterr() == (f"{journal}: 6 facts, the same commands\n", "")


def test_a_replay_can_show_each_fact_with_its_time(capsys: pytest.CaptureFixture[str], journal: Path) -> None:
    assert main(["replay", "--show", str(journal)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7
    assert lines[0] == '    0.000  {"type":"Ready"}'
    assert lines[2] == '    1.000  {"type":"UserText","text":"what time is it","skip_tts":false}'


def test_the_first_difference_is_shown(capsys: pytest.CaptureFixture[str], journal: Path) -> None:
    journal.write_text(journal.read_text().replace('"text":"It is noon."', '"text":"It is late."', 1))
    assert main(["replay", str(journal)]) == 1
    out, err = capsys.readouterr()
    first, was, now = out.splitlines()
    assert first.startswith("line ")
    assert first.endswith(": the core does something else")
    assert "It is noon." in was
    assert "It is late." in now
    assert err == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file or directory"),
        (b"", "Input data was truncated"),
        (b"{}", "Object missing required field `voicewire`"),
        (b"\xff", "JSON is malformed"),
    ],
)
def test_what_is_no_journal(capsys: pytest.CaptureFixture[str], content: bytes | None, words: str) -> None:
    if content is not None:
        Path("x.journal").write_bytes(content)
    told = failure(capsys, "replay", "x.journal")
    assert told.startswith("x.journal cannot be replayed: ")
    assert words in told

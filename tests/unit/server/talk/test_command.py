"""The command's own part: what it takes, and what it says to whom gives it something wrong."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import pytest

from link.errors import ConfigError
from server.__main__ import main
from server.commands import talk
from server.talk.address import DEFAULT, parse_address
from server.talk.screen import JsonScreen, LiveScreen, PlainScreen


def options(*arguments: str) -> argparse.Namespace:
    """What argparse makes of a command line."""
    parser = argparse.ArgumentParser()
    talk.add(parser)
    return parser.parse_args(arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "there is nothing to say"),
        (["ws://host/ws"], "there is nothing to say"),
        (["nowhere.wav"], "the sound file nowhere.wav does not exist"),
        (["ftp://x", "--text", "hi"], "ftp://x is not an address"),
        (["127.0.0.1:99999", "--text", "hi"], "127.0.0.1:99999 is not an address"),
        (["ws://a", "x.wav", "ws://b"], "one call has one address, not ws://a and ws://b"),
        (["--rate", "1", "--text", "hi"], "--rate must be from 8000 to 48000 Hz"),
        (["--wait", "0", "--text", "hi"], "--wait must be more than 0 s"),
        (["--gap-ms", "-1", "--text", "hi"], "--gap-ms must not be negative"),
        (["--barge-in", "-5", "--text", "hi"], "--barge-in must not be negative"),
        (["--mic", "--text", "hi"], "--mic does not go together with"),
        (["--text", "hi", "--out", "no/such/folder/x.wav"], "there is no folder no/such/folder"),
        (["--text", "hi", "--stereo", "x.txt"], "there is no format TXT"),
    ],
)
def test_wrong_usage(arguments: list[str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        talk.run(options(*arguments))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        "ws://h/ws a.wav b.wav --text hi --rate 8000",
        "--text hi a.wav b.wav ws://h/ws --rate 8000",
        "a.wav --text hi ws://h/ws b.wav --rate 8000",
        "a.wav --text hi b.wav --rate 8000 ws://h/ws",
    ],
)
def test_the_address_stands_anywhere(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[argparse.Namespace] = []

    def note(options: argparse.Namespace) -> int:
        seen.append(options)
        return 0

    monkeypatch.setattr(talk, "run", note)
    assert main(["talk", *words.split()]) == 0
    (got,) = seen
    assert talk._split(got.what) == ("ws://h/ws", [Path("a.wav"), Path("b.wav")])
    assert (got.text, got.rate, got.gap_ms) == (["hi"], 8000, 700)


def test_without_an_address_this_machine_is_called() -> None:
    assert talk._split(["a.wav"]) == (DEFAULT, [Path("a.wav")])


def test_a_wrong_option_after_a_file_is_told_with_the_usage_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["talk", "a.wav", "--nope"])
    assert caught.value.code == 2
    assert capsys.readouterr().err.splitlines() == [
        "usage: voicewire talk [options] [URL] [FILE …]",
        "voicewire talk: error: unrecognized arguments: --nope",
    ]


@pytest.mark.parametrize(
    ("address", "given", "sent"),
    [
        ("wss://voice.example.org", None, "kept"),
        ("https://voice.example.org", None, "kept"),
        ("ws://127.0.0.1:8080", None, "kept"),
        ("localhost:8080", None, "kept"),
        ("ws://voice.example.org", None, ""),
        ("192.0.2.7:8080", None, ""),
        ("ws://voice.example.org", "given", "given"),
        ("wss://voice.example.org", "given", "given"),
    ],
)
def test_the_token_of_the_environment_is_not_sent_in_the_open(
    address: str, given: str | None, sent: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VOICEWIRE_TOKEN", "kept")
    assert talk._token(given, parse_address(address)) == sent
    said = capsys.readouterr().err
    assert said.startswith("voicewire talk: VOICEWIRE_TOKEN is not sent to ") is (sent == "")
    assert "kept" not in said


def test_without_a_token_nothing_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("VOICEWIRE_TOKEN", raising=False)
    assert talk._token(None, parse_address("ws://voice.example.org")) == ""
    assert capsys.readouterr().err == ""


def test_a_file_that_was_opened_is_closed_when_another_cannot_be(tmp_path: Path) -> None:
    first = tmp_path / "first.wav"
    with pytest.raises(ConfigError, match=r"second\.txt"):
        talk.run(options("--text", "hi", "--out", str(first), "--stereo", str(tmp_path / "second.txt")))
    assert first.read_bytes()[:4] == b"RIFF"  # complete: its header is written when it is closed


class Tty(io.StringIO):
    """An output that is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


@pytest.mark.parametrize(
    ("out", "term", "arguments", "kind"),
    [
        (Tty(), "xterm", (), LiveScreen),
        (Tty(), "dumb", (), PlainScreen),
        (io.StringIO(), "xterm", (), PlainScreen),
        (Tty(), "xterm", ("--json",), JsonScreen),
        (io.StringIO(), "xterm", ("--json",), JsonScreen),
    ],
)
def test_which_screen(
    out: io.StringIO, term: str, arguments: tuple[str, ...], kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setenv("TERM", term)
    assert isinstance(talk.make_screen(options(*arguments)), kind)


@pytest.mark.parametrize(("no_color", "painted"), [("", True), ("1", False)])
def test_no_color(no_color: str, painted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    out = Tty()
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", no_color)
    talk.make_screen(options()).show(0.0, {"type": "transcript", "role": "user", "text": "hi", "final": True})
    assert ("\x1b[36m" in out.getvalue()) is painted

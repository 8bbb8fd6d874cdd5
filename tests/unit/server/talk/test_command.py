"""The command's own part: what it takes, and what it says to whom gives it something wrong."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import pytest

from link.errors import ConfigError
from server.commands import talk
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

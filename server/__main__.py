"""The command line: `voicewire serve | talk | phone | dial | brain | replay`."""

from __future__ import annotations

import argparse
import sys
from typing import Protocol

from link.errors import VoicewireError
from server import __version__
from server.commands import brain, dial, phone, replay, serve, talk


class Command(Protocol):
    """A module of `server.commands`."""

    __doc__: str | None

    def add(self, parser: argparse.ArgumentParser) -> None:
        """What the command takes."""

    def run(self, options: argparse.Namespace) -> int:
        """Do it; returns the exit code."""


COMMANDS: dict[str, Command] = {
    "serve": serve,
    "talk": talk,
    "phone": phone,
    "dial": dial,
    "brain": brain,
    "replay": replay,
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; errors that somebody can act on are one sentence, not a traceback."""
    parser = argparse.ArgumentParser(
        prog="voicewire",
        description="A websocket server for realtime voice agents.",
        epilog="voicewire COMMAND --help tells more of each.",
    )
    parser.add_argument("--version", action="version", version=f"voicewire {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        summary, _, details = (command.__doc__ or "").partition("\n")
        each = commands.add_parser(
            name,
            help=summary.rstrip("."),
            description=f"{summary}\n{details}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add(each)
    options, rest = parser.parse_known_args(arguments)
    if (
        rest and options.command == "talk"
    ):  # argparse takes words in one place only; talk takes them between its options
        commands.choices["talk"].parse_args(rest, options)
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        return COMMANDS[options.command].run(options)
    except VoicewireError as error:
        sys.stderr.write(f"voicewire {options.command}: {' '.join(str(error).split())}\n")
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

"""Point a telephone number at this server: the steps at a carrier, the values to paste, and what is still wrong.

    voicewire phone twilio --url https://voice.example.org

Keys come from --config and the environment, as for `voicewire serve`. The exit code is 0 where all is well, else 1.
"""

from __future__ import annotations

import argparse
import os
import sys
from itertools import count
from pathlib import Path

from server.config import load
from server.door.door import NEEDS, Door
from server.door.tickets import SpentHere, Tickets
from server.phones.guide import faults, steps


def add(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("carrier", choices=list(NEEDS), help="who carries the calls")
    parser.add_argument("--url", help="the server's address from outside (default: public_url)")
    parser.add_argument("--config", type=Path, help="a TOML file with settings")


def run(options: argparse.Namespace) -> int:
    """Print it. Raises ConfigError."""
    settings = load(options.config, os.environ, {})
    url = options.url or settings.public_url
    number = count(1)
    for line in steps(options.carrier, url or "https://voice.example.org"):
        sys.stdout.write(f"    {line}\n" if line.startswith(" ") else f"{next(number):2}. {line}\n")
    door = Door(settings.phones, url, Tickets(b""), SpentHere(), insecure=False, now=lambda: 0.0, entropy=os.urandom)
    wrong = list(faults(url, settings.phones, options.carrier, door.lacks(options.carrier)))
    sys.stdout.write("\n" + "".join(f"! {each}\n" for each in wrong) if wrong else "\nThe configuration is complete.\n")
    return 1 if wrong else 0

"""Talk to an agent from the terminal, with sound files, a microphone or typed lines.

    voicewire talk hello.wav                       plays the file to the agent at http://127.0.0.1:8080
    voicewire talk --text "what time is it"        types; no sound is needed
    voicewire talk --mic                           microphone and speaker (wear a headset)
    voicewire talk --out bot.wav https://voice.example.org story.flac
    voicewire talk --barge-in 2000 story.wav stop.wav

Files are of any format and rate that libsndfile reads. They are spoken in real time, one after the other, each when the
bot has answered the one before; typed lines come after the files. Then the call is ended. The URL may stand anywhere
(https://…, ws://…, or host:port). VOICEWIRE_TOKEN is only sent over TLS or to this machine, --token anywhere.

Exit code: 0 the conversation took place, 1 it was cut off, 2 it did not come about or this machine failed.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from link.errors import ConfigError
from server import logs

if TYPE_CHECKING:  # sound and its libraries are loaded when they are used: `voicewire --help` is to be quick
    from server.talk.address import Address
    from server.talk.caller import Sink
    from server.talk.microphone import Microphone
    from server.talk.screen import Screen
    from server.talk.script import Script

MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 48_000


def add(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.usage = "voicewire talk [options] [URL] [FILE …]"
    whom = "whom to call (default: this machine); what to say"
    parser.add_argument("what", nargs="*", action="extend", metavar="URL, FILE", help=whom)
    say = parser.add_argument_group("what is said")
    say.add_argument("--text", action="append", default=[], metavar="WORDS", help="type this; can be repeated")
    say.add_argument("--mic", action="store_true", help="speak yourself; Ctrl-C ends the call")
    say.add_argument("--gap-ms", type=float, default=700, metavar="MS", help="pause after an answer (default: 700)")
    say.add_argument("--barge-in", type=float, metavar="MS", help="say the next thing MS after an answer began")
    say.add_argument(
        "--wait", type=float, default=15, metavar="S", help="how long to wait for a bot that is silent (default: 15)"
    )
    hear = parser.add_argument_group("what is heard")
    hear.add_argument("--speaker", action="store_true", help="play the bot on the speaker")
    hear.add_argument("--out", type=Path, metavar="FILE", help="write what was heard of the bot into a sound file")
    hear.add_argument("--stereo", type=Path, metavar="FILE", help="write both: the caller left, the bot right")
    hear.add_argument("--json", action="store_true", help="print one JSON object for each event")
    line = parser.add_argument_group("the connection")
    line.add_argument("--token", help="what the server wants to see; better given as VOICEWIRE_TOKEN (see above)")
    line.add_argument("--insecure-tls", action="store_true", help="accept any certificate")
    line.add_argument("--rate", type=int, default=16000, metavar="HZ", help="of the sound, both ways (default: 16000)")


def run(options: argparse.Namespace) -> int:
    """Hold one call. Raises ConfigError when it does not come about."""
    _check(options)
    from server.talk.address import parse_address
    from server.talk.caller import Caller
    from server.talk.client import Door, talk

    url, files = _split(options.what)
    address = parse_address(url)
    door = Door(address, _token(options.token, address), not options.insecure_tls)
    try:
        with ExitStack() as stack:
            microphone, script = _voice(options, files, stack)
            caller = Caller(options.rate, microphone, script, _sinks(options, stack), make_screen(options).show)
            logs.set_up("WARNING", as_json=False)
            end = asyncio.run(talk(door, caller))
    except BrokenPipeError:  # whoever read the output has gone; the interpreter is not to complain of it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0 if end.in_order else 1


def _check(options: argparse.Namespace) -> None:
    """What argparse does not. Raises ConfigError."""
    rules = (
        (MIN_RATE_HZ <= options.rate <= MAX_RATE_HZ, f"--rate must be from {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz"),
        (options.gap_ms >= 0, "--gap-ms must not be negative"),
        (options.wait > 0, "--wait must be more than 0 s"),
        (options.barge_in is None or options.barge_in >= 0, "--barge-in must not be negative"),
    )
    for holds, text in rules:
        if not holds:
            raise ConfigError(text)


def _split(what: list[str]) -> tuple[str, list[Path]]:
    """The URL, wherever it stands, and the files. Raises ConfigError for two URLs."""
    from server.talk.address import DEFAULT, is_address

    urls = [word for word in what if is_address(word)]
    if len(urls) > 1:
        raise ConfigError(f"one call has one address, not {' and '.join(urls)}")
    return (urls or [DEFAULT])[0], [Path(word) for word in what if word not in urls]


def _token(given: str | None, address: Address) -> str:
    """The one that was given, or that of the environment, which nobody on the way may read."""
    kept = os.environ.get("VOICEWIRE_TOKEN", "")
    if given or not kept or address.secure or address.loopback:
        return given or kept
    sys.stderr.write(
        f"voicewire talk: VOICEWIRE_TOKEN is not sent to {address.host}, since ws:// is not encrypted: use wss:// or"
        " https://, or give it as --token\n"
    )
    return ""


def _voice(options: argparse.Namespace, files: list[Path], stack: ExitStack) -> tuple[Microphone, Script | None]:
    from audio.files import read_sound
    from server.talk.microphone import VirtualMicrophone
    from server.talk.script import Line, Script, ScriptOptions, Spoken, Typed

    if options.mic:
        if files or options.text:
            raise ConfigError("--mic does not go together with files or --text: either you speak or they do")
        from server.talk.devices import DeviceMicrophone

        live = DeviceMicrophone(options.rate)
        stack.callback(live.close)
        return live, None
    lines: list[Line] = [Spoken(file.name, read_sound(file, options.rate)) for file in files]
    lines += [Typed(text) for text in options.text]
    if not lines:
        raise ConfigError("there is nothing to say: give a sound file, --text WORDS or --mic")
    microphone = VirtualMicrophone(options.rate)
    patience = ScriptOptions(options.gap_ms, options.barge_in, options.wait)
    return microphone, Script(lines, patience, microphone)


def _sinks(options: argparse.Namespace, stack: ExitStack) -> list[Sink]:
    from server.talk.recording import BotRecording, StereoRecording

    sinks: list[Sink] = []

    def add_sink(sink: Sink) -> None:
        stack.callback(sink.close)
        sinks.append(sink)

    if options.out:
        add_sink(BotRecording(options.out, options.rate))
    if options.stereo:
        add_sink(StereoRecording(options.stereo, options.rate))
    if options.speaker or options.mic:
        from server.talk.devices import DeviceSpeaker

        add_sink(DeviceSpeaker(options.rate))
    return sinks


def make_screen(options: argparse.Namespace) -> Screen:
    """The screen that suits the output."""
    from server.talk.screen import JsonScreen, LiveScreen, PlainScreen

    out = sys.stdout
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="replace")  # a terminal that cannot show a letter shows a question mark
    if options.json:
        return JsonScreen(out)
    if not out.isatty() or os.environ.get("TERM") == "dumb":
        return PlainScreen(out)
    return LiveScreen(out, lambda: shutil.get_terminal_size().columns, colours=not os.environ.get("NO_COLOR"))

"""Writes docs/configuration.md from the settings themselves: names, defaults, and the words below each field.

.venv/bin/python tools/list_settings.py
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
import textwrap
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from audio.smart_turn.engine import MAX_WORKERS, SmartTurnEngine  # noqa: E402
from audio.stt import pocketsphinx  # noqa: E402
from audio.stt.faster_whisper import WhisperOptions  # noqa: E402
from audio.stt.hearing import Patience  # noqa: E402
from audio.stt.local import LocalOptions  # noqa: E402
from audio.stt.utterances import Waits  # noqa: E402
from audio.tts import espeak  # noqa: E402
from llm.chat_options import ChatOptions  # noqa: E402
from llm.mcp_options import MCPServer  # noqa: E402
from server import models  # noqa: E402
from server.config import Settings  # noqa: E402
from server.services import (  # noqa: E402
    cartesia,
    deepgram,
    elevenlabs,
    fallback,
    kokoro,
    moonshine,
    openai,
    piper,
    scripted,
)
from server.services.access import Access, Provider  # noqa: E402
from server.services.voices import VoicePatience  # noqa: E402

PAGE = ROOT / "docs" / "configuration.md"
HEAD = """# Configuration

Written by `tools/list_settings.py` from the code; a test holds this page to it. A TOML file (`.venv/bin/voicewire serve
--config voicewire.toml`) is overruled by the environment, and that by the command line. `turn.min_delay_ms` is
`min_delay_ms` in the table `[turn]`, or `VOICEWIRE_TURN__MIN_DELAY_MS`. An unknown key or a value out of its range
stops the start.
"""
SERVICES = """
## The services and their options

`stt = "pocketsphinx"` names a service; with options it is a table, `stt = {name = "pocketsphinx", slots = 6}`, or
`VOICEWIRE_STT__NAME=pocketsphinx VOICEWIRE_STT__SLOTS=6`. A factory of your own, `"package.module:factory"`, takes the
options that it has arguments for.

Any `tts` may also have `cache`, a folder: the agent's greeting and its fixed sentences are made once and kept there, up
to 64 MiB.

### Where a service is

What any ears and voices may have that are somewhere else.

"""


class Factory(typing.NamedTuple):
    """What makes a service, and the words for it and for those of its options that have none in the code."""

    name: str
    summary: str
    make: Callable[..., Any]
    words: dict[str, str] | None = None
    patience: type | None = None
    """The part of its table that says how long it may take."""
    provider: Provider | None = None
    """Where it is, for what is somewhere else."""


TOKEN_MS = "Between two words of an answer."
DELAY_MS = "Waits so long before each answer."
FACTORIES = (
    Factory(
        'stt = "pocketsphinx"',
        "Understands what is in the agent's vocabulary, in worker processes.",
        pocketsphinx.PocketSphinxEngine,
        {
            "workers": f"Processes, 1 to {pocketsphinx.MOST['workers']}; not given: the machine's cores - 1.",
            "slots": f"Calls per process, 1 to {pocketsphinx.MOST['slots']}; over {pocketsphinx.SLOTS} their text may"
            " be late. Workers times slots calls are taken, or `max_calls` if that is less.",
        },
    ),
    Factory(
        'stt = "deepgram"',
        "Deepgram's Nova models, over a websocket; nothing to install.",
        deepgram.NovaOptions,
        patience=Patience,
        provider=deepgram.PROVIDER,
    ),
    Factory(
        'stt = "deepgram-flux"',
        "Deepgram's Flux models, which follow turns themselves: best with `turn.rules` that have `stt`.",
        deepgram.FluxOptions,
        patience=Patience,
        provider=deepgram.PROVIDER,
    ),
    Factory(
        'stt = "openai-stt"',
        "OpenAI's transcription of whole speeches over HTTP, or any server that speaks the same; nothing to install.",
        openai.TranscriptionOptions,
        patience=Waits,
        provider=openai.OVER_HTTP,
    ),
    Factory(
        'stt = "openai-realtime-stt"',
        "OpenAI's realtime transcription, over a websocket; nothing to install.",
        openai.RealtimeOptions,
        patience=Patience,
        provider=openai.REALTIME,
    ),
    Factory(
        'stt = "faster-whisper"',
        "Whisper models in worker processes; `.venv/bin/pip install -e '.[faster-whisper]'`,"
        " and a model on this machine.",
        WhisperOptions,
        patience=LocalOptions,
    ),
    Factory(
        'stt = "moonshine"',
        "Moonshine models in worker processes; `.venv/bin/pip install -e '.[moonshine]'`, and a model on this machine.",
        moonshine.Options,
        patience=LocalOptions,
    ),
    Factory(
        'stt = "fallback"',
        "The first ears that can listen; who is late or fails is replaced, and the next hear it all again.",
        fallback.EarsTable,
    ),
    Factory(
        'stt = "scripted"',
        "Understands the same lines whatever is said; for tests and load.",
        scripted.ears,
        {"lines": "What it understands, utterance by utterance, and again from the first.", "delay_ms": DELAY_MS},
    ),
    Factory(
        'llm = "local"', "The embedded brain, behind a websocket on loopback.", models._local, {"token_ms": TOKEN_MS}
    ),
    Factory(
        'llm = "openai-responses"',
        "OpenAI, or whoever speaks the same protocol.",
        models.OpenAIOptions,
        {
            "model": "Which model; it must be given.",
            "url": "Where it is.",
            "headers": "Further headers of the connection.",
        },
    ),
    Factory(
        'llm = "openai-chat"',
        "Chat Completions: OpenAI, or any endpoint that speaks that protocol (Ollama, vLLM, llama.cpp, Groq, …).",
        ChatOptions,
        {
            "model": "Which model; it must be given.",
            "service_tier": "Which tier serves a request, where the provider has several.",
            "temperature": "How freely it chooses its words; None leaves it to the provider.",
            "max_output_tokens": "The longest answer; None leaves it to the provider.",
            "connect_s": "How long a connection may take.",
        },
    ),
    Factory(
        'llm = "fallback"',
        "The first model that can answers; who is late or fails is replaced.",
        models.FallbackTable,
    ),
    Factory('llm = "switch"', "The call chooses its model by name, also in the middle.", models.SwitchTable),
    Factory(
        'llm = "scripted"',
        "Answers at once, with as many words each time; for tests and load.",
        models._scripted,
        {"count": "Words in an answer.", "token_ms": TOKEN_MS},
    ),
    Factory(
        'tts = "espeak"',
        "espeak-ng, in a process of its own.",
        espeak.espeak_voices,
        {
            "voice": 'A language ("en-us", "de") or a voice\'s own name, with a variant if wanted ("en-gb+f3").',
            "rate_wpm": "Words a minute, 80 to 450.",
            "pitch": "0 to 99.",
            "volume": "0 to 200; at 80 the loudest voice peaks 3 dB below full scale.",
            "workers": "Processes, 1 to 64.",
            "slots": "Calls per process, 1 to 1024.",
        },
    ),
    Factory(
        'tts = "elevenlabs"',
        "ElevenLabs, on one websocket for each call; word times come with the audio. `query` takes language_code,"
        " apply_text_normalization, …",
        elevenlabs.VoiceOptions,
        patience=VoicePatience,
        provider=elevenlabs.PROVIDER,
    ),
    Factory(
        'tts = "cartesia"',
        "Cartesia, on one websocket for each call; word times come with the audio. `query` takes cartesia_version.",
        cartesia.VoiceOptions,
        patience=VoicePatience,
        provider=cartesia.PROVIDER,
    ),
    Factory(
        'tts = "deepgram-tts"',
        "Deepgram's Aura, or its Flux (`protocol`); without word times. `query` takes speed, mip_opt_out,"
        " expressivity, …",
        deepgram.VoiceOptions,
        patience=VoicePatience,
        provider=deepgram.PROVIDER,
    ),
    Factory(
        'tts = "openai-tts"',
        "OpenAI's speech over HTTP, or that of a local server that speaks like it; without word times.",
        openai.VoiceOptions,
        patience=VoicePatience,
        provider=openai.OVER_HTTP,
    ),
    Factory(
        'tts = "piper"',
        "Piper, in a process of its own; the extra `piper` (it is GPL-3). Word times come with the audio.",
        piper.VoiceOptions,
    ),
    Factory(
        'tts = "kokoro"',
        "Kokoro, in a process of its own; the extra `kokoro`. Word times come with models that tell their durations.",
        kokoro.VoiceOptions,
    ),
    Factory(
        'tts = "fallback"',
        "The first voice that can speaks; who is late or fails is replaced.",
        fallback.FallbackTable,
    ),
    Factory(
        'tts = "scripted"',
        "Speaks at once, in tones that a test can read; for tests and load.",
        scripted.voice,
        {"rate_hz": "Of its audio.", "ms_per_char": "How long a character takes to say.", "delay_ms": DELAY_MS},
    ),
    Factory(
        'turn_model = "smart-turn"',
        "A model in the form of Smart Turn v3, in a process of its own, for the rule `acoustic` (docs/turns.md);"
        " `.venv/bin/pip install -e '.[smart-turn]'`.",
        SmartTurnEngine,
        {"path": "The ONNX file; it must be given.", "workers": f"Processes, 1 to {MAX_WORKERS}."},
    ),
)
SEVERAL: dict[type, dict[str, str]] = {MCPServer: {"args": "What the program is started with."}}
"""Tables of which there may be several, and the words for those of their keys that have none in the code."""
GIVEN = ("vocabulary", "spawn")  # by the server
TITLES = ("| key | default | |", "|---|---|---|")


def field_docs(kind: type) -> dict[str, str]:
    """The string below each field of a class."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    docs: dict[str, str] = {}
    for statement, after in zip(body.body, body.body[1:], strict=False):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            text = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
            if text:
                docs[statement.target.id] = " ".join(str(text).split())
    return docs


def table(kind: type[msgspec.Struct], title: str) -> list[str]:
    """One table; nested structs get tables of their own."""
    docs, hints = SEVERAL.get(kind, {}) | field_docs(kind), typing.get_type_hints(kind)
    summary = (kind.__doc__ or "").split("\n")[0].removesuffix(" Raises ConfigError.")
    lines = ["", f"## {title}", "", summary, "", *TITLES]
    head = len(lines)
    nested: list[str] = []
    for field in msgspec.structs.fields(kind):
        if (kind, field.name) == (Settings, "given"):
            continue
        hint = hints[field.name]
        kinds = [each for each in typing.get_args(hint) or (hint,) if isinstance(each, type)]
        structs = [each for each in kinds if issubclass(each, msgspec.Struct)]
        if structs and structs[0] not in SEVERAL:
            nested += table(structs[0], f"[{field.name}]" if kind is Settings else f"{title[:-1]}.{field.name}]")
            continue
        nested += table(structs[0], f"[[{field.name}]]") if structs else []
        default = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
        lines.append(_row(field.name, default, docs.get(field.name, "")))
    return (lines if len(lines) > head else lines[: -len(TITLES) - 1]) + nested


def options(factory: Factory) -> list[str]:
    """The table of a service, and where it is. Raises ValueError where the words do not fit the options."""
    lines = ["", f"### {factory.name}", "", factory.summary, "", *TITLES, *rows(factory.make, factory.words)]
    lines += rows(factory.patience) if factory.patience else []
    if where := factory.provider:
        lines += ["", f"At `{where.base_url}` with the key `{where.key_env}`, unless [its table](#where-a-service-is)"]
        lines.append("says otherwise.")
    return lines


def rows(make: Callable[..., Any], words: dict[str, str] | None = None) -> list[str]:
    """A row for each option of what makes a service."""
    parameters = {name: each for name, each in inspect.signature(make).parameters.items() if name not in GIVEN}
    docs = (field_docs(make) if isinstance(make, type) else {}) | (words or {})
    if docs.keys() != parameters.keys():
        raise ValueError(f"{make} has the options {set(parameters)}, and words for {set(docs)}")
    return [_row(name, each.default, docs[name]) for name, each in parameters.items()]


def _row(name: str, default: Any, words: str) -> str:
    if isinstance(default, msgspec.Struct):
        default = "{" + ", ".join(f"{key} = {value:g}" for key, value in msgspec.structs.asdict(default).items()) + "}"
    if default in ("", None, (), {}, inspect.Parameter.empty) or str(default) == "<factory>":
        return f"| `{name}` |  | {words} |"
    if isinstance(default, tuple):
        default = json.dumps(default)
        return f"| `{name}` | `{default}` | {words} |"
    if isinstance(default, str):
        default = " ".join(default.split())  # a row is one line
    return f"| `{name}` | {default if isinstance(default, str) else f'`{default}`'} | {words} |"


def page() -> str:
    """The whole page."""
    shared = ["", *TITLES, *rows(Access)]
    services = [line for factory in FACTORIES for line in options(factory)]
    return "\n".join([HEAD.rstrip(), *table(Settings, "The server"), SERVICES.rstrip(), *shared, *services]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())

"""Every setting, with one default and a unit in its name; from TOML, then the environment, then the command line.

    voicewire.toml            port = 8080        [turn] min_delay_ms = 400
    environment               VOICEWIRE_PORT=8080  VOICEWIRE_TURN__MIN_DELAY_MS=400

An unknown key stops the start and is named.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field

from audio.background import Ambience, HoldMusic
from audio.endpoint import TurnOptions, fault_of
from audio.vad import VadOptions
from link.errors import ConfigError
from llm.events import ModelSettings
from llm.function_calls import CallOptions
from llm.mcp_options import MCPServer
from llm.summary import SummaryOptions
from llm.turn_completion import TurnCompletionOptions
from server.call.policy import Policy, Sentences, WhileSpeaking, WhileThinking, WhileWaiting
from server.phones import options as phone_options

S = TypeVar("S", bound=Struct)

PREFIX = "VOICEWIRE_"
NO_SETTINGS = frozenset({"VOICEWIRE_BRAIN_TOKEN"})  # the token of `voicewire brain`
SERVICES = ("stt", "llm", "tts", "turn_model")
UNKNOWN = re.compile("Object contains unknown field `(.*)`")
ORIGIN = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")

Service = str | dict[str, Any]
"""A service by its name, `package.module:factory`, or a table with `name` and its options."""


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What a caller may do."""

    message_bytes: int = 64 * 1024
    """The largest message; a larger one closes with 1009."""
    messages_per_s: float = 100.0
    """Control messages, over `flood_s`."""
    audio_messages_per_s: float = 1000.0
    """Audio messages, over `flood_s`, however short; a browser's worklet makes 375 at 48 kHz."""
    audio_speed: float = 2.0
    """Audio faster than real time by this factor, over `flood_s`, is a flood."""
    flood_s: float = 5.0
    """A client that sends too much for so long is cut off (1008)."""
    first_message_s: float = 5.0
    """A client that sends nothing for so long, not even a pong, is cut off (1008)."""
    ready_s: float = 1.0
    """A client that says nothing gets the defaults after so long."""
    idle_s: float = 60.0
    """No message and no pong for so long ends the call (1001)."""
    ping_s: float = 20.0
    """How often the client is pinged."""
    write_s: float = 5.0
    """A client that does not read for so long is cut off (4408)."""
    ears_audio_s: float = 15.0
    """So much audio waits for a slow speech-to-text; older audio is dropped and counted."""
    commands: int = 64
    """So many commands wait for a slow service; one more ends the call."""
    events: int = 256
    """So many events wait for slow handlers or a slow client."""
    lead_ms: float = 200.0
    """How much audio is ahead of the caller: a barge-in is heard so much later at the most."""
    playout_ms: float = 45_000.0
    """So much speech may wait to be heard; the voice waits when it is full."""


ABOVE_ZERO = (Limits, Policy, WhileSpeaking, WhileThinking, WhileWaiting)
"""Tables in which no number is zero."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The server's settings."""

    host: str = "127.0.0.1"
    """The address to listen on."""
    port: int = 8080
    """0 takes a free one."""
    public_url: str = ""
    """Where the server is reached from outside, behind a proxy: https://voice.example.org"""
    origins: tuple[str, ...] = ()
    """Further web pages whose scripts may connect, besides the server's own."""
    token: str = ""
    """What a client has to show. Beyond loopback the server starts only with one, or with `insecure`."""
    insecure: bool = False
    """Listen beyond loopback without a token."""
    tls_cert: str = ""
    """A certificate chain (PEM); `tls_key` belongs to it."""
    tls_key: str = ""
    """The key of `tls_cert` (PEM)."""
    max_calls: int = 100
    """Calls at once; one more gets 503."""
    drain_s: float = 60.0
    """How long calls may go on after SIGTERM."""
    journal: str = ""
    """A folder for the journals of calls; empty: none are written."""
    echo_guard: bool = False
    """Keep the bot from hearing itself where a client does not say whether its microphone hears it (docs/turns.md)."""
    log_level: str = "INFO"
    """DEBUG shows what is said."""
    log_json: bool = False
    """One JSON object a line."""
    vad: VadOptions = field(default_factory=VadOptions)
    turn: TurnOptions = TurnOptions()
    policy: Policy = Policy()
    calls: CallOptions = CallOptions()
    sentences: Sentences = Sentences()
    limits: Limits = Limits()
    model: ModelSettings = ModelSettings()
    summary: SummaryOptions = SummaryOptions()
    turn_completion: TurnCompletionOptions = TurnCompletionOptions()
    background: Ambience = Ambience()
    hold_music: HoldMusic = HoldMusic()
    pronunciations: dict[str, str] = field(default_factory=dict)
    """How words are said, `[pronunciations]` with lines like `SQL = "sequel"` (docs/speaking.md)."""
    mcp: tuple[MCPServer, ...] = ()
    """Servers whose tools are offered as well, `[[mcp]]` tables with `command` or `url` (docs/tools.md)."""
    phones: phone_options.Phones = phone_options.Phones()
    """The telephone carriers (docs/phones.md)."""
    stt: Service | None = None
    """The ears: a name, `package.module:factory`, or a table with `name` and options."""
    llm: Service | None = None
    """The language model, in the same way."""
    tts: Service | None = None
    """The voice, in the same way."""
    turn_model: Service | None = None
    """What judges turns by their sound, for the rule `acoustic` of `turn.rules` (docs/turns.md)."""
    given: frozenset[str] = frozenset()  # the keys that a source names (`turn`, `turn.min_delay_ms`); no key of its own

    def __repr__(self) -> str:
        return f"Settings({', '.join(sorted(self.given))})"  # values may be secret

    def over(self, table: str, wanted: S | None) -> S:
        """What the agent wants of a table, overruled key by key by what a source names, be it the default."""
        mine: S = getattr(self, table)
        return mine if wanted is None else _over(wanted, mine, self.given, table)


def load(file: Path | None, environment: Mapping[str, str], overrides: Mapping[str, Any]) -> Settings:
    """The settings of all three sources. Raises ConfigError with the key's name, and the source that has it wrong."""
    options = {key: value for key, value in overrides.items() if value is not None}
    sources: tuple[tuple[str, Callable[[str], str], dict[str, Any]], ...] = (
        (f"in {file}", str, _read(file) if file else {}),
        ("in the environment", _as_variable, _from_environment(environment)),
        ("on the command line", _as_option, options),
    )
    values: dict[str, Any] = {}
    settings = Settings()
    for where, spell, more in sources:
        _merge(values, more)
        try:
            settings = msgspec.convert(values | {"given": _keys(values)}, Settings, strict=False)
            check_numbers(settings, "")
        except (msgspec.ValidationError, ConfigError) as error:
            raise ConfigError(f"the configuration {where} is wrong: {in_words(error, spell)}") from error
    return _checked(settings)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"the configuration file {file} does not exist") from error
    except OSError as error:
        raise ConfigError(f"the configuration file {file} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"the configuration file {file} is not TOML: {error}") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in sorted(environment.items()):  # VOICEWIRE_STT comes before VOICEWIRE_STT__NAME
        if not name.startswith(PREFIX) or name in NO_SETTINGS:
            continue
        *tables, key = name.removeprefix(PREFIX).lower().split("__")
        place = values
        for table in tables:
            place = place.setdefault(table, {})
            if not isinstance(place, dict):
                raise ConfigError(f"{name} does not go together with {PREFIX}{table.upper()}; set one of them")
        place[key] = _as_toml(value) if tables and tables[0] in SERVICES else _plain(value)
    return values


def _plain(value: str) -> Any:
    """Lists, tables and quoted texts as TOML; the rest stays text, and becomes what its key wants."""
    return _as_toml(value) if value[:1] in ("[", "{", '"', "'") else value


def _as_toml(value: str) -> Any:
    """A value as TOML would read it, else as text."""
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return value


def _keys(values: Mapping[str, Any], path: str = "") -> set[str]:
    """All keys that are named, of tables too. Raises ValidationError for the one that nobody may give."""
    if "given" in values and not path:
        raise msgspec.ValidationError("Object contains unknown field `given`")
    keys = set[str]()
    for key, value in values.items():
        keys |= {path + key} | (_keys(value, f"{path}{key}.") if isinstance(value, dict) else set())
    return keys


def _over(below: S, above: S, given: frozenset[str], path: str) -> S:
    changes: dict[str, Any] = {}
    for name in below.__struct_fields__:
        key, old, new = f"{path}.{name}", getattr(below, name), getattr(above, name)
        if key in given:
            changes[name] = _over(old, new, given, key) if isinstance(new, Struct) and type(old) is type(new) else new
    return msgspec.structs.replace(below, **changes)


def _merge(values: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict) and key not in SERVICES:
            _merge(values[key], value)
        else:
            values[key] = value


def in_words(error: Exception, spell: Callable[[str], str] = str) -> str:
    """msgspec's message, with the key in front as the user wrote it: `turn.min_delay_ms`, `VOICEWIRE_TURN__…`."""
    what, _, place = str(error).partition(" - at `$.")
    key = place.removesuffix("`")
    if unknown := UNKNOWN.fullmatch(what):
        return f"there is no key {spell(f'{key}.{unknown[1]}' if key else unknown[1])}"
    return f"{spell(key)}: {what[:1].lower()}{what[1:]}" if key else what


def _as_variable(key: str) -> str:
    return PREFIX + key.upper().replace(".", "__")


def _as_option(key: str) -> str:
    return "--" + key.replace("_", "-")


def check_numbers(settings: Struct, path: str) -> None:
    """No number is below zero or beyond all bounds, and no limit is zero. Raises ValidationError, as msgspec does."""
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        if isinstance(value, Struct):
            check_numbers(value, f"{path}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            above_zero = isinstance(settings, ABOVE_ZERO)
            unbounded = value == math.inf and isinstance(settings, CallOptions)  # a call may run without a time-out
            if not (0 <= value < math.inf or unbounded) or (above_zero and value == 0):
                wanted = "above zero" if above_zero else "zero or more"
                raise msgspec.ValidationError(f"must be {wanted}, not {value} - at `$.{path}{name}`")


def _checked(settings: Settings) -> Settings:
    """What no type can say. Raises ConfigError."""
    origins = [("origins", each) for each in settings.origins]
    origins += [("public_url", settings.public_url)] if settings.public_url else []
    rules = (
        (settings.port < 65536, "port must be between 0 and 65535"),
        (settings.max_calls > 0, "max_calls must be at least 1"),
        (bool(settings.tls_cert) == bool(settings.tls_key), "tls_cert and tls_key belong together; give both"),
        (not fault_of(settings.turn), fault_of(settings.turn)),
        (not phone_options.fault_of(settings.phones), phone_options.fault_of(settings.phones)),
        (settings.limits.lead_ms >= 80, "limits.lead_ms must be at least 80: two of the smallest chunks"),
        *((_is_origin(each), f"{key}: {each!r} must be like https://voice.example.org") for key, each in origins),
    )
    for holds, text in rules:
        if not holds:
            raise ConfigError(f"the configuration is wrong: {text}")
    return settings


def _is_origin(text: str) -> bool:
    """A scheme, a host and perhaps a port, in the form in which browsers send them; a slash at the end is forgiven."""
    return ORIGIN.fullmatch(text.removesuffix("/")) is not None

"""The native wire: PCM16 in binary messages, JSON in text messages, all of it optional for the client. Pure.

What a message that does not fit leads to:

    not a JSON object, not UTF-8                    close 1007
    a binary message that is not whole samples      close 1003
    a message over the size limit                   close 1009 (the socket does it)
    a `start` that is late, or wants what cannot be close 1008
    an unknown type, a wrong or missing field       ignored, counted, answered with `error`
    a text or a row of keys that is too long        cut, counted, answered with `error`
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from link.errors import ClientError
from server import __version__
from server.call import events as e
from server.call.keypad import MAX_KEYS
from server.protocols.wire import (
    Audio,
    Capabilities,
    ClearedReport,
    Complaint,
    Incoming,
    Message,
    Opened,
    PlayedReport,
)

DEFAULT_RATE_HZ = 16_000
MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 48_000
MAX_TEXT = 16 * 1024  # characters of a typed turn
MAX_RESULT = 4 * 1024  # of a tool's result, for the page; the model gets up to 64 KiB

# What a caller is told; the details of a provider are for the log.
PROBLEMS = {
    "speech_lost": "The last words were not heard. Please say them again.",
    "speech_failed": "A sentence could not be spoken.",
    "playout_full": "Too much is waiting to be said; the rest was dropped.",
    "answer_too_long": "The answer was cut off at its limit.",
    "reply_failed": "The language model could not answer; it is asked again.",
    "reply_blocked": "The language model would not answer this.",
    "reply_empty": "The language model had no answer; it is asked again.",
    "reply_stalled": "The language model went silent; it is asked again.",
    "no_answer": "The language model did not answer in time.",
    "llm_refused": "The language model refused this server.",
    "too_late": "The call is ending; nothing more is said.",
    "transfer_failed": "Nobody took the call; it goes on here.",
    "too_long": "Too many keys were pressed; the rest was dropped.",
}


class _Start(Struct, tag="start"):
    sample_rate: int = DEFAULT_RATE_HZ
    output_sample_rate: int | None = None
    token: str = ""
    can: list[str] = []
    echo: bool | None = None
    metadata: dict[str, Any] = {}


class _Text(Struct, tag="text"):
    text: str
    skip_tts: bool = False


class _Interrupt(Struct, tag="interrupt"):
    pass


class _Played(Struct, tag="played"):
    samples: int


class _Cleared(Struct, tag="cleared"):
    samples: int


class _Dtmf(Struct, tag="dtmf"):
    digits: str


class _Mute(Struct, tag="mute"):
    key: bool = False


class _Unmute(Struct, tag="unmute"):
    key: bool = False


class _End(Struct, tag="end"):
    pass


class _Any(Struct):
    type: str


_message = msgspec.json.Decoder(
    _Start | _Text | _Interrupt | _Played | _Cleared | _Dtmf | _Mute | _Unmute | _End,
)
_any = msgspec.json.Decoder(_Any)
KNOWN = frozenset("start text interrupt played cleared dtmf mute unmute end".split())
KEYS = frozenset("0123456789*#ABCDabcd")


class NativeWire:
    """The codec of one native connection."""

    def __init__(self) -> None:
        self._capabilities: Capabilities | None = None

    # --- in -----------------------------------------------------------------------------------------------------------

    def receive(self, message: Message) -> list[Incoming]:
        """What a message means; the first one that is no `start` opens the call with the defaults."""
        if isinstance(message, bytes):
            if len(message) % 2:
                raise ClientError(1003, f"audio is PCM16, two bytes a sample; a message had {len(message)} bytes")
            return [*self.begin(), Audio(message)]
        try:
            return self._understand(message)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ClientError(1007, f"a text message is not JSON: {error}") from error

    def _understand(self, message: str) -> list[Incoming]:
        try:
            content = _message.decode(message)
        except msgspec.ValidationError as error:
            return [*self.begin(), self._complaint(message, error)]
        if isinstance(content, _Start):
            return [self._open(content)]
        return [*self.begin(), *self._meaning(content)]

    def begin(self) -> list[Incoming]:
        """Open the call with the defaults, unless it is open."""
        return [] if self._capabilities else [self._open(_Start())]

    def _open(self, start: _Start) -> Opened:
        if self._capabilities:
            raise ClientError(1008, "`start` is only allowed as the first message")
        rate_out = start.sample_rate if start.output_sample_rate is None else start.output_sample_rate
        for name, rate in (("sample_rate", start.sample_rate), ("output_sample_rate", rate_out)):
            if not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
                raise ClientError(1008, f"{name} must be between {MIN_RATE_HZ} and {MAX_RATE_HZ}, not {rate}")
        can = set(start.can)
        self._capabilities = Capabilities(
            start.sample_rate,
            rate_out,
            reports="counts" if "played" in can else "nothing",
            pause="pause" in can,
            echo=start.echo,
        )
        return Opened(self._capabilities, start.token, start.metadata)

    def _meaning(self, content: object) -> list[Incoming]:
        match content:
            case _Text(text, skip_tts):
                return [e.UserText(text[:MAX_TEXT], skip_tts), *_cut("text", text, MAX_TEXT)]
            case _Played(samples) if samples >= 0:
                return [PlayedReport(samples)]
            case _Cleared(samples) if samples >= 0:
                return [ClearedReport(samples)]
            case _Dtmf(digits) if digits and set(digits) <= KEYS:
                return [e.Dtmf(digits[:MAX_KEYS]), *_cut("dtmf", digits, MAX_KEYS)]
            case _Interrupt():
                return [e.Interrupt()]
            case _Mute(key):
                return [e.Muted(True, key)]
            case _Unmute(key):
                return [e.Muted(False, key)]
            case _End():
                return [e.Gone("the client ended the call")]
            case _:
                return [Complaint("bad_value", "a value is out of its range; the message was ignored")]

    def _complaint(self, message: str, error: msgspec.ValidationError) -> Complaint:
        """An object that does not fit. Raises ClientError when it is none, DecodeError where no JSON follows."""
        try:
            kind = _any.decode(message).type
        except msgspec.ValidationError as none:
            raise ClientError(1007, "a text message must be a JSON object with a `type`") from none
        if kind not in KNOWN:
            return Complaint("unknown_type", f"there is no message of type {kind[:40]!r}; it was ignored")
        if kind == "start":
            raise ClientError(1008, f"the `start` message is wrong: {error}")
        return Complaint("bad_message", f"a {kind!r} message was ignored: {error}")

    # --- out ----------------------------------------------------------------------------------------------------------

    def ready(self, call_id: str) -> list[Message]:
        """The call begins."""
        assert self._capabilities
        return _text(
            "ready",
            call_id=call_id,
            sample_rate=self._capabilities.rate_in,
            output_sample_rate=self._capabilities.rate_out,
            version=__version__,
        )

    def audio(self, pcm: bytes) -> list[Message]:
        """Audio of the bot."""
        return [pcm]

    def event(self, event: e.Event) -> list[Message]:
        """What the client is told of an event."""
        match event:
            case e.UserSpeech(on):
                return _text("speech_started" if on else "speech_stopped")
            case e.UserTranscript(text, final):
                return _text("transcript", role="user", text=text, final=final)
            case e.AssistantTranscript(text, final):
                return _text("transcript", role="assistant", text=text.strip(), final=final)
            case e.Interrupted():
                return _text("interrupted")
            case e.FalseInterruption():
                return _text("false_interruption")
            case e.Filler(text):
                return _text("filler", text=text)
            case e.BotSpeech(on):
                return _text("bot_started" if on else "bot_stopped")
            case e.ToolStarted(call_id, name, arguments):
                return _text("tool_call", id=call_id, name=name, arguments=_raw(arguments))
            case e.ToolUpdated(call_id, name, result):
                return _text("tool_result", id=call_id, name=name, status="running", result=result[:MAX_RESULT])
            case e.ToolFinished(call_id, name, outcome, result):
                return _text("tool_result", id=call_id, name=name, status=outcome, result=result[:MAX_RESULT])
            case e.LinkChanged(state):
                return _text("link", state=state)
            case e.Problem(code, _, fatal):
                return _text("error", code=code, message=PROBLEMS.get(code, "Something failed."), fatal=fatal)
            case _:
                return []

    def custom(self, payload: str) -> list[Message]:
        """A JSON message of the application."""
        return [payload]

    def turn(self, latency: dict[str, float | None]) -> list[Message]:
        """The latencies of a turn."""
        return [msgspec.json.encode({"type": "turn", **latency}).decode()]

    def complain(self, complaint: Complaint) -> list[Message]:
        """A message was ignored."""
        return _text("error", code=complaint.code, message=complaint.message, fatal=False)

    def clear(self) -> list[Message]:
        """Drop what is not played yet."""
        return _text("clear")

    def pause(self) -> list[Message]:
        """Stop playing and keep it; only a client that said it can is told."""
        return _text("pause") if self._capabilities and self._capabilities.pause else []

    def resume(self) -> list[Message]:
        """Play on."""
        return _text("resume") if self._capabilities and self._capabilities.pause else []

    def ended(self, reason: str) -> list[Message]:
        """The call is over."""
        return _text("ended", reason=reason)


def _cut(kind: str, given: str, most: int) -> list[Incoming]:
    """What is said of a message whose end was dropped."""
    if len(given) <= most:
        return []
    return [Complaint("too_long", f"a {kind!r} message had {len(given)} characters; those after {most} were dropped")]


Name = Literal[
    "ready",
    "speech_started",
    "speech_stopped",
    "transcript",
    "bot_started",
    "bot_stopped",
    "interrupted",
    "false_interruption",
    "clear",
    "pause",
    "resume",
    "tool_call",
    "tool_result",
    "filler",
    "link",
    "error",
    "ended",
]


def _text(kind: Name, /, **fields: object) -> list[Message]:
    return [msgspec.json.encode({"type": kind, **fields}).decode()]


def _raw(arguments: str) -> object:
    """A call's arguments as JSON, or as the text that the model sent instead."""
    try:
        return msgspec.json.decode(arguments or "{}")
    except msgspec.DecodeError:
        return arguments

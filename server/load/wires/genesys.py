"""The side of Genesys's AudioHook v2, as its Audio Connector speaks it. Pure.

<https://developer.genesys.cloud/devapps/audiohook/protocol-reference>. Its messages and the server's are numbered, each
from 1, and each tells the last number of the other that it saw. The stream ends with `close` and `closed`; who is told
to `disconnect` closes. Messages of audio come 5 a second at the most, 25 at once (unverified), else error 429.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from server.load.wires.buffer import Buffer
from server.load.wires.messages import Encoding, fields, packed, text, unpacked
from server.protocols.wire import Message

RATE_HZ = 8000
PING_S = 5.0
MOST_A_SECOND, MOST_AT_ONCE = 5.0, 25.0
ENCODINGS: dict[str, Encoding] = {"PCMU": "mulaw", "L16": "l16"}


class Genesys:
    """One session."""

    path = "genesys"
    chunk_ms = 100.0
    rate_hz = RATE_HZ

    def __init__(
        self,
        *,
        formats: tuple[str, ...] = ("PCMU", "L16"),
        variables: Mapping[str, str] | None = None,
        session_id: str = "e160e428-53b2-487c-977d-96989bf5c99d",
        conversation_id: str = "090eaa2f-72fa-480a-83e0-8667ff89c0ec",
    ) -> None:
        """`formats` are on offer; `variables` are those of the flow."""
        self.buffer = Buffer(RATE_HZ)
        self.faults: Counter[str] = Counter()
        self.over = False
        self._offers = [
            {"type": "audio", "format": each, "channels": ["external"], "rate": RATE_HZ} for each in formats
        ]
        self._variables = dict(variables or {})
        self._id = session_id
        self._conversation_id = conversation_id
        self._encoding: Encoding | None = None  # until it is opened
        self._closing = False
        self._seq = 0
        self._server_seq = 0
        self._sent = 0  # samples of the caller
        self._said: list[Message] = []
        self._plays = False
        self._pinged_at: float | None = None
        self._unanswered = 0
        self._budget = (0.0, MOST_AT_ONCE)  # when, and how many messages of audio might have come then

    # --- what it says -------------------------------------------------------------------------------------------------

    def opening(self) -> list[Message]:
        """What a session begins with."""
        return [
            self._message(
                "open",
                organizationId="d7934305-0972-4844-938e-9060eef73d05",
                conversationId=self._conversation_id,
                participant={"id": "883efee8", "ani": "+15550100", "aniName": "", "dnis": "+15550199"},
                media=self._offers,
                language="en-US",
                inputVariables=self._variables,
            )
        ]

    def media(self, pcm: bytes) -> list[Message]:
        """The caller's sound, while the session is open."""
        if self._encoding is None or self._closing:
            return []
        self._sent += len(pcm) // 2
        return [packed(pcm, self._encoding)]

    def dtmf(self, digit: str) -> list[Message]:
        """The caller presses a key."""
        return [self._message("dtmf", digit=digit)]

    def stop(self) -> list[Message]:
        """The caller hangs up; the connection stays until the server has said `closed`."""
        return self._close("end")

    def _close(self, reason: str) -> list[Message]:
        if self._closing:
            return []
        self._closing = True
        return [self._message("close", reason=reason)]

    def due(self, now: float) -> list[Message]:
        """Answers, pings, and whether something plays."""
        said, self._said = self._said, []
        plays = self.buffer.left(now) > 0
        if self._encoding is not None and not self._closing:
            if plays != self._plays:
                said.append(self._message("playback_started" if plays else "playback_completed"))
            said += self._ping(now)
        self._plays = plays
        return said

    def _ping(self, now: float) -> list[Message]:
        if self._pinged_at is None:
            self._pinged_at = now
        if now - self._pinged_at < PING_S:
            return []
        if self._unanswered:
            self.faults["a ping was not answered"] += 1
        self._pinged_at, self._unanswered = now, 1
        return [self._message("ping", rtt="PT0.05S")]

    def _message(self, kind: str, **parameters: object) -> str:
        self._seq += 1
        head = {"version": "2", "id": self._id, "type": kind, "seq": self._seq, "serverseq": self._server_seq}
        return text({**head, "position": f"PT{self._sent / RATE_HZ:.3f}S", "parameters": parameters})

    # --- what it is told ----------------------------------------------------------------------------------------------

    def take(self, message: Message, now: float) -> None:
        """A message of the server arrives."""
        if isinstance(message, bytes):
            self._hear(message, now)
            return
        content = fields(message, self.faults)
        if not self._is_in_order(content):
            return
        match content:
            case {"type": "opened", "parameters": {"media": list(media), "startPaused": bool()}}:
                self._open(media)
            case {"type": "closed"} if self._closing:
                self.over = True
            case {"type": "pong"}:
                self._unanswered = 0
            case {"type": "disconnect", "parameters": {"reason": "completed" | "unauthorized" | "error"}}:
                self._said += self._close("disconnect")
            case {"type": "event", "parameters": {"entities": [{"type": "barge_in"}]}}:
                self.buffer.clear(now, returns_marks=False)
            case _:
                self.faults["a message that does not fit here"] += 1

    def _is_in_order(self, content: dict[str, Any]) -> bool:
        match content:
            case {"version": "2", "id": self._id, "seq": int(seq), "clientseq": int(seen)}:
                if seq != self._server_seq + 1 or seen > self._seq:
                    self.faults["the numbers are wrong"] += 1
                self._server_seq = seq
                return True
            case _:
                self.faults["a message is not of this session"] += 1
                return False

    def _open(self, media: list[Any]) -> None:
        if self._encoding is not None or len(media) != 1 or media[0] not in self._offers:
            self.faults["`opened` does not take exactly one of the media on offer, once"] += 1
            return
        self._encoding = ENCODINGS[media[0]["format"]]

    def _hear(self, data: bytes, now: float) -> None:
        if self._encoding is None:
            self.faults["audio before `opened`"] += 1
            return
        at, left = self._budget
        left = min(MOST_AT_ONCE, left + (now - at) * MOST_A_SECOND) - 1.0
        self._budget = (now, left)
        if left < 0:
            self.faults["429: too many messages of audio"] += 1
        try:
            self.buffer.put(unpacked(data, self._encoding), now)
        except ValueError:
            self.faults["half a sample"] += 1

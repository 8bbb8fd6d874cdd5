"""A carrier's media stream, once it has begun: what the JSON wires have in common. Pure."""

from __future__ import annotations

from link.errors import ClientError
from server.call.events import Gone
from server.protocols.carrier import pressed
from server.protocols.marks import Marks
from server.protocols.media_format import MediaFormat
from server.protocols.ordering import Ordering
from server.protocols.wire import Incoming


class MediaStream:
    """One stream: its name, its form of sound, the order of what is heard, the marks in what is said."""

    def __init__(self, stream_id: str, form: MediaFormat, window: int = 1) -> None:
        """`window`: as in `Ordering`."""
        self.stream_id = stream_id
        self.form = form
        self.marks = Marks()
        self._ordering = Ordering(form.rate_hz, window)

    def hear(self, track: str, number: int | None, payload: bytes) -> list[Incoming]:
        """Audio of the caller. What they hear themselves is ignored: it comes where somebody asked for both tracks.

        Whether the numbers then count the tracks apart no carrier says, so they are not looked at any more.
        """
        if track != "inbound":
            return self._ordering.distrust()
        return self._ordering.put(number, self.form.decode(payload))

    def press(self, digit: str) -> list[Incoming]:
        """A key of the caller, after all that they said before."""
        return [*self._ordering.flush(), *pressed(digit)]

    def hang_up(self) -> list[Incoming]:
        """The carrier has ended the stream."""
        return [*self._ordering.flush(), Gone("the caller hung up")]


def begun(stream: MediaStream | None, stream_id: str) -> MediaStream:
    """The stream that a message is for. Raises ClientError if there is none, or it is for another one."""
    if stream is None:
        raise ClientError(1008, "a stream begins with `start`")
    if stream_id not in ("", stream.stream_id):
        raise ClientError(1008, f"a message is for the stream {stream_id[:40]!r}, and this is another one")
    return stream


def name_of(*names: str) -> str:
    """The name that a stream has in all places of its `start`; empty: it has none. Raises ClientError for two."""
    given = {name for name in names if name}
    if len(given) > 1:
        raise ClientError(1008, "`start` gives the stream two names")
    return given.pop() if given else ""

"""Whether a voice that was out speaks again: it is asked for one word, which nobody hears."""

from __future__ import annotations

from collections.abc import Callable

from audio.events import Word
from audio.services import TextToSpeech, Utterance
from link.inbox import Inbox
from link.probing import Found, Probe
from link.tasks import Spawn

PROBE_S = 5.0
PROBE_TEXT = "One."


def speaking(open_voice: Callable[[], TextToSpeech]) -> Probe:
    """A probe that opens a voice and lets it speak."""

    def probe(spawn: Spawn, found: Found) -> None:
        voice = open_voice()
        inbox: Inbox[Utterance] = Inbox(1)
        inbox.put(Utterance(1, PROBE_TEXT))
        spawn(voice.run(inbox, _Nobody(found), spawn)).add_done_callback(lambda _: voice.close())

    return probe


class _Nobody:
    """A sink: the first sound says that the voice works."""

    def __init__(self, found: Found) -> None:
        self._found = found

    def wanted(self, frame: int) -> bool:
        """It is, until the probe ends."""
        return True

    async def audio(self, frame: int, pcm: bytes, words: tuple[Word, ...] = ()) -> bool:
        """It speaks."""
        self._found(True)
        return False

    def done(self, frame: int) -> None:
        """Without any sound: it does not."""
        self._found(False)

    def failed(self, frame: int, reason: str) -> None:
        """It does not."""
        self._found(False)

"""Audio that is kept, and what of it goes out next: in frames, with marks, again on each connection."""

from __future__ import annotations

import pytest

from audio.stt.kept_audio import KeptAudio
from audio.stt.uplink import Mark, Uplink
from link.errors import ConfigError

FRAME = 2560  # 80 ms at 16 kHz


def everything(uplink: Uplink) -> list[bytes | Mark]:
    """All that goes out now."""
    sent = []
    while (piece := uplink.take()) is not None:
        sent.append(piece)
    return sent


def sizes(sent: list[bytes | Mark]) -> list[int | str]:
    """Frames by their size."""
    return ["mark" if isinstance(piece, Mark) else len(piece) for piece in sent]


@pytest.mark.parametrize("limit", [0, -2, 3])
def test_a_limit_holds_whole_samples(limit: int) -> None:
    with pytest.raises(ConfigError):
        KeptAudio(limit)


def test_the_newest_audio_is_kept() -> None:
    kept = KeptAudio(6)
    kept.put(b"abcd")
    kept.put(b"efgh")
    assert (kept.start, kept.end, kept.lost_bytes) == (2, 8, 2)
    assert kept.read(2, 100) == b"cdefgh"
    assert kept.read(4, 2) == b"ef"


def test_what_is_released_is_not_lost() -> None:
    kept = KeptAudio(6)
    kept.put(b"abcd")
    kept.release(2)
    kept.release(0)
    assert (kept.start, kept.lost_bytes) == (2, 0)
    kept.release(100)
    assert (kept.start, kept.end) == (4, 4), "no more than there is"


def test_a_part_of_a_frame_waits_until_speech_ends() -> None:
    uplink = Uplink(16000)
    uplink.rewind()
    uplink.put(bytes(FRAME + 100))
    assert sizes(everything(uplink)) == [FRAME]
    uplink.put(bytes(FRAME - 100))
    assert sizes(everything(uplink)) == [FRAME]
    uplink.put(bytes(100))
    uplink.mark()
    uplink.put(bytes(FRAME))
    assert sizes(everything(uplink)) == [100, "mark", FRAME]


def test_a_new_connection_hears_what_is_kept_and_its_marks() -> None:
    uplink = Uplink(16000)
    uplink.put(b"\x01\x00" * FRAME)
    uplink.mark()
    uplink.put(b"\x02\x00" * FRAME)
    uplink.mark()
    everything(uplink)
    uplink.release(FRAME)
    uplink.rewind()
    assert sizes(everything(uplink)) == [FRAME, "mark", FRAME, FRAME, "mark"]
    uplink.unmark(2 * FRAME)
    uplink.release(2 * FRAME)
    uplink.rewind()
    again = everything(uplink)
    assert again == [b"\x02\x00" * (FRAME // 2)] * 2 + [Mark(4 * FRAME)]


def test_positions_count_from_the_beginning_of_the_connection() -> None:
    uplink = Uplink(16000)
    uplink.put(bytes(32000))
    uplink.release(16000)
    uplink.rewind()
    everything(uplink)
    assert uplink.position(0.25) == 16000 + 8000
    assert uplink.position(9.0) == 16000 + 6 * FRAME, "nothing is known of what was not sent"


def test_what_is_not_sent_any_more_is_not_in_the_stream() -> None:
    uplink = Uplink(16000)
    uplink.rewind()
    uplink.put(bytes(FRAME + 1000))
    everything(uplink)
    uplink.release(FRAME + 1000)
    uplink.put(bytes(2 * FRAME))
    assert sizes(everything(uplink)) == [FRAME, FRAME]
    assert uplink.position(0.16) == 2 * FRAME + 1000


def test_a_mark_whose_audio_is_gone_goes_out_all_the_same() -> None:
    uplink = Uplink(16000)
    uplink.put(bytes(FRAME))
    uplink.mark()
    uplink.put(bytes(15 * 32000))
    uplink.mark()
    uplink.rewind()
    assert sizes(everything(uplink))[:2] == ["mark", FRAME]

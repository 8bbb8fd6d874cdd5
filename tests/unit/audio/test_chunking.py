"""The pieces in which sound leaves: whole granules, none too short but the end of a frame, which silence fills up."""

from __future__ import annotations

import pytest

from audio.chunking import Chunking, Piece


def wire(chunk_ms: float = 40.0, granule_ms: float = 0.0, *, short: bool = False) -> Chunking:
    """One at 1 kHz: a sample is a millisecond."""
    return Chunking(1000, chunk_ms, granule_ms, short=short)


@pytest.mark.parametrize(
    ("waiting", "room", "complete", "piece"),
    [
        (1000, 200, False, Piece(200)),
        (30, 200, False, Piece(0)),
        (30, 200, True, Piece(30)),
        (30, 20, True, Piece(0)),
        (1000, 39, True, Piece(0)),
        (230, 200, True, Piece(190)),  # the rest is a whole chunk
        (230, 200, False, Piece(200)),
        (70, 50, True, Piece(50)),  # neither half of it would be one
        (0, 200, True, Piece(0)),
        (100, -5, True, Piece(0)),
    ],
)
def test_a_wire_without_granules(waiting: int, room: int, complete: bool, piece: Piece) -> None:
    assert wire().piece(waiting, room, complete=complete) == piece


@pytest.mark.parametrize(
    ("waiting", "room", "complete", "piece"),
    [
        (1000, 419, False, Piece(400)),
        (1000, 199, False, Piece(0)),
        (419, 419, False, Piece(400)),
        (419, 419, True, Piece(419, 1)),  # whole granules
        (33, 419, True, Piece(33, 167)),  # and a whole chunk
        (200, 419, True, Piece(200)),
        (0, 419, True, Piece(0)),
    ],
)
def test_a_wire_of_large_pieces(waiting: int, room: int, complete: bool, piece: Piece) -> None:
    assert wire(200.0, 20.0).piece(waiting, room, complete=complete) == piece


def test_a_client_that_marks_gets_short_pieces() -> None:
    assert wire(short=True).piece(1000, 200, complete=False) == Piece(40)
    assert wire(short=True).piece(75, 200, complete=True) == Piece(40)
    assert wire(short=True).piece(80, 200, complete=True) == Piece(40)


def test_a_chunk_is_a_whole_number_of_granules() -> None:
    assert wire(50.0, 20.0).piece(1000, 59, complete=False) == Piece(0)
    assert wire(50.0, 20.0, short=True).piece(1000, 200, complete=False) == Piece(60)
    assert Chunking(8000, 200.0, 20.0, short=True).piece(9000, 9000, complete=False) == Piece(1600)


@pytest.mark.parametrize(("room", "samples"), [(39, 0), (40, 40), (59, 40), (60, 60), (-1, 0)])
def test_a_sound_without_end_leaves_in_whole_granules(room: int, samples: int) -> None:
    assert wire(40.0, 20.0).fill(room) == samples

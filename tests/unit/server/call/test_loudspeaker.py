"""What a wire can do is what the playout is told of it."""

from __future__ import annotations

import pytest

from audio.inflight import Reports
from audio.playout import PlayoutOptions
from server.call.loudspeaker import playout_options
from server.config import Limits
from server.protocols.wire import Capabilities


@pytest.mark.parametrize("reports", ["nothing", "counts", "marks"])
def test_a_client_is_played_to_as_it_says(reports: Reports) -> None:
    can = Capabilities(8000, 24_000, reports=reports, pause=True, granule_ms=20.0)
    assert playout_options(can, Limits()) == PlayoutOptions(
        rate_hz=24_000, chunk_ms=40.0, granule_ms=20.0, reports=reports, pauses=True
    )


@pytest.mark.parametrize(("chunk_ms", "lead_ms"), [(20.0, 200.0), (100.0, 200.0), (200.0, 400.0)])
def test_two_pieces_are_ahead_of_the_caller(chunk_ms: float, lead_ms: float) -> None:
    options = playout_options(Capabilities(8000, 8000, chunk_ms=chunk_ms), Limits())
    assert (options.chunk_ms, options.lead_ms) == (chunk_ms, lead_ms)

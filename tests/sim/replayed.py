"""The journal of a simulated call, fed to a fresh core, gives the same commands."""

from __future__ import annotations

import io

from server.call.journal import Header, JournalFile, replay
from tests.sim.oracles import Violation
from tests.sim.world import World


class KeptBytes(io.BytesIO):
    """A file in memory that can be read after it was closed."""

    def close(self) -> None:
        """Keep what was written."""


def journal_of(world: World) -> bytes:
    """The journal file of a call that was run."""
    file = KeptBytes()
    writer = JournalFile(file, Header("test", str(world.seed), world.settings, world.playout.options))
    world.journal.write_to(writer)
    return file.getvalue()


def check_replay(world: World) -> None:
    """Raises Violation where the fresh core differs."""
    for line, difference in replay(journal_of(world).splitlines()):
        if difference is not None:
            raise Violation(f"seed {world.seed}: the replay differs at {line.t:.3f} s: {difference}")

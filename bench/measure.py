"""What processes take, read from Linux's /proc; and the few statistics that the tables need."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from msgspec import Struct

PROC = Path("/proc")
PACKAGES = "voicewire aiohttp uvloop numpy msgspec websockets pocketsphinx espeakng-loader".split()


class Usage(Struct, frozen=True):
    """A process, its descendants and the machine at one instant. CPU times are seconds since their beginning."""

    at: float
    cpu_s: float
    workers_cpu_s: float
    memory_mb: float
    """Proportional set size: pages shared with others count in part."""
    workers_memory_mb: float
    workers: int
    machine_cpu_s: float
    """Of all cores, by everybody."""


def usage(pid: int) -> Usage:
    """Read a process and all that it started. Raises OSError when it is gone."""
    workers = descendants(pid)
    return Usage(
        at=time.monotonic(),
        cpu_s=cpu_s(pid),
        workers_cpu_s=sum(map(cpu_s, workers)),
        memory_mb=pss_mb(pid),
        workers_memory_mb=sum(map(pss_mb, workers)),
        workers=len(workers),
        machine_cpu_s=machine_cpu_s((PROC / "stat").read_text()),
    )


def cpu_s(pid: int) -> float:
    """User and system time of a process, all its threads, to the nanosecond (`/proc/PID/stat` has ticks of 10 ms).

    The clock of a process is what clock_getcpuclockid(3) gives: its number, inverted, with CPUCLOCK_SCHED (2) below it.
    """
    return time.clock_gettime((~pid << 3) | 2)


def pss_mb(pid: int) -> float:
    """Proportional set size."""
    return parse_pss_mb((PROC / str(pid) / "smaps_rollup").read_text())


def parse_pss_mb(rollup: str) -> float:
    """The `Pss` line of `/proc/PID/smaps_rollup`, in MB of 10^6 bytes."""
    line = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
    return int(line.split()[1]) * 1024 / 1e6


def machine_cpu_s(stat: str) -> float:
    """The first line of `/proc/stat`: all that is not idle, not waiting, and not counted twice (guests)."""
    user, nice, system, _idle, _waiting, hard, soft, stolen = map(int, stat.splitlines()[0].split()[1:9])
    return (user + nice + system + hard + soft + stolen) / os.sysconf("SC_CLK_TCK")


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and theirs."""
    found: list[int] = []
    for task in (PROC / str(pid) / "task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *descendants(child)]
    return found


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that `share` of all do not exceed (nearest rank); None for no values."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def machine() -> list[str]:
    """What was measured on, in a few lines."""
    return [
        f"{cpu_model((PROC / 'cpuinfo').read_text())}, {os.cpu_count()} cores, Linux {platform.release()}",
        f"Python {platform.python_version()}, " + ", ".join(versions(PACKAGES)),
    ]


def cpu_model(cpuinfo: str) -> str:
    """The first `model name` of `/proc/cpuinfo`."""
    lines = (line.partition(":") for line in cpuinfo.splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == "model name"), platform.machine())


def versions(packages: Iterable[str]) -> list[str]:
    """Each package that is installed, with its version."""
    found: list[str] = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return found

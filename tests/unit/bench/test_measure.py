"""What is read from /proc, and the statistics."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from bench.measure import cpu_model, cpu_s, descendants, machine, machine_cpu_s, parse_pss_mb, percentile, usage


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1.0), (0.5, 2.0), (0.51, 3.0), (0.75, 3.0), (0.95, 4.0), (0.99, 4.0), (1.0, 4.0)]
)
def test_a_percentile_is_a_value_that_was_measured(share: float, value: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], share) == value


def test_there_is_no_percentile_of_nothing() -> None:
    assert percentile([], 0.5) is None


def test_the_process_clock_is_the_one_that_the_process_itself_reads() -> None:
    before = time.process_time()
    read = cpu_s(os.getpid())
    assert before <= read <= time.process_time()


def test_children_are_found_and_told_apart() -> None:
    code = (
        "import subprocess, sys;"
        "p = subprocess.Popen(['cat'], stdin=subprocess.PIPE);"
        "print(p.pid, flush=True); sys.stdin.read(); p.communicate()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        grandchild = int(child.stdout.readline())
        assert {child.pid, grandchild} <= set(descendants(os.getpid()))
        found = usage(child.pid)
        child.communicate()
    assert found.workers == 1
    assert found.memory_mb > found.workers_memory_mb > 0
    assert found.cpu_s > 0
    with pytest.raises(OSError):
        usage(child.pid)


def test_pss_is_read_in_kib() -> None:
    text = "55e3-7ffe ---p 00000000 00:00 0 [rollup]\nRss:  9999 kB\nPss:   2000 kB\nPss_Dirty: 1 kB\n"
    assert parse_pss_mb(text) == pytest.approx(2.048)


def test_the_machine_works_when_it_is_not_idle() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    assert machine_cpu_s("cpu  1 2 3 1000 2000 4 5 6 7 8\ncpu0 1 1 1 1") == pytest.approx(21 / ticks)


def test_the_model_of_the_cpu() -> None:
    assert cpu_model("processor\t: 0\nmodel name\t: A CPU: 3 GHz\nmodel name\t: B\n") == "A CPU: 3 GHz"
    assert cpu_model("") != ""


def test_the_machine_is_described_with_its_versions() -> None:
    hardware, software = machine()
    assert f"{os.cpu_count()} cores" in hardware
    assert "aiohttp 3" in software

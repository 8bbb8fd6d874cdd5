"""From readings to numbers, and from numbers to the table."""

from __future__ import annotations

import pytest
from msgspec import structs

from bench.__main__ import COLUMNS, README, planned
from bench.callers import Report
from bench.listener import Heard
from bench.measure import Usage
from bench.report import BEGIN, END, ROWS, replaced, table
from bench.run import Result, result

ZERO = Usage(
    at=100.0,
    cpu_s=1.0,
    workers_cpu_s=2.0,
    memory_mb=50.0,
    workers_memory_mb=80.0,
    workers=2,
    machine_cpu_s=1000.0,
)


def report(**heard: list[float]) -> Report:
    return Report(heard=Heard(**heard), accept=[5.0, 7.0], lateness=[1.0] * 100, broken=[])  # type: ignore[arg-type]


def measured(kind: str, calls: int, cpu_ms: float) -> Result:
    end = structs.replace(ZERO, at=110.0, cpu_s=1.0 + cpu_ms * calls / 100)
    return result(kind, calls, (ZERO, ZERO, end), 0.0, report(responses=[10.0, 20.0]))


def test_a_result_is_the_difference_between_two_readings_for_each_call_second() -> None:
    empty = structs.replace(ZERO, memory_mb=40.0)
    end = Usage(
        at=110.0, cpu_s=2.0, workers_cpu_s=2.5, memory_mb=60.0, workers_memory_mb=90.0, workers=2, machine_cpu_s=1004.0
    )
    found = result("embedded", 10, (empty, ZERO, end), 1.5, report())
    assert found.cpu_ms == pytest.approx(10)  # 1 s in 10 s for 10 calls
    assert found.workers_cpu_ms == pytest.approx(5)
    assert (found.empty_mb, found.call_mb, found.workers_mb) == (40, 2, 90)
    assert found.others_cores == pytest.approx(0.1)  # 4 s, of which 3 s were ours
    assert found.doubts() == []


def test_slow_callers_are_not_believed() -> None:
    slow = report()
    slow.lateness = [1.0] * 98 + [12.0] * 2
    assert (
        "do not believe"
        in result("scripted", 100, (ZERO, ZERO, structs.replace(ZERO, at=110.0)), 0.0, slow).doubts()[0]
    )


def test_other_work_and_broken_calls_are_told() -> None:
    broken = report()
    broken.broken = ["EOFError: closed with 1011"]
    end = structs.replace(ZERO, at=110.0, machine_cpu_s=1005.0)
    busy, call = result("scripted", 50, (ZERO, ZERO, end), 0.0, broken).doubts()
    assert "0.5 cores" in busy
    assert "1011" in call


def test_the_table_sets_each_column_beside_the_floor_at_as_many_calls() -> None:
    results = {
        ("floor", 10): measured("floor", 10, 2.0),
        ("scripted", 10): measured("scripted", 10, 3.0),
        ("scripted", 50): measured("scripted", 50, 4.0),
    }
    lines = table([("embedded", 10), ("scripted", 10), ("scripted", 50)], results).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == ["", "goal", "embedded, 10 calls", "scripted, 10 calls", "scripted, 50 calls"]
    assert cells[2][2:] == ["not yet measured", "3.00", "4.00"]
    assert cells[3][2:] == ["2.00", "2.00", "not yet measured"]
    assert cells[4][2:] == ["not yet measured", "1.50", "not yet measured"]
    assert len(cells) == len(ROWS) + 5
    assert len({len(line) for line in lines}) == 1
    responses = next(row for row in cells if row[0].startswith("response: from the last voiced sample"))
    assert responses[2:4] == ["not yet measured", "10 / 20"]
    silences = next(row for row in cells if row[0].startswith("barge-in: to `pause`"))
    assert silences[3] == "– / –"  # noqa: RUF001


def test_the_floor_runs_right_before_what_is_compared_with_it() -> None:
    assert planned(COLUMNS, None) == [
        *[("floor", 1), ("embedded", 1), ("floor", 10), ("embedded", 10), ("scripted", 10)],
        *[("floor", 50), ("scripted", 50), ("floor", 100), ("scripted", 100)],
    ]
    assert planned([("scripted", 10)], "scripted") == [("scripted", 10)]
    assert planned([("scripted", 10)], "floor") == [("floor", 10)]


def test_only_the_measured_block_is_replaced() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert replaced(text, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert replaced(replaced(text, "x"), "new") == replaced(text, "new")
    with pytest.raises(ValueError, match="no place"):
        replaced("before after", "new")


def test_the_readme_has_a_place_for_the_measured_block() -> None:
    assert "new" in replaced(README.read_text(), "new")

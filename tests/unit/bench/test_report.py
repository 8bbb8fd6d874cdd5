"""From readings to numbers, and from numbers to the table."""

from __future__ import annotations

import os

import pytest
from msgspec import structs

from bench.__main__ import COLUMNS, PARTS, README, block, chosen
from bench.callers import Report
from bench.listener import Heard
from bench.measure import Usage
from bench.report import BEGIN, END, ROWS, bare, replaced, table
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
    return Report(
        heard=Heard(**heard),  # type: ignore[arg-type]
        accept=[5.0, 7.0],
        lateness=[1.0] * 100,
        broken=[],
        audio_messages=1000,
        text_messages=100,
    )


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
    less = result("embedded", 10, (empty, ZERO, structs.replace(end, memory_mb=45.0)), 1.5, report())
    assert less.call_mb == 1  # what the calls had at the beginning
    assert found.others_cores == pytest.approx(0.1)  # 4 s, of which 3 s were ours
    assert (found.cores, found.callers_cores) == pytest.approx((0.1, 0.15))
    assert (found.audio_per_s, found.text_per_s) == (10, 1)
    assert found.back == pytest.approx(0.2)  # 50 messages a second come in
    assert found.doubts() == []


def test_slow_callers_are_not_believed() -> None:
    slow = report()
    slow.lateness = [1.0] * 98 + [12.0] * 2
    assert (
        "do not believe"
        in result("scripted", 100, (ZERO, ZERO, structs.replace(ZERO, at=110.0)), 0.0, slow).doubts()[0]
    )


def test_other_work_is_told() -> None:
    end = structs.replace(ZERO, at=110.0, machine_cpu_s=1005.0)
    (busy,) = result("scripted", 50, (ZERO, ZERO, end), 0.0, report()).doubts()
    assert "0.5 cores" in busy


def test_whoever_was_saturated_is_named() -> None:
    end = structs.replace(ZERO, at=110.0)
    cores = os.cpu_count() or 1
    busy = structs.replace(end, cpu_s=ZERO.cpu_s + 9.0)
    full = structs.replace(end, machine_cpu_s=ZERO.machine_cpu_s + 9.5 * cores)
    assert result("scripted", 100, (ZERO, ZERO, end), 0.0, report()).saturated() == ""
    assert result("scripted", 100, (ZERO, ZERO, busy), 0.0, report()).saturated() == "server"
    assert result("scripted", 100, (ZERO, ZERO, full), 0.0, report()).saturated() == "machine"


def test_an_answer_before_the_end_of_the_silence_is_no_answer() -> None:
    usages = ZERO, ZERO, structs.replace(ZERO, at=110.0)
    assert "silence" in result("scripted", 10, usages, 0.0, report(responses=[50.0, -65.0])).doubts()[0]
    assert result("scripted", 10, usages, 0.0, report(responses=[50.0, -63.0])).doubts() == []
    assert result("floor", 10, usages, 0.0, report(responses=[-65.0])).doubts() == []  # it answers nobody


def test_the_table_sets_each_column_beside_both_floors_at_as_many_calls() -> None:
    results = {
        ("floor", 10): measured("floor", 10, 2.0),
        (bare("scripted"), 10): measured("floor", 10, 1.0),
        ("scripted", 10): measured("scripted", 10, 3.0),
        ("scripted", 50): measured("scripted", 50, 4.0),
    }
    lines = table([("embedded", 10), ("scripted", 10), ("scripted", 50)], results).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == ["", "goal", "embedded, 10 calls", "scripted, 10 calls", "scripted, 50 calls"]
    assert cells[2][2:] == ["not yet measured", "3.00", "4.00"]
    assert cells[3][2:] == ["not yet measured", "1.00", "not yet measured"]
    assert cells[4][2:] == ["not yet measured", "3.00", "not yet measured"]
    assert cells[5][2:] == ["2.00", "2.00", "not yet measured"]
    assert cells[6][2:] == ["not yet measured", "1.50", "not yet measured"]
    assert len(cells) == len(ROWS) + 7
    assert len({len(line) for line in lines}) == 1
    responses = next(row for row in cells if row[0].startswith("response: from the last voiced sample"))
    assert responses[2:4] == ["not yet measured", "10 / 20"]
    silences = next(row for row in cells if row[0].startswith("barge-in: to `pause`"))
    assert silences[3] == "– / –"  # noqa: RUF001


def test_columns_are_chosen_by_kind_and_by_number() -> None:
    assert chosen(COLUMNS, None, None) == list(COLUMNS)
    assert chosen(COLUMNS, None, [10]) == [("embedded", 10), ("scripted", 10)]
    assert chosen(COLUMNS, "embedded", None) == [("embedded", 1), ("embedded", 10)]
    assert chosen(COLUMNS, "scripted", [200]) == [("scripted", 200)]
    assert chosen(COLUMNS, "stt", None) == []


def test_the_block_holds_table_doubts_and_parts() -> None:
    columns = [("scripted", 10)]
    results = {("scripted", 10): structs.replace(measured("scripted", 10, 3.0), others_cores=0.5)}
    text = block(columns, results, {"stt": "7 % of the words"}, 0.25)
    assert "3.00" in text
    assert "* scripted, 10 calls: other programs took 0.5 cores" in text
    assert f"### {PARTS['stt']}\n\n```text\n7 % of the words\n```" in text
    assert "load average before the first run: 0.25" in text
    assert "|" not in block([], {}, {"vad": "1 µs"}, 0.0)


def test_only_the_measured_block_is_replaced() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert replaced(text, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert replaced(replaced(text, "x"), "new") == replaced(text, "new")
    with pytest.raises(ValueError, match="no place"):
        replaced("before after", "new")


def test_the_readme_has_a_place_for_the_measured_block() -> None:
    assert "new" in replaced(README.read_text(), "new")

"""How the callers divide the load among them."""

from __future__ import annotations

from argparse import Namespace

import numpy as np

from bench.callers import Call, Plan, plans, report
from bench.listener import Heard, Window
from bench.speech import FRAME, join

LOOP = join([(np.full(FRAME * 10, 1000, np.int16), 800)])


def spread(calls: int, *, plain: bool = False) -> list[Plan]:
    return plans(LOOP, calls, Namespace(plain=plain, silence_ms=300.0, lead_ms=200.0))


def test_callers_are_spread_over_the_loop_and_over_the_time_of_a_message() -> None:
    assert [(plan.offset // FRAME, plan.phase) for plan in spread(4)] == [(0, 0), (12, 0.25), (25, 0.5), (37, 0.75)]
    assert [plan.offset for plan in spread(1)] == [0]


def test_every_second_caller_is_as_the_browser_page_is() -> None:
    assert [plan.page for plan in spread(3)] == [True, False, True]
    assert [plan.page for plan in spread(3, plain=True)] == [False, False, False]


def test_the_report_holds_what_all_calls_measured() -> None:
    good, bad = (Call(plan, Window()) for plan in spread(2))
    good.heard, good.accept_ms, good.lateness = Heard(responses=[5.0]), 3.0, [0.5]
    bad.heard, bad.broken = Heard(responses=[7.0]), "EOFError: gone"
    found = report([good, bad])
    assert (found.heard.responses, found.accept, found.lateness) == ([5.0, 7.0], [3.0], [0.5])
    assert found.broken == ["EOFError: gone"]


def test_messages_are_summed_over_the_calls() -> None:
    calls = [Call(plan, Window()) for plan in spread(2)]
    for call, audio, text in zip(calls, (25, 5), (3, 4), strict=True):
        call.audio_messages, call.text_messages = audio, text
    found = report(calls)
    assert (found.audio_messages, found.text_messages) == (30, 7)

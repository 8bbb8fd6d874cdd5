"""`make drops`: real sessions in virtual time, with the link to the model breaking at every message in every way.

    python -m tests.virtual.drops [--minutes 500] [--sample N] [--only "part of a name"]

Each conversation with one drop after each message of its link in eight flavours; then so many call-minutes with
several drops in each call, some of them with a provider that has no lanes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Sequence
from random import Random

from loguru import logger
from msgspec import Struct

from tests.virtual.conversations import CONVERSATIONS, STORY, Conversation, judge
from tests.virtual.link import FLAVOURS, Drop
from tests.virtual.loop import run
from tests.virtual.stand import Outcome, call


class Case(Struct, frozen=True):
    """One call: which conversation, which drops."""

    conversation: int
    drops: tuple[Drop, ...]
    lanes: bool = True


class Verdict(Struct, frozen=True):
    """What came of a case."""

    case: Case
    wrong: list[str]
    seconds: float
    struck: int


def reference(number: int) -> Outcome:
    """The conversation as it is without drops."""
    conversation = CONVERSATIONS[number]
    return run(call(conversation.make_agent(), conversation.steps()))


_references: dict[int, Outcome] = {}


def known_reference(number: int) -> Outcome:
    """The same, once for each process."""
    if not STORY:
        told = Conversation("the whole story", "demo", ("wait", "say 1.2 tell me a story", "wait", "end"), (), {})
        STORY.extend(run(call(told.make_agent(), told.steps())).heard)
    if number not in _references:
        _references[number] = reference(number)
    return _references[number]


def try_case(case: Case) -> Verdict:
    """Hold one call and judge it."""
    conversation = CONVERSATIONS[case.conversation]
    logger.disable("")
    try:
        usual = known_reference(case.conversation)
        outcome = run(call(conversation.make_agent(), conversation.steps(), case.drops, lanes=case.lanes))
    except Exception as error:
        return Verdict(case, [_in_words(error)], 0.0, 0)
    finally:
        logger.enable("")
    return Verdict(case, judge(conversation, outcome, usual), outcome.seconds, outcome.struck)


def _in_words(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def matrix() -> list[Case]:
    """Every conversation, every message of it, every flavour."""
    return [
        Case(number, (Drop(at, how),))
        for number in range(len(CONVERSATIONS))
        for at in range(1, known_reference(number).messages + 1)
        for how in FLAVOURS
    ]


def several(count: int, random: Random) -> list[Case]:
    """Calls with two to six drops each, some of them with a provider without lanes."""
    cases: list[Case] = []
    for _ in range(count):
        number = random.randrange(len(CONVERSATIONS))
        last = known_reference(number).messages + 20
        ats = random.sample(range(1, last), random.randint(2, 6))
        drops = tuple(Drop(at, random.choice(FLAVOURS)) for at in sorted(ats))
        cases.append(Case(number, drops, lanes=random.random() < 0.7))
    return cases


def report(verdicts: Sequence[Verdict], began: float) -> int:
    """Counts, and what was wrong; the exit code."""
    wrong = [verdict for verdict in verdicts if verdict.wrong]
    by_name = Counter(CONVERSATIONS[verdict.case.conversation].name for verdict in verdicts)
    for name, count in by_name.items():
        sys.stdout.write(f"{count:>8,}  {name}\n")
    sys.stdout.write(f"{len(verdicts):>8,}  calls, {sum(v.seconds for v in verdicts) / 60:,.0f} call-minutes\n")
    sys.stdout.write(f"{sum(v.struck for v in verdicts):>8,}  drops\n")
    sys.stdout.write(f"{len(wrong):>8,}  violations, in {time.monotonic() - began:.0f} s\n")
    for verdict in wrong[:10]:
        name = CONVERSATIONS[verdict.case.conversation].name
        sys.stdout.write(f"\n{name}, {verdict.case.drops}, lanes={verdict.case.lanes}:\n")
        sys.stdout.write("".join(f"  {each}\n" for each in verdict.wrong))
    return bool(wrong)


def main() -> int:
    """Run the matrix and more; exit code 1 when something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=500.0)
    parser.add_argument("--sample", type=int, help="only so many cases of the matrix")
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    random = Random(options.seed)
    cases = [case for case in matrix() if options.only in CONVERSATIONS[case.conversation].name]
    if options.sample:
        cases = random.sample(cases, min(options.sample, len(cases)))
    verdicts: list[Verdict] = []
    with multiprocessing.get_context("spawn").Pool() as pool:
        verdicts += pool.imap_unordered(try_case, cases, 20)
        enough_s = sum(verdict.seconds for verdict in verdicts) + options.minutes * 60
        while sum(verdict.seconds for verdict in verdicts) < enough_s:
            verdicts += pool.imap_unordered(try_case, several(100, random), 10)
    return report(verdicts, began)


if __name__ == "__main__":
    sys.exit(main())

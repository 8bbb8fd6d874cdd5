"""`make drops`, its third part: calls by every carrier, with a caller who interrupts and lines that break.

    python -m tests.virtual.carriers [--only twilio] [--sample N]

The conversation of each carrier with the connection cut at each of its messages; and barge-ins at random instants into
what holds announcements that nobody may interrupt. A row for each carrier; whatever was wrong stands below.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from random import Random

from msgspec import Struct

from server.agent import Agent
from server.call.events import Dtmf, UserTurn
from server.call.handle import CallHandle
from server.load.wires.asterisk import Asterisk
from server.load.wires.carrier import CarrierWire
from server.load.wires.exotel import Exotel
from server.load.wires.genesys import Genesys
from server.load.wires.plivo import Plivo
from server.load.wires.telnyx import Telnyx
from server.load.wires.twilio import Twilio
from server.load.wires.vonage import Vonage
from tests.unit.server.parts import Answer
from tests.virtual.caller import Step, script
from tests.virtual.carrier_stand import Outcome, hold
from tests.virtual.conversations import differences
from tests.virtual.telephone import TICK_S, Path

CARRIERS: dict[str, Callable[[], CarrierWire]] = {
    "twilio": Twilio,
    "signalwire": lambda: Twilio(media_format="L16@24000h", rate_hz=24_000),
    "telnyx": Telnyx,
    "telnyx, marks dropped": lambda: Telnyx(returns_marks=False),
    "plivo": Plivo,
    "exotel": Exotel,
    "exotel, marks dropped": lambda: Exotel(returns_marks=False),
    "vonage": Vonage,
    "vonage, marks returned": lambda: Vonage(rate_hz=8000, returns_marks=True),
    "genesys": Genesys,
    "asterisk": Asterisk,
    "asterisk, a flush resumes": lambda: Asterisk(media_format="slin16", flush_resumes=True),
}
DISORDERLY = frozenset({"telnyx", "telnyx, marks dropped"})
NOTICE = "Calls are recorded here."
HOLIDAY = "On Monday we are closed."
NOTICES = (NOTICE, HOLIDAY)
"""What nobody may interrupt."""
CHATTER = ("Extraordinary bicycles, accessories.", "Maintenance appointments.", "Complimentary pumping.")
"""Its words last as long as words do, some 0.3 s, since this voice says 40 letters a second."""
PATTERNS = ("PC", "CP", "CPC", "PCP", "CPCP", "CCPC")
"""What is said in a round: C may be interrupted, P may not."""
CONVERSATION = script(
    [
        "wait",
        "say 0.8 are you open today",
        "wait",
        "say 0.8 tell me a story",
        "into 0.5",
        "cough 0.2",
        "pause 0.8",
        "say 0.8 wait stop",
        "wait",
        "keys 12#",
        "wait",
        "say 0.6 goodbye",
    ]
)
ANSWERS: list[Answer] = [
    ["Yes, until eight in the evening."],
    ["Once upon a time there was a bicycle with one wheel too many, ", "and it rode all the way to the sea and back."],
    ["As you like."],
    ["You have pressed one, two and the hash key."],
    ["Goodbye then."],
]
ROUNDS = 9
WORD_S = 0.1
"""So long is a short word here. Of a line that breaks nobody tells what was heard since the last mark set out."""
SHOWN = 40


class Case(Struct, frozen=True):
    """A call: of which carrier, over which way; with `rounds` it is one of barge-ins, else the conversation."""

    carrier: str
    path: Path
    seed: int = 0
    rounds: int = 0
    caller_ends: bool = False


class Verdict(Struct, frozen=True):
    """What came of a case."""

    case: Case
    wrong: list[str]
    cuts: int = 0


# --- the calls --------------------------------------------------------------------------------------------------------


def shop() -> Agent:
    """Greets, tells the notice, and hangs up after a goodbye."""
    agent = Agent(greeting=CHATTER[0])

    @agent.on("call_started")
    async def notice(call: CallHandle) -> None:
        await call.say(NOTICE, interruptible=False)

    @agent.on("user_turn")
    async def ends(call: CallHandle, event: UserTurn) -> None:
        if event.text == "goodbye":
            await call.say(HOLIDAY, interruptible=False)
            await call.hang_up()

    return agent


def talker(patterns: Sequence[str]) -> Agent:
    """Says the next pattern to whoever says `more`, and is silent when a key is pressed."""
    agent = Agent()
    left = iter(patterns)

    @agent.on("user_turn")
    async def more(call: CallHandle, event: UserTurn) -> None:
        if event.text == "more":
            for number, each in enumerate(next(left)):
                said = CHATTER[number % len(CHATTER)] if each == "C" else NOTICES[number % len(NOTICES)]
                await call.say(said, interruptible=each == "C")

    @agent.on("dtmf")
    async def stop(call: CallHandle, event: Dtmf) -> None:
        await call.interrupt()  # at once: a caller who speaks has heard what was with the carrier when the turn is over

    return agent


def call_of(case: Case) -> Outcome:
    """Hold it."""
    make = CARRIERS[case.carrier]
    if not case.rounds:
        steps = [*CONVERSATION[:-1], Step("end")] if case.caller_ends else CONVERSATION
        return hold(shop(), make, steps, ANSWERS, case.path)
    dice = Random(case.seed)
    patterns = [dice.choice(PATTERNS) for _ in range(case.rounds)]
    steps = []
    for pattern in patterns:
        into_s = dice.uniform(0.02, 0.75 * len(pattern))
        stop = dice.choice(("say 0.5 stop", "keys 5"))
        steps += script(["say 0.3 more", f"into {into_s}", stop, "wait"])
    agent = talker(patterns)
    return hold(agent, make, [*steps, Step("end")], [["Understood completely."]] * 2 * case.rounds, case.path)


# --- what is wrong with one -------------------------------------------------------------------------------------------


def judge(case: Case, outcome: Outcome) -> list[str]:
    """What is wrong with a call; nothing, if all is well."""
    wrong = [f"fault: {fault} ({count} times)" for fault, count in outcome.faults.items()]
    wrong += [f"the server's log: {each}" for each in outcome.failures]
    wrong += _frames(outcome, whole=not case.path.cut_at)
    wrong += _stale(outcome)
    unknown_s = case.path.delay_s + case.path.jitter_s + outcome.piece_s
    unknown = 1 + round(unknown_s / WORD_S) if case.path.cut_at else 0
    wrong += differences(" ".join(outcome.turns).split(), outcome.heard, len(outcome.cuts) + unknown)
    if not case.path.cut_at:
        wrong += _story(case, outcome)
    return wrong


def _frames(outcome: Outcome, *, whole: bool) -> Iterator[str]:
    """Every sentence is heard from its beginning, without a gap and once; a notice to its end too."""
    for frame, (text, _, pcm) in outcome.said.items():
        heard = outcome.played[frame].pcm if frame in outcome.played else b""
        if not pcm.startswith(heard):
            yield f"{text[:SHOWN]!r} is heard with gaps, or twice: {len(heard)} of {len(pcm)} bytes"
        elif whole and is_notice(outcome, frame) and heard != pcm:
            yield f"{text[:SHOWN]!r} is lost after {len(heard)} of {len(pcm)} bytes"


def _stale(outcome: Outcome) -> Iterator[str]:
    """What was being said is not heard any more, but for what was with the carrier."""
    for at, newest in outcome.cuts:
        old = [frame for frame in before_a_notice(outcome, at, newest) if frame in outcome.played]
        heard_s = sum(outcome.played[frame].after(at) for frame in old)
        if heard_s > outcome.stale_s:
            yield f"{heard_s:.3f} s of what was interrupted at {at:.3f} is heard after that"


def before_a_notice(outcome: Outcome, at: float, newest: int) -> Iterator[int]:
    """What may be interrupted and is not behind a notice that is to be heard, or is being heard."""
    for frame in sorted(outcome.said):
        heard = outcome.played.get(frame)
        over = heard is not None and heard.last_at <= at
        if frame > newest or (is_notice(outcome, frame) and not over):
            return
        if not is_notice(outcome, frame):
            yield frame


def slips(outcome: Outcome) -> list[str]:
    """What stands behind a notice, was interrupted as that was being said, and is heard all the same."""
    found = []
    for at, newest in outcome.cuts:
        before = set(before_a_notice(outcome, at, newest))
        for frame, heard in outcome.played.items():
            if frame <= newest and frame not in before and not is_notice(outcome, frame) and heard.after(at) > TICK_S:
                found.append(f"{outcome.said[frame][0]!r}, interrupted at {at:.3f}: {heard.after(at):.3f} s of it")
    return found


def is_notice(outcome: Outcome, frame: int) -> bool:
    """Nobody may interrupt it."""
    return outcome.said[frame][0].strip() in NOTICES


def _story(case: Case, outcome: Outcome) -> Iterator[str]:
    """What must have happened in a call that nothing breaks."""
    if outcome.end.code != 1000:
        yield f"it ended with {outcome.end}"
    heard = " ".join(outcome.heard)
    if case.rounds:
        if heard.count("Understood completely.") < case.rounds:
            yield f"{heard.count('Understood completely.')} answers in {case.rounds} rounds"
        return
    if outcome.keys != "12#":
        yield f"the keys are {outcome.keys!r}"
    parts = [CHATTER[0], NOTICE, "until eight", "Once upon", "As you like.", "the hash key."]
    at = 0
    for part in parts if case.caller_ends else [*parts, HOLIDAY]:
        at = heard.find(part, at)
        if at < 0:
            yield f"not heard (in its place): {part!r}"
            return


# --- all of them ------------------------------------------------------------------------------------------------------


def path_of(carrier: str, seed: int, cut_at: int = 0) -> Path:
    """A way with some delay and jitter."""
    dice = Random(seed)
    disorder = dice.choice((0.0, 0.1)) if carrier in DISORDERLY else 0.0
    return Path(dice.uniform(0.01, 0.08), dice.uniform(0.0, 0.08), disorder, cut_at, seed)


@cache
def reference(carrier: str) -> Outcome:
    """The conversation as it is when nothing breaks."""
    return call_of(Case(carrier, path_of(carrier, 0)))


def cuts(carrier: str) -> list[Case]:
    """The conversation, with the connection cut at each message."""
    return [Case(carrier, path_of(carrier, 0, at)) for at in range(1, reference(carrier).messages + 1)]


def whole(carrier: str, seed: int) -> list[Case]:
    """The conversation to its end: the bot's, and the caller's."""
    return [Case(carrier, path_of(carrier, seed), seed, caller_ends=ends) for ends in (False, True)]


def barge_ins(carrier: str, seeds: Sequence[int]) -> list[Case]:
    """ROUNDS barge-ins for each seed."""
    return [Case(carrier, path_of(carrier, seed), seed, ROUNDS) for seed in seeds]


def try_case(case: Case) -> Verdict:
    """Hold one call and judge it."""
    try:
        outcome = call_of(case)
    except Exception as error:
        return Verdict(case, [f"{type(error).__name__}: {error}"])
    return Verdict(case, judge(case, outcome), len(outcome.cuts))


def _cases(carrier: str) -> list[Case]:
    seeds = range(20)
    return [
        *(case for seed in seeds for case in whole(carrier, seed)),
        *barge_ins(carrier, seeds),
        *cuts(carrier),
    ]


def report(verdicts: Sequence[Verdict], began: float) -> int:
    """A row for each carrier, and what was wrong; the exit code."""
    wrong = [each for each in verdicts if each.wrong]
    calls = Counter(each.case.carrier for each in verdicts)
    dropped = Counter(each.case.carrier for each in verdicts if each.case.path.cut_at)
    interruptions: Counter[str] = Counter()
    for each in verdicts:
        interruptions[each.case.carrier] += each.cuts
    bad = Counter(each.case.carrier for each in wrong)
    sys.stdout.write(f"{'':26}{'calls':>8}{'drops':>8}{'barge-ins':>11}{'violations':>12}\n")
    for name, count in calls.items():
        sys.stdout.write(f"{name:26}{count:>8}{dropped[name]:>8}{interruptions[name]:>11}{bad[name]:>12}\n")
    sys.stdout.write(f"{len(verdicts):,} calls, {len(wrong)} violations, in {time.monotonic() - began:.0f} s\n")
    for verdict in wrong[:20]:
        sys.stdout.write(f"\n{verdict.case}\n" + "".join(f"  {each}\n" for each in verdict.wrong))
    return bool(wrong)


def main() -> int:
    """Hold them all; exit code 1 when something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="part of the name of a carrier")
    parser.add_argument("--sample", type=int, default=1 << 30, help="so many of each carrier")
    options = parser.parse_args()
    began = time.monotonic()
    names = [name for name in CARRIERS if options.only in name]
    with multiprocessing.get_context("spawn").Pool() as pool:
        lists = pool.map(_cases, names)
        cases = [case for each in lists for case in Random(1).sample(each, min(options.sample, len(each)))]
        verdicts = list(pool.imap_unordered(try_case, cases, 5))
    return report(verdicts, began)


if __name__ == "__main__":
    sys.exit(main())

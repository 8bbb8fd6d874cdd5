"""The rules, in the order in which they are tried: the first that knows an answer gives it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import msgspec

from llm.local.request import FunctionCall
from llm.local.skills import calling, small_talk
from llm.local.skills.arithmetic import answer_sum, looks_like_sum
from llm.local.skills.clock import say_date, say_time
from llm.local.skills.numbers import digits_in, is_digit_word, say_digits
from llm.local.skills.stories import STORIES, Story
from llm.local.skills.tool_words import CANCEL_TOOL, subject, tool_with_role
from llm.local.skills.turn import Reply, Turn
from llm.local.skills.wording import listing, sentence, verbatim

MAX_HEARD_WORDS = 12

_PAUSE = r"(a (moment|second|minute|sec)|one (moment|second|minute|sec))"
STOP = re.compile(
    rf"^((no|okay|hey|all right|oh) )*(stop|wait|hold on|hang on|pause|quiet|be quiet|silence|shut up|hush|"
    rf"enough|that is enough|never mind|nevermind|forget it|cancel|{_PAUSE}|wait {_PAUSE})"
    rf"( (stop|wait|it|that|this|now|there|talking|speaking|the story|telling( me)? the story|reading|hold on|okay|"
    rf"enough|thank you|thanks|{_PAUSE}))*$"
)
GO_ON = re.compile(
    r"^((and|okay|yes|please) )*(go on|go ahead|continue|keep going|carry on|keep talking|proceed|resume|and then|more|"
    r"what happened (next|then|after that)|what happens (next|then)|what next|tell me more|the rest|tell me the rest|"
    r"finish the story|where were you|what comes next|what was the end|how does it end)"
    r"( (please|then|now|with (it|that|the story)|the story|telling( me)? the story|telling|reading|talking))*$"
)
BACKCHANNEL = re.compile(
    r"^(?:(?:uh|huh|mm|mhm|hm+|okay|ok|right|yeah|yes|yep|yup|i see|sure|wow|cool|nice|really|alright|all right|ah|oh|"
    r"good|great|interesting|got it|aha|lovely|fine|sweet|super|perfect|of course|very good)(?: |$))+$"
)
GOODBYE = re.compile(
    r"\b(good ?bye|bye|see you|farewell|hang up|(end|finish) (the|this) (call|conversation)|good night|so long"
    r"|that (is|was|will be) all|i am done|talk to you (later|soon)|have a (nice|good|great) (day|evening|night|one)"
    r"|i have to (go|leave)|i (have )?got to go|gotta go)\b"
)
STORY = re.compile(r"\b(story|stories|tale|fairy ?tale)\b")
_TIME = re.compile(
    r"\bwhat time (is it|it is|do you have)\b|\bwhat is the time\b|^(the |what )?time( is)?$|\btell me the time\b"
    r"|\btime is it\b|\bcurrent time\b|\b(do you )?(know|have|got) (what time|the time)\b|\bwhat the time is\b"
)
_DATE = re.compile(
    r"\bwhat day (is|of the week)\b|\bwhat is the (date|day)\b|\bwhat date\b|\b(today's|current) date\b|\bwhich day\b"
    r"|\bwhat day it is\b|\bwhat is today\b|^the date$"
)
_LOOK_UP = re.compile(
    r"^(?:look up|lookup|look for|search (?:the (?:web|internet) )?for|search|google|find out(?: about)?|"
    r"find(?: me)?(?: some)? information (?:on|about)|(?:do a )?(?:search|lookup) (?:for|on|about)|look)"
    r"\s+(.+?)(?: up)?$"
)
_QUESTION = re.compile(
    r"^(?:what (?:is|are|was|were|does|do)|who (?:is|was|are|were|invented|wrote)|where (?:is|are|was)"
    r"|when (?:is|was|did)|why (?:is|are|do|does)|how (?:is|do|does|many|far|big|old|high|tall|fast)"
    r"|tell me (?:something |more )?about|do you know(?: about)?|what do you know about)\s+(?=\w+)(.+)$"
)
_DIGITS = re.compile(
    r"\b(?:number|code|pin|digits) (?:is|are)\b|\bkeys pressed\b"
    r"|\b(?:spell|read|say|repeat) (?:it |that |this |the )?(?:back|out|digits|number)\b"
)
_PRONOUNS = {"it", "that", "this", "you", "your", "i", "my", "me", "he", "she", "they", "there"}


def answer(turn: Turn, tool_choice: str = "auto") -> Reply:
    """The answer to one thing that the caller said."""
    if tool_choice not in {"auto", "none"} and (call := calling.forced(turn, tool_choice)):
        return call
    for number, rule in enumerate(RULES):
        if reply := rule(turn):
            return msgspec.structs.replace(reply, rule=number)
    return lost(turn)


# --- the course of the talk ---


def stop(turn: Turn) -> Reply | None:
    """Wait, stop."""
    if not STOP.match(turn.text):
        return None
    if turn.memory.story or turn.memory.cut:
        return Reply(
            turn.pick(
                ("Okay. Say go on when you want to hear the rest.", "I have stopped. Say go on to hear the rest.")
            )
        )
    return Reply(turn.pick(("Okay.", "All right.")))


def goodbye(turn: Turn) -> Reply | None:
    """Say goodbye, and hang up after the words."""
    return farewell(turn) if GOODBYE.search(turn.text) else None


def farewell(turn: Turn) -> Reply:
    """Last words, and the agent's tool that ends the call."""
    tool = tool_with_role(turn.tools, "end_call")
    words = turn.pick(
        ("Goodbye! It was nice talking to you.", "Goodbye, and thank you for calling.", "Bye! Have a good time.")
    )
    return Reply(words, (FunctionCall(tool.name, {}),) if tool else ())


def go_on(turn: Turn) -> Reply | None:
    """Go on where an answer was interrupted."""
    if not GO_ON.match(turn.text):
        return None
    memory = turn.memory
    cut = memory.cut or memory.held
    other = bool(cut) and not cut.endswith(memory.story)
    rest = cut if cut and (not memory.story or (other and len(cut.split()) > 8)) else memory.story
    if not rest:
        return Reply(turn.pick(("That was all. Ask me something else.", "I had finished. What else would you like?")))
    lead = turn.pick(("Where was I? Ah, yes:", "Gladly, on we go:", "So, on we go:"))
    return Reply(f"{lead} {rest.lstrip()}", story=rest.lstrip() if rest is memory.story else "")


def backchannel(turn: Turn) -> Reply | None:
    """Mere noises of listening: an answer that they interrupted just goes on."""
    if not BACKCHANNEL.match(turn.text):
        return None
    cut = turn.memory.cut.lstrip()
    if not cut:
        return Reply(turn.pick(small_talk.ACKNOWLEDGED))
    story = turn.memory.story.lstrip()
    return Reply(cut, story=story if story and cut.endswith(story) else "")


def repeat(turn: Turn) -> Reply | None:
    """Say the last thing again; of a long one its last sentences."""
    if not small_talk.REPEAT.search(turn.text):
        return None
    if not turn.memory.said:
        return Reply("I have not said anything yet.")
    sentences = re.findall(r"\S.*?(?:[.!?](?=\s|$)|$)", turn.memory.said)
    return Reply(f"I said: {' '.join(sentences if len(sentences) < 4 else sentences[-2:])}")


def heard(turn: Turn) -> Reply | None:
    """Tell what was understood."""
    if not small_talk.HEARD.search(turn.text):
        return None
    before = turn.memory.heard
    return Reply(f"I heard: {before}." if before else "This is the first thing that I heard from you.")


# --- what the brain knows by itself ---


def story(turn: Turn) -> Reply | None:
    """Tell a story: the one that was asked for, else one that was not told yet."""
    if not STORY.search(turn.text):
        return None
    if re.search(r"\b(which|what|how many) (stories|story)\b", turn.text):
        return Reply(f"I know these stories: {listing([each.title for each in STORIES])}.")
    chosen = _choose_story(turn)
    return Reply(f"{turn.pick(_OPENERS)} {chosen.text}", story=chosen.text)


_OPENERS = ("Gladly.", "With pleasure.", "Of course.")


def _choose_story(turn: Turn) -> Story:
    words, told = set(turn.words), turn.memory.told
    wanted = [each for each in STORIES if words & each.topics]
    if wanted:
        return wanted[0]
    titles = [each.title for each in STORIES]
    if "again" in words and told:
        return STORIES[titles.index(told[-1])]
    following = titles.index(told[-1]) + 1 if told else 0
    return STORIES[(following + turn.shift // len(_OPENERS)) % len(STORIES)]


def clock(turn: Turn) -> Reply | None:
    """The time of day, or the date."""
    if _TIME.search(turn.text):
        where = re.search(r"\bin ([a-z]+)( [a-z]+)?$", turn.text)
        here = " here" if where and where[1] not in {"the", "a"} else ""
        return Reply(f"It is {say_time(turn.now)}{here}.")
    return Reply(f"Today is {say_date(turn.now)}.") if _DATE.search(turn.text) else None


def arithmetic(turn: Turn) -> Reply | None:
    """Do a sum."""
    spoken = answer_sum(turn.words)
    return Reply(spoken) if spoken else None


def half_a_sum(turn: Turn) -> Reply | None:
    """A sum of which not all was understood."""
    if not looks_like_sum(turn.words):
        return None
    return Reply(
        f"I heard: {_said(turn)}. I did not get the whole sum. You could say, what is nine plus five.", lost=True
    )


def look_up(turn: Turn) -> Reply | None:
    """Look up what the caller named."""
    found = _LOOK_UP.match(turn.text)
    return calling.look_up(turn, _as_said(turn, found[1])) if found else None


def look_up_question(turn: Turn) -> Reply | None:
    """Look up an open question, where the agent has a tool for that."""
    found = _QUESTION.match(turn.text)
    if found is None or len(turn.words) < 3 or _PRONOUNS & set(found[1].split()[:2]):
        return None
    return calling.look_up(turn, _as_said(turn, found[1]))


def digits(turn: Turn) -> Reply | None:
    """Read digits back."""
    trigger = _DIGITS.search(turn.text)
    words = turn.text[trigger.end() :].split() if trigger else turn.words
    if trigger is None and (len(words) < 3 or not all(is_digit_word(word) for word in words)):
        figures = re.sub(r"[\s()+.-]", "", turn.raw)
        if not (figures.isascii() and figures.isdecimal() and len(figures) >= 3):
            return None
        words = list(figures)
    number = digits_in(words)[:32]
    if not number:
        return Reply("I did not hear any digits. Please say them one by one.")
    return Reply(f"I heard {say_digits(number)}.")


def echo(turn: Turn) -> Reply | None:
    """Repeat after the caller."""
    found = small_talk.ECHO.match(turn.text)
    return Reply(sentence(_as_said(turn, found[1]))) if found else None


# --- small talk ---


def introduce(turn: Turn) -> Reply | None:
    """Who is speaking."""
    if small_talk.CAPABILITIES.search(turn.text):
        return Reply(capabilities(turn))
    if not small_talk.NAME.search(turn.text):
        return None
    who, persona = "", turn.persona
    if persona.name or persona.place:
        name = f"I am {persona.name}. " if persona.name else ""
        who = name + (f"This is {persona.place}. " if persona.place else "")
    return Reply(
        f"{who or 'I am the demo voice of voicewire. '}I am a small demo that answers by rules, and no language model."
    )


def caller_name(turn: Turn) -> Reply | None:
    """The caller's name, to remember and to recall."""
    if small_talk.WHO_AM_I.search(turn.text):
        name = turn.memory.caller
        return Reply(f"Your name is {name}." if name else "You have not told me your name yet.")
    found = small_talk.MY_NAME.search(turn.text)
    return Reply(f"Nice to meet you, {found[1].capitalize()}.") if found else None


def talk(table: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...], turn: Turn) -> Reply | None:
    """The first line of a table of small talk that fits."""
    for pattern, answers in table:
        if pattern.search(turn.text):
            return Reply(turn.pick(answers))
    return None


def hello(turn: Turn) -> Reply | None:
    """Greet back."""
    return Reply(greeting(turn)) if is_hello(turn) else None


def is_hello(turn: Turn) -> bool:
    """Whether the caller only greets."""
    return small_talk.GREETING.match(turn.text) is not None


def greeting(turn: Turn) -> str:
    """Hello, with the place that the agent speaks for."""
    if turn.persona.place and not turn.memory.said:
        return f"Hello! You have reached {turn.persona.place}. What can I do for you?"
    return turn.pick(small_talk.HELLO)


def capabilities(turn: Turn) -> str:
    """What can be asked of the brain and of the agent's tools, honestly."""
    able = ["tell a story", "say the time", "do a sum", "read back a number"]
    special = []
    for role, words in (("timer", "set a timer"), ("look_up", "look things up"), ("end_call", "")):
        tool = tool_with_role(turn.tools, role)
        if tool:
            special.append(tool.name)
            able += [words] if words else []
    own = [subject(tool.name) for tool in turn.tools if tool.name not in {*special, CANCEL_TOOL}]
    more = f" You can also ask me about: {listing(own[:6])}." if own else ""
    return f"I am a small demo and no language model. I can {listing(able)}.{more} Interrupt me whenever you like."


def hints(turn: Turn) -> str:
    """Two things to say."""
    examples = ["tell me a story", "what time is it", "what is nine plus five", "my number is five five one two"]
    if tool_with_role(turn.tools, "timer"):
        examples.append("set a timer for ten seconds")
    start = (turn.number + turn.shift) % len(examples)
    return f"You could say: {examples[start]}, or: {examples[(start + 1) % len(examples)]}."


def lost(turn: Turn) -> Reply:
    """Nothing fits, and that is said."""
    said = _said(turn)
    if not said:
        return Reply(f"Sorry, I did not catch that. {hints(turn)}", lost=True)
    if turn.memory.lost:
        return Reply(f"I heard: {said}. I do not know that either. {hints(turn)}", lost=True)
    return Reply(
        f"I heard: {said}. That is beyond me, I am only a small demo and no language model. {hints(turn)}", lost=True
    )


def _said(turn: Turn) -> str:
    words = verbatim(turn.raw).split()
    return " ".join(words[:MAX_HEARD_WORDS]) + (" and so on" if len(words) > MAX_HEARD_WORDS else "")


def _as_said(turn: Turn, text: str) -> str:
    """`text`, which is plain, as the caller wrote it, where it can be found."""
    found = re.search(r"\W+".join(map(re.escape, text.split())), turn.raw, re.IGNORECASE)
    return verbatim(found[0]) if found else text


RULES: tuple[Callable[[Turn], Reply | None], ...] = (
    calling.cancel_running,
    stop,
    goodbye,
    go_on,
    backchannel,
    repeat,
    heard,
    partial(calling.asked_for, any_words=False),
    partial(talk, small_talk.ADDRESSED),
    introduce,
    caller_name,
    calling.certain_tool,
    calling.timer,
    look_up,
    clock,
    arithmetic,
    story,
    partial(calling.asked_for, any_words=True),
    calling.likely_tool,
    digits,
    half_a_sum,
    look_up_question,
    partial(talk, small_talk.GENERAL),
    hello,
    echo,
)

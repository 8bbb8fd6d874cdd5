"""What the brain can do by itself: stories, the clock, sums, digits read back; and questions that it looks up. Pure."""

from __future__ import annotations

import re

from llm.local.skills import calling, small_talk
from llm.local.skills.arithmetic import answer_sum, looks_like_sum
from llm.local.skills.clock import date_asked, say_day, say_time, time_asked, time_elsewhere, which_day
from llm.local.skills.numbers import digits_in, is_digit_word, say_digits
from llm.local.skills.stories import STORIES, Story
from llm.local.skills.turn import Reply, Turn
from llm.local.skills.wording import as_said, listing, negated, said_back, sentence

MAX_DIGITS = 32  # digits that are read back

STORY = re.compile(r"\b(story|stories|tale|tales|fairy ?tale)\b")
_STORY_WANTED = re.compile(r"\b(?:tell|read|another|more|again|hear|give|start|begin|make up|next)\b")
_STORY_TALKED_ABOUT = re.compile(
    r"\b(?:that|this|it|story|stories|tale) (?:is|was|are|were)\b"
    r"|^(?:is|was|did|does|who|whose|why|when|where|how(?! about))\b"
    r"|\bwhat (?:is|was|were)\b"
    r"|\bi (?:(?:really|also|have|already) )*(?:like|liked|love|loved|enjoyed|heard|know|knew)\b"
    r"|\b(?:nice|good|great|funny|sad|lovely|boring|wonderful) (?:story|tale)$"
)
_OPENERS = ("Gladly.", "With pleasure.", "Of course.")
_LOOK_UP = re.compile(
    r"^(?:look up|lookup|look for|search (?:the (?:web|internet|library) )?for|search|google|find out(?: about)?|"
    r"find(?: me)?(?: some)? information (?:on|about)|(?:do a )?(?:search|lookup) (?:for|on|about)"
    r"|look(?=.* up(?: for me)?$))"
    r"(?: (.+?))??(?: up)?(?: for me)?$"
)
_ANYTHING = {"", "something", "anything", "it", "that", "this", "things", "a thing", "a word"}
_HOW = r"how (?:big|old|high|tall|far|fast|long|heavy|deep|large|hot|cold|wide|expensive)(?: away| up)?"
_ABOUT_SOMETHING = re.compile(
    rf"^(?:(?:what|who|where|when|{_HOW}) (?:is|are|was|were)|who (?:invented|wrote|discovered|built|painted|made)"
    r"|tell me (?:something |more |anything )?about|do you know (?:something |anything )?about"
    r"|what do you know about)\s+(.+)$"
)
_WHOLE_QUESTION = re.compile(
    r"^((?:what|when|where|why|how) (?:do|does|did|can|should|is|are)\s+.+|how (?:many|much)\s+.+|(?:who|which)\s+.+)$"
)
_TO_THE_BOT = {
    "it",
    "that",
    "this",
    "you",
    "your",
    "i",
    "my",
    "me",
    "yourself",
    "he",
    "she",
    "they",
    "there",
    "we",
    "us",
    "up",
}
_DIGITS = re.compile(
    r"\b(?:number|code|pin|digits) (?:is|are)\b|\bkeys pressed\b"
    r"|\b(?:spell|read|say|repeat) (?:it |that |this |the )?(?:back|out|digits|number)\b"
)
_CALCULATED = re.compile(r"[*/=^\u00d7\u00f7]|\S\s*\+")


def story(turn: Turn) -> Reply | None:
    """Tell a story: the one that was asked for, else one that was not told yet."""
    if not STORY.search(turn.text):
        return None
    if negated(turn.text):
        return Reply(turn.pick(("All right, no story.", "Okay, no story then.")))
    if re.search(r"\b(which|what|how many) (stories|story|tales)\b", turn.text):
        return Reply(f"I know these stories: {listing([each.title for each in STORIES])}.")
    if _STORY_TALKED_ABOUT.search(turn.text) and not _STORY_WANTED.search(turn.text):
        return Reply("I can tell stories, but I cannot talk about them. Say, tell me a story, to hear one.")
    chosen = _choose_story(turn)
    other = "about" in turn.words and not chosen.topics & set(turn.words)
    opener = "I have none about that, but I know another." if other else turn.pick(_OPENERS)
    return Reply(f"{opener} {chosen.text}", story=chosen.text)


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
    """The time of day, the date of a day around today, or both."""
    parts = []
    if time_asked(turn.text):
        parts.append(f"It is {say_time(turn.now)}{' here' if time_elsewhere(turn.text) else ''}.")
    if date_asked(turn.text) and (days := which_day(turn.text)) is not None:
        parts.append(say_day(turn.now, days))
        parts += [f"The year is {turn.now.year}."] if "year" in turn.words else []
    return Reply(" ".join(parts)) if parts else None


def other_date(turn: Turn) -> Reply | None:
    """A day that only a calendar knows."""
    if not date_asked(turn.text):
        return None
    return Reply(f"I only know the days around today, and no calendar. {say_day(turn.now, 0)}")


def arithmetic(turn: Turn) -> Reply | None:
    """Do a sum."""
    spoken = answer_sum(turn.raw)
    return Reply(spoken) if spoken else None


def no_sum(turn: Turn) -> Reply | None:
    """A sum that is too hard, or of which not all was understood."""
    if not looks_like_sum(turn.raw):
        return None
    only_words = re.fullmatch(r"[\w\s.,?!'\u2019]*", turn.raw)
    repeated = f"I heard: {said_back(turn.raw)}. " if only_words else ""
    return Reply(f"{repeated}I cannot do that sum. You could say, what is nine plus five.", lost=True)


def look_up(turn: Turn) -> Reply | None:
    """Look up what the caller named."""
    found = _LOOK_UP.match(turn.text)
    if found is None:
        return None
    topic = found[1] or ""
    return calling.ask_topic(turn) if topic in _ANYTHING else calling.look_up(turn, as_said(turn.raw, topic))


def look_up_question(turn: Turn) -> Reply | None:
    """Look up an open question, where the agent has a tool for that: what it is about, or the question as it is."""
    about = _ABOUT_SOMETHING.match(turn.text)
    found = about or _WHOLE_QUESTION.match(turn.text)
    if found is None or len(turn.words) < 3:
        return None
    if _TO_THE_BOT & set(found[1].split()[:2] if about else turn.words[1:4]):
        return None
    return calling.look_up(turn, as_said(turn.raw, found[1]))


def digits(turn: Turn) -> Reply | None:
    """Read digits back."""
    trigger = _DIGITS.search(turn.text)
    words = turn.text[trigger.end() :].split() if trigger else turn.words
    if trigger is None and (_CALCULATED.search(turn.raw) or ("(" in turn.raw and len(digits_in(words)) < 6)):
        return None
    if trigger is None and (len(words) < 3 or not all(is_digit_word(word) for word in words)):
        figures = re.sub(r"[\s()+.-]", "", turn.raw)
        if not (figures.isascii() and figures.isdecimal() and len(figures) >= 3):
            return None
        words = list(figures)
    number = digits_in(words)
    if not number:
        return Reply("I did not hear any digits. Please say them one by one.")
    more = ", and so on" if len(number) > MAX_DIGITS else ""
    return Reply(f"I heard {say_digits(number[:MAX_DIGITS])}{more}.")


def echo(turn: Turn) -> Reply | None:
    """Repeat after the caller."""
    found = small_talk.ECHO.match(turn.text)
    return Reply(sentence(as_said(turn.raw, found[1]))) if found else None

"""The course of a talk: stop, go on, say it again, goodbye. These are whole utterances, not words in others. Pure."""

from __future__ import annotations

import re

from llm.local.request import FunctionCall
from llm.local.skills import small_talk
from llm.local.skills.tool_words import tool_with_role
from llm.local.skills.turn import Reply, Turn
from llm.local.skills.wording import whole

_PAUSE = r"(?:a|one) (?:moment|second|minute|sec)"
STOP = whole(
    rf"stop|wait(?: {_PAUSE})?|hold on|hang on|pause|be quiet|quiet|silence|shut up|hush|that is enough|enough"
    rf"|never ?mind|forget it|cancel|{_PAUSE}",
    lead="no|okay|hey|all right|oh",
    tail="stop|wait|it|that|this|now|there|the story|telling (?:me )?the story|talking|speaking|reading|hold on|okay"
    rf"|enough|thank you|thanks|{_PAUSE}",
)
GO_ON = whole(
    "go on|go ahead|continue|keep going|carry on|keep talking|proceed|resume|and then|and|more|what next|tell me more"
    "|what happened (?:next|then|after that)|what happens (?:next|then)|what comes next|where were you|the rest"
    "|tell me the rest|finish the story|what was the end|how does it end|(?:do not|never) stop",
    lead="and(?! then)|okay|yes",
    tail="then|now|with (?:it|that|the story)|the story|telling (?:me )?the story|telling|reading|talking",
)
_NOISES = (
    "uh|huh|mm|mhm|hm+|okay|ok|right|yeah|yes|yep|yup|i see|sure|wow|cool|nice|really|alright|all right|ah|oh|good"
    "|great|interesting|got it|aha|lovely|fine|sweet|super|perfect|of course|very good"
)
BACKCHANNEL = whole(_NOISES, tail=_NOISES)
_GOODBYES = (
    "good ?bye|bye bye|bye|see (?:you|ya)(?: (?:later|soon|tomorrow|around|again|then|next time))?|farewell|ciao"
    "|cheerio|good night|so long|take care|until next time|quit|exit|hang up(?: (?:the phone|the call|on me))?"
    "|(?:end|finish|stop|close|leave|terminate) (?:the |this )?(?:call|conversation|chat|session)|disconnect"
    "|that (?:is|was|will be) (?:all|everything)(?: i (?:want|need)(?:ed)?(?: to know)?)?|i am (?:done|finished)"
    "|i am (?:leaving|going|off)|i (?:have|need|have got|got) to (?:go|leave|run)|i must (?:go|leave|run)"
    "|(?:got to|gotta) (?:go|run)|time to go|(?:talk|speak) to you (?:later|soon|again|tomorrow)"
    "|have a (?:nice|good|great|lovely|wonderful) (?:day|evening|night|one|time|weekend|afternoon|morning)"
)
_AROUND_GOODBYES = (
    "okay|ok|all right|alright|right|well|so(?! long)|great|good(?! ?bye| night)|perfect|no|yes|yeah|cool|nice|fine"
    "|lovely|wonderful|oh|hey|and|then|now|sorry|i think|i guess|i am afraid|thanks|thank you|very much|so much|a lot"
    "|for (?:now|today|everything)|for (?:your|the) (?:help|time|story|call)|for (?:me|calling|helping)|from me"
    "|that is fine|that was (?:nice|great)|you (?:can|may)|to you|you too|too|my (?:friend|dear)|dear|bot|robot"
    "|computer|everybody|everyone|all|there|again|mate"
)
GOODBYE = whole(_GOODBYES, lead=_AROUND_GOODBYES, tail=f"{_GOODBYES}|{_AROUND_GOODBYES}")
THINKING = whole(
    "let me (?:think|see)|i am thinking|give me (?:a|one) (?:moment|second|minute|sec)|good question|hm+",
    lead="okay|well|wait|hm+|oh|uh|sorry",
    tail=f"about (?:it|that)|again|please|hm+|{_PAUSE}|for {_PAUSE}",
)


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
    return farewell(turn) if GOODBYE.match(turn.text) else None


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


def thinking(turn: Turn) -> Reply | None:
    """Leave the caller time."""
    return Reply("Take your time.") if THINKING.match(turn.text) else None


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

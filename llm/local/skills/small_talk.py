"""Small talk: what a caller may say, and a few wordings of the answer. Pure."""

from __future__ import annotations

import re

ADDRESSED: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern), answers)
    for pattern, answers in (
        (
            r"\bcan you hear( me)?\b|\bare you (still )?(there|listening)\b|^(is )?(anybody|anyone) there$",
            ("Yes, I can hear you.", "I am here.", "Loud and clear."),
        ),
        (
            r"\bhow are you\b|\bhow is it going\b|\bhow do you do\b|\bhow have you been\b"
            r"|\bare you (okay|well|all right)\b|^what is (up|new|going on)( (with you|today))?$|^whatsup$|^sup$",
            ("I am fine, thank you. What can I do for you?", "Very well, thank you. And what would you like to hear?"),
        ),
        (
            r"\b(are|is) (you|this) (really )?(a )?(real|human|person|robot|machine|computer|bot|recording)\b"
            r"|\bam i (talking|speaking) (to|with) a\b",
            (
                "I am a machine: a small demo that answers by rules. Nobody is sitting here.",
                "No person here, only a small program with a few rules.",
            ),
        ),
        (
            r"\b(are|is) (you|this) (an? )?(ai|a i|artificial|language model|chatbot|gpt|chatgpt|intelligent|clever)\b"
            r"|\b(language|large) model\b|\bllm\b|\bhow (do|does) (you|this|it) work\b|\bwho (made|built|wrote) you\b"
            r"|\b(which|what) (model|ai|a i|gpt)( (are|is|do|does) (you|this|it))?( use| run on| running)?$",
            (
                "I am a small demo and no language model. I listen for a few phrases, and I have an answer for each.",
                "No language model here. I am a handful of rules that show what a voice agent can do.",
            ),
        ),
        (
            r"\bhow old are you\b|\bwhere are you\b|\bwhere do you live\b",
            ("I live in a small program, next to the server that you are talking to.",),
        ),
        (
            r"\b(speak|talk) (up|louder|slower|faster|more (slowly|quietly|loudly))\b|\b(louder|slower|not so fast)$",
            ("I cannot change my voice from here, but I will gladly say it again.",),
        ),
        (
            r"\bdo you (like|love|want|think|feel|believe|have feelings)\b"
            r"|\bwhat do you think\b|\byour (favorite|favourite)\b",
            ("I have no opinions, only a few rules. But I do know some stories.",),
        ),
        (r"\bi (love|like) you\b|\bmarry me\b", ("That is very kind. I will stay a small program, though.",)),
        (
            r"\b(can you|do you) (sing|sing to me|speak (french|german|spanish|italian))\b|^sing( |$)",
            ("I am afraid I cannot. I only speak English, and I do not sing.",),
        ),
        (r"\b(you are|that (is|was)) (great|good|nice|funny|wonderful|lovely|amazing|very good)\b", ("Thank you!",)),
        (
            r"\byou are (stupid|dumb|bad|useless|terrible|an idiot)\b|\bthis is (stupid|useless|terrible)\b",
            ("I am sorry. I am only a small demo, and I know a few things only.",),
        ),
    )
)
"""Things that are said to the agent itself; they come before tools."""

GENERAL: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern), answers)
    for pattern, answers in (
        (
            r"^(no )?(thanks|thank you|cheers|many thanks)\b|\bthank you\b|\bthanks\b",
            ("You are welcome.", "My pleasure.", "Any time."),
        ),
        (r"^((no|nope|nothing|nothing else|not now|never) ?)+$", ("All right. I am here if you need me.",)),
        (r"\b(sorry|excuse me|my bad|apologies)\b", ("No problem at all.", "That is quite all right.")),
        (r"\bnice to meet you\b|\bpleased to meet you\b", ("Nice to meet you too.",)),
        (r"^(testing|test|microphone test|check)( |$)", ("I can hear you. The line works.",)),
        (
            r"\bweather\b|\bis it (raining|sunny|cold|warm|snowing)\b",
            ("I have no window and no weather report on this line, I am afraid.",),
        ),
        (r"\bi am (fine|good|well|great|okay|happy)\b", ("I am glad to hear that.",)),
        (
            r"\bi am (sad|tired|bored|lonely|sick|not well)\b",
            ("I am sorry to hear that. A story might cheer you up.",),
        ),
        (r"\bgood (morning|afternoon|evening|day)\b", ("Good day to you! What can I do for you?",)),
        (
            r"\bjoke\b|\bmake me laugh\b|\bsomething funny\b",
            (
                "Why did the microphone go to bed early? It had been on all day.",
                "My doctor told me to drink more water. I told him I am electric.",
                "I wanted to tell you a joke about silence, but you would not hear it.",
            ),
        ),
        (r"\bmeaning of life\b", ("Many say forty-two. I would have said: a good conversation.",)),
    )
)
"""Things that are said in passing; they come after tools."""

GREETING = re.compile(
    r"^(oh )?(hello|hi|hey|hiya|howdy|greetings|good day)( (there|you|again|hello|hi|everybody|computer|robot|bot))*$"
)
HELLO = ("Hello! What can I do for you?", "Hi there! What would you like?", "Hello again! How can I help?")
ANYTHING = re.compile(
    r"(?i)\bhow (?:can|may) (?:i|we) (?:help|be of)\b|\bwhat (?:can|may) (?:i|we) do\b|\bcan (?:i|we) help\b"
    r"|\bwhat would you like\?$"
)
"""A question to which everything is an answer."""
ACKNOWLEDGED = ("What would you like to hear?", "I am listening.", "What can I do for you?")
NAME = re.compile(
    r"\b(what is your name|who are you|who is (this|that|there|speaking)|your name|what are you"
    r"|who am i (talking|speaking) (to|with)|introduce yourself|about yourself)\b"
)
CAPABILITIES = re.compile(
    r"\b(what (else )?(can|could|do) you do|what (can|could|may|should) i (say|ask|do)|what do you (know|understand)"
    r"|what are (you able|my options|the options)|options|menu|how can you help|who can you|what (is|are) you for"
    r"|what can be understood)\b|^(can you |i need (some )?)?help( me)?$"
)
MY_NAME = re.compile(r"\bmy name is (?!not\b|what\b)([a-z]+)\b")
WHO_AM_I = re.compile(r"\b(what is my name|who am i$|do you (know|remember) (my name|me))\b")
REPEAT = re.compile(
    r"^(what|pardon( me)?|sorry|excuse me|come again|huh|what was that|repeat)$"
    r"|\b(say|repeat) (that|it|this)( (again|once more|one more time))?$|\bsay (that|it) again\b|\bonce more$|^again$"
    r"|\bwhat (did|do|have) you say\b|\bwhat did you tell me\b"
    r"|\bi (did not|do not|could not|can not) (hear|catch|get|understand) (that|you|it)\b"
)
HEARD = re.compile(
    r"\bwhat did i (say|ask|tell)\b|\bthe last thing (that )?i said\b"
    r"|\bwhat (did|have|do) you (hear|heard|understand|understood|catch|get)\b"
    r"|\bwhat was (understood|heard)\b|\bdid you (understand|hear|get) (me|that)\b"
)
ECHO = re.compile(r"^(?:repeat after me|say after me|say the words?|say)\s+(.+)$")

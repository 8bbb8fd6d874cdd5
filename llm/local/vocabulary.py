"""Example sentences that the brain understands, for the language model of a speech-to-text.

Plain lower-case words, no punctuation. `<number>` stands for any number in words ("nine", "twenty five") and
`<digits>` for digits one by one ("five five one two"); whoever builds the language model writes them out.
`write_out` does that with a few examples.
"""

from __future__ import annotations

from collections.abc import Iterable

VOCABULARY: tuple[str, ...] = (
    # greetings and partings
    "hello",
    "hello there",
    "hi",
    "hi there",
    "good morning",
    "good afternoon",
    "good evening",
    "goodbye",
    "goodbye and thank you",
    "bye",
    "bye bye",
    "see you later",
    "that is all thank you",
    "hang up",
    "end the call",
    "good night",
    # the course of the talk
    "yes",
    "no",
    "no thank you",
    "yes please",
    "okay",
    "uh huh",
    "mm hmm",
    "i see",
    "right",
    "wait",
    "stop",
    "wait stop",
    "please stop",
    "stop it",
    "stop talking",
    "stop the story",
    "hold on",
    "wait a minute",
    "one moment",
    "let me think",
    "be quiet",
    "enough",
    "never mind",
    "go on",
    "please go on",
    "go on please",
    "continue",
    "continue the story",
    "keep going",
    "carry on",
    "tell me more",
    "what happened next",
    "and then",
    "what did you say",
    "say that again",
    "please repeat that",
    "pardon",
    "what did i say",
    "what did you understand",
    "what did you hear",
    # small talk
    "how are you",
    "how are you today",
    "what is up",
    "i am fine thank you",
    "thank you",
    "thank you very much",
    "thanks",
    "who are you",
    "what is your name",
    "my name is",
    "what is my name",
    "what can you do",
    "what can i say",
    "help",
    "can you help me",
    "can you hear me",
    "are you there",
    "are you a robot",
    "are you a person",
    "are you a computer",
    "are you a language model",
    "how do you work",
    "tell me a joke",
    "nice to meet you",
    "what is the weather",
    # stories
    "tell me a story",
    "please tell me a story",
    "can you tell me a story",
    "tell me another story",
    "another story please",
    "tell me a story about a cat",
    "tell me a story about a robot",
    "tell me a story about a train",
    "which stories do you know",
    "no more stories",
    # time and date
    "what time is it",
    "what is the time",
    "can you tell me the time",
    "tell me the time",
    "what day is it",
    "what is the date",
    "what is the date today",
    "what day is tomorrow",
    "what is the time and the date",
    # sums
    "what is nine plus five",
    "what is <number> plus <number>",
    "what is <number> minus <number>",
    "what is <number> times <number>",
    "what is <number> divided by <number>",
    "how much is <number> plus <number>",
    "how much is <number> times <number>",
    "<number> plus <number>",
    "<number> minus <number>",
    "<number> times <number>",
    "what is <number> plus <number> minus <number>",
    "what is <number> plus <number> times <number>",
    # timers
    "set a timer for three seconds",
    "please set a timer for three seconds",
    "please set a timer for <number> seconds",
    "set a timer for <number> seconds",
    "set a timer for <number> minutes",
    "set a timer for one minute",
    "set a timer for half a minute",
    "set a timer for a quarter of an hour",
    "do not set a timer",
    "set a timer",
    "<number> seconds",
    "<number> minutes",
    "cancel the timer",
    "stop the timer",
    # looking up
    "look up the weather in paris",
    "please look up the weather",
    "can you look something up",
    "what is the weather in paris",
    "look up the moon",
    "look up the sun",
    "tell me about the moon",
    "how far away is the moon",
    "what is the capital of france",
    "what is the capital of spain",
    # digits
    "my number is <digits>",
    "my phone number is <digits>",
    "the code is <digits>",
    "<digits>",
)

_EXAMPLES = {
    "<number>": ("nine", "five", "twenty five", "three", "twelve", "ten", "one hundred"),
    "<digits>": ("five five five one two", "one two three four", "six seven eight nine zero"),
}


def write_out(sentences: Iterable[str] = VOCABULARY) -> list[str]:
    """The sentences with each class replaced by examples, a different one at each place."""
    written = []
    for sentence in sentences:
        variants = 1 + (len(_EXAMPLES["<number>"]) - 1) * ("<" in sentence)
        for shift in range(variants):
            words = sentence.split()
            for index, word in enumerate(words):
                if examples := _EXAMPLES.get(word):
                    words[index] = examples[(index + shift) % len(examples)]
            written.append(" ".join(words))
    return list(dict.fromkeys(written))

"""How well the words of a voice that tells nothing of them are found in its sound: `python -m bench.placing`.

A place, one each 20 ms, is off when more than one word too many or too few is taken to have begun there: by the pauses
(audio/placing.py), and in proportion to the letters (audio/proportion.py). The truth is what espeak-ng tells of its
words, or for the recordings of people in `tests/data` a forced alignment by PocketSphinx. Some ten seconds.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pocketsphinx
from msgspec import Struct

from audio.events import Word
from audio.files import read_sound
from audio.placing import PACE_MS, Placing
from audio.proportion import place_at
from audio.services import Utterance
from audio.tts.espeak import espeak_voices
from audio.tts.espeak_ng import RATE_HZ as ESPEAK_HZ
from bench.speech import RATE_HZ, RECORDINGS
from bench.vad import best_us
from link.inbox import Inbox

STEP_MS = 20
CHUNK = RATE_HZ // 50 * 2
NAME = 44  # columns

ENGLISH = (
    "Hello, this is the bicycle shop.",
    "We are open from 9:30 a.m. to 6 p.m., Monday to Friday.",
    "It costs $3.14, and that includes the tax.",
    "Sure, I can help you with that right away!",
    "A puncture takes about twenty minutes; a new chain takes an hour, and we can do both while you wait.",
    "Once upon a time there was a lighthouse at the end of a very long island.",
    "The keeper had a cat, extraordinarily fond of sardines, and afraid of nobody at all.",
    "Every night it climbed two hundred and seventeen steps, and looked out over the water.",
    "One evening, a ship came nearer than any ship had ever come before.",
    "May I have your name, please?",
    "Your order number is 4 7 1 1, and it left our house on Tuesday.",
    "I am sorry, I did not understand that. Could you say it again?",
    "The next train leaves at ten past eight, from platform nine.",
    "If you want to change your appointment, say change; if not, just hang up.",
    "That is correct.",
    "No, the museum is closed on Mondays.",
    "Turn left at the church, walk past the school, and then it is the second house on the right.",
    "Your balance is one thousand two hundred and six dollars.",
    "Please hold the line while I look that up for you.",
    "The doctor is in on Wednesday from two to five, and on Thursday until noon.",
    "We have it in red, in green, and in a rather dark blue.",
    "I have booked a table for four people at half past seven. Is there anything else?",
    "Tomorrow it will rain in the morning, but the afternoon should be dry, with some wind from the west.",
    "Unfortunately, the responsible department cannot be reached at the moment.",
    "Press one for sales, two for service, or wait for somebody to help you.",
    "Good morning! How are you today?",
    "The GPS says that you are eleven miles away, so it takes you about twenty minutes.",
    "Thank you for your patience.",
    "Oh, that is a very good question, and I am afraid that nobody knows the answer.",
    "It was the winter of 1962, and snow lay on all roads of the county.",
    "You can pay by card, by invoice, or in cash when you come to collect it.",
    "Well, let me think about that for a moment...",
    "Two times seven is fourteen, and fourteen plus nine is twenty three.",
    "She sells sea shells by the sea shore, or so they say.",
    "The warranty covers parts and labour for three years, provided that the seal has not been broken.",
    "Goodbye, and have a nice day!",
)
OTHERS = {
    "de": (
        "Guten Tag, hier ist der Fahrradladen.",
        "Wir haben von neun bis achtzehn Uhr geöffnet, am Samstag bis zwölf.",
        "Einen Augenblick bitte, ich sehe gleich nach.",
        "Das kostet zwölf Euro, und morgen ist es fertig.",
        "Die Donaudampfschifffahrt fährt im Winter nicht, aber der Bus hält vor der Tür.",
    ),
    "fr-fr": (
        "Bonjour, vous êtes bien au magasin de vélos.",
        "Nous sommes ouverts de neuf heures à midi, et de deux heures à six heures.",
        "Un instant, s'il vous plaît, je regarde tout de suite.",
        "Cela coûte douze euros, et ce sera prêt demain.",
    ),
    "es": (
        "Buenos días, esta es la tienda de bicicletas.",
        "Abrimos de nueve a dos, y por la tarde de cuatro a ocho.",
        "Un momento, por favor, lo miro enseguida.",
        "Cuesta doce euros, y mañana estará lista.",
    ),
}
PEOPLE = {
    "jfk.flac": "And so, my fellow Americans: ask not what your country can do for you, ask what you can do for your"
    " country.",
    "cards_001.flac": "Ten of clubs.",
    "cards_002.flac": "Four, queen of clubs.",
    "cards_003.flac": "Seven of clubs.",
    "cards_004.flac": "Five, five.",
    "cards_005.flac": "Eight of spades, four of clubs, seven of hearts.",
    "goforward.flac": "Go forward ten meters.",
    "wyoming_lamp.flac": "Turn on the living room lamp.",
    "librivox_0870.flac": "And mister John Dashwood had then leisure to consider how much there might be prudently in"
    " his power to do for them.",
    "sb_spk1_snt1.flac": "The child almost hurt the small dog.",
}


class Said(Struct, frozen=True):
    """A text, its sound, and where its words begin in truth."""

    text: str
    pcm: bytes
    rate_hz: int
    words: tuple[Word, ...]

    @property
    def length_ms(self) -> float:
        """All of it."""
        return len(self.pcm) * 500 / self.rate_hz


class Off(Struct, frozen=True):
    """The shares of the places that are off, and by how many words the worst of them."""

    share: float
    worst: int


class Kept:
    """A sink that keeps one text's sound and words."""

    def __init__(self) -> None:
        self.pcm = b""
        self.words: tuple[Word, ...] = ()
        self.over = asyncio.Event()

    def wanted(self, frame: int) -> bool:
        return True

    async def audio(self, frame: int, pcm: bytes, words: tuple[Word, ...] = ()) -> bool:
        self.pcm += pcm
        self.words += words
        return True

    def done(self, frame: int) -> None:
        self.over.set()

    def failed(self, frame: int, reason: str) -> None:
        raise RuntimeError(f"{reason}: frame {frame}")


async def spoken(texts: Iterable[str], voice: str, rate_wpm: int) -> list[Said]:
    """By espeak-ng."""
    engine = espeak_voices(spawn=asyncio.create_task, voice=voice, rate_wpm=rate_wpm)
    await engine.start()
    said = []
    for text in texts:
        ours, inbox, kept = engine.open(), Inbox[Utterance](1), Kept()
        task = asyncio.ensure_future(ours.run(inbox, kept, asyncio.create_task))
        inbox.put(Utterance(1, text))
        await kept.over.wait()
        task.cancel()
        ours.close()
        said.append(Said(text, kept.pcm, ESPEAK_HZ, kept.words))
    await engine.close()
    return said


def recorded(file: str, text: str) -> Said:
    """By a person; PocketSphinx tells where the words are."""
    pcm = read_sound(RECORDINGS / file, RATE_HZ)
    decoder = pocketsphinx.Decoder(samprate=RATE_HZ, loglevel="FATAL")
    decoder.set_align_text("".join(char for char in text.lower() if char.isalpha() or char == " "))
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    begins_ms = [10.0 * part.start_frame for part in decoder.seg() if part.word[0].isalpha()]
    ends = [at for at in range(1, len(text) + 1) if text[at - 1] != " " and text[at : at + 1] in (" ", "")]
    return Said(text, pcm, RATE_HZ, tuple(Word(*each) for each in zip(begins_ms, ends, strict=True)))


def by_pauses(said: Said, *, share: float = 1.0) -> tuple[Word, ...]:
    """Where the words are, guessed from so much of the sound."""
    placing = Placing(said.text, said.rate_hz)
    placing.hear(said.pcm[: int(len(said.pcm) * share / 2) * 2])
    return placing.words(PACE_MS, complete=share == 1.0)


def begun(said: Said, words: Sequence[Word], ms: float) -> int:
    """How many words of the text have begun by then."""
    return max((len(said.text[: word.end].split()) for word in words if word.start_ms <= ms), default=0)


def off(set_: Sequence[Said], guess: Callable[[Said], Callable[[float], int]], share: float = 1.0) -> Off:
    """All places of a set, compared with the truth."""
    wrong = []
    for said in set_:
        guessed = guess(said)
        places = np.arange(0.0, said.length_ms * share, STEP_MS)
        wrong += [abs(begun(said, said.words, float(ms)) - guessed(float(ms))) for ms in places]
    return Off(float(np.mean(np.array(wrong) > 1)), max(wrong))


def in_proportion(said: Said) -> Callable[[float], int]:
    """Words begun, in proportion to their letters."""
    return lambda ms: len(said.text[: place_at(said.text, ms / said.length_ms) + 1].split())


def guessed(share: float) -> Callable[[Said], Callable[[float], int]]:
    """Words begun, by the pauses in so much of the sound."""

    def guess(said: Said) -> Callable[[float], int]:
        words = by_pauses(said, share=share)
        return lambda ms: begun(said, words, ms)

    return guess


def line(name: str, set_: Sequence[Said]) -> None:
    """A row of the table."""
    whole, half, before = off(set_, guessed(1.0)), off(set_, guessed(0.5), 0.5), off(set_, in_proportion)
    print(
        f"{name:<{NAME}} {len(set_):>9} {before.share:>13.1%} {whole.share:>11.1%} {half.share:>11.1%} {whole.worst:>6}"
    )


async def measure(*, quick: bool) -> None:
    """Measure and print."""
    some = ENGLISH[:6] if quick else ENGLISH
    print(f"{'':<{NAME}} sentences in proportion   by pauses by half of it  worst")
    first = await spoken(some, "en-us", 175)
    line("espeak-ng, en-us, 175 words a minute", first)
    for voice, rate_wpm in (("en-us", 130), ("en-gb", 160), ("en-us+f2", 210)):
        line(f"espeak-ng, {voice}, {rate_wpm}", await spoken(some, voice, rate_wpm))
    line("espeak-ng, de, fr-fr, es", [each for voice in OTHERS for each in await spoken(OTHERS[voice], voice, 175)])
    line("people (tests/data)", [recorded(file, text) for file, text in PEOPLE.items()])
    longest = max(first, key=lambda said: len(said.pcm))
    print(f"{'a guess, for the longest sentence':<{NAME}} {best_us(lambda: by_pauses(longest), 5) / 1000:.2f} ms")
    placing = Placing(longest.text, RATE_HZ)
    print(f"{'each chunk of 20 ms':<{NAME}} {best_us(lambda: placing.hear(longest.pcm[:CHUNK]), 5):.1f} µs")


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="words without word times")
    parser.add_argument("--quick", action="store_true", help="a sixth of the English sentences")
    asyncio.run(measure(quick=parser.parse_args().quick))


if __name__ == "__main__":
    main()

"""Pronunciations: which words are said in another way, and that the way back leads to them."""

from __future__ import annotations

from random import Random
from time import thread_time

import pytest

from audio.pronunciation import Pronunciations
from audio.speakable import speakable
from link.errors import ConfigError

TABLE = {
    "voicewire": "voice wire",
    "SQL": "sequel",
    "iOS": "eye oh ess",
    "York": "Yorrk",
    "New York": "the Big Apple",
    "New York City": "en why see",
    "C++": "see plus plus",
    ".NET": "dot net",
    "nginx": '<phoneme alphabet="ipa" ph="x">nginx</phoneme>',
    "um": "",
}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Voicewire is VOICEWIRE.", "voice wire is voice wire."),
        ("voicewires, a voicewire_x and unvoicewire", "voicewires, a voicewire_x and unvoicewire"),
        ("SQL's sql is MySQL", "sequel's sql is MySQL"),
        ("(SQL)-based iOS, ios", "(sequel)-based eye oh ess, ios"),
        ("new  York, york and New\nYork", "the Big Apple, Yorrk and the Big Apple"),
        ("New York City and New York", "en why see and the Big Apple"),
        ("C++ is not C++11", "see plus plus is not C++11"),
        ("ASP.NET, .net", "ASP.NET, .net"),
        ("use .NET", "use dot net"),
        ("an nginx", 'an <phoneme alphabet="ipa" ph="x">nginx</phoneme>'),
        ("so um yes", "so  yes"),
        ("Yorke\u0301, York", "Yorke\u0301, Yorrk"),
        ("nothing of it", "nothing of it"),
    ],
)
def test_what_is_said(text: str, said: str) -> None:
    assert Pronunciations(TABLE).apply(text).text == said


def test_what_is_said_is_not_looked_up_again() -> None:
    assert Pronunciations({"a": "b", "b": "a"}).apply("a b").text == "b a"


def test_without_a_table_the_text_stays() -> None:
    text = "voicewire"
    assert Pronunciations({}).apply(text).text is text
    assert Pronunciations({"x": "y"}).apply(text).text is text


@pytest.mark.parametrize("word", ["", "  ", "+"])
def test_an_entry_needs_a_word(word: str) -> None:
    with pytest.raises(ConfigError, match="no word"):
        Pronunciations({word: "x"})


def test_many_entries() -> None:
    table = Pronunciations({f"word{n}": f"said {n}" for n in range(300)})
    assert table.apply("word299 word7 word300").text == "said 299 said 7 word300"


# --- the way back -----------------------------------------------------------------------------------------------------


def test_a_word_is_found_in_the_text_through_both_changes() -> None:
    ours = speakable("Ask **SQL** & [voicewire](https://a.org) 😀 now!")
    spoken = ours.then(Pronunciations(TABLE).apply(ours.text))
    assert spoken.text == "Ask sequel and voice wire now!"
    said = [spoken.original[: spoken.said(spoken.text.index(word) + len(word))] for word in spoken.text.split()]
    assert said == [
        "Ask",
        "Ask **SQL**",
        "Ask **SQL** &",
        *["Ask **SQL** & [voicewire](https://a.org)"] * 2,
        "Ask **SQL** & [voicewire](https://a.org) 😀 now!",
    ]


@pytest.mark.parametrize("seed", range(200))
def test_the_way_back_never_falls_and_never_leaves_the_text(seed: int) -> None:
    random = Random(seed)
    parts = [*TABLE, "**", " & ", "😀", " ", ". ", "www.york.org/voicewire", "[", "](http://a.b)", "\n- ", "um ", "it "]
    text = "".join(random.choices(parts, k=random.randrange(30)))
    ours = speakable(text) if seed % 2 else Pronunciations({"it": "this"}).apply(text)
    spoken = ours.then(Pronunciations(TABLE).apply(ours.text))
    assert spoken.original == text
    assert len(spoken.text) == len(spoken.starts) == len(spoken.ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(spoken.starts, spoken.ends, strict=True))
    assert list(spoken.starts) == sorted(spoken.starts)
    assert list(spoken.ends) == sorted(spoken.ends)
    said = [spoken.said(end) for end in range(len(spoken.text) + 1)]
    assert said == sorted(said)


def test_the_work_is_in_proportion_to_the_text() -> None:
    table = Pronunciations({"a b": "x", "New York": "y", **{f"new{n}": "z" for n in range(100)}})
    begun = thread_time()
    for unit in ("new ", "a ", "New\n", " ", "new", "newYork"):
        table.apply((unit * 20_000)[:20_000])
    assert thread_time() - begun < 4.0  # of the processor

"""Speakable text: what is said of what is written, and where the words are in it."""

# ruff: noqa: RUF001  (typographic signs are meant)

from __future__ import annotations

from random import Random
from time import thread_time

import pytest

from audio.pieces import Pieces
from audio.speakable import speakable
from audio.spoken import Spoken

SAID = [
    # emphasis, headings, lists, quotations, rules
    ("**Hello** *there*, ***you*** __and__ _me_.", "Hello there, you and me."),
    ("un**frigging**believable and ~~gone~~", "unfriggingbelievable and gone"),
    ("# Heading\n## Another ##\nText", "Heading\nAnother\nText"),
    ("- one\n* two\n+ three\n  • four\n- [x] done", "one\ntwo\nthree\nfour\ndone"),
    ("1. Buy milk\n2. Get eggs", "1. Buy milk\n2. Get eggs"),
    ("> He said\n> > she said", "He said\nshe said"),
    ("Above\n\n---\n\nBelow\n* * *\n___\n=====", "Above\nBelow"),
    # code
    ("Call `get_price` or `a.b`.", "Call get price or a.b."),
    ("Here:\n```python\nx = 1\n```\nDone.", "Here:\nDone."),
    ("~~~\nx = `1`\n```\n~~~~\nDone.", "Done."),
    ("So:\n```\nnever closed\n", "So:"),
    ("Three ``` in a line are no block.", "Three in a line are no block."),
    # tables
    ("| a | b |\n|---|:-:|\n| 1 | 2 |", "a, b\n1, 2"),
    ("name | price\n--- | ---\nbike | $5", "name, price\nbike, $5"),
    # links and pictures
    ('See [the docs](https://example.org/x_(y) "Title") now.', "See the docs now."),
    ("![A cat](cat.png) sleeps. Wow! [Yes](u).", "A cat sleeps. Wow! Yes."),
    ("See [the docs][1] and [this].\n[1]: https://example.org", "See the docs and this."),
    ("It is so[^1], they say【4†source】.", "It is so, they say."),
    ("<https://example.org> and <ann@example.org>", "example dot org and ann at example dot org"),
    # addresses
    ("See https://www.example.org/help.", "See example dot org slash help."),
    ("http://example.org/a/b?id=1#top, or", "example dot org slash a slash b, or"),
    ("https://user:secret@example.org:8080/", "example dot org colon 8080"),
    ("https://example.org/" + "long/" * 20, "example dot org"),
    ("example.org/help-me (example.com)", "example dot org slash help dash me (example dot com)"),
    ("docs.example.co.uk", "docs dot example dot co dot uk"),
    ("Booking.com, README.md, Node.js, e.g. and U.S. stay", "Booking dot com, README.md, Node.js, e.g. and U.S. stay"),
    ("ann.lee+shop@mail.example.org writes", "ann dot lee plus shop at mail dot example dot org writes"),
    ("mailto:ann_lee@example.org", "ann underscore lee at example dot org"),
    # emoji
    ("Great 😀! Yes 👨\u200d👩\u200d👧 👍🏽❤\ufe0f 🇩🇪", "Great! Yes"),
    ("Well :-) I <3 it ;)", "Well I it"),
    ("It is 20 °C ☀\ufe0f №5 ©", "It is 20 °C №5"),
    ("क्\u200dष and می\u200cخواهم 😀", "क्\u200dष and می\u200cخواهم"),
    ("broken \ud83d half", "broken half"),
    # marks
    ("Wait... what?! No!!! Well…", "Wait, what? No! Well."),
    ("Hm… I see,, now?..", "Hm. I see, now?"),
    ("It was — well – fine - ok--then", "It was, well, fine, ok, then"),
    ("5 - 3, 5–7, well-known, -5", "5 - 3, 5–7, well-known, -5"),
    ("真的吗？？！我想……好", "真的吗？我想, 好"),
    # signs
    ("R & D, 5 % of 3 + 4 = 7 @ noon", "R and D, 5 percent of 3 plus 4 equals 7 at noon"),
    ("AT&T, Q&A, C#, C++, 5%, a+b and $5.50 stay", "AT&T, Q&A, C#, C++, 5%, a+b and $5.50 stay"),
    ("#1 of #tag by @bob", "number 1 of tag by at bob"),
    ("a -> b => c, x < 5 and y >= 6", "a to b to c, x less than 5 and y at least 6"),
    ("3 × 4 is ~12", "3 times 4 is about 12"),
    ("2*3 and 2 * 3, 2**3", "2 times 3 and 2 times 3, 2 to the power of 3"),
    ("\\*not bold\\* and C:\\dir", "not bold and C: dir"),
    # keys of a telephone
    ("Press # or *.", "Press hash or star."),
    ('Press **#** or `*`, then "#" or \\*', 'Press hash or star, then "hash" or star'),
    ("Press **`*`** or **\\***, not ***", "Press star or star, not"),
    ("Enter 12# and dial *67, then #", "Enter 12 hash and dial star 67, then hash"),
    ("Press *️⃣, #️⃣ or 5️⃣", "Press star, hash or 5"),
    ("*5 items* for item # 5, C# and *", "5 items for item number 5, C# and star"),
    # formulas
    (r"so \( E = mc^2 \).", "so E equals mc squared."),
    (r"\[ x = \frac{a}{b + 1} \times 3 \]", "x equals a over b plus 1 times 3"),
    (
        r"\(\sqrt{2} \approx 1.41\) and $x^{10} \leq y^3$",
        "the square root of 2 is about 1.41 and x to the power of 10 at most y cubed",
    ),
    (r"It is 5$, $5 or $$\text{rate} \cdot t$$", "It is 5$, $5 or rate times t"),
    # HTML
    ("<b>Bold</b><br/>new &amp; old&nbsp;&mdash; 3 &lt; 4 &copy;", "Bold\nnew and old, 3 less than 4"),
    ("<!-- hidden --><p class='x'>Text</p>", "Text"),
    ("AT&amp;T &unknown; x&#33;", "AT&T &unknown; x!"),
    ("Well&hellip; I&#39;m in", "Well, I'm in"),
    # nothing
    *((text, "") for text in ("👍", "...", "***", "```\nx\n```", "---", "", "  \n ", "|---|---|", "![](x.png)", ":-)")),
]


@pytest.mark.parametrize(("text", "said"), SAID)
def test_what_is_said(text: str, said: str) -> None:
    assert speakable(text).text == said


@pytest.mark.parametrize(("text", "said"), SAID)
def test_what_is_said_can_be_said(text: str, said: str) -> None:
    del text
    assert speakable(said).text == said


@pytest.mark.parametrize(
    "text",
    [
        "Hello there, how are you?",
        " It's 3.14 at 10:30 on 1.5.2026.",
        "“Yes,” he said (again).",
        "你好。",
        "हाँ।",
        "Ça va ?",
        "5 €",
    ],
)
def test_a_text_without_markup_is_said_as_it_stands(text: str) -> None:
    assert speakable(text).text is text


# --- pieces -----------------------------------------------------------------------------------------------------------


def said_in_pieces(text: str) -> list[str]:
    pieces = Pieces()
    found, said = "", []
    for piece in (*pieces.feed(text), *pieces.flush()):
        said.append(speakable(piece, found).text)
        found += piece
    assert found == text
    return said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It is **very important. Do it** now.", ["It is very important.", "Do it now."]),
        ("See [our page. It helps](https://example.org/x) now.", ["See our page.", "It helps now."]),
        ("Here:\n```py\nx = 1\n\ny = 2.\n```\nDone. 😀", ["Here:", "", "", "", "", "Done.", ""]),
        ("# One\n- Two. # no heading", ["One", "Two.", "hash no heading"]),
        ("| a | b |\n|---|---|\n| 1 | 2 |\nEnd", ["a, b", "", "1, 2", "\nEnd"]),
        (f"See [it](https://example.org/{'x' * 400}) now.", ["See", "it", "now."]),
    ],
)
def test_a_piece_may_hold_half(text: str, said: list[str]) -> None:
    assert [each for each in said_in_pieces(text) if each] == [each for each in said if each]


# --- the way back -----------------------------------------------------------------------------------------------------


def words_of(spoken: Spoken) -> list[str]:
    """What the log shows after each word that is said."""
    ends = [end for end in range(1, len(spoken.text) + 1) if spoken.text[end : end + 1].strip() == ""]
    ends = [end for end in ends if spoken.text[end - 1].strip()]
    return [spoken.original[: spoken.said(end)] for end in ends]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**Hello there**, *you*.", ["**Hello", "**Hello there**,", "**Hello there**, *you*."]),
        ("a [b c](http://d.e) f", ["a", "a [b", "a [b c](http://d.e)", "a [b c](http://d.e) f"]),
        ("at www.a.org/b now", ["at", *["at www.a.org/b"] * 5, "at www.a.org/b now"]),
        ("5 & 6 😀", ["5", "5 &", "5 & 6 😀"]),
        ("- A 😀 b.", ["- A", "- A 😀 b."]),
        ("Hm... so", ["Hm...", "Hm... so"]),
    ],
)
def test_a_word_is_found_in_the_text(text: str, shown: list[str]) -> None:
    assert words_of(speakable(text)) == shown


FRAGMENTS = [
    "Hello", " world", "the ", "I ", "3.14", " 5", "**", "*", "_", "__", "`", "```", "\n```\n", "~~", "~~~\n",
    "# ", "\n## ", "\n- ", "\n1. ", "> ", "|", " | ", "\n|---|\n", "[", "]", "](", "](https://a.org/b)", "![",
    ")", "(", "https://", "www.example.org/x", "a.b@c.de", "@", "example.com", "&amp;", "&lt;", "&", " & ",
    " + ", " = ", "%", "#", "<b>", "</b>", "<br>", "<", ">", "<!--", "-->", "...", "…", "!", "?!", ",,", ". ",
    ", ", "—", " - ", "--", "😀", "👍🏽", "\u200d", "\ufe0f", "\ud83d", "é", "e\u0301", "你好", "。", "？！", "हिन्दी",
    "\\", "\\*", "{", "}", "\n", "\n\n", " ", "\t", "\u00a0", "\x00", ":-)", "^", "'s", "“", "”",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(300))
def test_the_way_back_never_falls_and_never_leaves_the_text(seed: int) -> None:
    random = Random(seed)
    text = "".join(random.choices(FRAGMENTS, k=random.randrange(40)))
    before = "".join(random.choices(FRAGMENTS, k=random.randrange(10)))
    spoken = speakable(text, before)
    assert spoken.original == text
    assert len(spoken.text) == len(spoken.starts) == len(spoken.ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(spoken.starts, spoken.ends, strict=True))
    assert list(spoken.starts) == sorted(spoken.starts)
    assert list(spoken.ends) == sorted(spoken.ends)
    said = [spoken.said(end) for end in range(len(spoken.text) + 1)]
    assert said == sorted(said)
    assert not spoken.text or said[-1] == len(text)


STEADY = [
    *(
        "Hello",
        "world",
        "3.14",
        "**",
        "*",
        "_",
        "`",
        "~~",
        "\n# ",
        "\n- ",
        "\n> ",
        "[x](https://a.org/b)",
        "<b>",
        "</p>",
    ),
    *(
        "😀",
        "👍🏽",
        "你好。",
        "हिन्दी",
        ". ",
        ", ",
        "? ",
        " — ",
        " ",
        "\n",
        "example.com",
        "(",
        ") ",
        "\ud83d",
        "\u00a0",
        "\x00",
    ),
]
"""What leaves no sign alone that was not so before."""


@pytest.mark.parametrize("seed", range(300))
def test_what_is_said_is_clean_and_stays_so(seed: int) -> None:
    random = Random(seed)
    said = speakable(" ".join(random.choices(STEADY, k=random.randrange(40)))).text
    assert not set(said) & set("*`~[]<>#_😀\x00\ud83d")
    assert said == "" or any(char.isalnum() for char in said)
    assert speakable(said).text.split() == said.split()


@pytest.mark.parametrize(
    "unit", [*FRAGMENTS, "[a](", "](a ", '](a "', "<a ", "&a", "a.", "a@", "- ", "a_", "..a", "[[", "(("]
)
def test_the_work_is_in_proportion_to_the_text(unit: str) -> None:
    text = (unit * 20_000)[:20_000]
    begun = thread_time()
    speakable(text)
    speakable("x", text)
    assert thread_time() - begun < 2.0  # of the processor; it takes 0.1

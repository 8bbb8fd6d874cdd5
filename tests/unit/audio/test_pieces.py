"""Pieces: where a model's text is cut, and that the cut does not depend on how the text arrived."""

# ruff: noqa: RUF001  (full-width marks are meant)

from __future__ import annotations

from random import Random
from time import thread_time

import pytest

from audio.pieces import MAX_CHARS, Pieces

SENTENCES = [
    (["Hello there.", " How are you?", " Fine!"], "sentences"),
    (["Wait...", " What?!", " No way."], "several marks end one sentence"),
    (["Hmm... let me see.", " Well… maybe not."], "an ellipsis before a small letter goes on"),
    (["Mr. Smith met Dr. Jones vs. Prof. Brown.", " Then he left."], "titles"),
    (["Take fruit, e.g. apples, i.e. food, etc. and go.", " Etc."], "abbreviations"),
    (["J. R. R. Tolkien wrote it.", " So did I.", " We both did."], "initials, but I is a word"),
    (["The U.S. Army came at 5 p.m. sharp.", " We open at 9 a.m.", " Come early."], "dotted ones"),
    (["See No. 5 and fig. 3.", " No.", " Not that one."], "No. is a number, No a word"),
    (["It is 3.14, or 1,000.5 or so.", " It costs 5.", " Fine."], "numbers"),
    (["Write to bob.smith@example.com or see www.example.com/a.b?c=d.", " Then call."], "addresses"),
    (['"Really?" he asked.', ' "Yes."', " (It was.)", " **So!**", " Then on."], "closing marks"),
    (["Yahoo! is a company.", " Is it?"], "a mark before a small letter"),
    (["Heading", "\nA line", "\n\nA paragraph."], "newlines"),
    (["1. Buy milk.", "\n2. Get eggs.", "\n- Go home.", "\n"], "a list's numbers"),
    (["- 😀 Hi.", " 😀 Bye.", " 😀"], "an emoji is at the front of what follows"),
    (["你好。", "世界！", "再见"], "full-width marks need no white space"),
    (["Hello.", "  \n  "], "white space is at the front of what follows"),
    (["At 9:30, or later; whatever: it is — fine, really."], "a clause is no sentence"),
    (["At 10.30 or 1.5.2026, v1.2.3 cost $5.50.", " It cost $5.", " Then €1,000.50 more."], "times, dates, money"),
    (["Great!😀", " Let's go!👨\u200d👩\u200d👧", " On.😀", "And on."], "an emoji on a mark"),
    (["你好!", " 「好。」", "他说。"], "a quotation in Chinese"),
    (["नमस्ते।", "आप कैसे हैं?", " ठीक॥", "हाँ"], "Hindi"),
    (["هل أنت بخير؟", " نعم."], "Arabic"),
    (["¿Qué tal?", " ¡Bien!", " «Sí.»", " No."], "Spanish"),
    (["El Sr. García vive en Av. Reforma 5 en EE. UU. hoy.", " Sí."], "Spanish abbreviations"),
    (["« Oui ! »", " « Merci », dit-il.", " « Non ! », dit-elle.", " Bon !", " Oui."], "French, with spaces"),
    (["Er sagte: „So.“", " Dann: »Nein.«", " Na gut.", " »Ja.", " Nein.«", " Ende."], "German quotation marks"),
    (["ሰላም።", "እንዴት ነህ?"], "Ethiopic"),
    (["We meet on Mon. Jan. 5th.", " Or on Tue.", " Then we eat.", " It is Mar. 7."], "short dates"),
    (["Take Main St. to St. John, then 5th Ave.", " We wait.", " Pay Rs. 500."], "streets"),
]


@pytest.mark.parametrize(("pieces", "why"), SENTENCES, ids=[why for _, why in SENTENCES])
def test_sentences(pieces: list[str], why: str) -> None:
    assert cut("".join(pieces), early_chars=None) == pieces


def test_the_first_piece_may_end_at_a_clause_and_later_ones_not() -> None:
    text = "Sure, I can help you with that, Bob, of course. First, we look at it, and then, well, we see."
    assert cut(text) == [
        "Sure, I can help you with that,",
        " Bob, of course.",
        " First, we look at it, and then, well, we see.",
    ]


def test_a_short_first_sentence_leaves_the_next_one_its_clause() -> None:
    text = "Sure! I can help you with that, but first, as always, tell me your name. Then, when that is done, we go on."
    assert cut(text) == [
        "Sure!",
        " I can help you with that,",
        " but first, as always, tell me your name.",
        " Then, when that is done, we go on.",
    ]


@pytest.mark.parametrize("mark", [",", ";", ":", "—", " –", " -", "،", "؛"])
def test_clause_marks(mark: str) -> None:
    head = "Let me have a look at that" + mark
    assert Pieces().feed(head + " it is") == [head]


def test_a_clause_of_a_script_without_spaces_is_longer_than_it_looks() -> None:
    assert cut("好的，我很乐意帮助您，请稍等一下。谢谢。") == ["好的，我很乐意帮助您，", "请稍等一下。", "谢谢。"]


def test_a_number_or_an_hour_is_no_clause() -> None:
    assert Pieces().feed("The bill comes to altogether 1,000 at 9:30 or a,b so") == []


def test_a_new_answer_begins_after_a_flush() -> None:
    pieces = Pieces(early_chars=5)
    assert pieces.feed("Hello, you. Hello, you ") == ["Hello,", " you."]
    assert pieces.flush() == [" Hello, you "]
    assert pieces.feed("Hello, you ") == ["Hello,"]


def test_a_sentence_is_out_as_soon_as_the_next_begins() -> None:
    pieces = Pieces()
    assert [pieces.feed(delta) for delta in ("I know", ".", " ", "S", "o.")] == [[], [], [], ["I know."], []]


def test_a_newline_waits_for_nothing() -> None:
    assert Pieces().feed("One\n") == ["One"]


def test_a_mark_without_words_begins_no_piece() -> None:
    assert cut("... Hello. -- ! Bye") == ["... Hello.", " -- ! Bye"]


def test_a_long_sentence_is_cut_after_a_clause() -> None:
    text = "and so on and on, " * 40
    pieces = cut(text, early_chars=None)
    assert all(len(piece) <= MAX_CHARS for piece in pieces)
    assert all(piece.endswith(",") for piece in pieces[:-1])
    assert "".join(pieces) == text


def test_a_long_sentence_without_clauses_is_cut_before_a_space() -> None:
    pieces = cut("word " * 200, early_chars=None)
    assert len(pieces) == 4
    assert all(MAX_CHARS - 5 <= len(piece) <= MAX_CHARS and piece.endswith("word") for piece in pieces[:-1])


def test_an_endless_word_is_cut_at_the_limit() -> None:
    assert [len(piece) for piece in cut("x" * 700)] == [300, 300, 100]


@pytest.mark.parametrize("joined", ["👨\u200d👩\u200d👧", "❤\ufe0f", "👍🏽", "e\u0301", "\ud83d\ude00"])
def test_what_looks_like_one_character_is_not_cut_through(joined: str) -> None:
    for shift in range(len(joined)):
        text = "x" * (MAX_CHARS - shift) + joined * 3 + "y"
        head, *_ = cut(text)
        assert (len(head) - MAX_CHARS + shift) % len(joined) == 0, shift


def test_a_text_without_spaces_is_cut_after_a_clause() -> None:
    text = "我们去了公园，" * 60
    pieces = cut(text, early_chars=None)
    assert "".join(pieces) == text
    assert all(len(piece) <= MAX_CHARS and piece[-1] == "，" for piece in pieces)


HOSTILE = [
    "a", ".", "a.", "a. ", " ", "\n", "1. ", "No. ", "J. ", ", ", "—", "😀", "!😀", "「", "。", "(", '"', "a.b", "3.",
    "- ", "…",
]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_the_work_is_in_proportion_to_the_text(unit: str) -> None:
    text = (unit * 20_000)[:20_000]
    begun = thread_time()
    pieces = cut(text, Random(1))
    one_by_one = Pieces()
    for char in text:
        one_by_one.feed(char)
    assert thread_time() - begun < 2.0  # of the processor; it takes 0.1
    assert "".join(pieces) == text


def test_nothing() -> None:
    pieces = Pieces()
    assert pieces.feed("") == []
    assert pieces.flush() == []


FRAGMENTS = [
    "Hello", " world", ".", ". ", "! ", "? ", "...", "…", ", ", ",", "; ", ": ", " — ", "—", "\n", "\n\n", " ", "  ",
    "Mr.", " Dr. ", "e.g. ", "i.e.", " U.S. ", "3.14", "1,000", " 5. ", "No. ", "J. ", " I. ",
    "a@b.com", "www.x.org/a.b",
    '"', ')', "(", "**", "`", "😀", "é", "你好。", "！", "」", " - ", "!😀", "👨\u200d👩\u200d👧",
    " »", "»", "« ", "“", "،", " Sat. ", " Jan. ",
    "\ufe0f", "\ud83d", "\ude00", "।",
    " p.m. ", "U.S.", " Inc. ", "etc. ", " 1. ", "Mai ", "5. ", "2026", "Monday ", "i", "A. ", "，", "[x](",
    ") ", "1. ", "\n- ", "and ", "The ", "the", "x" * 120, "word " * 30,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_the_same_text_gives_the_same_pieces_however_it_arrives(seed: int) -> None:
    random = Random(seed)
    text = "".join(random.choices(FRAGMENTS, k=random.randrange(60)))
    whole = cut(text)
    assert "".join(whole) == text
    assert all(0 < len(piece) <= MAX_CHARS for piece in whole)
    assert all(any(char.isalnum() for char in piece) for piece in whole[:-1])
    for _ in range(10):
        assert cut(text, random) == whole


def cut(text: str, random: Random | None = None, early_chars: int | None = 25) -> list[str]:
    """All pieces of a text, fed at once or in random deltas."""
    pieces = Pieces(early_chars=early_chars)
    found: list[str] = []
    while text:
        size = random.choice([1, 1, 2, 3, 7, 50, 1000]) if random else len(text)
        found += pieces.feed(text[:size])
        text = text[size:]
    return found + pieces.flush()

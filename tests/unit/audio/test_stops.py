"""Full stops that end a sentence, and those that do not, with a capital behind them."""

from __future__ import annotations

import pytest

from audio.stops import LOOKAHEAD, MAX_WORD, ends

NO_END = [
    "Mr|Smith", "Dr|Who", "St|James", "approx|Five", "cf|Knuth", "vs|Bob", "No|5", "no|12", "Fig|3", "Nr|7",
    "J|R. R.", "R|Tolkien", "A|A. Milne", "e.g|Paris", "i.e|Paris", "U.S|Army", "Ph.D|Thesis", "z|B. Brot",
    "Acme Inc|Chief", "John Smith Jr|Junior", "apples etc|Bananas", "at 5 p.m|Eastern", "9 a.m|Monday",
    "1|Buy milk", "\n2|Get eggs", "\n  - 12|Go", "am 1|Mai", "den 24|Dezember", "3|Oktober 1990", "im 19|Jahrhundert",
    "der 2|Weltkrieg", "on 1|5. 2026", "on 1. 5|2026",
    "5 Main St. Apt|4", "call ext|5", "Ste|200", "Sault Ste|Marie", "Bldg|3", "Rm|4", "Rte|66", "Hwy|5", "Ft|Worth",
    "and Sat|10 to 2", "Sun|9 to 5", "Di|9 bis 12", "5 ft|3 in", "5 lbs|3 oz", "Louis, Mo|63101", "Calif|90001",
    "min|5", "max|10 people", "Hauptstr|12", "Dr. med|Schulz", "Dr. rer. nat|Kim", "Dr. med. dent|Kim",
]  # fmt: skip
END = [
    "the end|Then", "No|Not that", "I|We", "It costs 5|Fine", "at 5 p.m|Come", "9 a.m|We", "in the U.S|The army",
    "works at Acme Inc|He likes", "apples etc|Then", "vitamin C|It", "Plan B|I think", "in 1990|Then",
    "of 1,000|May we",
    "He is 30|10 more", "Ph.D|She", "at 10:30|Mai", "hello|", "the end|“Quoted”", "v1.2|Next", "the 3rd|Mai",
    "the cat sat|10 dogs came", "in the sun|10 dogs came", "in Hauptstr|Danke", "I am ill|5 of us are", "Ask Phil|Then",
    "he took his med|Schulz knows", "Dr. Kim|Then", "Dr. Kim has time|Then", "It is 5 ft|The wall", "5 lbs|The box",
    "The max|The min",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_END)
def test_no_end(text: str) -> None:
    before, _, follows = text.partition("|")
    assert ends(before, follows, whole=True) is False


@pytest.mark.parametrize("text", END)
def test_an_end(text: str) -> None:
    before, _, follows = text.partition("|")
    assert ends(before, follows, whole=True) is True


@pytest.mark.parametrize("text", [*NO_END, *END])
def test_what_was_decided_early_stays_so_whatever_comes(text: str) -> None:
    before, _, follows = text.partition("|")
    follows += " and so on, for ever and ever"
    decided = [ends(before, follows[:seen], whole=False) for seen in range(1, LOOKAHEAD + 1)]
    known = [each for each in decided if each is not None]
    assert len(set(known)) == 1
    assert decided[MAX_WORD + 1 :] == known[-len(decided[MAX_WORD + 1 :]) :], "after a word it is known"


def test_a_word_that_may_go_on_is_waited_for() -> None:
    assert ends("in the U.S", "Th", whole=False) is None
    assert ends("in the U.S", "The", whole=False) is None
    assert ends("in the U.S", "The ", whole=False) is True
    assert ends("in the U.S", "Then", whole=True) is True
    assert ends("on 1", "5. 2", whole=False) is None

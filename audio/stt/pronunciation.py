"""How words sound, in the 39 phones of the CMU dictionary. Pure: the dictionary comes in as lines.

A word that the dictionary does not have is put together from two that it has ("voice" + "wire"), spelled out if it
cannot be spoken ("xkcd"), or else sounded out letter by letter. Such a guess is often wrong in a vowel, seldom in the
rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

PHONES = (
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH"
).split()

MIN_PART = 3  # letters of each half of a compound

_LETTERS = dict(
    pair.split(":")
    for pair in (
        "a:EY b:B_IY c:S_IY d:D_IY e:IY f:EH_F g:JH_IY h:EY_CH i:AY j:JH_EY k:K_EY l:EH_L m:EH_M n:EH_N o:OW p:P_IY "
        "q:K_Y_UW r:AA_R s:EH_S t:T_IY u:Y_UW v:V_IY w:D_AH_B_AH_L_Y_UW x:EH_K_S y:W_AY z:Z_IY"
    ).split()
)

# Letters to phones, the longest that fits first; "^" and "$" are the word's ends. Of English spelling's many habits the
# ones that names and coinages follow.
_SOUNDS = dict(
    pair.split(":")
    for pair in (
        # endings and beginnings
        "ation$:EY_SH_AH_N tion$:SH_AH_N sion$:ZH_AH_N tious$:SH_AH_S cious$:SH_AH_S ture$:CH_ER eaux$:OW ous$:AH_S "
        "le$:AH_L ce$:S ge$:JH es$:Z ed$:D a$:AH e$: i$:IY o$:OW u$:UW y$:IY ^kn:N ^wr:R ^ps:S ^rh:R ^x:Z ^y:Y "
        # several letters for one consonant
        "tch:CH dge:JH sch:SH ch:CH sh:SH th:TH ph:F ck:K qu:K_W wh:W gh:G ng:NG nk:NG_K "
        "ce:S_EH ci:S_IH cy:S_IY ge:JH_EH gi:JH_IH gy:JH_IY "
        # several letters for one vowel, or two
        "eau:OW igh:AY ee:IY ea:IY oo:UW ou:AW ow:OW oi:OY oy:OY ai:EY ay:EY ei:EY ey:IY au:AO aw:AO ie:IY ue:UW ew:UW "
        "oa:OW eu:Y_UW io:IY_OW ia:IY_AH iu:IY_AH ua:UW_AH uo:UW_OW ar:AA_R er:ER ir:ER or:AO_R ur:ER "
        # one by one
        "a:AE b:B c:K d:D e:EH f:F g:G h:HH i:IH j:JH k:K l:L m:M n:N o:AA p:P q:K r:R s:S t:T u:AH v:V w:W x:K_S y:IH "
        "z:Z"
    ).split()
)
_LONGEST = max(len(spelling) for spelling in _SOUNDS)
_MAGIC_E = re.compile(r"([aiou])([bdfklmnprstvz])e(?=s?\$)")  # "wire": a silent e makes the vowel long, written large
_LONG = {"A": "EY", "I": "AY", "O": "OW", "U": "UW"}
_DOUBLE = re.compile(r"([bcdfgklmnpqrstvwxz])\1")

Dictionary = Mapping[str, list[str]]
"""A word and its pronunciations, phones separated by spaces."""


def read_dictionary(lines: Iterable[str], words: Iterable[str]) -> Dictionary:
    """What a CMU dictionary's lines say of the words, of their stems, and of what they may be put together from."""
    wanted = {
        part for word in words for part in (word, *_stem(word), *(half for pair in _halves(word) for half in pair))
    }
    found: dict[str, list[str]] = {}
    for line in lines:
        entry, _, phones = line.strip().partition(" ")
        word = entry.partition("(")[0]
        if word in wanted and phones:
            found.setdefault(word, []).append(phones)
    return found


def guess(word: str, dictionary: Dictionary) -> str:
    """The phones of a word of `a-z` and apostrophes that the dictionary does not have; never empty for such a word."""
    for stem in _stem(word):
        if stem in dictionary:
            return f"{dictionary[stem][0]} Z"
    for first, second in sorted(_halves(word), key=lambda pair: abs(len(pair[0]) - len(pair[1]))):
        if first in dictionary and second in dictionary:
            return f"{dictionary[first][0]} {dictionary[second][0]}"
    letters = re.sub(r"[^a-z]", "", word)
    if not re.search(r"[aeiouy]", letters):
        return " ".join(_LETTERS[letter] for letter in letters).replace("_", " ")
    return _sound_out(letters)


def _stem(word: str) -> tuple[str, ...]:
    return (word.removesuffix("'s"),) if word.endswith("'s") else ()


def _halves(word: str) -> list[tuple[str, str]]:
    if "'" in word:
        return []
    return [(word[:at], word[at:]) for at in range(MIN_PART, len(word) - MIN_PART + 1)]


def _sound_out(letters: str) -> str:
    long = _MAGIC_E.sub(lambda match: match[1].upper() + match[2], f"^{letters}$")
    left = _DOUBLE.sub(r"\1", long)
    phones: list[str] = []
    while left:
        size = next((size for size in range(_LONGEST, 1, -1) if left[:size] in _SOUNDS), 1)
        phones += _SOUNDS.get(left[:size], _LONG.get(left[0], "")).replace("_", " ").split()
        left = left[size:]
    return " ".join(phones) or "AH"

"""Whether letters follow each other as they do in words: text from fonts mapped wrongly to Unicode does not.

No dictionary and no guess at the language: how often one letter follows another is enough. Languages that share a
script share most of their pairs, while letters that were shifted, swapped or numbered as the font came to them make
pairs that none of them has.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

Codes = np.ndarray[Any, np.dtype[np.uint32]]
Costs = np.ndarray[Any, np.dtype[np.float32]]

_FEW_PAIRS: Final = 60
"""Fewer prove nothing: a page of part numbers has no more."""

_WINDOW: Final = 200
"""Pairs judged together: a few lines, so that a page with one broken font among others is noticed."""

_DEAREST: Final = 9.8
"""Bits a pair of letters costs at most in text.

Measured on windows of translated software messages in 60 languages of Latin script, half of them not among those that
made the table: honest ones cost 7.3 to 9.3. Shifted or swapped letters cost 9.3 to 14.8, 99 of 100 more than this.
"""

_TOLERATED: Final = 0.2
"""Part of the windows that may be dearer: lists of names, codes and abbreviations."""

_FEW_LETTERS: Final = 8
"""Different ones; a text of fewer is a sequence of bases, a crossword, a form full of crosses: no words to judge."""

_MOST_ACCENTED: Final = 0.6
"""Letters with marks among Latin ones. Vietnamese has up to 0.4; bytes of another script's code page have nearly 1."""

_LAST: Final = 0x1F00
"""Latin with marks ends before here; letters beyond it cost nothing."""

_ALPHABETS: Final = ("abcdefghijklmnopqrstuvwxyz", "абвгдежзийклмнопрстуфхцчшщъыьэюя")

_LATIN: Final = """
jiiikkikijihigkjlghhjilljj
inoqipplilqjnnjprjmnjoprlp
iplniqrhimklomiprkljkpoqll
hnnkgomlhkllnkimrkmmjmnqml
ijiijkililihigljmgghjjkkkj
jnpnjkonippmpmjpqlmllrornr
imoliplljomlmkinrjlljolrlo
innnioppiqolomjqrlnkkomrmr
ijiihjilmkihigiklihhkjmlkj
irrnirqokqnmomlnrpmlkoqrrp
hnmoiplnjolkominrkjkjoorqq
hmmkhmlmhklillimqokkjnlqlo
hknnhqmkionmlmijrnlnkpnrnq
hmjhhkhmhkklljimpnjhjlmpjm
lkjikkjnkljiihkjnhijjjkmmk
holmionmjpmjnlikrilkkoprnp
mrroorrrmrrnrpmrprpojrprrr
hlkjgmklhnkljkimmjjijllokl
hmjnhnmjhljjllijnmjhjmkrkk
gnkmgnnihnklmlhmrijkilmmkl
klkkjlkmjljjjinkniiimmmnnl
ioprirrojonmqljprlnomprrmo
iqoojromjrqopllprmnnorqrkq
lnoqlornlrproromrrploroonq
jnlkjlnqmmmkkkkmrmkllnmopo
imomjrnojpmmmkkoroomllmrln
"""
_CYRILLIC: Final = """
jjhihjkihrihigmjhihimjjjkmrrrrmj
hrmrqjrqjrmkolirknqjpnorrmlkomrm
hqoooirqirlknkioklllrlqlnrliolrl
irnpjkprjrqkoliqjmlirrmkprqkrkrr
gnlmlilkirljmjimjkmjrpqnprljqjrn
nlkkimkjkriiiglkhiiknnkkkmrrrrqn
joppljpqkroqrllrrpplrrrrrrrlrlrr
hljlkkrrjrmlkjjllonjrnqnorqmmmrm
kljjjilihrihigllihillkjjknrorrmi
rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr
grmrriqqirojrlhnkjjjrrlrorllrnrr
hlpjjikmhrlnljiqrlkjponnornjijki
hllmlhlrjrkmnlimonnkrrrqnrokrmrk
glpjigonhrlnrjhqrlijmlnnmrpikjmj
pihiiljjirjhiijjhiikokmkknrrrrqm
hrprqjrrjrlmrnhohllkrrkrprlmrqro
gqkjkhkmhrlkkkhoojjiokollrminjrm
ioklpiprirjjmkjjmlgjqnlonrkjlkqk
gojlohrphrknnkhmikliqppoprmijjro
mnkkjklljrjijjpjijjimmmkjmrlrrlq
irrromrrkrroqrlrnqnmprrrrrrrrrrr
jpnlonorkrrormjrmrnkrrrrrrrnojro
jrorrkrrirqorqlqoqqmrokrrrrljkpn
ipmnrjrrjrlmqknqormmrrprrrrkrkrr
kqorrkrrirkoolnrnrkmrrrlrrrkrorr
mrrrrkrrlrrrrpnrrrrrrrrrrrrrprrr
rqmqmmomrrnlmpnnkmlrrqrprnrrrrrp
rmlknlqkkrkjjirkkkknmklnmrrrrrpk
ropplorlrrlpnjrprnnrrrmrnrrrrroo
rnkjlrmolrljkjrpjjkrpjnnnrrqrjrr
rprrprrrrrrrqrrrrmmprrmkrmrrrrqr
onlmmmomorklmlrnmmkmrnmomorrrrno
"""
# Row: a letter, column: the one that follows it; `a` for 0 bits up to `r` for 17 or more. Counted over translations of
# software messages, each language with the same weight: 30 of Latin script (Afrikaans to Xhosa; Romance, Germanic,
# Slavic, Celtic, Turkic, Bantu and other ones), 6 of Cyrillic.

_UNDECOMPOSED: Final = dict(
    zip(
        "ıøđłßæœþðħŋəơưŧіїєґўјљњћђџқғңүұөәһҳҷѓќѕ",
        "iodlsaotdhnaoutииегуилнчдчкгнууоаххчгкз",  # noqa: RUF001 - Cyrillic is meant
        strict=True,
    )
)
"""Letters that no decomposition leads back to one of the alphabets'."""


@dataclass(frozen=True, slots=True)
class _Tables:
    """What each code below `_LAST` is: which letter (0: none), and whether it is Latin with a mark."""

    letters: np.ndarray[Any, np.dtype[np.uint8]]
    accented: np.ndarray[Any, np.dtype[np.bool_]]
    costs: Costs
    known: np.ndarray[Any, np.dtype[np.bool_]]


def plausible(text: str) -> bool:
    """Tell whether the letters of `text` could be words of some language; too few of them, or other scripts, could.

    Args:
        text: as the page has it; spaces and line ends keep words apart.
    """
    if _could_be(text):
        return True
    # Part numbers and the like are no words; without them there may be nothing wrong, or nothing left to judge by.
    words = [word for word in text.split() if not any(map(str.isdigit, word))]
    return _could_be(" ".join(words))


def _could_be(text: str) -> bool:
    tables = _tables()
    codes = np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32)
    codes = np.where(codes < _LAST, codes, 0)
    letters = tables.letters[codes]
    latin = int(np.count_nonzero((letters > 0) & (letters <= len(_ALPHABETS[0]))))
    if latin > _FEW_PAIRS and np.count_nonzero(tables.accented[codes]) > _MOST_ACCENTED * latin:
        return False
    pairs = letters[:-1].astype(np.int32) * _SIDE + letters[1:]
    costs = tables.costs[pairs[tables.known[pairs]]]
    if len(costs) < _FEW_PAIRS:
        return True
    starts = np.arange(0, max(1, len(costs) - _WINDOW // 2), _WINDOW)
    sums = np.add.reduceat(costs, starts)
    lengths = np.diff(np.append(starts, len(costs)))
    dear = float(np.mean(sums > _DEAREST * lengths))
    return dear <= _TOLERATED or int(np.count_nonzero(np.bincount(letters)[1:])) < _FEW_LETTERS


_SIDE: Final = sum(map(len, _ALPHABETS)) + 1


@cache
def _tables() -> _Tables:
    """Unfold the tables; takes 10 ms, once a process that forks the others."""
    place = {letter: number for number, letter in enumerate("".join(_ALPHABETS), start=1)}
    letters = np.zeros(_LAST, np.uint8)
    accented = np.zeros(_LAST, bool)
    for code in range(_LAST):
        character = chr(code).lower()
        base = unicodedata.normalize("NFD", character)[0]
        base = _UNDECOMPOSED.get(base, base)
        letters[code] = place.get(character) or place.get(base, 0)
        accented[code] = base in _ALPHABETS[0] and base != character
    costs, start = np.zeros((_SIDE, _SIDE), np.float32), 1
    known = np.zeros((_SIDE, _SIDE), bool)
    for rows in (_LATIN.split(), _CYRILLIC.split()):
        end = start + len(rows)
        costs[start:end, start:end] = [[ord(cost) - ord("a") for cost in row] for row in rows]
        known[start:end, start:end] = True
        start = end
    return _Tables(letters, accented, costs.ravel(), known.ravel())

"""What the recogniser reads, in tesseract's names for languages.

Its dictionary holds the Latin alphabet with the diacritics of Europe and of Pinyin, Greek without accents,
kana, and some 16,000 ideographs. A language is named here if the letters it is written with are in the dictionary;
Greek, Vietnamese, Welsh and everything in Cyrillic, Arabic, Hangul or Indic letters are not.
"""

from __future__ import annotations

from typing import Final

LATIN: Final = (
    "afr", "bos", "cat", "ces", "dan", "deu", "eng", "epo", "est", "eus", "fin", "fra", "fry", "gle", "glg", "hat",
    "hrv", "hun", "ind", "isl", "ita", "lat", "lav", "lit", "ltz", "mlt", "mri", "msa", "nld", "nor", "oci", "pol",
    "por", "que", "ron", "slk", "slv", "spa", "sqi", "srp_latn", "sun", "swa", "swe", "tgl", "tur",
)  # fmt: skip
IDEOGRAPHIC: Final = ("chi_sim", "chi_tra", "jpn")

LANGUAGES: Final = tuple(sorted(LATIN + IDEOGRAPHIC))

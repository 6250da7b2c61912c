"""Words: how texts are cut up for searching; texts and queries go through the same functions."""

import re
import unicodedata

#: Longer words and phrases are cut, so that any database can index them; ids are never so long.
MAX_WORD_CHARS = 255
_MOST_PHRASE_CHARS = 600
#: Of longer values only so many words are looked at; each run of them can be found.
MAX_VALUE_WORDS = 8

_DECIMAL_POINT = re.compile(r"(?<=\d)\.(?=\d)")
_WORD = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    """The words of a text: lower case, without accents, `2.5` as `2_5`."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(char for char in decomposed if not unicodedata.combining(char))
    found: list[str] = _WORD.findall(_DECIMAL_POINT.sub("_", text.lower()))
    return [word[:MAX_WORD_CHARS] for word in found]


def phrase_of(words: list[str]) -> str:
    """Adjacent words as one index entry."""
    return " ".join(words[:MAX_VALUE_WORDS])[:_MOST_PHRASE_CHARS]


def phrases_of(text: str) -> set[str]:
    """All words of a short value, and all runs of adjacent ones."""
    words = words_of(text)[:MAX_VALUE_WORDS]
    ends = range(1, len(words) + 1)
    return {phrase_of(words[start:end]) for end in ends for start in range(end)}

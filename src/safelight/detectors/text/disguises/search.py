"""Searches for a reading of a text that is clearly more English than the text itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from safelight.detectors.protocol import TextView

from .alphabets import read_braille, read_morse, read_sounds, read_spoken, read_styles, turn_back
from .codes import ciphers, read_bits, read_blocks, read_escapes, read_numbers, read_offsets, undo_word_games
from .language import (
    Reading,
    is_other_language,
    known_share,
    rate,
    rate_without_blanks,
    strange_part,
    words_of,
)
from .layouts import (
    apply_key,
    read_acrostics,
    read_backwards,
    read_columns,
    read_pieces,
    read_steps,
    remove_marks,
)
from .spelling import respell

#: Characters of a text that are read: longer texts take too long, and their words are read as they stand.
MAX_READ_CHARS = 2000
#: Readings of one text.
MAX_READINGS = 2
#: Least score of a reading, and what it has more than the text itself.
_MIN_SCORE, _MIN_GAIN = 0.72, 0.2
#: A text with this share of its letters in known words, and few signs, is read as it stands.
_PLAIN_SHARE, _PLAIN_LETTERS = 0.8, 0.75
_HAN = re.compile(r"[\u3400-\u9fff]")
_KIND = "guess_en"


def guess_readings(text: str) -> list[TextView]:
    """The most English readings of a disguised text; none for a text that reads as it stands."""
    short = text[:MAX_READ_CHARS]
    if _reads_as_it_stands(short):
        return []
    own = rate(short).score
    found: list[Reading] = []
    for reading in _readings(short):
        if reading.score >= max(_MIN_SCORE, own + _MIN_GAIN) and reading.text not in (
            one.text for one in found
        ):
            found.append(reading)
            if reading.score > 0.9:
                break
    found.sort(key=lambda one: -one.score)
    return [_view(one.text, len(short)) for one in found[:MAX_READINGS]]


def _reads_as_it_stands(text: str) -> bool:
    size = len("".join(text.split()))
    if len(_HAN.findall(text)) > 0.2 * size or size < 12:
        return True
    words = words_of(text)
    letters = sum(map(len, words))
    if letters < _PLAIN_LETTERS * size or known_share(words) < _PLAIN_SHARE:
        return False
    return text.count("\n") < 4


def _readings(text: str) -> Iterator[Reading]:
    clean = remove_marks(text)
    styled = read_styles(clean)
    strange = strange_part(styled)
    yield from _best(_layouts(clean, styled))
    yield from _best(_codes(text, strange))
    yield from _best_shift(strange)
    yield from _best_spelling(strange, styled)


def _best(candidates: Iterable[str]) -> Iterator[Reading]:
    """The candidate that is most English, with its own blanks or with others."""
    rated = [
        max(rate(one), rate_without_blanks(one), key=lambda two: two.score)
        for one in dict.fromkeys(candidates)
        if one
    ]
    if rated:
        yield max(rated, key=lambda one: one.score)


def _layouts(clean: str, styled: str) -> Iterator[str]:
    yield styled
    yield turn_back(clean)
    yield apply_key(clean)
    yield from read_columns(styled)
    yield from read_pieces(clean)
    yield from read_acrostics(styled)
    yield from read_backwards(styled)
    yield from read_steps(strange_part(styled))


def _codes(text: str, strange: str) -> Iterator[str]:
    yield read_braille(text)
    yield read_morse(strange)
    yield read_spoken(text)
    yield read_escapes(text)
    yield from read_numbers(strange)
    yield from read_bits(strange)
    yield from read_blocks(text)
    yield from read_offsets(strange)
    yield from undo_word_games(strange)


def _best_shift(text: str) -> Iterator[Reading]:
    texts = [text, text[::-1]]
    yield from _best(one.casefold().translate(table) for one in texts for table in ciphers())


def _best_spelling(strange: str, styled: str) -> Iterator[Reading]:
    words = words_of(strange)
    if is_other_language(words):
        return
    yield from respell(styled)
    sounds = read_sounds(strange)
    if sounds and sounds != strange.casefold():
        yield from respell(sounds)


def _view(text: str, length: int) -> TextView:
    """The reading, with its letters spread over the text: most readings have no letter in its old place."""
    size = max(len(text), 1)
    offsets = [index * length // size for index in range(len(text))]
    return TextView(kind=_KIND, text=text.casefold(), offsets=[*offsets, length], is_guess=True)

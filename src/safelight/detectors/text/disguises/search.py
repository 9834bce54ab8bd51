"""Searches for readings of a disguised text that are English."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from heapq import nlargest

from safelight.detectors.protocol import TextView

from .alphabets import read_braille, read_morse, read_spoken, read_styles, turn_back
from .codes import ciphers, read_bits, read_blocks, read_escapes, read_numbers, read_offsets, undo_word_games
from .language import (
    PAIR_CHARS,
    Reading,
    english_pairs,
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
    read_stanzas,
    read_steps,
    remove_inserted,
    remove_marks,
)
from .scripts import read_sounds
from .spelling import respell

#: Characters of a text that are read: longer texts take too long, and most of their words are plain.
MAX_READ_CHARS = 4000
#: Characters of a reading.
MAX_READING_CHARS = 1000
#: Readings of one text.
MAX_READINGS = 3
#: Candidates of one group that are divided into words, and the share of English pairs that they need.
_MAX_RATED, _MIN_PAIRS = 3, 0.42
#: Least score of a reading, and the share of its letters that are not in words of the text.
_MIN_SCORE, _MIN_NEW = 0.75, 0.5
#: After a group of disguises with a reading of this score, no other is tried.
_SURE_SCORE = 0.95
#: Score of a text in another script, read by its sound, that is misspelled English and not another language.
_MIN_BY_SOUND = 0.35
#: Unknown letters of a text that has misspelled words, as a share.
_MIN_MISSPELLED = 0.35
#: Letters in known words, as a share, of a text that is not divided into words anew.
_MAX_DIVIDED = 0.55
#: A text with this share of its letters in known words, and few signs, is read as it stands.
_PLAIN_SHARE, _PLAIN_LETTERS = 0.7, 0.75
#: Lines of a text whose first letters may be another text, and characters of the shortest text.
_MIN_LINES, _MIN_CHARS = 5, 12
_MAX_CHINESE = 0.2
_HAN = re.compile(r"[\u3400-\u9fff]")
_KIND = "guess_en"


def guess_readings(text: str, fold: Callable[[str], str]) -> list[TextView]:
    """The most English readings of a disguised text; none for a text that reads as it stands. `fold` is the
    folding of a character.
    """
    short = text[:MAX_READ_CHARS]
    if _reads_as_it_stands(short):
        return []
    words = frozenset(words_of(short))
    found: dict[str, Reading] = {}
    for group in _groups(short, fold):
        for reading in group:
            if reading.score >= _MIN_SCORE and _new_share(reading.text, words) >= _MIN_NEW:
                found.setdefault(reading.text, reading)
        if any(reading.score > _SURE_SCORE for reading in found.values()):
            break
    best = sorted(found.values(), key=lambda one: -one.score)[:MAX_READINGS]
    return [_view(one.text, len(short)) for one in best]


def _reads_as_it_stands(text: str) -> bool:
    size = len("".join(text.split()))
    if size < _MIN_CHARS or len(_HAN.findall(text)) > _MAX_CHINESE * size:
        return True
    words = words_of(text)
    if sum(map(len, words)) < _PLAIN_LETTERS * size or known_share(words) < _PLAIN_SHARE:
        return False
    return text.count("\n") < _MIN_LINES


def _new_share(text: str, words: frozenset[str]) -> float:
    read = words_of(text)
    return sum(len(word) for word in read if word not in words) / max(sum(map(len, read)), 1)


def _groups(text: str, fold: Callable[[str], str]) -> Iterator[Iterable[Reading]]:
    """Readings by kind of disguise, those that are the most certain first."""
    clean = remove_inserted(remove_marks(text))
    styled, strange = read_styles(clean, fold), strange_part(clean)
    words = words_of(styled)
    share = known_share(words)
    joined = [styled] if share < _MAX_DIVIDED else []
    yield _best([*joined, turn_back(clean), apply_key(clean), *read_columns(styled), *read_stanzas(styled)])
    yield _best([*read_pieces(clean), *read_acrostics(styled), *read_backwards(styled)])
    yield _best(read_steps(strange[: 2 * MAX_READING_CHARS]))
    yield _best(_codes(text, strange_part(text)))
    yield _best(undo_word_games(styled[:MAX_READING_CHARS]))
    yield _best_cipher(strange)
    if share <= 1 - _MIN_MISSPELLED and not is_other_language(words):
        yield respell(styled[:MAX_READING_CHARS])
    sounds = read_sounds(strange)
    # Many languages write "th" as they write "z".
    for read in dict.fromkeys((sounds, sounds.replace("z", "th"))) if sounds else ():
        own = rate(read)
        yield [own, *respell(read[:MAX_READING_CHARS])] if own.score >= _MIN_BY_SOUND else []


def _best(candidates: Iterable[str]) -> Iterator[Reading]:
    """The candidates that are most English, with their own blanks or with others."""
    rated = sorted(
        (
            (english_pairs(one), one)
            for one in dict.fromkeys(found[:MAX_READING_CHARS] for found in candidates)
        ),
        reverse=True,
    )
    for pairs, one in rated[:_MAX_RATED]:
        if pairs >= _MIN_PAIRS:
            yield max(rate(one), rate_without_blanks(one), key=lambda reading: reading.score)


def _codes(text: str, strange: str) -> Iterator[str]:
    yield read_braille(text)
    yield read_morse(strange)
    yield read_spoken(text)
    yield read_escapes(text)
    yield from read_numbers(strange)
    yield from read_bits(strange)
    yield from read_blocks(text)
    yield from read_offsets(strange)


def _best_cipher(text: str) -> Iterator[Reading]:
    lower = text.casefold()
    for row in (lower, lower[::-1]):
        yield from _best(row.translate(table) for table in _likely_ciphers(row[:PAIR_CHARS]))


def _likely_ciphers(sample: str) -> list[dict[int, str]]:
    return nlargest(_MAX_RATED, ciphers(), key=lambda table: english_pairs(sample.translate(table)))


def _view(text: str, length: int) -> TextView:
    """The reading, with its letters spread over the text: most readings have no letter in its old place."""
    offsets = [index * length // max(len(text), 1) for index in range(len(text))]
    return TextView(kind=_KIND, text=text, offsets=[*offsets, length], is_guess=True)

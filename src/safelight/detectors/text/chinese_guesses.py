"""Readings of disguised Chinese: characters in another order, and words written by their sound.

A reading counts only if it is clearly more language than the text as it is written. Fluent Chinese has none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from safelight.detectors.protocol import TextView

from .chinese import is_han
from .chinese_order import Placed, first_characters, numbered_parts, orders
from .sound_lexicon import SoundLexicon
from .sound_reader import UNKNOWN, Sign, fluency, read_sounds
from .syllables import SYLLABLES, ZHUYIN, is_mostly_pinyin, sound_of_zhuyin, split_pinyin
from .word_grams import chinese_words

#: Mean log-probability of a character of a text that needs no other reading. 99.5 % of 3,677 plain sentences
#: have more than -9.3, and texts in which characters have another one of the same sound less than -11.
FLUENT, _FLUENT_READING = -9.3, -9.6
#: Another order of a text is tried below this value. It takes little time, and the gain decides.
_MAY_BE_ORDER = -8.0
#: By how much a reading must be more likely than the text as it is written.
_GAIN_OF_ORDER, _GAIN_OF_SOUND, _GAIN_OF_ACCENT = 0.8, 2.2, 0.5
#: A reading that has less than this share of the characters is less likely by this value.
_WHOLE, _COST_OF_PART = 0.7, 1.0
#: A reading below this value may be one of a southern accent.
ACCENTED = -8.5
#: Most letters that are no sound for each sign that is one; fewest sounds in a text of fluent characters.
_MAX_UNREAD, _MIN_BY_SOUND = 0.5, 0.2
#: Fewest characters of a reading, most letters of a text that are put in order, and most signs that are read.
MIN_CHARACTERS, MAX_LETTERS, MAX_SIGNS = 6, 1500, 600
#: The first characters of lines are seldom fluent by chance: this share of them is in words.
_SHARE_IN_WORDS = 0.5
#: Most characters of a sentence that tells how to read the rest.
_MAX_INTRODUCTION = 60
_INTRODUCTION = re.compile(rf"[^\n]{{0,{_MAX_INTRODUCTION}}}?[:：]")
_SOUND = re.compile(rf"[a-z]+[1-5]?|(?=[ㄅ-ㄩ]){ZHUYIN.pattern}|[\u3400-\u9fff]|[^a-zㄅ-ㄩ\u3400-\u9fff]+")
#: Other signs between characters are filling.
_ENDS_PHRASE = re.compile(r"[。！？；，：!?;,\n]|\w")
_MAY_BE_SOUND = re.compile("[a-zㄅ-ㄩ]")
#: Words of a text without Chinese that are tried first.
_SAMPLE = 12
_LATIN_WORD = re.compile(r"[a-z]+")
#: A single letter of a text in pinyin may be the beginning of one of these sounds.
_SOUNDS = "de dao dui le lai li shi zai zhe yi you ge bu ba men mei he wo ni ta jiu xiang qu ren cong ke fang"
_SHORT = {letter: tuple(sounds) for letter, sounds in groupby(_SOUNDS.split(), itemgetter(0))}


def guess_views(text: str, folded: TextView, load: Callable[[], SoundLexicon | None]) -> Iterator[TextView]:
    """The most likely reading by order, and the one by sound. `load` is called only if there may be one."""
    letters = list(zip(folded.text, folded.offsets, strict=False))[:MAX_LETTERS]
    han = sum(is_han(letter) for letter, _place in letters)
    if han < MIN_CHARACTERS and not _may_be_sound(folded.text):
        return
    lexicon = load()
    if lexicon is None:
        return
    order = _best_order(text, letters, lexicon) if han >= MIN_CHARACTERS else None
    if order:
        yield _view("chinese_order", [one for one, _place in order], [place for _one, place in order], text)
    if order is None or _MAY_BE_SOUND.search(folded.text):
        yield from _by_sound(text, letters, lexicon)


def _may_be_sound(text: str) -> bool:
    """Whether a text without Chinese characters may be pinyin or zhuyin. Quick, for every English text."""
    if any("ㄅ" <= letter <= "ㄩ" for letter in text):
        return True
    sample = _LATIN_WORD.findall(text[: 8 * _SAMPLE])[:_SAMPLE]
    return is_mostly_pinyin(sample) and is_mostly_pinyin(_LATIN_WORD.findall(text))


def _best_order(text: str, letters: Sequence[Placed], lexicon: SoundLexicon) -> Sequence[Placed] | None:
    start = _start_of_body(text, letters, lexicon)
    body = [one for one in letters if one[1] >= start]
    written = fluency("".join(one for one, _place in body), lexicon)
    found = [*numbered_parts(text), *(orders(text, body) if written < _MAY_BE_ORDER else ())]
    best, weight = _strongest(found, lexicon, sum(is_han(one) for one, _place in body))
    if best and weight >= max(_FLUENT_READING, written + _GAIN_OF_ORDER):
        return best
    for row in first_characters(text[start:], [(one, place - start) for one, place in body]):
        if _share_in_words(row, lexicon) >= _SHARE_IN_WORDS:
            return [(one, place + start) for one, place in row]
    return None


def _start_of_body(text: str, letters: Sequence[Placed], lexicon: SoundLexicon) -> int:
    """Where the text starts after a fluent sentence that tells how to read it; 0 without one."""
    hit = _INTRODUCTION.match(text)
    if hit is None:
        return 0
    before = "".join(one for one, place in letters if place < hit.end())
    after = [one for one, place in letters if place >= hit.end()]
    if sum(map(is_han, after)) < MIN_CHARACTERS:
        return 0
    gain = fluency(before, lexicon) - fluency("".join(after), lexicon)
    return hit.end() if gain > 0 or text[hit.end() :].startswith("\n") else 0


def _strongest(
    found: Iterable[Sequence[Placed]], lexicon: SoundLexicon, letters: int
) -> tuple[Sequence[Placed] | None, float]:
    """The most likely of the readings, and its value. A reading of a part of the letters has less."""
    best, highest = None, UNKNOWN
    for row in found:
        han = sum(is_han(one) for one, _place in row)
        if han >= MIN_CHARACTERS:
            weight = fluency("".join(one for one, _place in row), lexicon)
            weight -= _COST_OF_PART if han < _WHOLE * letters else 0.0
            if weight > highest:
                best, highest = row, weight
    return best, highest


def _share_in_words(row: Sequence[Placed], lexicon: SoundLexicon) -> float:
    if len(row) < MIN_CHARACTERS:
        return 0.0
    words = chinese_words("".join(one for one, _place in row), guess=False)
    return sum(len(word) for word, _start, _end in words if len(word) > 1 and word in lexicon.weights) / len(
        row
    )


def _by_sound(text: str, letters: Sequence[Placed], lexicon: SoundLexicon) -> Iterator[TextView]:
    row = "".join(letter for letter, _place in letters)
    if _MAY_BE_SOUND.search(row) is None and fluency(row, lexicon) >= FLUENT:
        return
    signs = [
        (sign, letters[hit.start()][1])
        for hit in _SOUND.finditer(row)
        for sign in _signs_of(hit.group(), lexicon)
    ][:MAX_SIGNS]
    read = [sign for sign, _place in signs if sign.sounds]
    unread = sum(len(sign.letter) for sign, _place in signs if not sign.sounds and sign.letter.isalpha())
    if len(read) < MIN_CHARACTERS or unread > _MAX_UNREAD * len(read):
        return
    written = fluency("".join(sign.letter for sign in read), lexicon)
    by_sound = sum(not sign.letter for sign in read)
    if written >= FLUENT and by_sound < _MIN_BY_SOUND * len(read):
        return
    written = (written * (len(read) - by_sound) + UNKNOWN * by_sound) / len(read)
    reading, weight = _read(signs, lexicon, accent=False)
    if weight < ACCENTED * len(read):
        other, other_weight = _read(signs, lexicon, accent=True)
        if other_weight > weight + _GAIN_OF_ACCENT * len(read):
            reading, weight = other, other_weight
    if weight / len(read) >= max(_FLUENT_READING, written + _GAIN_OF_SOUND):
        yield _view("chinese_sound", [one for one, _at in reading], [at for _one, at in reading], text)


def _read(
    signs: Sequence[tuple[Sign, int]], lexicon: SoundLexicon, *, accent: bool
) -> tuple[list[Placed], float]:
    """The letters of the reading with their places, and the log-probability of what was read by its sound."""
    letters: list[Placed] = []
    total = 0.0
    for has_sound, group in groupby(signs, key=lambda one: bool(one[0].sounds)):
        part = list(group)
        if has_sound:
            found = read_sounds([sign for sign, _place in part], lexicon, accent=accent)
            total += found.weight
            letters += zip(found.text, (place for _sign, place in part), strict=True)
        else:
            letters += [(one, place) for sign, place in part for one in sign.letter]
    return letters, total


def _signs_of(part: str, lexicon: SoundLexicon) -> list[Sign]:
    if is_han(part[0]):
        return [Sign(part, lexicon.sounds.get(part, ("",)))]
    if "ㄅ" <= part[0] <= "ㄩ":
        return [Sign("", (sound_of_zhuyin(part),))]
    if "a" <= part[0] <= "z":
        if part in _SHORT:
            return [Sign("", _SHORT[part])]
        word = part.rstrip("12345")
        syllables = split_pinyin(word, lexicon.syllables) if SYLLABLES.fullmatch(word) else ()
        return [Sign("", _spelled(one)) for one in syllables] or [Sign(part, ())]
    return [Sign(part, ())] if _ENDS_PHRASE.search(part) else []


def _spelled(syllable: str) -> tuple[str, ...]:
    """The sounds of a pinyin syllable: a folded text has no ü."""
    return (
        (syllable, "v".join(syllable.split("u"))) if syllable in ("nu", "lu", "nue", "lue") else (syllable,)
    )


def _view(kind: str, letters: Sequence[str], places: Iterable[int], text: str) -> TextView:
    """A view whose offsets are in order, as the readers of spans need them."""
    ordered = sorted(places)
    end = min(ordered[-1] + 1, len(text)) if ordered else 0
    return TextView(kind=kind, text="".join(letters), offsets=[*ordered, end], is_guess=True)

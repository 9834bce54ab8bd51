"""Orders in which the characters of a disguised Chinese text may be read, such as backwards or by columns.

A reading is a list of positions in the original text. Which reading is language, the caller decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest

from .chinese import is_han

#: A character with its position in the original text.
Placed = tuple[str, int]
Readings = Iterator[Sequence[Placed]]

#: Most steps between two characters that belong together, if the others are filling.
_MAX_STEP = 8
#: Fewest lines of which the first characters can be a text.
MIN_LINES = 5
#: Fewest numbered parts that are put in order.
_MIN_PARTS = 6
_HAN = "[\u3400-\u9fff]"
_NUMBERED = re.compile(
    rf"(\d{{1,4}})\s*[=:：.、)）\]】→-]?\s*[\"'“‘「『]?({_HAN}[^\d\"'”’」』;；|\s]{{0,7}})"
)
_QUOTED = re.compile(r"[\"'“‘「『]([^\"'”’」』]{1,8})[\"'”’」』]")
_NUMBER = re.compile(r"\d+")
_NUMBER_ROW = re.compile(r"\d{1,4}(?:[\s,，、]+\d{1,4}){5,}")
_LINE = re.compile(r"[^\n]+")
_RUN = re.compile(rf"{_HAN}+")


def orders(text: str, letters: Sequence[Placed]) -> Readings:
    """Other orders of the characters of a text that is not fluent as it is written.

    `letters` are the visible characters of the text, folded.
    """
    han = [one for one in letters if is_han(one[0])]
    yield han
    yield han[::-1]
    yield list(chain.from_iterable(run[::-1] for run in _runs(letters)))
    yield [one for run in _runs(letters) for one in _swapped(run)]
    signs = [one for one in letters if not one[0].isspace()]
    yield from _by_lines(text, signs)
    for step in range(2, _MAX_STEP + 1):
        for row in (han, signs):
            yield row[::step]
            yield row[1::step]
        yield list(chain.from_iterable(han[start::step] for start in range(step)))
    half = (len(han) + 1) // 2
    yield [one for pair in zip_longest(han[:half], han[half:]) for one in pair if one]


def first_characters(text: str, letters: Sequence[Placed]) -> Readings:
    """The first and the last characters of lines, which may be a text of their own."""
    if text.count("\n") < MIN_LINES - 1:
        return
    by_place = {place: letter for letter, place in letters if not letter.isspace()}
    parts = [
        [(by_place[place], place) for place in range(*hit.span()) if place in by_place]
        for hit in _LINE.finditer(text)
    ]
    parts = [part for part in parts if part]
    if len(parts) >= MIN_LINES:
        yield [part[0] for part in parts]
        yield [part[-1] for part in parts]


def numbered_parts(text: str) -> Readings:
    """Parts in the order of their numbers, characters of a numbered table, and quoted parts in the order of
    a list of numbers.
    """
    if _NUMBER.search(text) is None:
        return
    parts = [(int(hit[1]), _placed(hit[2], hit.start(2))) for hit in _NUMBERED.finditer(text)]
    if len(parts) >= _MIN_PARTS and len({number for number, _part in parts}) == len(parts):
        yield list(chain.from_iterable(part for _number, part in sorted(parts, key=lambda one: one[0])))
    table = dict(parts)
    quoted = [_placed(hit[1], hit.start(1)) for hit in _QUOTED.finditer(text)]
    for row in _NUMBER_ROW.finditer(text):
        numbers = [int(number) for number in _NUMBER.findall(row.group())]
        if len(table) >= _MIN_PARTS:
            yield list(chain.from_iterable(table.get(number, []) for number in numbers))
        if len(quoted) >= _MIN_PARTS and sorted(numbers) == list(range(len(quoted))):
            yield list(chain.from_iterable(quoted[number] for number in numbers))
            yield list(chain.from_iterable(quoted[number][::-1] for number in numbers))


def _placed(part: str, start: int) -> list[Placed]:
    return [(letter, start + index) for index, letter in enumerate(part) if not letter.isspace()]


def _runs(letters: Sequence[Placed]) -> Iterator[Sequence[Placed]]:
    row = "".join(letter for letter, _place in letters)
    return (letters[hit.start() : hit.end()] for hit in _RUN.finditer(row))


def _swapped(run: Sequence[Placed]) -> Iterator[Placed]:
    for index in range(0, len(run), 2):
        yield from run[index : index + 2][::-1]


def _by_lines(text: str, signs: Sequence[Placed]) -> Readings:
    """Columns from left to right and from right to left, downwards and upwards; lines from the last one, and
    every second line backwards.
    """
    lines: list[list[Placed]] = [[]]
    last = 0
    for letter, place in signs:
        if "\n" in text[last:place]:
            lines.append([])
        lines[-1].append((letter, place))
        last = place + 1
    lines = [line for line in lines if line]
    if len(lines) < 2:
        return
    width = max(map(len, lines))
    left = [[line[at] for line in lines if at < len(line)] for at in range(width)]
    right = [[line[-1 - at] for line in lines if at < len(line)] for at in range(width)]
    yield list(chain.from_iterable(left))
    yield list(chain.from_iterable(right))
    yield list(chain.from_iterable(column[::-1] for column in left))
    yield list(chain.from_iterable(column[::-1] for column in right))
    yield list(chain.from_iterable(reversed(lines)))
    yield list(chain.from_iterable(line[:: -1 if at % 2 else 1] for at, line in enumerate(lines)))

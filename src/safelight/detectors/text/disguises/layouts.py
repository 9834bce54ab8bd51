"""Layouts of a text that change the order or the place of its letters: columns, steps, acrostics, pieces,
keys that come with the text, and marks between letters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

_TAG = re.compile(
    r"<!--.{0,200}?-->|</?[a-zA-Z][^<>]{0,80}>|\[/?[a-z]{1,8}\]|\{\}|\\[a-z]+\{\}|&nbsp;|&zwnj;|\*\*|__|~~"
)
_BROKEN_WORD = re.compile(r"[-\u00ad‐¬=~\\]\s*\n\s*")
_QUOTED = re.compile(
    r"""(?:(["']?\w{1,20}["']?)\s?[:=]\s?)?("[^"\n]{1,80}"|'(?:[^'\n\\]|\\.){1,80}'|“[^”\n]{1,80}”|`[^`\n]{1,80}`)(?!\s?:)"""
)
_NUMBERED = re.compile(
    r"(?:^|[\s;,({\[|])[\[(#]?(?:part|p|step|line|piece|word|no\.?)?\s?(\d{1,3}|[a-z])\s?(?:[\])]|[.:=)]|->|→|-)+\s*"
    r"([^;|\n]{1,60}?)(?=\s*(?:[;|\n]|,\s|$|\s[\[(#]?\d{1,3}[\]).:=]))",
    re.IGNORECASE,
)
_ORDER = re.compile(r"\[\s*(\d+(?:\s*,\s*\d+){3,})\s*\]|(?<![\d,])(\d+(?:,\s?\d+){3,})")
_KEY = re.compile(
    r"(?:^|(?<=[\s,;({]))([^\s=:,;]{1,8})\s?(?:=|:|→|->|means|is)\s?[\"']?(\w|\w?_)[\"']?(?=[\s,;.)}]|$)"
)
_REFERENCE = re.compile(r"\((\d+)\)")
#: Steps at which letters are taken from a text.
_STEPS = (2, 3, 4, 5)
#: Least pieces that are put together, and least entries of a key.
_MIN_PIECES, _MIN_KEYS, _MIN_CELLS = 4, 4, 6
#: Fewest parts of an acrostic, and lines of which a word each is read.
_MIN_PARTS, _MIN_LINES = 12, 4
_ENDS = " .,;!?:"
#: Of a sign that is inserted between letters: its number for each other sign.
_MIN_INSERTED = 0.6


def remove_marks(text: str) -> str:
    """The text without tags and comments, and with words that were broken over lines as one."""
    return _BROKEN_WORD.sub("", _TAG.sub("", text))


def remove_inserted(text: str) -> str:
    """The text without a sign that stands beside most of its letters."""
    signs = Counter(sign for sign in text if not sign.isspace())
    for sign, count in signs.most_common(2):
        if not sign.isalnum() and count >= _MIN_INSERTED * (signs.total() - count):
            return text.replace(sign, "")
    return text


def read_backwards(text: str) -> Iterator[str]:
    """The text and each of its words backwards."""
    yield text[::-1]
    yield re.sub(r"\S+", lambda hit: hit.group()[::-1], text)


def read_columns(text: str) -> Iterator[str]:
    """Lines of single cells read by columns, from either side, up or down."""
    grids = [[line.split() for line in text.splitlines()], [[*line.rstrip()] for line in text.splitlines()]]
    for grid in grids:
        rows = [row for row in grid if len(row) >= 3 and sum(map(len, row)) <= 1.3 * len(row)]
        if len(rows) < 3:
            continue
        wide = max(map(len, rows))
        columns = ["".join(row[at] for row in rows if at < len(row)) for at in range(wide)]
        for order in (columns, columns[::-1], [column[::-1] for column in columns]):
            yield "".join(order).replace("_", " ")
        yield "".join(column[:: 1 - 2 * (at % 2)] for at, column in enumerate(columns)).replace("_", " ")
        yield "".join("".join(row)[:: 1 - 2 * (at % 2)] for at, row in enumerate(rows)).replace("_", " ")


def read_steps(text: str) -> Iterator[str]:
    """Each second, third, fourth or fifth sign; the same of the letters alone; and two halves mixed again."""
    letters = "".join(filter(str.isalnum, text))
    for row in (text, letters):
        for step in _STEPS:
            for first in range(step):
                yield row[first::step]
            yield "".join(row[first::step] for first in range(step))
            size = -(-len(row) // step)
            yield "".join(
                row[at + size * part]
                for at in range(size)
                for part in range(step)
                if at + size * part < len(row)
            )


def read_acrostics(text: str) -> Iterator[str]:
    """The first and the last letters of lines, sentences and words, and the first and last words of lines."""
    lines = [line.strip(_ENDS) for line in text.splitlines()]
    for parts in (lines, text.split(), re.split(r"[.!?]\s+", text)):
        if len(parts) >= _MIN_PARTS:
            yield "".join(part[:1] or " " for part in parts)
            yield "".join(part.rstrip(_ENDS)[-1:] or " " for part in parts)
    words = [line.split() for line in lines if line]
    if len(words) >= _MIN_LINES:
        yield " ".join(line[0] for line in words)
        yield " ".join(line[-1] for line in words)


def read_stanzas(text: str) -> Iterator[str]:
    """One word for each stanza; the numbers of stanzas in the first one stand for these words."""
    blocks = [block.strip().splitlines() for block in re.split(r"\n\s*\n", text) if block.strip()]
    if len(blocks) < 3:
        return
    found, loose = {}, []
    for lines in blocks:
        number = _REFERENCE.match(lines[0])
        word = "".join(line.strip()[:1] for line in (lines[1:] if number else lines))
        loose.append(word)
        if number:
            found[number.group(1)] = word
    if found:
        yield _REFERENCE.sub(lambda hit: found.get(hit.group(1), hit.group()), "\n".join(blocks[0]))
    yield " ".join(loose)


def read_pieces(text: str) -> Iterator[str]:
    """Quoted or numbered pieces put together: in their order, by their numbers, or by a list of numbers."""
    found = [(hit.group(1) or "", hit.group(2)[1:-1]) for hit in _QUOTED.finditer(text)]
    usual = Counter(key for key, _piece in found).most_common(1)[0][0] if found else ""
    for pieces in ([piece for key, piece in found if key == usual], [piece for _key, piece in found]):
        if len(pieces) < _MIN_PIECES:
            continue
        orders = [pieces, pieces[::-1]]
        for hit in _ORDER.finditer(text):
            orders += _ordered(pieces, [int(number) for number in re.findall(r"\d+", hit.group())])
        for order in orders:
            yield "".join(order).replace("_", " ")
            yield "".join(piece[::-1] for piece in order)
    numbered = [(key, piece.strip("\"'“”‘’`")) for key, piece in _NUMBERED.findall(text)]
    if len(numbered) >= _MIN_PIECES:
        ordered = sorted(numbered, key=lambda one: int(one[0]) if one[0].isdigit() else ord(one[0]))
        yield "".join(piece for _key, piece in ordered).replace("_", " ")
        yield " ".join(piece for _key, piece in ordered)
    if text.count("|") >= _MIN_CELLS:
        cells = [cell.strip() for cell in re.split(r"[|\n]", text)]
        yield "".join(cell for cell in cells if not re.fullmatch("[:-]+|[A-Z]", cell)).replace("_", " ")


def _ordered(pieces: list[str], numbers: list[int]) -> Iterator[list[str]]:
    for first in (0, 1):
        if sorted(numbers) == list(range(first, len(pieces) + first)):
            yield [pieces[number - first] for number in numbers]
            yield [piece for _number, piece in sorted(zip(numbers, pieces, strict=True))]


def apply_key(text: str) -> str:
    """The text with the signs replaced that a list in it explains ("7 = e"); empty without such a list."""
    hits = [*_KEY.finditer(text)]
    if len(hits) < _MIN_KEYS:
        return ""
    table = {hit.group(1): hit.group(2).replace("_", " ") for hit in hits}
    numbered = {sign: letter for sign, letter in table.items() if sign.isdigit()}
    rest = _KEY.sub(lambda hit: hit.group() if numbered and not hit.group(1).isdigit() else "", text)
    if len(numbered) >= _MIN_KEYS:
        numbers = re.findall(r"\d+", rest)
        return "".join(numbered.get(number, "") for number in numbers)
    if Counter(map(len, table)).most_common(1)[0][0] == 1:
        return "".join(table.get(sign, sign) for sign in rest)
    return "".join(table.get(word, word) for word in rest.split())

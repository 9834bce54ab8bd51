"""Characters that nobody sees: the texts that are hidden in them, and a text without them. Linear time.

The ways in which public tools hide a text: tag characters, variation selectors for bytes, characters without
width for bits, private letters, and a change of the writing direction.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import TypeAlias

#: The kind of a text, its letters, and the place of each letter.
Hidden: TypeAlias = tuple[str, str, list[int]]
#: The flags of England, Scotland and Wales: the only use of tags that is seen.
_FLAG = "\U0001f3f4[\U000e0030-\U000e007a]{1,6}\U000e007f"
_TAG = "\U000e0000-\U000e007f"
_SELECTOR = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_PRIVATE = "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"
_NO_WIDTH = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
#: Each kind of hidden character, by the kind of view that reads it.
_KINDS = {
    "tags": re.compile(f"[{_TAG}]"),
    "selectors": re.compile(f"[{_SELECTOR}]"),
    "private": re.compile(f"[{_PRIVATE}]"),
    "bits": re.compile(f"[{_NO_WIDTH}]"),
}
#: Scripts and emoji need fewer of these characters in a row.
_LONG_RUN = re.compile(f"[{_TAG}{_SELECTOR}{_PRIVATE}{_NO_WIDTH}]{{8,}}")
_REVERSED = re.compile("\u202e([^\u202c\n]{4,})")
_REMOVED = re.compile(
    f"({_FLAG})|[{_TAG}{_PRIVATE}\u202d\u202e]+|[{_NO_WIDTH}]{{2,}}"
    f"|(?<=[{_SELECTOR}])[{_SELECTOR}]+|(?<![\u3400-\u9fff\U00020000-\U0003ffff])[\U000e0100-\U000e01ef]+"
)
#: Bits of a letter in the two common codes.
_BITS = (8, 7)
#: Fewer bits are no word of four letters.
_MIN_BITS = 28


def hidden_texts(text: str) -> Iterator[Hidden]:
    """What may be hidden in the text: the kind, the letters, and for each letter its place. Most are no
    language.
    """
    if text.isascii():
        return
    seen = re.sub(_FLAG, lambda flag: " " * len(flag.group()), text)
    for kind, code in (("tags", 0xE0000), ("private", 0)):
        places = [hit.start() for hit in _KINDS[kind].finditer(seen)]
        yield _printable(kind, [chr(ord(seen[place]) - code & 0xFF) for place in places], places)
    # One selector behind a sign chooses its form: text or emoji.
    selectors = [
        (place, ord(seen[place]))
        for run in re.finditer(f"[{_SELECTOR}]+", seen)
        for place in range(*run.span())
        if run.group() not in ("\ufe0e", "\ufe0f")
    ]
    numbers = [code - 0xFE00 if code < 0xE0000 else code - 0xE0100 + 16 for _place, code in selectors]
    yield _from_bytes("selectors", numbers, [place for place, _code in selectors])
    signs = [hit.start() for hit in _KINDS["bits"].finditer(seen)]
    if len(signs) >= _MIN_BITS:
        yield from _from_bits(seen, signs)
    for hit in _REVERSED.finditer(seen):
        yield _printable("reversed", [*reversed(hit.group(1))], [*range(hit.start(1), hit.end(1))])


def count_unread(text: str, read: Collection[str]) -> int:
    """The number of hidden characters in long rows that no view of the kinds `read` shows."""
    return sum(
        not any(pattern.match(letter) for kind, pattern in _KINDS.items() if kind in read)
        for run in _LONG_RUN.finditer(re.sub(_FLAG, "", text))
        # Many of one character are a gap, and say nothing.
        if len(set(run.group())) > 1
        for letter in run.group()
    )


def remove_hidden(text: str) -> str:
    """The text as it is seen: without what only programs read. Signs that scripts and emoji need stay."""
    return text if text.isascii() else _REMOVED.sub(lambda hit: hit.group(1) or "", text)


def _printable(kind: str, letters: list[str], places: list[int]) -> Hidden:
    kept = [(letter, place) for letter, place in zip(letters, places, strict=True) if letter.isprintable()]
    return kind, "".join(letter for letter, _place in kept), [place for _letter, place in kept]


def _from_bytes(kind: str, numbers: list[int], places: list[int]) -> Hidden:
    letters = bytes(numbers).decode("utf-8", "replace")
    # Where each letter begins: the bytes that continue one are 0b10xxxxxx.
    begins = [place for number, place in zip(numbers, places, strict=True) if number & 0xC0 != 0x80]
    if len(begins) != len(letters):
        begins = [places[index * len(places) // max(len(letters), 1)] for index in range(len(letters))]
    return _printable(kind, [*letters], begins)


def _from_bits(text: str, places: list[int]) -> Iterator[Hidden]:
    """The letters of the two most frequent characters without width, as zeros and ones and the reverse."""
    common = [sign for sign, _count in Counter(text[place] for place in places).most_common(2)]
    used = [place for place in places if text[place] in common]
    for zero in common:
        bits = "".join("0" if text[place] == zero else "1" for place in used)
        for size in _BITS:
            starts = range(0, len(bits) - size + 1, size)
            numbers = [int(bits[start : start + size], 2) for start in starts]
            yield _from_bytes("bits", numbers, [used[start] for start in starts])

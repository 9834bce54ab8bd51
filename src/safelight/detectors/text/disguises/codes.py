"""Codes of letters: ciphers with a fixed alphabet, numbers, bits, bases, escapes, and word games."""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

from .alphabets import LETTERS, keyboards

_NUMBER = re.compile(r"\d+")
_ESCAPE = re.compile(
    r"(?:\\U|\\u\{?|\\x|U\+|0x|&#x|=(?=[0-9A-F]{2}\b|[0-9A-F]{2}=))([0-9a-fA-F]{2,8})[};]?\s?|\\([0-7]{3})"
)
_BLOCK = re.compile(r"[!-~]{16,}")
#: Most characters of one block that are decoded.
_MAX_BLOCK = 4096
#: Letters of which a word game adds a fixed group to each syllable.
_ADDED = re.compile(
    r"(?:ub|ob|op|ib|ab|eg|egg|ag|av|iz|izz|arp|idig|itherg|ithag|uddag|adag|idg|ov|ayg|ang|oss)(?=[aeiouy])"
)
_DOUBLED_VOWEL = re.compile(r"([aeiouy]{1,3})[bcdfghjklmnprstvwz]\1")
_DOUBLED_CONSONANT = re.compile(r"([bcdfghjklmnpqrstvwxz])[aeiou]\1")
#: Fewest numbers of a text, and the share of them that a code has to explain.
_MIN_NUMBERS, _MIN_SHARE = 8, 0.9
_POLYBIUS = "abcdefghiklmnopqrstuvwxyz"
_KEYPAD = ("", "", "abc", "def", "ghi", "jkl", "mno", "pqrs", "tuv", "wxyz")


@cache
def ciphers() -> tuple[dict[int, str], ...]:
    """Tables of ciphers in which each letter always becomes the same one: shifts, Atbash and keyboards."""
    shifts = [_table(LETTERS[step:] + LETTERS[:step], LETTERS) for step in range(1, 26)]
    swaps = [_table(LETTERS[::-1], LETTERS), _table(LETTERS[13:] + LETTERS[:13], LETTERS[::-1])]
    rot47 = {code: chr(33 + (code - 33 + 47) % 94) for code in range(33, 127)}
    return (*shifts, *swaps, rot47, *keyboards())


def _table(written: str, meant: str) -> dict[int, str]:
    return {
        **dict(zip(map(ord, written.upper()), meant, strict=True)),
        **dict(zip(map(ord, written), meant, strict=True)),
    }


def read_offsets(text: str) -> Iterator[str]:
    """Signs of one block of Unicode as letters by their distance from the first one of the alphabet."""
    signs = Counter(sign for sign in text if not sign.isascii() and not sign.isspace())
    if sum(signs.values()) < 12 or len(signs) < 8:
        return
    low, high = ord(min(signs)), ord(max(signs))
    for first in range(max(high - 25, 0), low + 1):
        yield "".join(chr(ord(sign) - first + ord("a")) if sign in signs else sign for sign in text)


def read_numbers(text: str) -> Iterator[str]:
    """Numbers as letters: places in the alphabet, codes of characters, squares of Polybius, phone keys."""
    hits = [*_NUMBER.finditer(text)]
    if len(hits) < _MIN_NUMBERS:
        return
    gaps = [text[a.end() : b.start()] for a, b in pairwise(hits)]
    usual = Counter(gaps).most_common(1)[0][0]
    blanks = ["" if gap == usual or len(gap) < len(usual) else " " for gap in gaps]
    for table in _number_tables():
        letters = [table.get(hit.group(), "") for hit in hits]
        if sum(map(bool, letters)) >= _MIN_SHARE * len(letters):
            yield "".join(letter + gap for letter, gap in zip(letters, [*blanks, ""], strict=True))


@cache
def _number_tables() -> tuple[dict[str, str], ...]:
    places = [
        {f"{at:0{width}}": letter for width in (2, 1) for at, letter in enumerate(letters, first)}
        for letters, first in ((LETTERS, 1), (LETTERS, 0), (LETTERS[::-1], 1))
    ]
    codes = [
        {form.format(code): chr(code) for code in range(32, 127)}
        for form in ("{}", "{:03}", "{:o}", "{:03o}")
    ]
    squares = {f"{at // 5 + 1}{at % 5 + 1}": letter for at, letter in enumerate(_POLYBIUS)}
    keys = {
        str(key) * size: letter for key, group in enumerate(_KEYPAD) for size, letter in enumerate(group, 1)
    }
    return (*places, *codes, squares, {"0": " ", **keys})


def read_bits(text: str) -> Iterator[str]:
    """Two signs as bits: codes of 8 or 7 bits, or Bacon's five."""
    common = [sign for sign, _count in Counter(sign for sign in text if not sign.isspace()).most_common(2)]
    if len(common) < 2:
        return
    row = [sign for sign in text if sign in common]
    if len(row) < 60 or len(row) < 0.7 * len("".join(text.split())):
        return
    for zero in common:
        bits = "".join("0" if sign == zero else "1" for sign in row)
        for size, first in ((8, 0), (7, 0), (5, 97), (5, 96)):
            codes = [int(bits[at : at + size], 2) + first for at in range(0, len(bits) - size + 1, size)]
            yield "".join(chr(code) if code < 127 else "\ufffd" for code in codes)


def read_escapes(text: str) -> str:
    """Escapes of characters by number as characters; empty if there are few."""
    read, count = _ESCAPE.subn(lambda hit: _character(hit.group(1), hit.group(2)), text)
    return read if count >= 6 else ""


def _character(hexadecimal: str | None, octal: str | None) -> str:
    code = int(hexadecimal, 16) if hexadecimal else int(octal or "0", 8)
    return chr(code) if code < 0x110000 else ""


def read_blocks(text: str) -> Iterator[str]:
    """What long blocks without blanks are in base 64, 32, 16, 85, and all of them backwards."""
    for hit in [*_BLOCK.finditer(text)][:4]:
        block = hit.group()[:_MAX_BLOCK].strip("\"'`“”()[]<>,;:.~")
        found = re.search(r"[A-Za-z0-9+/_-]{16,}={0,6}", block)
        for one in {block, found.group() if found else block, block[::-1]}:
            for decode in (
                _from_base64,
                _from_base32,
                base64.a85decode,
                base64.b85decode,
                binascii.unhexlify,
            ):
                try:
                    read = decode(one.encode()).decode()
                except (ValueError, binascii.Error, OverflowError):
                    continue
                if read.isprintable():
                    yield read
                    yield read[::-1]


def _from_base64(data: bytes) -> bytes:
    clean = data.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
    return base64.b64decode(clean + b"=" * (-len(clean) % 4), validate=True)


def _from_base32(data: bytes) -> bytes:
    clean = data.rstrip(b"=").upper()
    return base64.b32decode(clean + b"=" * (-len(clean) % 8))


def undo_word_games(text: str) -> Iterator[str]:
    """The text without what word games add to syllables or words."""
    lower = text.casefold()
    yield _ADDED.sub("", lower)
    yield _DOUBLED_VOWEL.sub(r"\1", lower)
    yield _DOUBLED_CONSONANT.sub(r"\1", lower)
    words = re.findall("[a-z]{4,}", lower)
    for size in (2, 3, 1):
        for part in ((-size, None), (None, size)):
            ends = Counter(word[slice(*part)] for word in words)
            if ends and ends.most_common(1)[0][1] >= 0.7 * len(words):
                end = ends.most_common(1)[0][0]
                yield re.sub(rf"{end}\b" if part[0] else rf"\b{end}", "", lower)

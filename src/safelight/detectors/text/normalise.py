"""Readings of a text that undo what people do to hide words, each with the way back to what was typed.

One function per view, each from a view to a view, so that they can be chained; `VIEWS` names the chain.
All are pure, take linear time and raise on no `str` at all, lone surrogates included.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

from safelight.detectors.protocol import TextView

from . import emoji
from .chinese import SIMPLIFIED
from .encodings import decode_views
from .homoglyphs import LOOKALIKES

#: What a view is made by.
Reading = Callable[[TextView], TextView]

_BLANKS = frozenset("\u2800\u3164\u115f\u1160\uffa0")
_LEET = {
    "0": "o",
    "1": "i",
    "3": "e",
    "4": "a",
    "5": "s",
    "7": "t",
    "8": "b",
    "@": "a",
    "$": "s",
    "!": "i",
    "|": "l",
    "+": "t",
    "€": "e",
    "£": "l",
}
_LEET_WORD = re.compile(r"[a-z0-9@$!|+€£]+(?:'[a-z0-9]+)*")
#: Ordinals, sizes and years: digits that mean digits.
_NUMBER_WORD = re.compile(
    r"(?:[1-9]\d*[a-z]{1,3}|0[a-z]?|[a-z]{1,2}(?:\d{1,2}|\d*[269]\d*)|\d+[x/]\d+[a-z]?|\d+(?:s|th|st|nd|rd)|\d+)(?:'s)?"
)
_GAP = r"[ .\-_*·~/\\,|+]"
_ATOM = r"[^\W_](?![^\W_])"
_SPACED = re.compile(rf"(?<![^\W_])[^\W\d_](?P<gap>{_GAP}{{1,3}}){_ATOM}(?:(?P=gap){_ATOM})+")
_RUN = re.compile(r"([^\W\d_])\1{2,}")
#: The views of the chain; any other view is one more text that was hidden in this one.
_CHAIN = frozenset({"plain", "folded", "joined", "deleet", "squeezed"})
#: Encodings that nobody reads as they stand, and how many characters one hidden character takes at most.
_CODES, _ENCODED = frozenset({"base64", "hex", "url", "references"}), 12
#: Emoji of one text that are read as words.
MAX_EMOJI = 120
#: Letters one ordinary character is folded to, at most; an emoji's words are more.
MAX_FOLDED = 4


def plain(text: str) -> TextView:
    """The text as it was typed."""
    return TextView(kind="plain", text=text, offsets=range(len(text) + 1))


def folded(view: TextView) -> TextView:
    """Compatibility forms, look-alikes, accents and case folded; invisible and control characters gone."""
    letters: list[str] = []
    offsets: list[int] = []
    pictures = 0
    for index, character in enumerate(view.text):
        read = _fold(character)
        if len(read) > MAX_FOLDED:
            pictures += 1
            read = read if pictures <= MAX_EMOJI else " "
        for letter in read:
            letters.append(letter)
            offsets.append(view.offsets[index])
    return _made("folded", letters, offsets, view)


def joined(view: TextView) -> TextView:
    """Letters set apart by one separator (`w o r d`, `w.o.r.d`) put together again."""
    return _without(view, "joined", [hit.span() for hit in _SPACED.finditer(view.text)])


def deleet(view: TextView) -> TextView:
    """Digits and signs that stand for letters inside a word read as those letters."""
    letters = list(view.text)
    for hit in _LEET_WORD.finditer(view.text):
        word = hit.group()
        core = word.strip("!+|$£€")
        if core.replace("'", "").isalpha() or not any("a" <= letter <= "z" for letter in core):
            continue
        if _NUMBER_WORD.fullmatch(core):
            continue
        start = hit.start() + (0 if word[0] in "$@" else word.index(core[0]))
        end = hit.start() + len(word.rstrip("!+|£€"))
        for index in range(start, end):
            letters[index] = _LEET.get(letters[index], letters[index])
    return TextView(kind="deleet", text="".join(letters), offsets=view.offsets)


def squeezed(view: TextView) -> TextView:
    """A letter written three times or more read as one."""
    keep: list[str] = []
    offsets: list[int] = []
    last = 0
    for hit in _RUN.finditer(view.text):
        keep += view.text[last : hit.start() + 1]
        offsets += view.offsets[last : hit.start() + 1]
        last = hit.end()
    keep += view.text[last:]
    offsets += view.offsets[last : len(view.text)]
    return _made("squeezed", keep, offsets, view)


#: Each reads the result of the one before; a reading that changes nothing is left out.
VIEWS: tuple[Reading, ...] = (folded, joined, deleet, squeezed)


def views(text: str, chain: tuple[Reading, ...] = VIEWS) -> tuple[TextView, ...]:
    """The text as typed, every reading of it that differs from the ones before, and what it hides encoded."""
    made = [plain(text)]
    current = made[0]
    seen = {text}
    for reading in chain:
        current = reading(current)
        # The folded view is what the detectors look at, so it is there even where nothing was folded.
        if current.text not in seen or reading is folded:
            seen.add(current.text)
            made.append(current)
    made += [
        TextView(kind=one.kind, text=folded(one).text, offsets=folded(one).offsets)
        for one in decode_views(text)
    ]
    return tuple(made)


def texts_of(found: tuple[TextView, ...]) -> tuple[TextView, ...]:
    """What there is to read, once: the last reading of the text itself, and each text hidden in it.

    The text itself is left out where all of it is an encoding of one that is hidden.
    """
    last = next(view for view in reversed(found) if view.kind in _CHAIN)
    hidden = [view for view in found if view.kind not in _CHAIN]
    if any(view.kind in _CODES and _covers(view, len(found[0].text)) for view in hidden):
        return tuple(hidden)
    return (last, *hidden)


def _covers(view: TextView, length: int) -> bool:
    """Whether a hidden text leaves no word of what was typed out."""
    places = [*view.offsets, length]
    return places[0] <= 1 and all(after - before <= _ENCODED for before, after in pairwise(places))


def read_as(found: tuple[TextView, ...], kind: str) -> TextView:
    """The view of that kind, or the last one before it where it changed nothing."""
    return next((view for view in found if view.kind == kind), found[-1])


@lru_cache(maxsize=16_384)
def _fold(character: str) -> str:
    if character in "\n\r\t\v\f\x85\u2028\u2029":
        return " "
    if character in _BLANKS:
        return " " if character == "\u2800" else ""
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Cn", "Co", "Mn", "Me"):
        return ""
    # A few Arabic ligatures stand for whole sentences; no word hides in them.
    picture = emoji.word(character)
    if picture:
        return f"  {picture}  "
    text = unicodedata.normalize("NFKC", character)[:MAX_FOLDED]
    if all(ord(letter) < 0x2E80 for letter in text):
        text = "".join(
            letter
            for letter in unicodedata.normalize("NFKD", text)
            if unicodedata.category(letter) not in ("Mn", "Me")
        )
    text = "".join(SIMPLIFIED.get(letter, letter) for letter in text)
    text = "".join(LOOKALIKES.get(letter, letter) for letter in text).casefold()
    return "".join(LOOKALIKES.get(letter, letter) for letter in text)


def _without(view: TextView, kind: str, spaced: list[tuple[int, int]]) -> TextView:
    keep: list[str] = []
    offsets: list[int] = []
    last = 0
    for start, end in spaced:
        keep += view.text[last:start]
        offsets += view.offsets[last:start]
        for index in range(start, end):
            if view.text[index].isalnum():
                keep.append(view.text[index])
                offsets.append(view.offsets[index])
        last = end
    keep += view.text[last:]
    offsets += view.offsets[last : len(view.text)]
    return _made(kind, keep, offsets, view)


def _made(kind: str, letters: list[str], offsets: list[int], source: TextView) -> TextView:
    return TextView(kind=kind, text="".join(letters), offsets=[*offsets, source.offsets[len(source.text)]])

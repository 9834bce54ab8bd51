"""Views of a text that undo disguises. Each view has offsets back to the original text.

Each step maps a view to another view; `VIEWS` is the order of the steps. All steps are pure, take linear
time, and accept any `str`, including lone surrogates.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from importlib import resources
from itertools import pairwise

import msgspec

from safelight.detectors.protocol import TextView

from .chinese import SIMPLIFIED
from .encodings import decode_views

_SIGNS = msgspec.json.decode(resources.files(__package__).joinpath("signs.json").read_bytes())
LOOKALIKES: dict[str, str] = {
    strange: plain
    for script in _SIGNS["lookalikes"].values()
    for plain, group in script.items()
    for strange in group
}
_PLAIN_MEANINGS: dict[str, str] = _SIGNS["emoji"]
#: Maps a word to the emoji with this meaning. Emoji whose meaning takes several words are left out.
EMOJI_BY_WORD = {meaning: sign for sign, meaning in _PLAIN_MEANINGS.items() if " " not in meaning}
_BLOCKS = ((0x1F300, 0x1FAFF), (0x2600, 0x27BF))
_DROPPED = ("emoji modifier", "variation selector", "regional indicator")
_BLANKS = frozenset("\u2800\u3164\u115f\u1160\uffa0")
_LEET: dict[str, str] = _SIGNS["leet"]
_LEET_WORD = re.compile(r"[a-z0-9@$!|+€£]+(?:'[a-z0-9]+)*")
#: Ordinals, sizes and years, in which digits do not replace letters.
_NUMBER_WORD = re.compile(
    r"(?:[1-9]\d*[a-z]{1,3}|0[a-z]?|[a-z]{1,2}(?:\d{1,2}|\d*[269]\d*)|\d+[x/]\d+[a-z]?|\d+(?:s|th|st|nd|rd)|\d+)(?:'s)?"
)
_SEPARATOR = r"[ .\-_*·~/\\,|+]"
_SINGLE_LETTER = r"[^\W_](?![^\W_])"
#: A Chinese character may follow a word directly, because words are not separated.
_SPACED_WORD = re.compile(
    rf"(?:(?<![^\W_])|(?=[\u2e80-\uffff]))[^\W\d_]"
    rf"(?P<gap>{_SEPARATOR}{{1,3}}){_SINGLE_LETTER}(?:(?P=gap){_SINGLE_LETTER})+"
)
#: Words of one letter that can stand before a word whose letters are separated, as in "a w o r d".
_ONE_LETTER_WORDS = frozenset("ai")
#: Fewest letters of that word. "a b c" has none.
_MIN_SPACED_LETTERS = 3
_REPEATED_LETTER = re.compile(r"([^\W\d_])\1{2,}")
#: The kinds of view that the steps make. Any other view is a text of its own: one that was hidden in the
#: original, or the other reading of its separated letters (`joined_after_article`).
_STEP_VIEWS = frozenset({"plain", "folded", "joined", "deleet", "squeezed"})
#: Encodings that people cannot read directly, and most original characters per hidden character.
_UNREADABLE_ENCODINGS, _MAX_CHARS_PER_HIDDEN = frozenset({"base64", "hex", "url", "references"}), 12
#: Most emoji of one text that are replaced by words.
MAX_EMOJI = 120
#: Most letters to which one ordinary character folds. The words for an emoji may be longer.
MAX_FOLDED = 4

# Reads emoji as words: their Unicode names, or a plainer word for their usual meaning.


def describe_emoji(character: str) -> str:
    """The meaning of an emoji in words; empty if the character is not an emoji."""
    if character in _PLAIN_MEANINGS:
        return _PLAIN_MEANINGS[character]
    code = ord(character)
    if not any(first <= code <= last for first, last in _BLOCKS):
        return ""
    name = unicodedata.name(character, "").lower()
    return "" if name.startswith(_DROPPED) else name.replace(" face", "").replace("-", " ")[:40]


#: Makes one view from another.
ViewStep = Callable[[TextView], TextView]


def plain(text: str) -> TextView:
    """The original text."""
    return TextView(kind="plain", text=text, offsets=range(len(text) + 1))


def folded(view: TextView) -> TextView:
    """Folds compatibility forms, homoglyphs, accents and case; removes invisible and control characters."""
    letters: list[str] = []
    offsets: list[int] = []
    pictures = 0
    for index, character in enumerate(view.text):
        read = fold_character(character)
        if len(read) > MAX_FOLDED:
            pictures += 1
            read = read if pictures <= MAX_EMOJI else " "
        for letter in read:
            letters.append(letter)
            offsets.append(view.offsets[index])
    return _make_view("folded", letters, offsets, view)


def joined(view: TextView) -> TextView:
    """Joins letters of a word that are separated by one character each (`w o r d`, `w.o.r.d`)."""
    return _drop_separators(view, "joined", [hit.span() for hit in _SPACED_WORD.finditer(view.text)])


def joined_after_article(view: TextView) -> TextView:
    """The same, but "a" or "i" before the separated letters is a word of its own (`a w o r d`)."""
    spaced = []
    for hit in _SPACED_WORD.finditer(view.text):
        start, end = hit.span()
        after = hit.end("gap")
        letters = sum(letter.isalnum() for letter in view.text[after:end])
        if view.text[start] in _ONE_LETTER_WORDS and letters >= _MIN_SPACED_LETTERS:
            start = after
        spaced.append((start, end))
    return _drop_separators(view, "joined_after_article", spaced)


def deleet(view: TextView) -> TextView:
    """Replaces digits and signs in a word by the letters that they imitate."""
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
    """Reduces a letter that is repeated three times or more to a single letter."""
    keep: list[str] = []
    offsets: list[int] = []
    last = 0
    for hit in _REPEATED_LETTER.finditer(view.text):
        keep += view.text[last : hit.start() + 1]
        offsets += view.offsets[last : hit.start() + 1]
        last = hit.end()
    keep += view.text[last:]
    offsets += view.offsets[last : len(view.text)]
    return _make_view("squeezed", keep, offsets, view)


#: Each step reads the view of the step before it. A step that changes nothing adds no view.
VIEWS: tuple[ViewStep, ...] = (folded, joined, deleet, squeezed)


def views(text: str) -> tuple[TextView, ...]:
    """The original text, each different view of it, the other reading of its separated letters, and the texts
    that are hidden in it in an encoding.
    """
    made = [plain(text)]
    current = made[0]
    texts = {text}
    joined_text = text
    for step in VIEWS:
        current = step(current)
        if step is joined:
            joined_text = current.text
        # The folded view is added even if folding changed nothing, because detectors read it.
        if current.text not in texts or step is folded:
            texts.add(current.text)
            made.append(current)
    current = joined_after_article(made[1])
    if current.text != joined_text:
        current = squeezed(deleet(current))
        if current.text not in texts:
            made.append(replace(current, kind="joined_after_article"))
    made += [
        TextView(kind=one.kind, text=folded(one).text, offsets=folded(one).offsets)
        for one in decode_views(text)
    ]
    return tuple(made)


def final_views(found: tuple[TextView, ...]) -> tuple[TextView, ...]:
    """The views from which classifiers read each text once: the last view of the text, the other reading of
    its separated letters, each hidden text, and each guessed reading.

    The last view of the text is left out if the whole text is an encoding of a hidden text.
    """
    last = next(view for view in reversed(found) if view.kind in _STEP_VIEWS)
    others = [view for view in found if view.kind not in _STEP_VIEWS]
    if any(
        view.kind in _UNREADABLE_ENCODINGS and _covers_everything(view, len(found[0].text)) for view in others
    ):
        return tuple(others)
    return (last, *others)


def normalize_text(text: str) -> str:
    """The last view of a text: the form that classifiers read."""
    return final_views(views(text))[0].text


def _covers_everything(view: TextView, length: int) -> bool:
    """Whether the encoding of a hidden text covers the whole original text."""
    places = [*view.offsets, length]
    return places[0] <= 1 and all(
        after - before <= _MAX_CHARS_PER_HIDDEN for before, after in pairwise(places)
    )


def view_of_kind(found: tuple[TextView, ...], kind: str) -> TextView:
    """The view of this kind, or the last view if that step changed nothing."""
    return next((view for view in found if view.kind == kind), found[-1])


@lru_cache(maxsize=16_384)
def fold_character(character: str) -> str:
    """What a character is read as: folded as in `folded`, or the words for an emoji."""
    if character in "\n\r\t\v\f\x85\u2028\u2029":
        return " "
    if character in _BLANKS:
        return " " if character == "\u2800" else ""
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Cn", "Co", "Mn", "Me"):
        return ""
    # A few Arabic ligatures represent whole sentences. They cannot hide a word.
    picture = describe_emoji(character)
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


def _drop_separators(view: TextView, kind: str, spaced: list[tuple[int, int]]) -> TextView:
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
    return _make_view(kind, keep, offsets, view)


def _make_view(kind: str, letters: list[str], offsets: list[int], source: TextView) -> TextView:
    return TextView(kind=kind, text="".join(letters), offsets=[*offsets, source.offsets[len(source.text)]])

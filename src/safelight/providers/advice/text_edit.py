"""Edits of a text: replacements of character ranges, applied together, with a diff. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile

_ARTICLE = re.compile(r"\b(a|an)(\s+)$", re.IGNORECASE)
#: An article and the spaces after it.
_ARTICLE_CHARS = 6
#: A word, a Chinese character or a sign, with the spaces after it.
_WORD = re.compile(r"(?:[^\W\u3400-\u9fff]+|[\u3400-\u9fff]|[^\w\s])\s*|\s+")
#: Most words of two texts that are compared word by word. Repeated words take quadratic time.
_MAX_COMPARED = 400
_FIRST_WORD = re.compile(r"[A-Za-z]+")
#: English words whose first letter and first sound need different articles.
_VOWEL_SOUND = re.compile(r"(?:hour|honest|heir|honou?r)", re.IGNORECASE)
_CONSONANT_SOUND = re.compile(r"(?:uni(?!n|m)|use|usu|one|once|eu)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class TextEdit:
    """Replaces characters `start` to `end` (exclusive) by `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, kw_only=True)
class DiffPart:
    """A part of the diff: text that is the same, removed or added."""

    change: str
    text: str

    def as_wire(self) -> dict[str, str]:
        return {"change": self.change, "text": self.text}


def apply_edits(text: str, edits: Iterable[TextEdit]) -> tuple[str, tuple[DiffPart, ...]]:
    """The edited text and the diff.

    Of overlapping edits the longest is applied. "a" and "an" before a replacement are adapted, and so is a
    capital letter. Raises `ValueError` for an edit outside the text.
    """
    parts: list[DiffPart] = []
    position = 0
    for edit in _adapted(text, _without_overlaps(text, edits)):
        if text[edit.start : edit.end] == edit.text:
            continue
        parts += [
            DiffPart(change="same", text=text[position : edit.start]),
            DiffPart(change="removed", text=text[edit.start : edit.end]),
            DiffPart(change="added", text=edit.text),
        ]
        position = edit.end
    parts.append(DiffPart(change="same", text=text[position:]))
    kept = tuple(part for part in parts if part.text)
    return "".join(part.text for part in kept if part.change != "removed"), kept


def compare_words(text: str, other: str) -> tuple[DiffPart, ...]:
    """The diff of two texts by words. The middle of long texts, if it differs, is one change."""
    words, others = _WORD.findall(text), _WORD.findall(other)
    first = _count_same(words, others)
    last = _count_same(words[first:][::-1], others[first:][::-1])
    middles = words[first : len(words) - last], others[first : len(others) - last]
    changes: Sequence[tuple[str, int, int, int, int]] = [("replace", 0, len(middles[0]), 0, len(middles[1]))]
    if max(map(len, middles)) <= _MAX_COMPARED:
        changes = SequenceMatcher(None, *middles, autojunk=False).get_opcodes()
    parts = [DiffPart(change="same", text="".join(words[:first]))]
    for change, start, end, new_start, new_end in changes:
        old, new = "".join(middles[0][start:end]), "".join(middles[1][new_start:new_end])
        if change == "equal":
            parts.append(DiffPart(change="same", text=old))
        else:
            parts += [DiffPart(change="removed", text=old), DiffPart(change="added", text=new)]
    parts.append(DiffPart(change="same", text="".join(words[len(words) - last :])))
    return tuple(part for part in parts if part.text)


def _count_same(words: Sequence[str], others: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(words, others, strict=False)))


def _without_overlaps(text: str, edits: Iterable[TextEdit]) -> list[TextEdit]:
    chosen: list[TextEdit] = []
    for edit in sorted(edits, key=lambda one: (one.start - one.end, one.start)):
        if not 0 <= edit.start <= edit.end <= len(text):
            raise ValueError(f"the edit {edit.start} to {edit.end} is outside the text")
        place = bisect_left(chosen, (edit.start, edit.end), key=lambda one: (one.start, one.end))
        neighbours = chosen[max(place - 1, 0) : place + 1]
        if not any(edit.start < other.end and other.start < edit.end for other in neighbours):
            chosen.insert(place, edit)
    return chosen


def _adapted(text: str, edits: list[TextEdit]) -> list[TextEdit]:
    adapted: list[TextEdit] = []
    for number, edit in enumerate(edits):
        new = edit.text
        if (
            new
            and text[edit.start : edit.start + 1].isupper()
            and text[edit.start + 1 : edit.start + 2].islower()
        ):
            new = new[0].upper() + new[1:]
        article = _ARTICLE.search(text, max(edit.start - _ARTICLE_CHARS, 0), edit.start)
        word = _FIRST_WORD.match(new or _text_after(text, edits[number:]))
        if article and word:
            _adapt_article(adapted, article, _article(word.group()))
        adapted.append(TextEdit(start=edit.start, end=edit.end, text=new))
    return adapted


def _adapt_article(edits: list[TextEdit], article: re.Match[str], fitting: str) -> None:
    """Adds an edit of the article, unless an earlier edit has replaced it. If that one has only written the
    first letter as a capital, it is extended.
    """
    start, end = article.span(1)
    last = edits[-1] if edits else None
    if last is None or last.end <= start:
        if article.group(1)[0].isupper():
            fitting = fitting.capitalize()
        if fitting != article.group(1):
            edits.append(TextEdit(start=start, end=end, text=fitting))
    elif last.end == start + 1 and last.text.endswith("A"):
        edits[-1] = TextEdit(start=last.start, end=end, text=last.text[:-1] + fitting.capitalize())


def _text_after(text: str, edits: list[TextEdit]) -> str:
    """The beginning of the text after the first edit, with those that directly follow it."""
    end = edits[0].end
    for following in edits[1:]:
        if following.start != end:
            break
        if following.text:
            return following.text
        end = following.end
    return text[end : end + _ARTICLE_CHARS]


def _article(word: str) -> str:
    if _VOWEL_SOUND.match(word):
        return "an"
    if _CONSONANT_SOUND.match(word):
        return "a"
    return "an" if word[0].lower() in "aeiou" else "a"

"""The form of a prompt for rewrites of a model: parts that may change, and text that has to stay. Pure.

A part is a reported word for which the tables have a replacement that fits. Everything else has to be copied
word for word and in the same order: persons, numbers, names, and each fact that no table names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from safelight.detectors.text.chinese import locale_of

from .driver_tables import Slot
from .drivers import PROMPT, Driver
from .protected_spans import Span
from .suggestions import find_replacements
from .text_edit import TextEdit

#: Most parts of a form: more would not fit into a suggestion that a person compares word for word.
MAX_PARTS = 12
#: Most words, or Chinese characters, of a new part; hyphens and commas count too. The longest replacement of
#: the tables has six words.
MAX_NEW_WORDS, MAX_NEW_HAN = 8, 12
#: Most characters of a new part: eight words of ten letters.
MAX_NEW_CHARS = 80
_HAN = "\u3400-\u9fff"
_TOKEN = re.compile(rf"[^\W{_HAN}]+|[{_HAN}]|[^\w\s]")
_ARTICLE_BEFORE = re.compile(r"\b(?:an?|the)\s+$", re.IGNORECASE)
#: "a ", "an " or "the " before a part.
_ARTICLE_CHARS = 6
_ENGLISH_PART = re.compile(r"[A-Za-z]?[a-z]*(?:['’-][a-z]+)*(?:,? [a-z]+(?:['’-][a-z]+)*)*")
_CHINESE_PART = re.compile(rf"[{_HAN}]+")
#: Words that turn the meaning of a sentence around, and signs of a list of things that must not be seen.
_DENIAL = re.compile(
    r"\b(?:no|not|cannot|never|none|nor|neither|non|nothing|nobody|nowhere|hardly|barely|scarcely|rarely"
    r"|seldom|except|without|free of|[a-z]+less)\b|n['’]t\b|[不沒没無无非未別别勿免莫]"
)
#: Character sets that have the characters of one Chinese script only.
_CHARACTER_SETS = {"zh-Hant": "big5", "zh-Hans": "gb2312"}


@dataclass(frozen=True, kw_only=True)
class FormPart:
    """Characters `start` to `end` (exclusive) of a prompt that may change."""

    start: int
    end: int
    #: The reported words.
    words: str
    #: Keys of the reasons for which a filter may react to them.
    reasons: tuple[str, ...]
    #: What the words state.
    slots: frozenset[Slot]
    #: Each reported word with the key of the condition under which it may be replaced.
    conditions: tuple[tuple[str, str], ...]

    def find_conditions(self, new: str) -> tuple[str, ...]:
        """The conditions of the reported words that `new` does not have."""
        return tuple(name for words, name in self.conditions if words.casefold() not in new.casefold())


class RewriteForm:
    """A prompt with its parts, from left to right. Parts do not touch each other."""

    def __init__(self, prompt: str, parts: Sequence[FormPart], protected: Sequence[str] = ()) -> None:
        self.prompt, self.parts = prompt, tuple(parts)
        #: Names, quotations and words of findings. They stay as they are, wherever they stand.
        self.protected = tuple(protected)
        ends = [0, *(one.end for one in self.parts)]
        starts = [*(one.start for one in self.parts), len(prompt)]
        #: The words that stay: before the first part, between two parts, and after the last one.
        self._kept = [_TOKEN.findall(prompt[start:end]) for start, end in zip(ends, starts, strict=True)]

    def find_edits(self, text: str) -> tuple[TextEdit, ...] | None:
        """The changed parts of a rewrite; None if it changes any other word."""
        found = list(_TOKEN.finditer(text))
        words = [one.group() for one in found]
        gaps = self._find_gaps(words)
        if gaps is None:
            return None
        edits = []
        for part, (first, last) in zip(self.parts, gaps, strict=True):
            new = text[found[first].start() : found[last - 1].end()]
            if " ".join(new.split()) != " ".join(self.prompt[part.start : part.end].split()):
                edits.append(TextEdit(start=part.start, end=part.end, text=new))
        return tuple(edits)

    def part_at(self, edit: TextEdit) -> FormPart:
        """The part that an edit of `find_edits` replaces."""
        return next(one for one in self.parts if one.start == edit.start)

    def is_wording(self, edit: TextEdit) -> bool:
        """Whether the new words of an edit are a few plain words in the script of the prompt, without a
        denial.
        """
        if len(edit.text) > MAX_NEW_CHARS or find_denials(edit.text):
            return False
        if self.prompt[edit.start : edit.end].isascii():
            is_capital = self.prompt[edit.start].isupper()
            return _ENGLISH_PART.fullmatch(edit.text) is not None and (is_capital or edit.text.islower())
        character_set = _CHARACTER_SETS.get(locale_of(self.prompt))
        return _CHINESE_PART.fullmatch(edit.text) is not None and (
            character_set is None or _is_encodable(edit.text, character_set)
        )

    def _find_gaps(self, words: Sequence[str]) -> list[Span] | None:
        """The words `first` to `last` (exclusive) that stand at each part; None if other words differ."""
        first = len(self._kept[0])
        if list(words[:first]) != self._kept[0]:
            return None
        # For each part: where the text after it may continue, and where the part begins then.
        ways: list[dict[int, Span]] = []
        starts = [first]
        for number, part in enumerate(self.parts):
            kept = self._kept[number + 1]
            longest = MAX_NEW_WORDS if self.prompt[part.start : part.end].isascii() else MAX_NEW_HAN
            longest = max(longest, len(_TOKEN.findall(self.prompt[part.start : part.end])))
            way: dict[int, Span] = {}
            for start in starts:
                for end in range(start + 1, min(start + longest, len(words)) + 1):
                    if list(words[end : end + len(kept)]) == kept:
                        way.setdefault(end + len(kept), (start, end))
            ways.append(way)
            starts = list(way)
        return _trace_back(ways, first, len(words))


def find_form(prompt: str, drivers: Sequence[Driver], protected: Sequence[Span]) -> RewriteForm:
    """The form of a prompt. It has no parts if no reported word may be replaced."""
    found: dict[Span, FormPart] = {}
    reasons = {
        (span.start, span.end): driver.reason
        for driver in drivers
        for span in driver.spans
        if driver.alternatives and span.field == PROMPT
    }
    for one in find_replacements(prompt, drivers, protected):
        for edit in one.edits:
            found.setdefault(
                (edit.start, edit.end),
                FormPart(
                    start=edit.start,
                    end=edit.end,
                    words=prompt[edit.start : edit.end],
                    reasons=(reasons[edit.start, edit.end],),
                    slots=one.slots,
                    conditions=tuple(
                        (prompt[edit.start : edit.end], condition) for condition in one.conditions
                    ),
                ),
            )
    parts: list[FormPart] = []
    for part in sorted(found.values(), key=lambda one: (one.start, -one.end)):
        part = _with_article(prompt, part)
        last = parts[-1] if parts else None
        if last is None or _TOKEN.search(prompt, last.end, part.start):
            parts.append(part)
        elif part.end > last.end:
            parts[-1] = _joined(prompt, last, part)
    return RewriteForm(prompt, parts[:MAX_PARTS], [prompt[start:end] for start, end in protected])


def find_denials(text: str) -> list[str]:
    """The words that turn the meaning of a sentence around, in order."""
    return _DENIAL.findall(text.casefold())


def _with_article(prompt: str, part: FormPart) -> FormPart:
    """The part with the article before it, which another word may not have."""
    start = max(part.start - _ARTICLE_CHARS, 0)
    article = _ARTICLE_BEFORE.search(prompt[start : part.start])
    return replace(part, start=start + article.start()) if article else part


def _joined(prompt: str, first: FormPart, second: FormPart) -> FormPart:
    return FormPart(
        start=first.start,
        end=second.end,
        words=prompt[first.start : second.end],
        reasons=tuple(dict.fromkeys((*first.reasons, *second.reasons))),
        slots=first.slots | second.slots,
        conditions=(*first.conditions, *second.conditions),
    )


def _trace_back(ways: Sequence[dict[int, Span]], first: int, end: int) -> list[Span] | None:
    gaps: list[Span] = []
    for way in reversed(ways):
        if end not in way:
            return None
        gaps.append(way[end])
        end = way[end][0]
    return gaps[::-1] if end == first else None


def _is_encodable(text: str, character_set: str) -> bool:
    try:
        text.encode(character_set)
    except UnicodeEncodeError:
        return False
    return True

"""Plans the replacement of light synonyms: phrases such as "blood moon", which a filter may misread.

Only the phrases in `providers/advice/data/light_synonyms.tsv` are replaced: their first alternative in the
word tables means the same. Other alternatives can change what happens, who is there, or the mood, which only
the writer can decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from safelight.providers.advice.advice_data import read_rows
from safelight.providers.advice.driver_tables import Slot
from safelight.providers.advice.text_edit import DiffPart, TextEdit, apply_edits
from safelight.screening.check_result import CheckResult

from .lint_prompt import LintPrompt

#: What no replacement may touch.
_KEPT = frozenset({Slot.WHO, Slot.HOW_MANY, Slot.AGE, Slot.IDENTITY, Slot.TEXT})


@dataclass(frozen=True, kw_only=True)
class LineEdit:
    """Replaces the characters `start` to `end` (exclusive, from 0) of one line, which are `before` now."""

    line: int
    start: int
    end: int
    before: str
    after: str


@dataclass
class FileFix:
    """The edits of one file, and the prompts that it contains after them, by their number from 0."""

    edits: list[LineEdit] = field(default_factory=list)
    prompts: dict[int, str] = field(default_factory=dict)


class NotWritable(Exception):
    """A replacement cannot be written at this place. Not in the error tree: the prompt gets a note."""


class SynonymFixer:
    """Plans the edits of prompts. `check`: that of the linter, which gives no help near a blocked prompt."""

    def __init__(self, check: Callable[[str], CheckResult]) -> None:
        self._check = check

    def plan(self, prompt: LintPrompt, checked: CheckResult) -> tuple[str, list[LineEdit]] | None:
        """The prompt with light synonyms, and its edits; None if nothing is to be replaced.

        Raises `NotWritable` if the file does not show where the words are.
        """
        edits = [*_light_edits(checked)]
        rewritten, diff = apply_edits(prompt.text, edits)
        if rewritten == prompt.text:
            return None
        after = self._check(rewritten)
        if after.action.severity > checked.action.severity or not after.prompt_advice.helps:
            return None
        return rewritten, [_line_edit(prompt, edit) for edit in _edits_of(diff)]


@cache
def light_synonyms() -> frozenset[str]:
    """The phrases, in lower case."""
    return frozenset(row["form"] for row in read_rows("light_synonyms"))


def _light_edits(checked: CheckResult) -> Iterator[TextEdit]:
    """The edits of the first replacement of each light synonym. None where the gate of help is closed."""
    advice = checked.prompt_advice
    for driver in advice.drivers if advice.helps else ():
        phrases = {" ".join(words.lower().replace("’", "'").split()) for words in driver.words}
        if driver.excluded or not phrases <= light_synonyms():
            continue
        for suggestion in advice.suggestions:
            fits = suggestion.message == "replace" and suggestion.values["words"] in driver.words
            if fits and not suggestion.contradictions and not suggestion.slots & _KEPT:
                yield from suggestion.edits
                break


def _edits_of(diff: tuple[DiffPart, ...]) -> Iterator[TextEdit]:
    """The edits that a diff shows, also those of articles."""
    position = 0
    parts = iter(diff)
    for part in parts:
        end = position + len(part.text)
        if part.change == "removed":
            # `apply_edits` writes what is added after what is removed.
            added = next(parts)
            yield TextEdit(start=position, end=end, text=added.text)
        position = end


def _line_edit(prompt: LintPrompt, edit: TextEdit) -> LineEdit:
    start, end = prompt.offsets[edit.start], prompt.offsets[edit.end]
    before = prompt.chunk[start:end]
    if not prompt.exact or before != prompt.text[edit.start : edit.end] or "\n" in before:
        raise NotWritable
    place = prompt.place_of(edit.start)
    first = place.column - 1
    return LineEdit(
        line=place.line,
        start=first,
        end=first + len(before),
        before=before,
        after=prompt.written(edit.text),
    )


def apply_line_edits(text: str, edits: list[LineEdit]) -> Iterator[tuple[int, str, str]]:
    """Each changed line: its number, the line before and after. Raises `NotWritable` if the text is another.

    Lines end with a line feed, as in `LintPrompt`.
    """
    by_line: dict[int, list[LineEdit]] = {}
    for edit in edits:
        by_line.setdefault(edit.line, []).append(edit)
    for number, line in enumerate(text.split("\n"), start=1):
        changed = line
        for edit in sorted(by_line.get(number, ()), key=lambda one: -one.start):
            if line[edit.start : edit.end] != edit.before:
                raise NotWritable
            changed = changed[: edit.start] + edit.after + changed[edit.end :]
        if changed != line:
            yield number, line, changed


def replace_lines(text: str, changed: Mapping[int, str]) -> str:
    """The text with these lines, by their numbers from 1."""
    lines = text.split("\n")
    for number, line in changed.items():
        lines[number - 1] = line
    return "\n".join(lines)

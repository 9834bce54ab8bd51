"""Exclusions in a prompt, such as "no music" or "without blood": what the video must not show."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from . import driver_tables
from .text_edit import TextEdit

#: A cue. The noun phrase after it has at most three words, because a longer one is usually not excluded as a
#: whole.
_CUE = re.compile(
    r"(?:\bno\s+(?!(?:doubt|one|longer|matter|sooner|less|more|other|wonder|need)\b)|\bwithout\s+"
    r"|\bfree of\s+|(?:^|(?<=[.,;:!?]\s)|(?<=\n))(?:do not show|don['’]t show|avoid|exclude)\s+)"
    r"(?:(?:a|an|any|the)\s+)?",
    re.IGNORECASE,
)
_WORD = re.compile(r"\s*(?P<word>[A-Za-z][A-Za-z'’-]*)")
_MAX_WORDS = 3
#: Prepositions, conjunctions, pronouns and verbs: they end the noun phrase.
_ENDS = re.compile(
    r"(?:with|in|on|at|of|to|from|by|over|under|near|into|onto|through|across|behind|beside|between"
    r"|above|below|along|around|against|inside|outside|before|after|during|for|as|like|and|but|while"
    r"|when|where|that|who|which|only|then|just|so|he|she|it|they|we|you|i|his|her|its|their|there"
    r"|alone|quietly|slowly|calmly|is|are|was|were|be|being|has|have|had|can|could|will|would|may"
    r"|might|must|does|do|did|stands|stand|stood|sits|sit|sat|walks|walk|walked|runs|run|ran|looks"
    r"|look|looked|lies|lie|lay|waits|wait|waited|moves|move|moved|turns|turn|turned|holds|hold|held"
    r"|wears|wear|wore|plays|play|played|goes|go|went|comes|come|came|makes|make|made|takes|take|took"
    r"|falls|fell|jumps|jump|jumped|dances|dance|danced|smiles|smile|smiled|flies|fly|flew|swims|swim"
    r"|swam|drives|drive|drove|rides|ride|rode|leans|lean|leaned)"
)
_CHINESE_CUE = re.compile(
    r"(?:(?<!有)沒有|(?<!有)没有|不要|不含|不出現|不出现|避免|無|无)"
    r"(?:任何|一點|一点|出現|出现|看到|聽到|听到|背景)?(?=[\u3400-\u9fff])"
)
#: Longest excluded Chinese word.
_MAX_CHARACTERS = 4
_SEPARATORS = " ,;，；、"
_SENTENCE_ENDS = ".!?。！？\n"
_JOINED = re.compile(r"(?:\s+(?:and|but|or|with)|和|且|但|並|并)$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """An exclusion at characters `start` to `end` (exclusive)."""

    start: int
    end: int

    def excludes(self, start: int, end: int) -> bool:
        """Whether the characters are excluded. The cue itself is not: "no escape" is a phrase of its own."""
        return self.start < start and end <= self.end


def find_exclusions(text: str) -> tuple[Exclusion, ...]:
    """All exclusions of a text, from left to right."""
    return tuple(sorted((*_english(text), *_chinese(text)), key=lambda one: one.start))


def _english(text: str) -> Iterator[Exclusion]:
    for cue in _CUE.finditer(text):
        end = cue.end()
        for number in range(_MAX_WORDS):
            found = _WORD.match(text, end)
            word = found.group("word").lower() if found else ""
            if found is None or _ENDS.fullmatch(word) or (number and word.endswith("ing")):
                break
            end = found.end()
        if end > cue.end():
            yield Exclusion(start=cue.start(), end=end)


def _chinese(text: str) -> Iterator[Exclusion]:
    """Only if a word of the tables follows, because "無" and "沒有" begin many words and sentences."""
    for cue in _CHINESE_CUE.finditer(text):
        following = text[cue.end() : cue.end() + _MAX_CHARACTERS]
        hit = next(driver_tables.word_forms().find(following), None)
        if hit is not None and hit.start == 0 and hit.values[0].row != driver_tables.ORDINARY:
            yield Exclusion(start=cue.start(), end=cue.end() + hit.end)


def exclusion_of(exclusions: Sequence[Exclusion], start: int, end: int) -> Exclusion | None:
    return next((one for one in exclusions if one.excludes(start, end)), None)


def removal(text: str, exclusion: Exclusion) -> TextEdit | None:
    """The edit that leaves out the exclusion with its separator. None if the rest would not be a sentence."""
    start, end = exclusion.start, exclusion.end
    before, after = text[:start].rstrip(_SEPARATORS), text[end:].lstrip(" ")
    if after and after[0] not in f"{_SEPARATORS}{_SENTENCE_ENDS}:)）":
        return None
    if before and before[-1] not in _SENTENCE_ENDS:
        before = _JOINED.sub("", before).rstrip(_SEPARATORS)
        if before[-1:] in ("(", "（") and after[:1] in (")", "）"):
            before, end = before[:-1].rstrip(), len(text) - len(after) + 1
        return TextEdit(start=len(before), end=end, text="") if before else None
    rest = after.lstrip(_SEPARATORS)
    if rest[:1] and rest[0] in _SENTENCE_ENDS:
        rest = rest[1:].lstrip(" ")
    if not rest:
        return TextEdit(start=len(before), end=len(text), text="") if before else None
    # The next word begins the sentence now.
    return TextEdit(start=start, end=len(text) - len(rest) + 1, text=rest[0].upper())

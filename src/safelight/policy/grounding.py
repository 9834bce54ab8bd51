"""Grounding: the strongest action that each finding supports. A score is not evidence where it was not
measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from functools import cached_property

from .conditions import FindingView
from .findings import Basis, Modality
from .rules import Rule
from .verdicts import Action, Audience

_VISUAL = frozenset({Modality.IMAGE, Modality.FRAMES})
_TEXT = frozenset({Modality.TEXT, Modality.AUDIO})
#: Range of words on which one voice alone is no evidence: in unseen prompts, such findings were false alarms
#: (docs/benchmarks/prompts.md). On excerpts, this was not measured.
_SHORTEST = "1-3"


class Support(IntEnum):
    """The strongest action that a finding supports."""

    #: No action above allow.
    NONE = 0
    #: At most a hold: one classifier alone, at its operating point.
    HOLD = 1
    BLOCK = 2


class Grounding:
    """Which action each of these findings supports. An additional finding never lowers the support of
    another one.
    """

    def __init__(self, findings: Sequence[FindingView]) -> None:
        self._findings = findings

    def support(self, finding: FindingView) -> Support:
        """Matched and composed findings and the answers of a guard support a block. One ambiguous word, which
        may be two halves of Chinese words, a name or a dish, supports a hold, and a block if a learned
        finding agrees.

        A learned finding on text supports a hold at its operating point, and a block if a finding of another
        voice agrees. Alone, it supports nothing if a whole field of the request has one to three
        words. It supports nothing if the text rejects or denies what was found. Findings on pictures and
        sound, and those of the safety test card, support a block.
        """
        if finding.attributes.get("ambiguous") is True:
            return Support.BLOCK if _place(finding) in self._voices else Support.HOLD
        if finding.basis != Basis.LEARNED or finding.test_card or not is_text(finding):
            return Support.BLOCK
        if not _is_evidence(finding):
            return Support.NONE
        if len(self._voices[_place(finding)]) > 1:
            return Support.BLOCK
        return Support.NONE if _is_short(finding) else Support.HOLD

    @cached_property
    def _voices(self) -> Mapping[tuple[str, str], set[str]]:
        """The voices at their operating point, by category and field of the text."""
        voices: dict[tuple[str, str], set[str]] = {}
        for finding in self._findings:
            if finding.basis != Basis.LEARNED or finding.test_card or not is_text(finding):
                continue
            if finding.point is not None and _is_evidence(finding):
                voices.setdefault(_place(finding), set()).add(finding.point.voice)
        return voices


def is_text(finding: FindingView) -> bool:
    """Whether the finding is about words: a text, or a transcript."""
    if finding.modality in _VISUAL:
        return False
    return finding.modality == Modality.TEXT or finding.attributes.get("speech") is True


def _is_short(finding: FindingView) -> bool:
    """Whether a whole field of the request has so few words that one voice alone is no evidence."""
    if finding.point is None or finding.point.length != _SHORTEST:
        return False
    return finding.attributes.get("excerpt") is not True


def _is_evidence(finding: FindingView) -> bool:
    """Whether a learned finding on text is at its operating point, and the text does not reject it."""
    if finding.point is None or finding.score < finding.point.score:
        return False
    return finding.attributes.get("rejected") is not True


def _place(finding: FindingView) -> tuple[str, str]:
    return finding.category, str(finding.attributes.get("source", ""))


def rules_below_point(rules: Iterable[Rule], points: Mapping[str, float]) -> Iterator[tuple[str, str, float]]:
    """Rules that ask for a lower score than the operating point of the category in `points`: the id, the
    category and the score. Below the point, a learned finding on text has no effect.
    """
    for rule in rules:
        if rule.action is Action.ALLOW and not rule.support and not rule.audiences:
            continue
        scores = [override.score for override in map(rule.audiences.get, Audience) if override is not None]
        for clause in (rule.when, *rule.all_of, *rule.any_of):
            if clause is None or clause.test_card or (clause.bases and Basis.LEARNED not in clause.bases):
                continue
            if clause.modalities and not clause.modalities & _TEXT:
                continue
            asked = (clause.at_least, *(score for score in scores if score is not None))
            # A rule without a score asks for none.
            lowest = min((score for score in asked if score > 0), default=1.0)
            for category in sorted(clause.categories & points.keys()):
                if lowest < points[category]:
                    yield rule.id, category, lowest

"""Findings as the thirteen categories of omni-moderation."""

from __future__ import annotations

from safelight.policy.categories import SHIPPED
from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding, Modality
from safelight.trust.moderations_api import MAPPING, InputKind, to_omni_categories

THIRTEEN = {
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
}


def finding(category: str, score: float) -> Finding:
    return Finding(
        category=category, score=score, modality=Modality.TEXT, detector="d", version="1", reason="r"
    )


def cell(category: str, modality: Modality, *, complete: bool = True) -> Cell:
    return Cell(category=category, modality=modality, available=True, ran=True, complete=complete)


def test_the_thirteen_categories_map_to_existing_ones() -> None:
    assert set(MAPPING) == THIRTEEN
    assert all(part in SHIPPED for ways in MAPPING.values() for parts in ways for part in parts)


def test_the_strongest_alternative_counts_with_its_weakest_part() -> None:
    seen = to_omni_categories(
        [(InputKind.TEXT, [finding("hate", 0.6), finding("hate/symbols", 0.9), finding("violence", 0.7)], ())]
    )
    assert seen.scores["hate"] == 0.9
    assert seen.scores["hate/threatening"] == 0.6
    assert seen.scores["violence"] == 0.7
    assert seen.scores["violence/graphic"] == 0.0
    assert seen.flagged
    assert not to_omni_categories([(InputKind.TEXT, [finding("hate", 0.49)], ())]).flagged


def test_not_checked_differs_from_nothing_found() -> None:
    cells = [cell("violence", Modality.TEXT), cell("sexual", Modality.TEXT, complete=False)]
    seen = to_omni_categories(
        [(InputKind.TEXT, (), cells), (InputKind.IMAGE, (), [cell("violence", Modality.IMAGE)])]
    )
    assert seen.applied["violence"] == (InputKind.TEXT, InputKind.IMAGE)
    assert seen.applied["sexual"] == ()
    assert "sexual" in seen.not_checked
    assert seen.scores["sexual"] == 0.0

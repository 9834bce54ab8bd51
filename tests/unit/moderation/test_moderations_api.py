"""Findings as the thirteen categories of omni-moderation."""

from __future__ import annotations

from safelight.policy.findings import SHIPPED
from safelight.trust.moderations_api import MAPPING, InputKind, to_omni_categories
from support.verdicts import checked_cell, seen

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


def test_the_thirteen_categories_map_to_existing_ones() -> None:
    assert set(MAPPING) == THIRTEEN
    assert all(part in SHIPPED for ways in MAPPING.values() for parts in ways for part in parts)


def test_the_strongest_alternative_counts_with_its_weakest_part() -> None:
    found = to_omni_categories(
        [(InputKind.TEXT, [seen("hate", 0.6), seen("hate/symbols", 0.9), seen("violence", 0.7)], ())]
    )
    assert found.scores["hate"] == 0.9
    assert found.scores["hate/threatening"] == 0.6
    assert found.scores["violence"] == 0.7
    assert found.scores["violence/graphic"] == 0.0
    assert found.flagged
    assert not to_omni_categories([(InputKind.TEXT, [seen("hate", 0.49)], ())]).flagged


def test_not_checked_differs_from_nothing_found() -> None:
    cells = [checked_cell("violence"), checked_cell("sexual", complete=False)]
    found = to_omni_categories(
        [(InputKind.TEXT, (), cells), (InputKind.IMAGE, (), [checked_cell("violence", "image")])]
    )
    assert found.applied["violence"] == (InputKind.TEXT, InputKind.IMAGE)
    assert found.applied["sexual"] == ()
    assert "sexual" in found.not_checked
    assert found.scores["sexual"] == 0.0

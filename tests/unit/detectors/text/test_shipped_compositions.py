"""Scenes, crimes and methods of self-harm without the usual keyword, and ordinary neighbours."""

from __future__ import annotations

from safelight.detectors.text.compositions import CompositionDetector, shipped_compositions
from safelight.policy.findings import Basis
from support.rows import each_row
from support.texts import findings, spans

DETECTOR = CompositionDetector(shipped_compositions(), name="compositions")


@each_row
def test_what_the_shipped_compositions_find(what: str, categories: set[str], text: str, finds: str) -> None:
    found = [one for one in findings(DETECTOR, text) if one.category in categories]
    assert bool(found) is bool(finds)
    if finds:
        assert finds in {one.category for one in found}
        assert {one.basis for one in found} == {Basis.COMPOSED}
    if finds == "self-harm/instructions":
        assert found[0].score >= 0.88
        assert len(spans(found[0])) >= 2

"""A classifier of whole pictures holds, and never blocks or vaults."""

from __future__ import annotations

import pytest

from safelight.policy.categories import SHIPPED
from safelight.policy.coverage import Cell, Coverage
from safelight.policy.decisions import decide, required_coverage
from safelight.policy.documents import load
from safelight.policy.findings import Basis, Finding, FrameRange, Modality, Stage
from safelight.policy.verdicts import Action, Context, Verdict

MINOR = Finding(
    category="minors-present",
    score=0.95,
    modality=Modality.TEXT,
    detector="word-lists",
    version="1",
    reason="A child.",
    basis=Basis.MATCHED,
)


def whole_picture(modality: Modality) -> Finding:
    place = FrameRange(first=0, last=9, start_s=0.0, end_s=0.4, peak=3)
    return Finding(
        category="sexual",
        score=0.97,
        modality=modality,
        detector="open-nsfw",
        version="1",
        reason="The picture as a whole resembles sexual content.",
        evidence=(place,) if modality is Modality.FRAMES else (),
        attributes={"kind": "whole-picture", "frames": 10, "duration_s": 0.4},
    )


def verdict(policy: str, stage: Stage, modality: Modality, *findings: Finding) -> Verdict:
    loaded = load(policy, SHIPPED)
    required = required_coverage(loaded, SHIPPED, stage, {modality, Modality.TEXT})
    cells = [
        Cell(category=cell.category, modality=cell.modality, available=True, ran=True, complete=True)
        for cell in required
    ]
    return decide(
        loaded,
        SHIPPED,
        findings=findings,
        coverage=Coverage().merge(cells),
        context=Context(stage=stage),
        subject_sha256="0" * 64,
    )


@pytest.mark.parametrize("policy", ["starter", "strict"])
@pytest.mark.parametrize(
    ("stage", "modality"), [(Stage.OUTPUT, Modality.FRAMES), (Stage.REFERENCE, Modality.IMAGE)]
)
@pytest.mark.parametrize("beside", [(), (MINOR,)])
def test_a_score_for_a_whole_picture_holds_and_never_blocks_or_vaults(
    policy: str, stage: Stage, modality: Modality, beside: tuple[Finding, ...]
) -> None:
    made = verdict(policy, stage, modality, whole_picture(modality), *beside)
    assert (made.action, made.vault) == (Action.HOLD, False)

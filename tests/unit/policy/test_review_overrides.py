"""A person's approval settles what was seen, and nothing else."""

from __future__ import annotations

import msgspec
import pytest

from safelight.policy.categories import SHIPPED
from safelight.policy.coverage import Cell, Coverage
from safelight.policy.decisions import decide, required_coverage
from safelight.policy.documents import Policy, load
from safelight.policy.findings import Basis, Finding, Modality, Stage
from safelight.policy.review_overrides import ReviewedFindings, decide_with_overrides
from safelight.policy.verdicts import Action, Context, Verdict

DOCUMENT = """
policy: house
extends: starter
rules:
  - {id: de-1, disabled: true}
  - {id: ip-2, disabled: true}
  - id: own-hold
    reason: Marked.
    when: {category: deception, modality: text, score: {at_least: 0.5}}
    action: hold
  - id: own-label
    reason: To be labelled.
    when: {category: ip/brand, modality: text, score: {at_least: 0.9}}
    action: label
  - id: own-block
    reason: Words and picture together.
    all_of:
      - {category: deception, modality: text, score: {at_least: 0.5}}
      - {category: harassment, modality: frames, score: {at_least: 0.5}}
    action: block
    category: deception
"""


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    path = tmp_path_factory.mktemp("policy") / "house.yaml"
    path.write_text(DOCUMENT)
    return load(str(path), SHIPPED)


def finding(category: str, modality: Modality = Modality.TEXT) -> Finding:
    return Finding(
        category=category,
        score=0.95,
        modality=modality,
        detector="d",
        version="1",
        reason="seen",
        basis=Basis.MATCHED,
    )


HELD = finding("deception")
LABEL = finding("ip/brand")


def reviewed(
    policy: Policy,
    *findings: Finding,
    approved: tuple[Finding, ...] = (),
    overturned: tuple[Finding, ...] = (),
) -> Verdict:
    modalities = frozenset({Modality.FRAMES, Modality.AUDIO})
    cells = required_coverage(policy, SHIPPED, Stage.OUTPUT, modalities)
    coverage = Coverage(
        cells=tuple(
            Cell(
                category=cell.category,
                modality=cell.modality,
                required=True,
                available=True,
                ran=True,
                complete=True,
            )
            for cell in cells
        )
    )
    return decide_with_overrides(
        policy,
        SHIPPED,
        findings=ReviewedFindings(findings=findings, approved=approved, overturned=overturned),
        coverage=coverage,
        context=Context(stage=Stage.OUTPUT),
        subject_sha256="0" * 64,
    )


def test_without_a_review_the_verdict_equals_decide(policy: Policy) -> None:
    assert reviewed(policy, HELD, approved=()).action is Action.HOLD


def test_an_approved_finding_does_not_hold_again(policy: Policy) -> None:
    assert reviewed(policy, HELD, approved=(HELD,)).action is Action.ALLOW


def test_a_new_finding_holds(policy: Policy) -> None:
    new = finding("privacy", Modality.FRAMES)
    verdict = reviewed(policy, HELD, new, approved=(HELD,))
    assert (verdict.action, verdict.rule) == (Action.HOLD, "pv-1")


def test_an_approved_finding_still_blocks_in_combination_with_a_new_one(policy: Policy) -> None:
    new = finding("harassment", Modality.FRAMES)
    verdict = reviewed(policy, HELD, new, approved=(HELD,))
    assert (verdict.action, verdict.rule) == (Action.BLOCK, "own-block")


def test_an_approved_finding_keeps_its_label(policy: Policy) -> None:
    verdict = reviewed(policy, HELD, LABEL, approved=(HELD, LABEL))
    assert (verdict.action, verdict.rule) == (Action.LABEL, "own-label")
    assert verdict.findings == (LABEL,)


CARD = msgspec.structs.replace(finding("violence"), test_card=True)


def test_an_overturned_finding_does_not_block_again(policy: Policy) -> None:
    assert reviewed(policy, CARD).action is Action.BLOCK
    assert reviewed(policy, CARD, approved=(CARD,)).action is Action.BLOCK
    assert reviewed(policy, CARD, overturned=(CARD,)).action is Action.ALLOW
    assert reviewed(policy, HELD, overturned=(HELD,)).action is Action.ALLOW


def test_a_block_by_another_finding_counts_after_a_won_appeal(policy: Policy) -> None:
    other = msgspec.structs.replace(CARD, detector="another")
    assert reviewed(policy, CARD, other, overturned=(CARD,)).action is Action.BLOCK
    together = finding("harassment", Modality.FRAMES)
    assert reviewed(policy, HELD, together, overturned=(HELD,)).rule == "own-block"
    assert reviewed(policy, CARD, HELD, overturned=(CARD,)).rule == "own-hold"


def test_a_vaulted_result_is_never_overturned(policy: Policy) -> None:
    minors = finding("sexual/minors")
    verdict = reviewed(policy, minors, overturned=(minors,))
    assert (verdict.action, verdict.vault) == (Action.BLOCK, True)


def test_a_gap_is_held_despite_review_overrides(policy: Policy) -> None:
    cells = required_coverage(policy, SHIPPED, Stage.OUTPUT, frozenset({Modality.FRAMES}))
    verdict = decide_with_overrides(
        policy,
        SHIPPED,
        findings=ReviewedFindings(findings=[HELD], approved=[HELD]),
        coverage=Coverage(cells=cells),
        context=Context(stage=Stage.OUTPUT),
        subject_sha256="0" * 64,
    )
    plain = decide(
        policy,
        SHIPPED,
        findings=[],
        coverage=Coverage(cells=cells),
        context=Context(stage=Stage.OUTPUT),
        subject_sha256="0" * 64,
    )
    assert verdict == plain
    assert verdict.action is Action.HOLD

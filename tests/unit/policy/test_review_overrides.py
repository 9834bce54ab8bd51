"""A person's approval settles what was seen, and nothing else."""

from __future__ import annotations

import msgspec
import pytest

from safelight.policy.decisions import required_coverage
from safelight.policy.documents import Policy, load
from safelight.policy.findings import SHIPPED, Coverage, Finding, Modality, Stage
from safelight.policy.review_overrides import ReviewedFindings, decide_with_overrides
from safelight.policy.verdicts import Context, Verdict
from support.verdicts import checked, decided, seen

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


HELD = seen("deception")
LABEL = seen("ip/brand")
CARD = seen("violence", card=True)
MINORS = seen("sexual/minors")
NEW = seen("privacy", modality="frames")
TOGETHER = seen("harassment", modality="frames")


def reviewed(
    policy: Policy,
    *findings: Finding,
    approved: tuple[Finding, ...] = (),
    overturned: tuple[Finding, ...] = (),
    coverage: Coverage | None = None,
) -> Verdict:
    return decide_with_overrides(
        policy,
        SHIPPED,
        findings=ReviewedFindings(findings=findings, approved=approved, overturned=overturned),
        coverage=checked(policy, "output") if coverage is None else coverage,
        context=Context(stage=Stage.OUTPUT),
        subject_sha256="0" * 64,
    )


@pytest.mark.parametrize(
    ("findings", "approved", "action", "rule"),
    [
        ([HELD], [], "hold", "own-hold"),
        ([HELD], [HELD], "allow", ""),
        ([HELD, NEW], [HELD], "hold", "pv-1"),
        ([HELD, TOGETHER], [HELD], "block", "own-block"),
        ([HELD, LABEL], [HELD, LABEL], "label", "own-label"),
        ([CARD], [CARD], "block", "card-1"),
    ],
)
def test_an_approved_finding_does_not_hold_again_and_still_counts_beside_others(
    policy: Policy, findings: list[Finding], approved: list[Finding], action: str, rule: str
) -> None:
    verdict = reviewed(policy, *findings, approved=tuple(approved))
    assert (verdict.action, verdict.rule) == (action, rule)
    if action == "label":
        assert verdict.findings == (LABEL,)


@pytest.mark.parametrize(
    ("findings", "action", "rule"),
    [
        ([CARD], "allow", ""),
        ([HELD], "allow", ""),
        ([CARD, msgspec.structs.replace(CARD, detector="another")], "block", "card-1"),
        ([HELD, TOGETHER], "block", "own-block"),
        ([CARD, HELD], "hold", "own-hold"),
        ([MINORS], "block", "sm-2"),
    ],
)
def test_an_overturned_finding_does_not_block_again_and_others_and_vaulted_ones_do(
    policy: Policy, findings: list[Finding], action: str, rule: str
) -> None:
    verdict = reviewed(policy, *findings, overturned=(findings[0],))
    assert (verdict.action, verdict.rule, verdict.vault) == (action, rule, MINORS in findings)


def test_a_gap_is_held_despite_review_overrides(policy: Policy) -> None:
    gap = Coverage(cells=required_coverage(policy, SHIPPED, Stage.OUTPUT, {Modality.FRAMES}))
    verdict = reviewed(policy, HELD, approved=(HELD,), coverage=gap)
    assert verdict == decided("output", policy=policy, coverage=gap)
    assert verdict.action == "hold"

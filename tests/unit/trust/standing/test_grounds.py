"""Which decisions give a strike."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.policy.findings import Basis, Finding, Modality, Stage
from safelight.policy.verdicts import Action, Verdict
from safelight.trust.standing import (
    find_machine_cause,
    find_refusal_cause,
    find_withdrawal_cause,
)


def finding(basis: Basis = Basis.MATCHED, **fields: Any) -> Finding:
    plain = {"category": "hate", "score": 0.9, "modality": Modality.TEXT, "detector": "d", "version": "1"}
    return Finding(**{**plain, "reason": "r", "basis": basis, **fields})


def verdict(*findings: Finding, **fields: Any) -> Verdict:
    plain = {
        "action": Action.BLOCK,
        "stage": Stage.PROMPT,
        "subject_sha256": "",
        "policy": "",
        "policy_sha256": "",
    }
    return Verdict(**{**plain, "category": "hate", "rule": "ha-1", "findings": findings, **fields})


@pytest.mark.parametrize("basis", [Basis.MATCHED, Basis.COMPOSED])
def test_a_block_on_matched_or_composed_evidence_gives_a_strike(basis: Basis) -> None:
    cause = find_machine_cause(verdict(finding(basis)))
    assert cause is not None
    assert (cause.category, cause.severity) == ("hate", 4)


@pytest.mark.parametrize(
    "found",
    [
        verdict(finding(Basis.LEARNED), finding(Basis.LEARNED)),
        verdict(finding(Basis.ASKED)),
        verdict(),
        verdict(finding(), action=Action.HOLD),
        verdict(finding(), quarantine=True),
        verdict(finding(), vault=True),
        verdict(finding(), support=True),
        verdict(finding(test_card=True), test_card_only=True),
        verdict(finding(category="violence")),
        verdict(finding(category="self-harm"), category="self-harm"),
        verdict(finding(), stage=Stage.OUTPUT),
    ],
)
def test_no_other_block_of_the_policy_gives_a_strike(found: Verdict) -> None:
    assert find_machine_cause(found) is None


def test_a_paraphrase_gives_no_strike() -> None:
    assert find_machine_cause(verdict(finding()), is_paraphrase=True) is None


def test_a_refused_prompt_gives_a_strike_on_any_evidence() -> None:
    held = verdict(finding(Basis.LEARNED), action=Action.HOLD)
    assert find_refusal_cause(held, ()) is not None


def test_a_refused_output_gives_a_strike_only_if_the_request_asked_for_it() -> None:
    held = verdict(finding(Basis.LEARNED, modality=Modality.FRAMES), action=Action.HOLD, stage=Stage.OUTPUT)
    assert find_refusal_cause(held, ()) is None
    assert find_refusal_cause(held, [finding(category="violence")]) is None
    assert find_refusal_cause(held, [finding(score=0.3)]) is not None


@pytest.mark.parametrize("fields", [{"quarantine": True}, {"test_card_only": True}, {"support": True}])
def test_a_refusal_gives_no_strike_for_quarantine_test_card_or_distress(fields: dict[str, bool]) -> None:
    assert find_refusal_cause(verdict(finding(), action=Action.HOLD, **fields), ()) is None


def test_a_refusal_because_of_a_missing_check_gives_no_strike() -> None:
    assert find_refusal_cause(verdict(action=Action.HOLD), ()) is None


def test_a_withdrawn_video_gives_a_strike_only_if_the_request_asked_for_it() -> None:
    assert find_withdrawal_cause("hate", [finding(score=0.3)]) is not None
    assert find_withdrawal_cause("hate", ()) is None
    assert find_withdrawal_cause("ncii", [finding()]) is None
    assert find_withdrawal_cause("", [finding()]) is None
    assert find_withdrawal_cause("hate", [finding(test_card=True)]) is None
    assert find_withdrawal_cause("self-harm", [finding(category="self-harm")]) is None

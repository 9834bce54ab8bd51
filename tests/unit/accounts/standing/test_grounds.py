"""Which decisions give a strike."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from safelight.accounts.standing import (
    WEIGHTS,
    Thresholds,
    find_machine_cause,
    find_refusal_cause,
    find_withdrawal_cause,
)
from safelight.policy.findings import SHIPPED, Basis, CategorySpec, Finding, Group, Stage, categories_of
from safelight.policy.verdicts import Action, Verdict
from support.verdicts import decided, seen

SELF_HARM = sorted(categories_of(Group.SELF_HARM))


def finding(basis: Basis = Basis.MATCHED, category: str = "hate", **fields: Any) -> Finding:
    return seen(category, basis=basis, **fields)


def verdict(*findings: Finding, **fields: Any) -> Verdict:
    given = {"action": Action.BLOCK, "category": "hate", "rule": "ha-1", "findings": findings, **fields}
    return msgspec.structs.replace(decided("prompt"), **given)


@pytest.mark.parametrize("basis", [Basis.MATCHED, Basis.COMPOSED])
def test_a_block_on_matched_or_composed_evidence_gives_a_strike(basis: Basis) -> None:
    found = verdict(finding(basis))
    cause = find_machine_cause(found, found.findings)
    assert cause is not None
    assert (cause.category, cause.severity) == ("hate", 4)
    assert find_machine_cause(found, found.findings, is_paraphrase=True) is None


def test_a_block_on_one_detector_alone_counts_one_point_and_three_stop_nobody() -> None:
    def by(detector: str, category: str, score: float = 0.9) -> Finding:
        return msgspec.structs.replace(finding(category=category, score=score), detector=detector)

    lists = by("word-lists", "violence/graphic")
    found = verdict(lists, category="violence/graphic")
    for others in ((), (lists,), (by("ngrams", "violence/graphic", 0.2),), (by("ngrams", "hate"),)):
        cause = find_machine_cause(found, (lists, *others))
        assert cause is not None
        assert (cause.alone, cause.weight) == (True, 1)
    assert Thresholds().cool_down > 3
    # A classifier agrees, also with another category of the same group.
    cause = find_machine_cause(found, (lists, by("ngrams", "violence", 0.5)))
    assert cause is not None
    assert (cause.alone, cause.weight) == (False, WEIGHTS[cause.severity])


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
        verdict(finding(card=True), test_card_only=True),
        verdict(finding(category="violence")),
        *(verdict(finding(category=name), category=name) for name in SELF_HARM),
        verdict(finding(), stage=Stage.OUTPUT),
    ],
)
def test_no_other_block_of_the_policy_gives_a_strike(found: Verdict) -> None:
    assert find_machine_cause(found, found.findings) is None


def test_a_refused_output_gives_a_strike_only_if_the_request_asked_for_it() -> None:
    held = verdict(finding(Basis.LEARNED, modality="frames"), action=Action.HOLD, stage=Stage.OUTPUT)
    assert find_refusal_cause(held, ()) is None
    assert find_refusal_cause(held, [finding(category="violence")]) is None
    assert find_refusal_cause(held, [finding(score=0.3)]) is not None


def test_a_refused_prompt_gives_a_strike_unless_quarantine_test_card_distress_or_a_gap_held_it() -> None:
    held = finding(Basis.LEARNED)
    assert find_refusal_cause(verdict(held, action=Action.HOLD), ()) is not None
    for reason in ("quarantine", "test_card_only", "support"):
        assert find_refusal_cause(verdict(held, action=Action.HOLD, **{reason: True}), ()) is None
    for name in SELF_HARM:
        held = finding(category=name)
        assert find_refusal_cause(verdict(held, action=Action.HOLD, category=name), [held]) is None
    assert find_refusal_cause(verdict(action=Action.HOLD), ()) is None, "a check is missing"


def test_a_withdrawn_video_gives_a_strike_only_if_the_request_asked_for_it() -> None:
    assert find_withdrawal_cause("hate", [finding(score=0.3)]) is not None
    assert find_withdrawal_cause("hate", ()) is None
    assert find_withdrawal_cause("ncii", [finding()]) is None
    assert find_withdrawal_cause("", [finding()]) is None
    assert find_withdrawal_cause("hate", [finding(card=True)]) is None
    for name in SELF_HARM:
        assert find_withdrawal_cause(name, [finding(category=name)]) is None


def test_a_withdrawn_video_of_a_plugins_category_of_self_harm_gives_no_strike() -> None:
    for group, gives in ((Group.SELF_HARM, False), (Group.HATE, True)):
        taxonomy = SHIPPED.extended([CategorySpec(name="plugin/own", group=group, summary="Own.")])
        cause = find_withdrawal_cause("plugin/own", [finding(category="plugin/own")], taxonomy)
        assert (cause is not None) is gives

"""Counts of wrong rules have no people, and none at all for a small team."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from safelight.accounts import KeyScope, Role
from safelight.accounts.policies import Policies
from safelight.cases.appeals import overturn_rates
from safelight.cases.quality import QualityResults
from safelight.cases.quality.rule_answers import RuleCount
from safelight.core.errors import Forbidden
from safelight.core.ids import new_id
from safelight.policy.documents import Policy, load
from safelight.policy.findings import SHIPPED
from safelight.store.tables import quality_answers, quality_cases
from safelight.videos.case_rows import CaseKind
from support.decided_appeals import add_verdict
from support.review_room import TENANT, ReviewRoom, reviewer

LEAD = replace(reviewer("lead", Role.TRUST_LEAD), scopes=frozenset({KeyScope.POLICY}))
#: Differs from the starter policy in one rule.
HOUSE = "policy: house\nversion: '1'\nextends: starter\nthresholds: {vi-3: 0.7}\n"
PEOPLE = [reviewer(f"person{number}") for number in range(5)]


def answer(
    room: ReviewRoom,
    person: str,
    given: str,
    *,
    rule: str = "vi-3",
    policy_sha256: str = "",
    **columns: str | None,
) -> None:
    """One answered quality review of a video that this rule held, or with a stratum, of a sample."""
    case = room.open_case(new_id("req"), kind=CaseKind.QUALITY)
    sampled = "stratum" in columns
    with room.database.transaction(TENANT) as tx:
        add_verdict(tx, case.video_id, rule, action="hold", policy_sha256=policy_sha256)
        tx.insert(
            quality_cases,
            case_id=case.id,
            purpose="sample" if sampled else "golden",
            opened_for=case.id,
            source="draw_1" if sampled else case.id,
            machine=None if sampled else "against_policy",
            stratum=columns.get("stratum"),
            opened_at=tx.now(),
        )
        answered = {"case_id": case.id, "person": person, "answer": given, "at": tx.now()}
        tx.insert(quality_answers, **answered, clause=columns.get("clause"))


@dataclass(frozen=True)
class Published:
    """The starter policy, and the one in force, which differs from it in the rule vi-3."""

    before: Policy
    current: Policy
    counts: Any


@pytest.fixture
def published(room: ReviewRoom, tmp_path: Path) -> Published:
    (tmp_path / "house.yaml").write_text(HOUSE)
    before, current = load("starter", SHIPPED), load(tmp_path / "house.yaml", SHIPPED)
    policies = Policies(room.database, taxonomy=SHIPPED)
    policies.publish(current, published_by="a lead", tenant=TENANT)
    return Published(before, current, policies.unchanged_rules(TENANT, current).has)


def test_answers_against_a_stop_count_for_its_rule_from_five_people_up(room: ReviewRoom) -> None:
    results = QualityResults(room.database)
    for person in PEOPLE:
        room.enroll(person)
    for person in PEOPLE[:4]:
        answer(room, person.id, "in_policy")
    with pytest.raises(Forbidden):
        results.rule_answers(reviewer("ada"))
    assert results.rule_answers(LEAD).stopped == ()
    answer(room, PEOPLE[4].id, "against_policy")
    answer(room, PEOPLE[4].id, "in_policy", rule="sx-4")
    assert results.rule_answers(LEAD).stopped == (
        RuleCount(rule="sx-4", wrong=1, of=1),
        RuleCount(rule="vi-3", wrong=4, of=5),
    )


def test_rules_that_people_named_for_missed_harm_are_counted_by_stratum(room: ReviewRoom) -> None:
    for given, clause in (("in_policy", None), ("against_policy", "vi-4"), ("against_policy", None)):
        answer(room, "ada", given, stratum="light", clause=clause)
    answer(room, "ada", "in_policy", stratum="severe")
    assert QualityResults(room.database).rule_answers(LEAD).missed == (RuleCount(rule="vi-4", wrong=1, of=3),)


def test_answers_about_an_earlier_form_of_a_rule_are_not_counted(
    room: ReviewRoom, published: Published
) -> None:
    before, current = published.before.sha256, published.current.sha256
    for person in PEOPLE:
        room.enroll(person)
        for rule in ("vi-3", "vi-4"):
            answer(room, person.id, "in_policy", rule=rule, policy_sha256=before)
    answer(room, PEOPLE[0].id, "in_policy", policy_sha256=current)
    answer(room, "ada", "against_policy", policy_sha256=before, stratum="light", clause="vi-3")
    found = QualityResults(room.database).rule_answers(LEAD, counts=published.counts)
    assert found.stopped == (RuleCount(rule="vi-3", wrong=1, of=1), RuleCount(rule="vi-4", wrong=5, of=5))
    assert found.missed == ()


def test_appeals_against_an_earlier_form_of_a_rule_are_not_counted(
    room: ReviewRoom, published: Published
) -> None:
    who = reviewer("ada")
    for number, policy in enumerate((published.before, published.before, published.current)):
        case = room.open_case(f"scene {number}", kind=CaseKind.APPEAL)
        with room.database.transaction(TENANT) as tx:
            add_verdict(tx, case.video_id, "vi-3", policy_sha256=policy.sha256)
        room.decide(who, case, "overturn")
    for given, expected in (({}, 3), ({"counts": published.counts}, 1)):
        assert [one.decided for one in overturn_rates(room.database, who, **given)] == [expected]

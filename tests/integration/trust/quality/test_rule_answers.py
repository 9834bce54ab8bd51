"""Counts of wrong rules have no people, and none at all for a small team."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from safelight.errors import Forbidden
from safelight.ids import new_id
from safelight.policy.categories import SHIPPED
from safelight.policy.documents import load
from safelight.store.tables import cases, quality_answers, quality_cases
from safelight.trust.accounts import KeyScope, Role
from safelight.trust.appeals import overturn_rates
from safelight.trust.policies import Policies
from safelight.trust.quality import QualityResults
from safelight.trust.quality.rule_answers import RuleCount
from safelight.trust.reviews import CaseKind
from support.decided_appeals import add_verdict
from support.review_room import TENANT, ReviewRoom, reviewer

LEAD = replace(reviewer("lead", Role.TRUST_LEAD), scopes=frozenset({KeyScope.POLICY}))
#: Differs from the starter policy in one rule.
HOUSE = "policy: house\nversion: '1'\nextends: starter\nthresholds: {vi-3: 0.7}\n"
PEOPLE = [reviewer(f"person{number}") for number in range(5)]


def answer(
    room: ReviewRoom, person: str, given: str, *, purpose: str = "golden", rule: str = "vi-3", **fields: str
) -> None:
    """One answered quality review of a video that this rule held."""
    case = room.open_case(new_id("req"), kind=CaseKind.QUALITY)
    with room.database.transaction(TENANT) as tx:
        add_verdict(tx, case.video_id, rule, action="hold", policy_sha256=fields.get("policy_sha256", ""))
        tx.insert(
            quality_cases,
            case_id=case.id,
            purpose=purpose,
            opened_for=case.id,
            source=fields.get("source", case.id),
            machine="against_policy" if purpose == "golden" else None,
            stratum=fields.get("stratum"),
            opened_at=tx.now(),
        )
        tx.insert(
            quality_answers,
            case_id=case.id,
            person=person,
            answer=given,
            clause=fields.get("clause"),
            at=tx.now(),
        )


def test_answers_against_a_stop_count_for_its_rule_from_five_people_up(room: ReviewRoom) -> None:
    results = QualityResults(room.database)
    for person in PEOPLE:
        room.enroll(person)
    for person in PEOPLE[:4]:
        answer(room, person.id, "in_policy")
    assert results.rule_answers(LEAD).stopped == ()
    answer(room, PEOPLE[4].id, "against_policy")
    answer(room, PEOPLE[4].id, "in_policy", rule="sx-4")
    assert results.rule_answers(LEAD).stopped == (
        RuleCount(rule="sx-4", wrong=1, of=1),
        RuleCount(rule="vi-3", wrong=4, of=5),
    )


def test_rules_that_people_named_for_missed_harm_are_counted_by_stratum(room: ReviewRoom) -> None:
    for given, clause in (("in_policy", None), ("against_policy", "vi-4"), ("against_policy", None)):
        extra = {"clause": clause} if clause else {}
        answer(room, "ada", given, purpose="sample", source="draw_1", stratum="light", **extra)
    answer(room, "ada", "in_policy", purpose="sample", source="draw_1", stratum="severe")
    assert QualityResults(room.database).rule_answers(LEAD).missed == (RuleCount(rule="vi-4", wrong=1, of=3),)


def test_answers_about_an_earlier_form_of_a_rule_are_not_counted(room: ReviewRoom, tmp_path: Path) -> None:
    (tmp_path / "house.yaml").write_text(HOUSE)
    before, current = load("starter", SHIPPED), load(tmp_path / "house.yaml", SHIPPED)
    published = Policies(room.database, taxonomy=SHIPPED)
    published.publish(current, published_by="a lead", tenant=TENANT)
    for person in PEOPLE:
        room.enroll(person)
        for rule in ("vi-3", "vi-4"):
            answer(room, person.id, "in_policy", rule=rule, policy_sha256=before.sha256)
    answer(room, PEOPLE[0].id, "in_policy", rule="vi-3", policy_sha256=current.sha256)
    sample = {"purpose": "sample", "source": "draw_1", "stratum": "light", "clause": "vi-3"}
    answer(room, "ada", "against_policy", policy_sha256=before.sha256, **sample)
    counts = published.unchanged_rules(TENANT, current).has
    found = QualityResults(room.database).rule_answers(LEAD, counts=counts)
    assert found.stopped == (RuleCount(rule="vi-3", wrong=1, of=1), RuleCount(rule="vi-4", wrong=5, of=5))
    assert found.missed == ()


def test_appeals_against_an_earlier_form_of_a_rule_are_not_counted(room: ReviewRoom, tmp_path: Path) -> None:
    (tmp_path / "house.yaml").write_text(HOUSE)
    before, current = load("starter", SHIPPED), load(tmp_path / "house.yaml", SHIPPED)
    published = Policies(room.database, taxonomy=SHIPPED)
    published.publish(current, published_by="a lead", tenant=TENANT)
    for number, policy in enumerate((before, before, current)):
        case = room.open_case(f"scene {number}", kind=CaseKind.APPEAL)
        with room.database.transaction(TENANT) as tx:
            tx.update(cases, cases.c.id == case.id, rule="vi-3")
            add_verdict(tx, case.video_id, "vi-3", policy_sha256=policy.sha256)
        room.decide(reviewer("ada"), case, "overturn")
    who = reviewer("ada")
    assert [one.decided for one in overturn_rates(room.database, who)] == [3]
    counts = published.unchanged_rules(TENANT, current).has
    assert [one.decided for one in overturn_rates(room.database, who, counts=counts)] == [1]


def test_only_a_lead_reads_the_counts(room: ReviewRoom) -> None:
    with pytest.raises(Forbidden):
        QualityResults(room.database).rule_answers(reviewer("ada"))

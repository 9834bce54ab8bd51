"""Figures of the checks from decided videos, and points that are tried and set, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from safelight.accounts import KeyScope, Role
from safelight.accounts.policies import Policies, read_history, read_newest_history
from safelight.cases.inputs import FiguresQuery, RulePointChange
from safelight.cases.quality import CheckFigures, NewGolden, Quality
from safelight.cases.quality.figures import PointState
from safelight.core.errors import Conflict, Forbidden, InvalidField
from safelight.core.ids import new_id
from safelight.policy.findings import SHIPPED
from safelight.policy.verdicts import Action
from safelight.store.tables import audit_log, quality_answers, quality_cases
from safelight.videos.case_rows import CaseKind
from support.decided_videos import add_decided, add_decision, add_judged, add_stage, without_checks
from support.review_room import TENANT, ReviewRoom, reviewer
from support.verdicts import STARTER, seen

pytestmark = pytest.mark.both_databases

LEAD = replace(reviewer("lead", Role.TRUST_LEAD), scopes=frozenset({KeyScope.POLICY}))
ASKED = FiguresQuery()


@pytest.fixture
def checks(room: ReviewRoom) -> CheckFigures:
    policies = Policies(room.database, taxonomy=SHIPPED)
    return CheckFigures(
        database=room.database,
        taxonomy=SHIPPED,
        policies=policies,
        in_force=lambda tenant: policies.active(tenant) or STARTER,
        waivers=lambda _: (),
    )


def answer_sample(room: ReviewRoom, video_id: str, given: str, clause: str | None = None) -> None:
    case = room.open_case("", kind=CaseKind.QUALITY, category="", video_id=video_id)
    with room.database.transaction(TENANT) as tx:
        tx.insert(
            quality_cases,
            case_id=case.id,
            purpose="sample",
            opened_for=case.id,
            source="draw_1",
            stratum="light",
            opened_at=tx.now(),
        )
        answered = {"case_id": case.id, "person": None, "answer": given, "clause": clause}
        tx.insert(quality_answers, **answered, at=tx.now())


def test_figures_need_the_scope_and_a_share_that_is_one(room: ReviewRoom, checks: CheckFigures) -> None:
    with pytest.raises(Forbidden):
        checks.figures(reviewer("ada"), ASKED)
    for share in (0.4, 1.1, float("nan")):
        with pytest.raises(InvalidField):
            checks.figures(LEAD, FiguresQuery(share=share))
    empty = checks.figures(LEAD, ASKED)
    assert (empty.stopped, empty.allowed, empty.categories, empty.points) == (0, 0, (), ())


def test_right_and_harmless_stops_and_missed_harm_by_category(room: ReviewRoom, checks: CheckFigures) -> None:
    with room.database.transaction(TENANT) as tx:
        for number in range(30):
            add_decided(tx, 0.9, "approve" if number < 6 else "refuse")
        appealed = add_judged(tx, seen("sexual", 0.9))
        add_decision(tx, appealed, "overturn", kind=CaseKind.APPEAL)
        reported = add_judged(tx, seen("sexual", 0.3))
        add_decision(tx, reported, "withdraw", kind=CaseKind.REPORT)
        kept = add_judged(tx, seen("sexual", 0.2))
        add_decision(tx, kept, "keep", kind=CaseKind.REPORT)
        drawn, golden = add_judged(tx), add_judged(tx)
    answer_sample(room, drawn, "against_policy", clause="vi-3")
    new = NewGolden(video_id=golden, answer="against_policy", note="Blood.", clause="vi-3")
    Quality(room.database).add_golden(LEAD, new)

    found = checks.figures(LEAD, ASKED)
    assert (found.stopped, found.allowed) == (31, 4)
    sexual, violence = found.categories
    assert (sexual.category, sexual.right.count, sexual.right.n, sexual.harmless) == ("sexual", 24, 31, 7)
    assert sexual.right.rate == round(24 / 31, 4)
    assert sexual.appealed == 1
    assert (sexual.missed.report, sexual.found.count, sexual.found.n) == (1, 24, 25)
    assert sexual.found.rate is None
    assert violence.category == "violence/graphic"
    assert (violence.missed.sample, violence.missed.golden) == (1, 1)
    assert (violence.right.n, violence.right.rate) == (0, None)
    (point,) = found.points
    assert (point.category, point.detector, point.state) == ("sexual", "test", PointState.NO_POINT)
    assert "sx-1" in {one.rule for one in point.rules}
    # At a share that the decisions reach. One upheld report proposes no lower point than that of today.
    (point,) = checks.figures(LEAD, FiguresQuery(share=0.77)).points
    assert (point.score, point.right and point.right.n, point.missed) == (0.9, 31, 1)


def test_what_is_no_decision_about_the_checks_is_left_out(room: ReviewRoom, checks: CheckFigures) -> None:
    with room.database.transaction(TENANT) as tx:
        own = add_judged(tx, seen("sexual", 0.9), principal_id="ada")
        add_decision(tx, own, "approve", decided_by="ada")
        gap = add_judged(tx, coverage=without_checks())
        add_decision(tx, gap, "approve")
        card = add_judged(tx, seen("sexual", 0.9, card=True))
        add_decision(tx, card, "refuse")
        first = add_decided(tx, 0.9, "refuse")
        copied = add_judged(tx, seen("sexual", 0.9))
        add_decision(tx, copied, "refuse", leader_id=first)
        locked = add_decided(tx, 0.9, "refuse")
    room.change_video(locked, vaulted=True)
    found = checks.figures(LEAD, ASKED)
    assert (found.stopped, found.allowed, found.own, found.without_finding) == (1, 0, 1, 1)


def test_the_newest_decision_about_a_video_counts(room: ReviewRoom, checks: CheckFigures) -> None:
    with room.database.transaction(TENANT) as tx:
        video = add_decided(tx, 0.9, "refuse")
    room.clock.now += 60
    with room.database.transaction(TENANT) as tx:
        add_decision(tx, video, "overturn", kind=CaseKind.APPEAL)
    (sexual,) = checks.figures(LEAD, ASKED).categories
    assert (sexual.right.count, sexual.harmless, sexual.appealed) == (0, 1, 1)


def test_a_decision_is_about_what_the_checks_had_found_until_then(
    room: ReviewRoom, checks: CheckFigures
) -> None:
    """A prompt that a person approved, of which the output is then blocked."""
    with room.database.transaction(TENANT) as tx:
        video = add_decided(tx, 0.7, "approve")
    room.clock.now += 60
    with room.database.transaction(TENANT) as tx:
        add_stage(tx, video, seen("hate", 0.99), seen("sexual", 0.99))
    found = checks.figures(LEAD, ASKED)
    (sexual,) = found.categories
    assert (sexual.category, sexual.right.n, sexual.harmless) == ("sexual", 1, 1)
    assert [(one.category, one.decisions) for one in found.points] == [("sexual", 1)]
    # A later decision is about the newest of the strongest verdicts.
    with room.database.transaction(TENANT) as tx:
        add_decision(tx, video, "uphold", kind=CaseKind.APPEAL)
    found = checks.figures(LEAD, ASKED)
    assert [(one.category, one.right.count, one.right.n) for one in found.categories] == [("hate", 1, 1)]


def test_a_golden_case_replaces_no_decision(room: ReviewRoom, checks: CheckFigures) -> None:
    with room.database.transaction(TENANT) as tx:
        decided, undecided = add_decided(tx, 0.9, "refuse"), add_judged(tx, seen("sexual", 0.9))
    room.clock.now += 60
    for video in (decided, undecided):
        new = NewGolden(video_id=video, answer="against_policy", note="Seen.", clause="sx-1")
        Quality(room.database).add_golden(LEAD, new)
    (sexual,) = checks.figures(LEAD, ASKED).categories
    assert (sexual.right.count, sexual.right.n) == (1, 1)


def test_tenants_are_kept_apart(room: ReviewRoom, checks: CheckFigures) -> None:
    other = replace(LEAD, tenant="another")
    with room.database.transaction(TENANT) as tx:
        for _ in range(30):
            add_decided(tx, 0.9, "refuse")
    found, tried = checks.figures(other, ASKED), checks.try_point(other, POINT)
    assert (found.stopped, found.allowed, found.categories, found.points) == (0, 0, (), ())
    assert (tried.videos, tried.changes) == (0, ())
    checks.set_point(other, POINT)
    assert (checks.policies.owner("another"), checks.policies.owner(TENANT)) == ("another", None)
    assert checks.in_force(TENANT).sha256 == STARTER.sha256
    assert checks.try_point(LEAD, POINT).changed == 30


def test_no_figure_has_words_of_a_prompt_or_names_of_people(room: ReviewRoom, checks: CheckFigures) -> None:
    with room.database.transaction(TENANT) as tx:
        video = add_judged(tx, seen("sexual", 0.9, span=(0, 6)), prompt="secret words")
        add_decision(tx, video, "refuse", decided_by="reviewer-7")
    written = repr(checks.figures(LEAD, ASKED)) + repr(checks.try_point(LEAD, POINT))
    assert "secret" not in written
    assert video not in written
    assert "reviewer-7" not in written


POINT = RulePointChange(rule="sx-1", score=0.95)


def test_a_trial_counts_changed_verdicts_and_decisions_that_become_right_or_wrong(
    room: ReviewRoom, checks: CheckFigures
) -> None:
    with room.database.transaction(TENANT) as tx:
        for action in ("approve", "approve", "refuse"):
            add_decided(tx, 0.9, action)
        add_judged(tx, seen("sexual", 0.9))
        add_judged(tx, seen("sexual", 0.97))
        add_judged(tx)
        own = add_judged(tx, seen("sexual", 0.9), principal_id="ada")
        add_decision(tx, own, "approve", decided_by="ada")
    tried = checks.try_point(LEAD, POINT)
    assert (tried.videos, tried.changed, tried.unreadable) == (7, 5, 0)
    assert {(one.category, one.before) for one in tried.changes} == {("sexual", Action.BLOCK)}
    stopped_still = {one.after for one in tried.changes} <= {Action.HOLD, Action.BLOCK}
    assert not stopped_still
    assert (tried.became_right, tried.became_wrong) == (2, 1)
    assert checks.policies.list(TENANT) == ()

    published = checks.set_point(LEAD, POINT)
    assert (published.name, published.tenant, published.published_by) == ("house", TENANT, "lead")
    assert checks.try_point(LEAD, POINT).changes == ()
    back = checks.try_point(LEAD, replace(POINT, score=0.6))
    assert (back.changed, back.became_right, back.became_wrong) == (5, 1, 2)
    assert {one.after for one in back.changes} == {Action.BLOCK}
    entries = [row for row in room.stored(audit_log) if row.event == "policy.published"]
    assert [(row.actor, row.subject) for row in entries] == [("lead", published.id)]
    assert (checks.policies.owner(TENANT), checks.policies.owner("another")) == (TENANT, None)


def test_a_point_is_refused_without_the_scope_for_a_locked_rule_and_out_of_range(
    room: ReviewRoom, checks: CheckFigures
) -> None:
    for call in (checks.try_point, checks.set_point):
        with pytest.raises(Forbidden):
            call(reviewer("ada"), POINT)
        with pytest.raises(Conflict):
            call(LEAD, RulePointChange(rule="sm-1", score=0.5))
        with pytest.raises(InvalidField):
            call(LEAD, replace(POINT, score=1.0))
    assert checks.policies.list(TENANT) == ()


def test_only_the_last_prompts_are_read_with_all_of_their_stages(room: ReviewRoom) -> None:
    with room.database.transaction(TENANT) as tx:
        made = sorted(add_judged(tx, seen("sexual", 0.9), id=new_id("video")) for _ in range(6))
    newest = list(read_newest_history(room.database, TENANT, prompts=4))
    assert [record.id for record in newest] == made[2:]
    assert len(list(read_newest_history(room.database, TENANT, prompts=100))) == 6
    assert list(read_newest_history(room.database, "another", prompts=4)) == []
    assert len(list(read_history(room.database, tenant=TENANT))) == 6

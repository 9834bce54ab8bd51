"""Opens second reviews and golden cases by the sampling rule, and deletes what is known about people."""

from __future__ import annotations

from sqlalchemy import and_, exists, or_, select

from safelight.accounts import KeyScope, Principal
from safelight.accounts.store import ACTIVE, principal_of_person
from safelight.cases.appeals import BY_REPORTER
from safelight.cases.reviews.conflicts import has_other_decider, people_around
from safelight.policy.findings import severity_of
from safelight.store.database import Database, Row, Transaction
from safelight.store.tables import (
    appeals,
    cases,
    decisions,
    golden_cases,
    people,
    quality_answers,
    quality_cases,
    quality_draws,
    statements,
    videos,
)
from safelight.videos.case_rows import Case, CaseKind, CaseState, case_from_row
from safelight.videos.case_rows.models import DecisionAction
from safelight.videos.case_rows.store import closed_columns

from . import store
from .draws import open_drawn
from .models import AS_ANSWER, KEEP_ANSWERS_S, REVIEW_DUE_S, NewQualityCase, QualityPurpose, SamplingRule
from .sampling import is_selected

#: Each round reads the decisions of this time, so that a gateway that was stopped misses none.
_WINDOW_S = 2 * 86_400.0
_DAY_S = 86_400.0


class QualitySampler:
    """Opens the quality reviews of all tenants. Several processes may do it at the same time."""

    def __init__(self, database: Database, rule: SamplingRule) -> None:
        self._database = database
        self._rule = rule

    def open_second_reviews(self) -> None:
        """Open a second review of a random part of the decisions, if another person may do it."""
        if not self._rule.second_review_rate:
            return
        with self._database.across_tenants("second reviews") as tx:
            since, seed = tx.now() - _WINDOW_S, store.read_seed(tx)
            opened = tx.select(
                quality_cases,
                quality_cases.c.purpose == QualityPurpose.SECOND.value,
                quality_cases.c.opened_at >= since,
                columns=[quality_cases.c.source],
            )
            known = {row.source for row in opened}
            # A decision on a near-duplicate is a copy of that on the first case.
            copies = select(cases.c.id).where(cases.c.leader_id.is_not(None))
            recent = tx.select(
                decisions,
                decisions.c.at >= since,
                decisions.c.case_id.not_in(copies),
                order_by=(decisions.c.at,),
            )
        for made in recent:
            if made.case_id in known or not is_selected(seed, made.case_id, self._rule.second_review_rate):
                continue
            # Most decisions of a small team have no other decider, in each round. They take no write lock.
            with self._database.read_transaction(made.tenant_id) as tx:
                can_be_reviewed = _find_reviewable(tx, made) is not None
            if can_be_reviewed:
                with self._database.transaction(made.tenant_id) as tx:
                    _open_second_review(tx, made)

    def open_golden_cases(self) -> None:
        """Give each reviewer the golden cases of this day, the mildest first."""
        if not self._rule.golden_per_day:
            return
        with self._database.across_tenants("golden cases", readonly=True) as tx:
            used = tx.select(golden_cases, golden_cases.c.retired_at.is_(None))
            tenants = sorted({row.tenant_id for row in used})
        for tenant in tenants:
            with self._database.transaction(tenant) as tx:
                self._open_golden_cases(tx)

    def _open_golden_cases(self, tx: Transaction) -> None:
        golden = tx.select(golden_cases, golden_cases.c.retired_at.is_(None))
        verdicts = {row.id: store.strongest_verdict(tx, row.video_id) for row in golden}
        category = {key: verdict.category if verdict else "" for key, verdict in verdicts.items()}
        mildest_first = sorted(golden, key=lambda row: (severity_of(category[row.id]), row.created_at))
        today = tx.now() // _DAY_S * _DAY_S
        active = tx.select(people, people.c.state == ACTIVE, order_by=(people.c.id,))
        for person in map(principal_of_person, active):
            if person is None:
                continue
            # Another process gives this person the cases of this day at the same time.
            tx.one(people, person.id, lock=True)
            given = tx.select(quality_cases, quality_cases.c.assigned_to == person.id)
            left = self._rule.golden_per_day - sum(row.opened_at >= today for row in given)
            known = {row.source for row in given}
            for row in mildest_first:
                if left > 0 and row.id not in known and _open_golden(tx, row, category[row.id], person):
                    left -= 1

    def open_samples(self) -> None:
        """Open the reviews of large samples, which a request left to this."""
        with self._database.across_tenants("open samples", readonly=True) as tx:
            draws = tx.select(
                quality_draws,
                quality_draws.c.waiting.is_not(None),
                columns=[quality_draws.c.tenant_id, quality_draws.c.id],
                order_by=(quality_draws.c.drawn_at,),
            )
        for draw in draws:
            open_drawn(self._database, draw.tenant_id, draw.id)

    def close_overdue(self) -> None:
        """Close quality reviews without an answer in time, or whose video was deleted or locked away."""
        with self._database.across_tenants("overdue quality reviews") as tx:
            # Asked of the video of each open review: the other videos are not read.
            unavailable = exists().where(
                videos.c.id == cases.c.video_id,
                or_(
                    videos.c.deleted_at.is_not(None),
                    videos.c.vaulted,
                    and_(videos.c.quarantined, cases.c.quarantined.is_(False)),
                ),
            )
            overdue = (
                cases.c.kind == CaseKind.QUALITY.value,
                cases.c.state == CaseState.OPEN.value,
                or_(cases.c.due_at < tx.now(), unavailable),
            )
            tx.update(cases, *overdue, **closed_columns(tx, CaseState.EXPIRED))

    def delete_old_answers(self) -> None:
        """Delete answers that are older than `KEEP_ANSWERS_S`; those of samples stay without the person."""
        with self._database.across_tenants("old answers of quality reviews") as tx:
            old = quality_answers.c.at < tx.now() - KEEP_ANSWERS_S
            compared = select(quality_cases.c.case_id).where(
                quality_cases.c.purpose != QualityPurpose.SAMPLE.value
            )
            tx.delete(quality_answers, old, quality_answers.c.case_id.in_(compared))
            tx.update(quality_answers, old, quality_answers.c.person.is_not(None), person=None)
            tx.delete(
                quality_cases,
                quality_cases.c.purpose != QualityPurpose.SAMPLE.value,
                quality_cases.c.opened_at < tx.now() - KEEP_ANSWERS_S - REVIEW_DUE_S,
            )


def _find_reviewable(tx: Transaction, made: Row) -> Case | None:
    """The case of a decision, if another person may review it."""
    row = tx.one(cases, made.case_id)
    first = None if row is None else case_from_row(row)
    if first is None or not has_other_decider(tx, first, people_around(tx, first.video_id)):
        return None
    return first


def _open_second_review(tx: Transaction, made: Row) -> None:
    first = _find_reviewable(tx, made)
    if first is None:
        return
    store.open_quality_case(
        tx,
        NewQualityCase(
            purpose=QualityPurpose.SECOND,
            source=first.id,
            video_id=first.video_id,
            due_s=REVIEW_DUE_S,
            quarantined=first.quarantined,
            category=first.category,
            required_rank=first.required_rank,
            expected=_answer_of(tx, first, DecisionAction(made.action)).value,
            first_person=made.decided_by,
        ),
    )


def _answer_of(tx: Transaction, case: Case, action: DecisionAction) -> DecisionAction:
    """A decision as an answer about the video."""
    answer = AS_ANSWER[action]
    if case.kind is not CaseKind.APPEAL:
        return answer
    of_case = select(appeals.c.statement_id).where(
        *tx.tenant_condition(appeals), appeals.c.case_id == case.id
    )
    by_reporter = [kind.value for kind in BY_REPORTER]
    if not tx.count(statements, statements.c.id.in_(of_case), statements.c.kind.in_(by_reporter)):
        return answer
    # Against a rejected report: to overturn it is to withdraw the video.
    (other,) = set(AS_ANSWER.values()) - {answer}
    return other


def _open_golden(tx: Transaction, golden: Row, category: str, person: Principal) -> bool:
    """Give a golden case to a person. Returns False if the person may not have it or its video is gone."""
    video = tx.one(videos, golden.video_id)
    gone = video is None or video.deleted_at is not None or video.vaulted or video.quarantined
    if gone or not person.has_scope(KeyScope.REVIEW) or person.id in people_around(tx, golden.video_id):
        return False
    new = NewQualityCase(
        purpose=QualityPurpose.GOLDEN,
        source=golden.id,
        video_id=golden.video_id,
        due_s=REVIEW_DUE_S,
        category=category,
        assigned_to=person.id,
        expected=golden.answer,
    )
    return store.open_quality_case(tx, new) is not None

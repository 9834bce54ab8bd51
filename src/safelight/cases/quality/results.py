"""Reads the answers of quality reviews: the own ones, those of a team without names, and those of samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from sqlalchemy import and_, func, select

from safelight.accounts import KeyScope, Principal
from safelight.accounts.policies import CountsRule, count_all
from safelight.store.database import Database, Row, Transaction
from safelight.store.tables import (
    decisions,
    golden_cases,
    people,
    quality_answers,
    quality_cases,
    quality_draws,
)
from safelight.videos.case_rows import CaseKind, DecisionAction
from safelight.videos.case_rows.models import ACTIONS

from .models import (
    KEEP_ANSWERS_S,
    MIN_PEOPLE,
    Draw,
    OwnAnswer,
    QualityPurpose,
    Reconsidered,
    StratumCounts,
    TeamAnswers,
)
from .rule_answers import RuleAnswers, read_rule_answers
from .sampling import Stratum

_MAX_DRAWS = 50
_SAME_CASE = and_(
    quality_answers.c.case_id == quality_cases.c.case_id,
    quality_answers.c.tenant_id == quality_cases.c.tenant_id,
)


class QualityResults:
    """The answers of one installation. Those of a team need the scope `policy`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def own_answers(self, principal: Principal) -> tuple[OwnAnswer, ...]:
        """The answers of this person that can be compared, newest first: golden cases, and cases that two
        people decided. Only answers of the last `KEEP_ANSWERS_S`.
        """
        with self._database.read_transaction(principal.tenant) as tx:
            notes = {row.id: row.note for row in tx.select(golden_cases)}
            rows = _comparable(tx)
        own = []
        for row in rows:
            values = {"purpose": QualityPurpose(row.purpose), "at": row.at, "note": notes.get(row.source, "")}
            if row.person == principal.id:
                own.append(OwnAnswer(**values, answer=row.answer, expected=row.expected))
            elif row.first_person == principal.id:
                own.append(OwnAnswer(**values, answer=row.expected, expected=row.answer))
        return tuple(own)

    def team_answers(self, principal: Principal) -> TeamAnswers:
        """The answers of all people of the last `KEEP_ANSWERS_S`, without names.

        A list of pairs is empty if its answers are those of fewer than `MIN_PEOPLE` people: a figure about it
        would be about single people.
        """
        principal.require(KeyScope.POLICY)
        with self._database.read_transaction(principal.tenant) as tx:
            rows = _comparable(tx)
            enrolled = {row.id for row in tx.select(people, columns=[people.c.id])}
        golden, second = (
            [row for row in rows if row.purpose == purpose.value]
            for purpose in (QualityPurpose.GOLDEN, QualityPurpose.SECOND)
        )
        answered = {row.person for row in rows} & enrolled
        decided = {row.first_person for row in second} & enrolled
        of_cases: dict[str, list[str]] = {}
        for row in rows:
            first = [row.expected] if row.purpose == QualityPurpose.SECOND.value else []
            of_cases.setdefault(row.source, first).append(row.answer)
        return TeamAnswers(
            people=len(answered),
            of_cases=tuple(map(tuple, of_cases.values())),
            golden=_pairs(golden, {row.person for row in golden} & enrolled),
            second=_pairs(second, ({row.person for row in second} & enrolled) | decided),
            machine=tuple((row.machine, row.answer) for row in rows if row.machine is not None)
            if len(answered) >= MIN_PEOPLE
            else (),
        )

    def rule_answers(self, principal: Principal, *, counts: CountsRule = count_all) -> RuleAnswers:
        """How often people disagreed with each rule, and which rules missed harm. Without people."""
        return read_rule_answers(self._database, principal, counts=counts)

    def list_draws(self, principal: Principal) -> tuple[Draw, ...]:
        """The samples with what was found in them, newest first."""
        principal.require(KeyScope.POLICY)
        with self._database.read_transaction(principal.tenant) as tx:
            return read_draws(tx)


def read_draws(tx: Transaction, draw_id: str | None = None) -> tuple[Draw, ...]:
    """All samples, or the one with this id, newest first."""
    rows = tx.select(
        quality_draws,
        *(() if draw_id is None else (quality_draws.c.id == draw_id,)),
        columns=[column for column in quality_draws.c if column is not quality_draws.c.waiting],
        order_by=(quality_draws.c.drawn_at.desc(), quality_draws.c.id.desc()),
        limit=_MAX_DRAWS,
    )
    return tuple(
        Draw(id=row.id, since=row.since, until=row.until, drawn_at=row.drawn_at, strata=_strata(tx, row))
        for row in rows
    )


def count_reconsidered(
    tx: Transaction, since: float, *, min_people: int = 1
) -> dict[Reconsidered, Counter[bool]]:
    """Decisions that another person judged again since then: how many were changed (True) and how many were
    not. Second reviews are left out if fewer than `min_people` made the first decisions.
    """
    of = decisions.c
    appeals = (
        select(of.action, func.count().label("amount"))
        .where(*tx.tenant_condition(decisions), of.at >= since)
        .where(of.action.in_([action.value for action in ACTIONS[CaseKind.APPEAL]]))
        .group_by(of.action)
    )
    counts = {row.action == DecisionAction.OVERTURN.value: row.amount for row in tx.execute(appeals)}
    found = {Reconsidered.APPEAL: Counter(counts)}
    second = _answers(tx, (QualityPurpose.SECOND,), since)
    if len({row.first_person for row in second}) >= min_people:
        found[Reconsidered.SECOND] = Counter(row.answer != row.expected for row in second)
    return found


def _strata(tx: Transaction, draw: Row) -> tuple[StratumCounts, ...]:
    answers = _count_answers(tx, draw.id)
    return tuple(
        StratumCounts(
            stratum=stratum,
            delivered=draw.delivered[stratum.value],
            drawn=draw.drawn[stratum.value],
            answered=sum(count for (name, _), count in answers.items() if name == stratum.value),
            found=answers[stratum.value, DecisionAction.AGAINST_POLICY.value],
        )
        for stratum in Stratum
    )


def _count_answers(tx: Transaction, draw_id: str) -> Counter[tuple[str, str]]:
    """The number of answers in a sample, by stratum and answer."""
    query = (
        select(quality_cases.c.stratum, quality_answers.c.answer, func.count().label("amount"))
        .join_from(quality_cases, quality_answers, _SAME_CASE)
        .where(*tx.tenant_condition(quality_cases), *tx.tenant_condition(quality_answers))
        .where(quality_cases.c.purpose == QualityPurpose.SAMPLE.value, quality_cases.c.source == draw_id)
        .group_by(quality_cases.c.stratum, quality_answers.c.answer)
    )
    return Counter({(row.stratum, row.answer): row.amount for row in tx.execute(query).all()})


def _comparable(tx: Transaction) -> list[Row]:
    """The answers of the last `KEEP_ANSWERS_S` that can be compared with another, newest first."""
    rows = _answers(tx, (QualityPurpose.GOLDEN, QualityPurpose.SECOND), tx.now() - KEEP_ANSWERS_S)
    return [row for row in rows if row.person is not None]


def _answers(tx: Transaction, purposes: Iterable[QualityPurpose], since: float) -> list[Row]:
    """The answers since then, newest first."""
    query = (
        select(quality_cases, quality_answers.c.person, quality_answers.c.answer, quality_answers.c.at)
        .join_from(quality_cases, quality_answers, _SAME_CASE)
        .where(*tx.tenant_condition(quality_cases), *tx.tenant_condition(quality_answers))
        .where(quality_cases.c.purpose.in_([purpose.value for purpose in purposes]))
        .where(quality_answers.c.at >= since)
        .order_by(quality_answers.c.at.desc(), quality_answers.c.case_id)
    )
    return list(tx.execute(query).all())


def _pairs(rows: Iterable[Row], of_people: Collection[str]) -> tuple[tuple[str, str], ...]:
    """The expected and the given answers; none if they are those of too few people."""
    return tuple((row.expected, row.answer) for row in rows) if len(of_people) >= MIN_PEOPLE else ()

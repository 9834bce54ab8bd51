"""Counts how often people disagreed with each rule, and which rules they named for missed harm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, select

from safelight.policy.verdicts import Action
from safelight.store.database import Database
from safelight.store.tables import cases, people, quality_answers, quality_cases, verdicts
from safelight.store.transaction import Transaction
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.reviews import DecisionAction

from .models import KEEP_ANSWERS_S, MIN_PEOPLE, QualityPurpose

_STOPS = (Action.BLOCK.value, Action.HOLD.value)
#: Number of ids in one condition.
_MAX_IDS = 500


@dataclass(frozen=True, kw_only=True)
class RuleCount:
    """How often a rule was wrong."""

    rule: str
    wrong: int
    of: int


@dataclass(frozen=True, kw_only=True)
class RuleAnswers:
    #: For each rule that stopped videos: how many answers in golden cases and second reviews found the video
    #: within the policy. Empty if fewer than `MIN_PEOPLE` people answered.
    stopped: tuple[RuleCount, ...] = ()
    #: For each stratum of each sample: how many answers named the rule for a delivered video that is against
    #: the policy, of all answers in the stratum.
    missed: tuple[RuleCount, ...] = ()


def read_rule_answers(database: Database, principal: Principal) -> RuleAnswers:
    """The counts of a tenant, without people. Needs the scope `policy`."""
    principal.require(KeyScope.POLICY)
    with database.read_transaction(principal.tenant) as tx:
        return RuleAnswers(stopped=_stopped(tx), missed=_missed(tx))


def _stopped(tx: Transaction) -> tuple[RuleCount, ...]:
    query = (
        select(cases.c.video_id, quality_answers.c.answer, quality_answers.c.person)
        .join_from(quality_cases, quality_answers, _same_case())
        .join(cases, cases.c.id == quality_cases.c.case_id)
        .where(*tx.tenant_condition(quality_cases), *tx.tenant_condition(quality_answers))
        .where(
            *tx.tenant_condition(cases),
            quality_cases.c.purpose.in_([QualityPurpose.GOLDEN.value, QualityPurpose.SECOND.value]),
            quality_cases.c.machine == DecisionAction.AGAINST_POLICY.value,
            quality_answers.c.at >= tx.now() - KEEP_ANSWERS_S,
            quality_answers.c.person.is_not(None),
        )
    )
    rows = tx.execute(query).all()
    enrolled = {row.id for row in tx.select(people, columns=[people.c.id])}
    if len({row.person for row in rows} & enrolled) < MIN_PEOPLE:
        return ()
    rules = _stopping_rules(tx, {row.video_id for row in rows})
    answers = [(rules.get(row.video_id, ""), row.answer) for row in rows]
    return _count(Counter(answers), Counter(rule for rule, _ in answers), DecisionAction.IN_POLICY)


def _missed(tx: Transaction) -> tuple[RuleCount, ...]:
    query = (
        select(
            quality_cases.c.source,
            quality_cases.c.stratum,
            quality_answers.c.answer,
            quality_answers.c.clause,
        )
        .join_from(quality_cases, quality_answers, _same_case())
        .where(*tx.tenant_condition(quality_cases), *tx.tenant_condition(quality_answers))
        .where(quality_cases.c.purpose == QualityPurpose.SAMPLE.value)
    )
    found: Counter[tuple[str, str, str]] = Counter()
    answered: Counter[tuple[str, str]] = Counter()
    for row in tx.execute(query):
        answered[row.source, row.stratum] += 1
        if row.answer == DecisionAction.AGAINST_POLICY.value and row.clause:
            found[row.source, row.stratum, row.clause] += 1
    return tuple(
        RuleCount(rule=rule, wrong=count, of=answered[source, stratum])
        for (source, stratum, rule), count in sorted(found.items())
    )


def _stopping_rules(tx: Transaction, video_ids: Collection[str]) -> dict[str, str]:
    """For each video the rule of the last verdict that stopped it."""
    ordered, rules = sorted(video_ids), {}
    for start in range(0, len(ordered), _MAX_IDS):
        for row in tx.select(
            verdicts,
            verdicts.c.video_id.in_(ordered[start : start + _MAX_IDS]),
            verdicts.c.action.in_(_STOPS),
            columns=[verdicts.c.video_id, verdicts.c.rule],
            order_by=(verdicts.c.created_at, verdicts.c.id),
        ):
            rules[row.video_id] = row.rule
    return rules


def _count(
    answers: Counter[tuple[str, str]], total: Counter[str], wrong: DecisionAction
) -> tuple[RuleCount, ...]:
    return tuple(
        RuleCount(rule=rule, wrong=answers[rule, wrong.value], of=count)
        for rule, count in sorted(total.items())
        if rule
    )


def _same_case() -> ColumnElement[bool]:
    return and_(
        quality_answers.c.case_id == quality_cases.c.case_id,
        quality_answers.c.tenant_id == quality_cases.c.tenant_id,
    )

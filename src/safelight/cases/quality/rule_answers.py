"""Counts how often people disagreed with each rule, and which rules they named for missed harm."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import and_, select

from safelight.accounts import KeyScope, Principal
from safelight.accounts.policies import CountsRule, JudgedRule, count_all, read_judged_rules
from safelight.policy.verdicts import Action
from safelight.store.database import Database, Filter, Transaction
from safelight.store.tables import cases, people, quality_answers, quality_cases
from safelight.videos.case_rows import DecisionAction

from .models import KEEP_ANSWERS_S, MIN_PEOPLE, QualityPurpose

_STOPS = (Action.BLOCK.value, Action.HOLD.value)


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


def read_rule_answers(
    database: Database, principal: Principal, *, counts: CountsRule = count_all
) -> RuleAnswers:
    """The counts of a tenant, without people. Needs the scope `policy`.

    `counts` leaves out videos that were judged by another form of a rule.
    """
    principal.require(KeyScope.POLICY)
    with database.read_transaction(principal.tenant) as tx:
        return RuleAnswers(stopped=_stopped(tx, counts), missed=_missed(tx, counts))


def _stopped(tx: Transaction, counts: CountsRule) -> tuple[RuleCount, ...]:
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
    judged = read_judged_rules(tx, {row.video_id for row in rows}, actions=_STOPS)
    answers = [
        (by.rule, row.answer) for row in rows if (by := judged.get(row.video_id)) is not None and counts(by)
    ]
    return _count(Counter(answers), Counter(rule for rule, _ in answers), DecisionAction.IN_POLICY)


def _missed(tx: Transaction, counts: CountsRule) -> tuple[RuleCount, ...]:
    query = (
        select(
            quality_cases.c.source,
            quality_cases.c.stratum,
            quality_answers.c.answer,
            quality_answers.c.clause,
            cases.c.video_id,
        )
        .join_from(quality_cases, quality_answers, _same_case())
        .join(cases, cases.c.id == quality_cases.c.case_id)
        .where(*tx.tenant_condition(quality_cases), *tx.tenant_condition(quality_answers))
        .where(*tx.tenant_condition(cases), quality_cases.c.purpose == QualityPurpose.SAMPLE.value)
    )
    rows = tx.execute(query).all()
    judged = read_judged_rules(tx, {row.video_id for row in rows}, actions=[one.value for one in Action])
    by_policy = {video_id: one.policy_sha256 for video_id, one in judged.items()}
    found: Counter[tuple[str, str, str]] = Counter()
    answered: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        policy = by_policy.get(row.video_id, "")
        answered[row.source, row.stratum, policy] += 1
        rule = row.clause if row.answer == DecisionAction.AGAINST_POLICY.value else None
        if rule and counts(JudgedRule(rule=rule, policy_sha256=policy)):
            found[row.source, row.stratum, rule] += 1
    return tuple(
        RuleCount(
            rule=rule,
            wrong=count,
            of=sum(
                number
                for (*place, policy), number in answered.items()
                if place == [source, stratum] and counts(JudgedRule(rule=rule, policy_sha256=policy))
            ),
        )
        for (source, stratum, rule), count in sorted(found.items())
    )


def _count(
    answers: Counter[tuple[str, str]], total: Counter[str], wrong: DecisionAction
) -> tuple[RuleCount, ...]:
    return tuple(
        RuleCount(rule=rule, wrong=answers[rule, wrong.value], of=count)
        for rule, count in sorted(total.items())
        if rule
    )


def _same_case() -> Filter:
    return and_(
        quality_answers.c.case_id == quality_cases.c.case_id,
        quality_answers.c.tenant_id == quality_cases.c.tenant_id,
    )

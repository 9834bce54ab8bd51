"""How many appeals against the blocks of each rule were successful."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from safelight.policy.statistics import wilson
from safelight.policy.verdicts import Action
from safelight.store.database import Database
from safelight.store.tables import cases, decisions
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.policies.judged_rules import CountsRule, JudgedRule, count_all, read_judged_rules
from safelight.trust.reviews import CaseKind, DecisionAction

#: With fewer decided appeals a rate means little: the interval of 0 of 19 reaches 17 %.
MIN_DECIDED = 20


@dataclass(frozen=True, kw_only=True)
class OverturnRate:
    """The decided appeals against the blocks of one rule."""

    #: Empty for blocks because a check was missing, and for appeals of reporters that named no rule.
    rule: str
    decided: int
    overturned: int

    @property
    def is_enough(self) -> bool:
        return self.decided >= MIN_DECIDED

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the rate; None for too few appeals."""
        return wilson(self.overturned, self.decided) if self.is_enough else None


def overturn_rates(
    database: Database, principal: Principal, *, counts: CountsRule = count_all
) -> tuple[OverturnRate, ...]:
    """The rates of a tenant: the rule with most decided appeals first. Needs the scope `review`.

    `counts` leaves out appeals against rules that had another form.
    """
    principal.require(KeyScope.REVIEW)
    with database.read_transaction(principal.tenant) as tx:
        appealed = tx.select(
            cases, cases.c.kind == CaseKind.APPEAL.value, columns=[cases.c.id, cases.c.rule, cases.c.video_id]
        )
        judged = read_judged_rules(
            tx, {row.video_id for row in appealed}, actions=[one.value for one in Action]
        )
        unknown = JudgedRule(rule="", policy_sha256="")
        rules = {
            row.id: row.rule
            for row in appealed
            if counts(replace(judged.get(row.video_id, unknown), rule=row.rule))
        }
        wanted = decisions.c.action.in_([DecisionAction.OVERTURN.value, DecisionAction.UPHOLD.value])
        made = [
            (rules[row.case_id], row.action == DecisionAction.OVERTURN.value)
            for row in tx.select(decisions, wanted, columns=[decisions.c.case_id, decisions.c.action])
            if row.case_id in rules
        ]
    return count_rates(made)


def count_rates(decided: Iterable[tuple[str, bool]]) -> tuple[OverturnRate, ...]:
    """The rates of decided appeals, each with its rule and whether it was successful."""
    total: Counter[str] = Counter()
    overturned: Counter[str] = Counter()
    for rule, won in decided:
        total[rule] += 1
        overturned[rule] += won
    rates = [OverturnRate(rule=rule, decided=n, overturned=overturned[rule]) for rule, n in total.items()]
    return tuple(sorted(rates, key=lambda one: (-one.decided, one.rule)))

"""A policy compiled for one stage and context, so that it evaluates many findings quickly.

Each clause has a bit. A finding sets the bits of the clauses that it meets, and a rule matches if the right
bits are set.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from .conditions import FindingView, Predicate
from .documents import Policy
from .findings import Finding, Modality
from .rules import Clause, Rule
from .verdicts import Action, Context

#: A compiled clause: minimum score, maximum score (exclusive), whether it is for the test card, further
#: condition, bit.
ClauseTest: TypeAlias = tuple[float, float, bool, Predicate | None, int]


@dataclass(frozen=True, kw_only=True)
class CompiledRule:
    """A rule that can match in this context, with its action for this audience."""

    rule: Rule
    action: Action
    #: The rule matches if all bits of `all_bits` are set and, unless `any_bits` is 0, at least one bit of
    #: `any_bits`.
    all_bits: int
    any_bits: int

    def matches(self, hits: int) -> bool:
        return hits & self.all_bits == self.all_bits and (not self.any_bits or bool(hits & self.any_bits))


class CompiledPolicy:
    """The rules in order of precedence.

    The strongest action is first, then rules that vault, then rules for real findings before those for the
    test card, then the order of the document.
    """

    def __init__(self, policy: Policy, context: Context) -> None:
        self._by_category: dict[Modality, dict[str, list[ClauseTest]]] = {
            modality: {} for modality in Modality
        }
        #: Clauses for any category. They apply to findings whose category no rule names.
        self._any_category: dict[Modality, list[ClauseTest]] = {modality: [] for modality in Modality}
        self._next = 1
        named = {
            category
            for rule in policy.rules
            for clause in _clauses_of(rule)
            for category in clause.categories
        }
        for category in named:
            for modality in Modality:
                self._by_category[modality][category] = []
        compiled = [made for rule in policy.rules if (made := self._compile_rule(rule, context)) is not None]
        order = sorted(
            range(len(compiled)),
            key=lambda n: (
                -compiled[n].action.severity,
                not compiled[n].rule.vault,
                _is_test_card_rule(compiled[n].rule),
                n,
            ),
        )
        self.rules: tuple[CompiledRule, ...] = tuple(compiled[n] for n in order)

    def matching_rules(self, findings: Iterable[FindingView]) -> list[CompiledRule]:
        """The rules that match these findings; the deciding one is first."""
        hits = 0
        slots, others = self._by_category, self._any_category
        for finding in findings:
            modality = finding.modality
            found = slots[modality].get(finding.category)
            score = finding.score
            for minimum, below, card, predicate, bit in others[modality] if found is None else found:
                # Every comparison with NaN is false, so a score that is NaN matches.
                if score < minimum or score >= below or finding.test_card is not card:
                    continue
                if not hits & bit and (predicate is None or predicate(finding)):
                    hits |= bit
        return [compiled for compiled in self.rules if compiled.matches(hits)] if hits else []

    def matched_findings(self, compiled: CompiledRule, findings: Iterable[Finding]) -> list[Finding]:
        """The findings that made the rule `compiled` match."""
        wanted = compiled.all_bits | compiled.any_bits
        return [finding for finding in findings if self._bits(finding) & wanted]

    def _bits(self, finding: Finding) -> int:
        bits = 0
        found = self._by_category[finding.modality].get(
            finding.category, self._any_category[finding.modality]
        )
        for minimum, below, card, predicate, bit in found:
            if finding.score < minimum or finding.score >= below or finding.test_card is not card:
                continue
            if predicate is None or predicate(finding):
                bits |= bit
        return bits

    def _compile_rule(self, rule: Rule, context: Context) -> CompiledRule | None:
        override = rule.audiences.get(context.audience)
        if override is not None and override.disabled:
            return None
        if (rule.unless_consent and context.consents) or rule.unless_facts & context.facts:
            return None
        every = some = 0
        if rule.when is not None:
            every |= self._add_clause(
                rule, rule.when, context, override.score if override is not None else None
            )
        for clause in rule.all_of:
            every |= self._add_clause(rule, clause, context)
        for clause in rule.any_of:
            some |= self._add_clause(rule, clause, context)
        action = (override.action if override is not None else None) or rule.action
        return CompiledRule(rule=rule, action=action, all_bits=every, any_bits=some)

    def _add_clause(self, rule: Rule, clause: Clause, context: Context, score: float | None = None) -> int:
        bit = self._next
        self._next <<= 1
        if clause.stages and context.stage not in clause.stages:
            return bit
        minimum = clause.at_least if score is None else score
        test = (minimum, clause.below, clause.test_card, _except(clause.predicate, rule.exempt), bit)
        for modality in clause.modalities or Modality:
            table = self._by_category[modality]
            for category in clause.categories or table:
                table[category].append(test)
            if not clause.categories:
                self._any_category[modality].append(test)
        return bit


def _clauses_of(rule: Rule) -> list[Clause]:
    return [*([rule.when] if rule.when is not None else []), *rule.all_of, *rule.any_of]


def _is_test_card_rule(rule: Rule) -> bool:
    return all(clause.test_card for clause in _clauses_of(rule))


def _except(predicate: Predicate | None, exempt: Predicate | None) -> Predicate | None:
    if exempt is None:
        return predicate
    if predicate is None:
        return lambda finding: not exempt(finding)
    return lambda finding: predicate(finding) and not exempt(finding)


def compile_policy(policy: Policy, context: Context) -> CompiledPolicy:
    """The policy compiled for the stage, audience, consents and facts of `context`; cached in the policy."""
    facts = context.facts and context.facts & frozenset().union(*(rule.unless_facts for rule in policy.rules))
    key = ("program", context.stage, context.audience, bool(context.consents), facts)
    if key not in policy.cache:
        policy.cache[key] = CompiledPolicy(policy, context)
    made: CompiledPolicy = policy.cache[key]
    return made

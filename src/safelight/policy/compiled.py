"""A policy compiled for one stage and context: one look at each finding, then bits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from .conditions import FindingView, Predicate
from .documents import Policy
from .findings import Finding, Modality
from .rules import Clause, Rule
from .verdicts import Action, Context

#: One clause, ready: least score, score it stays under, test card, further question, its bit.
Slot: TypeAlias = tuple[float, float, bool, Predicate | None, int]


@dataclass(frozen=True, kw_only=True)
class CompiledRule:
    """A rule that can fire here, with the action it has for this audience."""

    rule: Rule
    action: Action
    #: All of these bits, and one of `some` unless it is 0.
    all_bits: int
    any_bits: int

    def matches(self, hits: int) -> bool:
        return hits & self.all_bits == self.all_bits and (not self.any_bits or bool(hits & self.any_bits))


class CompiledPolicy:
    """Rules in the order in which they win: strongest, what vaults, real before test card, as written."""

    def __init__(self, policy: Policy, context: Context) -> None:
        self._slots: dict[Modality, dict[str, list[Slot]]] = {modality: {} for modality in Modality}
        #: Clauses on any category; for categories no rule names.
        self._others: dict[Modality, list[Slot]] = {modality: [] for modality in Modality}
        self._next = 1
        named = {
            category for rule in policy.rules for clause in _clauses(rule) for category in clause.categories
        }
        for category in named:
            for modality in Modality:
                self._slots[modality][category] = []
        armed = [made for rule in policy.rules if (made := self._arm(rule, context)) is not None]
        order = sorted(
            range(len(armed)),
            key=lambda n: (-armed[n].action.severity, not armed[n].rule.vault, _card(armed[n].rule), n),
        )
        self.rules: tuple[CompiledRule, ...] = tuple(armed[n] for n in order)

    def matching_rules(self, findings: Iterable[FindingView]) -> list[CompiledRule]:
        """The rules that fire on these findings, the winning one first."""
        hits = 0
        slots, others = self._slots, self._others
        for finding in findings:
            modality = finding.modality
            found = slots[modality].get(finding.category)
            score = finding.score
            for least, under, card, predicate, bit in others[modality] if found is None else found:
                # Written so that a score that is not a number fires.
                if score < least or score >= under or finding.test_card is not card:
                    continue
                if not hits & bit and (predicate is None or predicate(finding)):
                    hits |= bit
        return [armed for armed in self.rules if armed.matches(hits)] if hits else []

    def matched_findings(self, armed: CompiledRule, findings: Iterable[Finding]) -> list[Finding]:
        """The findings a fired rule rests on."""
        wanted = armed.all_bits | armed.any_bits
        return [finding for finding in findings if self._bits(finding) & wanted]

    def _bits(self, finding: Finding) -> int:
        bits = 0
        found = self._slots[finding.modality].get(finding.category, self._others[finding.modality])
        for least, under, card, predicate, bit in found:
            if finding.score < least or finding.score >= under or finding.test_card is not card:
                continue
            if predicate is None or predicate(finding):
                bits |= bit
        return bits

    def _arm(self, rule: Rule, context: Context) -> CompiledRule | None:
        override = rule.audiences.get(context.audience)
        if override is not None and override.disabled:
            return None
        if (rule.unless_consent and context.consents) or rule.unless_facts & context.facts:
            return None
        every = some = 0
        if rule.when is not None:
            every |= self._slot(rule, rule.when, context, override.score if override is not None else None)
        for clause in rule.all_of:
            every |= self._slot(rule, clause, context)
        for clause in rule.any_of:
            some |= self._slot(rule, clause, context)
        action = (override.action if override is not None else None) or rule.action
        return CompiledRule(rule=rule, action=action, all_bits=every, any_bits=some)

    def _slot(self, rule: Rule, clause: Clause, context: Context, score: float | None = None) -> int:
        bit = self._next
        self._next <<= 1
        if clause.stages and context.stage not in clause.stages:
            return bit
        least = clause.at_least if score is None else score
        slot = (least, clause.below, clause.test_card, _both(clause.predicate, rule.exempt), bit)
        for modality in clause.modalities or Modality:
            table = self._slots[modality]
            for category in clause.categories or table:
                table[category].append(slot)
            if not clause.categories:
                self._others[modality].append(slot)
        return bit


def _clauses(rule: Rule) -> list[Clause]:
    return [*([rule.when] if rule.when is not None else []), *rule.all_of, *rule.any_of]


def _card(rule: Rule) -> bool:
    return all(clause.test_card for clause in _clauses(rule))


def _both(predicate: Predicate | None, exempt: Predicate | None) -> Predicate | None:
    if exempt is None:
        return predicate
    if predicate is None:
        return lambda finding: not exempt(finding)
    return lambda finding: predicate(finding) and not exempt(finding)


def compile_policy(policy: Policy, context: Context) -> CompiledPolicy:
    """The policy compiled for this stage, audience, consents and facts; made once."""
    facts = context.facts and context.facts & frozenset().union(*(rule.unless_facts for rule in policy.rules))
    key = ("program", context.stage, context.audience, bool(context.consents), facts)
    if key not in policy.cache:
        policy.cache[key] = CompiledPolicy(policy, context)
    made: CompiledPolicy = policy.cache[key]
    return made

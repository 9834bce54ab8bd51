"""A policy compiled for one stage and context, so that it evaluates many findings quickly.

Each clause has a bit. A finding sets the bits of the clauses that it meets, and a rule matches if the right
bits are set. The bits are kept apart by what the findings support: a block, a hold, or no action.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from .conditions import FindingView, Predicate
from .documents import Policy
from .findings import Finding, Modality, Taxonomy
from .grounding import Grounding, Support
from .rules import Clause, Rule
from .verdicts import Action, Context

#: A compiled clause: minimum score, maximum score (exclusive), whether it is for the test card, further
#: condition, bit.
ClauseTest: TypeAlias = tuple[float, float, bool, Predicate | None, int]
#: A sort key: severity of the action, negative; not a vault; only for the test card.
Precedence: TypeAlias = tuple[int, bool, bool]

_encoder = msgspec.msgpack.Encoder()


@dataclass(frozen=True, kw_only=True)
class CompiledRule:
    """A rule that can match in this context, with its action for this audience."""

    rule: Rule
    action: Action
    #: The rule matches if all bits of `all_bits` are set and, unless `any_bits` is 0, at least one bit of
    #: `any_bits`.
    all_bits: int
    any_bits: int
    #: Whether it is only about categories of which most readers see the group.
    discreet: bool
    #: The order of the rules if each has its full effect.
    precedence: Precedence

    def matches(self, hits: int) -> bool:
        return hits & self.all_bits == self.all_bits and (not self.any_bits or bool(hits & self.any_bits))


class RuleMatch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A rule that matched, and the action that its evidence supports."""

    compiled: CompiledRule
    support: Support

    @property
    def rule(self) -> Rule:
        return self.compiled.rule

    @property
    def action(self) -> Action:
        return Action.HOLD if self.is_capped else self.compiled.action

    @property
    def is_capped(self) -> bool:
        """Whether the rule asks for a block, but its evidence supports only a hold."""
        return self.compiled.action is Action.BLOCK and self.support is Support.HOLD

    @property
    def vault(self) -> bool:
        return self.rule.vault and not self.is_capped


class CompiledPolicy:
    """Finds the rules that match, in order of precedence.

    The strongest action is first, then rules that vault, then rules for real findings before those for the
    test card. Among them, the rule with the strongest evidence is first; with equal evidence, conjunctions,
    then rules about categories that every reader may see, then the order of the document.
    """

    def __init__(self, policy: Policy, context: Context, discreet: frozenset[str]) -> None:
        self._by_category: dict[Modality, dict[str, list[ClauseTest]]] = {
            modality: {} for modality in Modality
        }
        #: Clauses for any category. They apply to findings whose category no rule names.
        self._any_category: dict[Modality, list[ClauseTest]] = {modality: [] for modality in Modality}
        self._next = 1
        self._discreet = discreet
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
        # The sort is stable, so that rules with equal precedence keep the order of the document.
        self.rules: tuple[CompiledRule, ...] = tuple(sorted(compiled, key=lambda rule: rule.precedence))

    def matching_rules(self, findings: Sequence[FindingView]) -> list[RuleMatch]:
        """The rules that match these findings; the deciding one is first."""
        hits = held = blocked = 0
        slots, others = self._by_category, self._any_category
        grounding = Grounding(findings)
        for finding in findings:
            modality = finding.modality
            found = slots[modality].get(finding.category)
            score = finding.score
            bits = 0
            for minimum, below, card, predicate, bit in others[modality] if found is None else found:
                # Every comparison with NaN is false, so a score that is NaN matches.
                if score < minimum or score >= below or finding.test_card is not card:
                    continue
                if not blocked & bit and (predicate is None or predicate(finding)):
                    bits |= bit
            if bits:
                hits |= bits
                support = grounding.support(finding)
                if support is not Support.NONE:
                    held |= bits
                    if support is Support.BLOCK:
                        blocked |= bits
        if not hits:
            return []
        matches = []
        for compiled in self.rules:
            if not compiled.matches(hits):
                continue
            if compiled.matches(blocked):
                support = Support.BLOCK
            elif compiled.matches(held):
                support = Support.HOLD
            elif compiled.action is Action.ALLOW:
                support = Support.NONE
            else:
                continue
            matches.append(RuleMatch(compiled=compiled, support=support))
        if len(matches) > 1:
            self._sort_matches(matches, findings, grounding)
        return matches

    def matched_findings(self, match: RuleMatch, findings: Sequence[Finding]) -> list[Finding]:
        """The findings that made the rule match, the strongest evidence first. Equal ones have a fixed order.

        Findings that support less than the match as a whole are left out.
        """
        wanted = match.compiled.all_bits | match.compiled.any_bits
        grounding = Grounding(findings)
        supported = [
            (support, finding)
            for finding in findings
            if self._bits(finding) & wanted and (support := grounding.support(finding)) >= match.support
        ]
        supported.sort(key=lambda pair: (-pair[0], *_order(pair[1])))
        return [finding for _, finding in supported]

    def _sort_matches(
        self, matches: list[RuleMatch], findings: Sequence[FindingView], grounding: Grounding
    ) -> None:
        """Sort the matches, which have the order of the rules. The evidence is compared only to find the
        first one, because the order of the others has no effect.
        """
        if any(match.is_capped for match in matches):
            matches.sort(key=_precedence)
        first = _precedence(matches[0])
        tied = [match for match in matches if _precedence(match) == first]
        if len(tied) < 2:
            return
        seen = [
            (bits, (grounding.support(finding), finding.score))
            for finding in findings
            if (bits := self._bits(finding))
        ]
        tied.sort(key=lambda match: (_weakness(match.compiled, seen), _vagueness(match)))
        matches[: len(tied)] = tied

    def _bits(self, finding: FindingView) -> int:
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
        named = categories_of(rule)
        return CompiledRule(
            rule=rule,
            action=action,
            all_bits=every,
            any_bits=some,
            discreet=bool(named) and named <= self._discreet,
            precedence=(-action.severity, not rule.vault, _is_test_card_rule(rule)),
        )

    def _add_clause(self, rule: Rule, clause: Clause, context: Context, score: float | None = None) -> int:
        bit = self._next
        self._next <<= 1
        if clause.stages and context.stage not in clause.stages:
            return bit
        minimum = clause.at_least if score is None else score
        predicate = _except(_with_basis(clause), rule.exempt)
        test = (minimum, clause.below, clause.test_card, predicate, bit)
        for modality in clause.modalities or Modality:
            table = self._by_category[modality]
            for category in clause.categories or table:
                table[category].append(test)
            if not clause.categories:
                self._any_category[modality].append(test)
        return bit


def _clauses_of(rule: Rule) -> list[Clause]:
    return [*([rule.when] if rule.when is not None else []), *rule.all_of, *rule.any_of]


def categories_of(rule: Rule) -> frozenset[str]:
    """The category that the rule gives, else those of its clauses."""
    if rule.category:
        return frozenset({rule.category})
    return frozenset().union(*(clause.categories for clause in _clauses_of(rule)))


def _precedence(match: RuleMatch) -> Precedence:
    if match.is_capped:
        return -Action.HOLD.severity, True, match.compiled.precedence[2]
    return match.compiled.precedence


def _weakness(
    compiled: CompiledRule, seen: Sequence[tuple[int, tuple[Support, float]]]
) -> tuple[float, float]:
    """A sort key: support and score of the rule's weakest part, negative. A conjunction is as strong as its
    weakest part, and a part as strong as its strongest finding.
    """
    parts = [1 << place for place in range(compiled.all_bits.bit_length()) if compiled.all_bits >> place & 1]
    if compiled.any_bits:
        parts.append(compiled.any_bits)
    support, score = min(
        max((strength for bits, strength in seen if bits & part), default=(Support.NONE, 0.0))
        for part in parts
    )
    return -support, -score


def _vagueness(match: RuleMatch) -> tuple[bool, bool]:
    """A sort key for equal evidence: a conjunction that supports a block is the most specific."""
    is_conjunction = len(_clauses_of(match.rule)) > 1 and match.support is Support.BLOCK
    return not is_conjunction, match.compiled.discreet


def _order(finding: Finding) -> tuple[float, str, str, bytes]:
    return -finding.score, finding.category, finding.modality.value, _encoder.encode(finding)


def _is_test_card_rule(rule: Rule) -> bool:
    return all(clause.test_card for clause in _clauses_of(rule))


def _with_basis(clause: Clause) -> Predicate | None:
    bases, predicate = clause.bases, clause.predicate
    if not bases:
        return predicate
    if predicate is None:
        return lambda finding: finding.basis in bases
    return lambda finding: finding.basis in bases and predicate(finding)


def _except(predicate: Predicate | None, exempt: Predicate | None) -> Predicate | None:
    if exempt is None:
        return predicate
    if predicate is None:
        return lambda finding: not exempt(finding)
    return lambda finding: predicate(finding) and not exempt(finding)


def compile_policy(policy: Policy, taxonomy: Taxonomy, context: Context) -> CompiledPolicy:
    """The policy compiled for the stage, audience, consents and facts of `context`; cached in the policy."""
    facts = context.facts and context.facts & frozenset().union(*(rule.unless_facts for rule in policy.rules))
    discreet = taxonomy.discreet
    key = ("program", context.stage, context.audience, bool(context.consents), facts, discreet)
    if key not in policy.cache:
        policy.cache[key] = CompiledPolicy(policy, context, discreet)
    made: CompiledPolicy = policy.cache[key]
    return made

"""The rules of a policy as sentences: what, where, the action, and what changes it, grouped by category."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from safelight.policy.documents import Policy
from safelight.policy.findings import Modality
from safelight.policy.rules import Clause, Rule

from .formatting import translate_category
from .translations import Translations

#: A value of the finding in a reason, such as the number of frames.
_VALUE = re.compile(r"\{\w+\}")


@dataclass(frozen=True, kw_only=True)
class RuleRow:
    id: str
    tone: str
    action: str
    #: What, where, and what changes it, in sentences.
    text: str
    #: Whether the reason has no translation.
    in_english: bool


@dataclass(frozen=True, kw_only=True)
class RuleGroup:
    name: str
    rules: tuple[RuleRow, ...]


def rule_groups(policy: Policy, t: Translations) -> tuple[RuleGroup, ...]:
    """The rules by category, in the order of the document."""
    groups: dict[str, list[RuleRow]] = {}
    for rule in policy.rules:
        groups.setdefault(_category(rule), []).append(_rule_row(rule, t))
    return tuple(
        RuleGroup(
            name=translate_category(category, t) if category else t("policy.rule.any_category"),
            rules=tuple(rows),
        )
        for category, rows in groups.items()
    )


def _category(rule: Rule) -> str:
    """The first part of the category that the rule is about; empty for several."""
    named = {rule.category} if rule.category else {one for each in _clauses(rule) for one in each.categories}
    families = {name.partition("/")[0] for name in named}
    if len(named) == 1 and named <= {"sexual/minors"}:
        return named.pop()
    return families.pop() if len(families) == 1 else ""


def _clauses(rule: Rule) -> tuple[Clause, ...]:
    return (*((rule.when,) if rule.when else ()), *rule.all_of, *rule.any_of)


def _rule_row(rule: Rule, t: Translations) -> RuleRow:
    reason = t.translate_reason(rule.reason)
    what = _VALUE.sub("…", reason).rstrip(".。")
    found = {modality for clause in _clauses(rule) for modality in clause.modalities}
    places = [t(f"modality.{modality.value}") for modality in Modality if modality in found]
    where = t("policy.rule.where", places=t.join_list(places)) if places else t("policy.rule.anywhere")
    return RuleRow(
        id=rule.id,
        tone=rule.action.value,
        action=t(f"policy.rule.action.{rule.action.value}"),
        text=t.join_sentences((t("policy.rule.what", what=what, where=where), *_changes(rule, t))),
        in_english=t.tag != "en" and reason == rule.reason,
    )


def _changes(rule: Rule, t: Translations) -> Iterator[str]:
    """Exceptions, other actions for an audience, and what else happens."""
    if rule.unless_consent:
        yield t("policy.rule.unless_consent")
    if rule.unless_facts:
        facts = [
            t(f"policy.rule.fact.{name}") if t.has(f"policy.rule.fact.{name}") else name
            for name in sorted(rule.unless_facts)
        ]
        yield t("policy.rule.unless_facts", facts=t.join_list(facts))
    for audience, override in sorted(rule.audiences.items()):
        if override.disabled:
            yield t("policy.rule.audience_off", audience=t(f"policy.rule.audiences.{audience.value}"))
        elif override.action is not None and override.action is not rule.action:
            yield t(
                "policy.rule.audience",
                audience=t(f"policy.rule.audiences.{audience.value}"),
                action=t(f"policy.rule.action.{override.action.value}"),
            )
    if rule.vault:
        yield t("policy.rule.vault")
    if rule.support:
        yield t("policy.rule.support")

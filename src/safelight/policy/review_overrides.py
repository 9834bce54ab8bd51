"""Verdicts after a review: findings that a reviewer approved cannot cause a hold again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec

from .compiled import RuleMatch, compile_policy
from .decisions import decide
from .documents import Policy
from .findings import Coverage, Finding, Taxonomy
from .grounding import Support
from .verdicts import Action, Context, Verdict


@dataclass(frozen=True, kw_only=True)
class ReviewedFindings:
    """The findings of a stage, and which of them a reviewer has approved or an appeal has overturned."""

    findings: Sequence[Finding]
    approved: Collection[Finding] = ()
    overturned: Collection[Finding] = ()


def decide_with_overrides(
    policy: Policy,
    taxonomy: Taxonomy,
    *,
    findings: ReviewedFindings,
    coverage: Coverage,
    context: Context,
    subject_sha256: str,
) -> Verdict:
    """The verdict of `decide`, with fewer effects of the findings that were reviewed.

    Approved findings cannot cause a hold. Overturned findings can cause neither a hold nor a block, except if
    another finding also matches a blocking rule, or if a matching rule vaults. Approved and overturned
    findings still count towards other blocks and labels. All other findings count as usual.
    """
    whole = decide(
        policy,
        taxonomy,
        findings=findings.findings,
        coverage=coverage,
        context=context,
        subject_sha256=subject_sha256,
    )
    excluded = [*findings.approved, *findings.overturned]
    if (
        whole.action is Action.BLOCK
        and not whole.vault
        and _blocks_rest_on(policy, taxonomy, context, findings)
    ):
        excluded = list(findings.overturned)
    elif whole.action is not Action.HOLD:
        return whole
    if not excluded:
        return whole
    rest = [finding for finding in findings.findings if finding not in excluded]
    milder = decide(
        policy, taxonomy, findings=rest, coverage=coverage, context=context, subject_sha256=subject_sha256
    )
    if milder.action is not Action.ALLOW:
        return milder
    labels = required_label(policy, taxonomy, context, findings.findings)
    if not labels:
        return milder
    evidence = tuple(compile_policy(policy, taxonomy, context).matched_findings(labels[0], findings.findings))
    rule = labels[0].rule
    return msgspec.structs.replace(
        milder,
        action=Action.LABEL,
        category=rule.category or evidence[0].category,
        rule=rule.id,
        reason=rule.format_reason(evidence[0]),
        learned_alone=labels[0].support is Support.HOLD,
        findings=evidence,
        matched_rules=(*(matched.rule.id for matched in labels), *milder.matched_rules),
    )


def required_label(
    policy: Policy, taxonomy: Taxonomy, context: Context, findings: Sequence[Finding]
) -> list[RuleMatch]:
    """The matching rules with the action `label`, even if other rules have stronger actions."""
    return [
        matched
        for matched in compile_policy(policy, taxonomy, context).matching_rules(findings)
        if matched.action is Action.LABEL
    ]


def _blocks_rest_on(policy: Policy, taxonomy: Taxonomy, context: Context, findings: ReviewedFindings) -> bool:
    """Whether all blocking rules matched overturned findings only."""
    compiled = compile_policy(policy, taxonomy, context)
    return all(
        finding in findings.overturned
        for matched in compiled.matching_rules(findings.findings)
        if matched.action is Action.BLOCK
        for finding in compiled.matched_findings(matched, findings.findings)
    )

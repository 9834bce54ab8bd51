"""The verdict where a person has looked before: what was let through holds nothing again."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from .categories import Taxonomy
from .compiled import CompiledRule, compile_policy
from .coverage import Coverage
from .decisions import decide
from .documents import Policy
from .findings import Finding
from .verdicts import Action, Context, Verdict


def decide_with_overrides(
    policy: Policy,
    taxonomy: Taxonomy,
    *,
    findings: Sequence[Finding],
    settled: Collection[Finding],
    coverage: Coverage,
    context: Context,
    subject_sha256: str,
    overturned: Collection[Finding] = (),
) -> Verdict:
    """As `decide`, where a person looked at `settled` and let it through, or an appeal against `overturned`
    was won.

    Settled findings hold nothing by themselves; overturned ones neither hold nor block, unless a rule that
    fires rests on anything else too, or vaults. They still add to a block and to a label, and whatever is new
    decides as ever.
    """
    whole = decide(
        policy,
        taxonomy,
        findings=findings,
        coverage=coverage,
        context=context,
        subject_sha256=subject_sha256,
    )
    excused = [*settled, *overturned]
    if whole.action is Action.BLOCK and not whole.vault and _only(policy, context, findings, overturned):
        excused = list(overturned)
    elif whole.action is not Action.HOLD:
        return whole
    if not excused:
        return whole
    rest = [finding for finding in findings if finding not in excused]
    milder = decide(
        policy, taxonomy, findings=rest, coverage=coverage, context=context, subject_sha256=subject_sha256
    )
    if milder.action is not Action.ALLOW:
        return milder
    labels = required_label(policy, context, findings)
    if not labels:
        return milder
    behind = tuple(compile_policy(policy, context).matched_findings(labels[0], findings))
    rule = labels[0].rule
    return msgspec.structs.replace(
        milder,
        action=Action.LABEL,
        category=rule.category or behind[0].category,
        rule=rule.id,
        reason=rule.format_reason(behind[0]),
        findings=behind,
        fired=(*(armed.rule.id for armed in labels), *milder.matched_rules),
    )


def required_label(policy: Policy, context: Context, findings: Sequence[Finding]) -> list[CompiledRule]:
    """The rules that want a visible label for these findings, whatever other rules want besides."""
    return [
        armed
        for armed in compile_policy(policy, context).matching_rules(findings)
        if armed.action is Action.LABEL
    ]


def _only(
    policy: Policy, context: Context, findings: Sequence[Finding], overturned: Collection[Finding]
) -> bool:
    """Whether every block rests on overturned findings alone."""
    running = compile_policy(policy, context)
    return all(
        finding in overturned
        for armed in running.matching_rules(findings)
        if armed.action is Action.BLOCK
        for finding in running.matched_findings(armed, findings)
    )

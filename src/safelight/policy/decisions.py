"""The decision: a policy applied to findings, coverage and context. All verdicts come from here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from .compiled import RuleMatch, compile_policy
from .documents import Policy
from .findings import (
    SEXUAL_CATEGORIES,
    Basis,
    Category,
    Cell,
    Coverage,
    Finding,
    Group,
    Modality,
    Stage,
    Taxonomy,
)
from .grounding import Support, is_text
from .requirements import ALWAYS_PRESENT, MANDATORY_CELLS, RequirementsByCell
from .steering import WATCHER, stopped_by_watcher
from .verdicts import Action, Context, Verdict
from .waivers import applicable_waivers

_SEXUAL = SEXUAL_CATEGORIES | {Category.SEXUAL_MINORS.value}
_VISUAL = frozenset({Modality.IMAGE, Modality.FRAMES})
#: The rule id of a gap if the caller, and not the policy, requires the cell.
_CALLER_RULE = "coverage"
#: How the reason of a verdict begins that missing checks decided.
_GAP_REASON = "Not checked: "


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """Required cells that were not checked completely, and their effect."""

    cells: tuple[Cell, ...] = ()
    waived: tuple[Cell, ...] = ()
    #: Names of the waivers that cover `waived`.
    waivers: tuple[str, ...] = ()
    #: The action for the gaps alone: `action` with the waivers, `unwaived` without them.
    action: Action = Action.ALLOW
    unwaived: Action = Action.ALLOW
    #: The requirement and the category of the deciding gap.
    rule: str = ""
    category: str = ""


def required_coverage(
    policy: Policy, taxonomy: Taxonomy, stage: Stage, modalities: Iterable[Modality]
) -> tuple[Cell, ...]:
    """The cells that the policy requires at a stage with these modalities, all of them unchecked."""
    demanded = _list_required(policy, taxonomy, stage, frozenset(modalities))
    return tuple(Cell(category=category, modality=modality, required=True) for category, modality in demanded)


def decide(
    policy: Policy,
    taxonomy: Taxonomy,
    *,
    findings: Sequence[Finding],
    coverage: Coverage,
    context: Context,
    subject_sha256: str,
) -> Verdict:
    """The verdict of `policy`.

    The order of findings has no effect, and one more finding never makes the verdict milder. Required are the
    cells that `coverage` marks as required, the policy's requirements for the modalities present, and the
    mandatory set. A caller starts from the cells of `required_coverage`.
    """
    running = compile_policy(policy, taxonomy, context)
    fired = running.matching_rules(findings)
    gaps = weigh_gaps(policy, taxonomy, coverage, context)
    real = [matched for matched in fired if matched.action.severity > Action.ALLOW.severity]
    strongest = fired[0].action if fired else Action.ALLOW
    by_gap = gaps.action.severity > strongest.severity
    action = gaps.action if by_gap else strongest
    evidence = {
        matched.rule.id: running.matched_findings(matched, findings) for matched in (real or fired[:1])
    }
    vault = any(matched.vault for matched in fired)
    decisive = tuple(evidence[fired[0].rule.id]) if fired and not by_gap else ()
    rule = gaps.rule if by_gap else fired[0].rule.id if fired else ""
    verdict = Verdict(
        action=action,
        stage=context.stage,
        subject_sha256=subject_sha256,
        policy=policy.name,
        policy_sha256=policy.sha256,
        category=gaps.category
        if by_gap
        else (fired[0].rule.category or decisive[0].category)
        if fired
        else "",
        rule=rule,
        reason=_gap_reason(gaps) if by_gap else fired[0].rule.format_reason(decisive[0]) if fired else "",
        findings=decisive,
        matched_rules=(*((rule,) if by_gap else ()), *(matched.rule.id for matched in fired)),
        gaps=gaps.cells,
        waived=gaps.waived,
        waivers=gaps.waivers if gaps.unwaived.severity > action.severity else (),
        vault=vault,
        quarantine=not vault
        and (_suggests_minor(real, evidence) or _is_age_unchecked(real, evidence, coverage)),
        learned_alone=bool(real) and not by_gap and fired[0].support is Support.HOLD,
        test_card_only=bool(real)
        and not by_gap
        and all(finding.test_card for matched in real for finding in evidence[matched.rule.id]),
        support=any(matched.rule.support and matched.support >= Support.HOLD for matched in fired)
        or _is_self_harm_stopped(real, evidence, taxonomy),
        audience=context.audience,
        consents=context.consents,
        facts=context.facts,
    )
    stopped = stopped_by_watcher(context.stage, findings)
    if stopped is None or vault:
        return verdict
    return msgspec.structs.replace(
        verdict,
        action=Action.BLOCK,
        category=stopped.category,
        rule=WATCHER,
        reason=stopped.reason,
        findings=(stopped,),
        matched_rules=(WATCHER, *verdict.matched_rules),
        gaps=(),
        learned_alone=False,
        test_card_only=False,
    )


def stops_minors(policy: Policy, taxonomy: Taxonomy, context: Context) -> bool:
    """Whether a clip is held or blocked for this alone: that a minor is seen in it."""
    seen = Finding(
        category=Category.MINORS_PRESENT.value,
        score=1.0,
        modality=Modality.FRAMES,
        detector="",
        version="",
        reason="",
        basis=Basis.MATCHED,
    )
    fired = compile_policy(policy, taxonomy, context).matching_rules([seen])
    return any(match.action.severity >= Action.HOLD.severity for match in fired)


def weigh_gaps(policy: Policy, taxonomy: Taxonomy, coverage: Coverage, context: Context) -> Gaps:
    """The gaps in `coverage`, which of them a waiver covers, and the action for the others.

    A waiver covers only cells that no installed detector can check. A check that crashed, ran out of time or
    exhausted its budget remains a gap.
    """
    cells = {(cell.category, cell.modality): cell for cell in coverage}
    present = frozenset(cell.modality for cell in coverage if cell.required)
    demanded: RequirementsByCell = {
        **{place: () for place, cell in cells.items() if cell.required},
        **_list_required(policy, taxonomy, context.stage, present),
    }
    open_gaps: list[tuple[Action, str, Cell]] = []
    waived: list[Cell] = []
    names: list[str] = []
    unwaived = Action.ALLOW
    for (category, modality), requirements in demanded.items():
        cell = cells.get((category, modality)) or Cell(category=category, modality=modality)
        requirement = next((one for one in requirements if not one.is_met(cell)), None)
        if cell.ran and cell.complete and requirement is None:
            continue
        if not cell.required:
            cell = msgspec.structs.replace(cell, required=True)
        on_gap = requirement.on_gap if requirement is not None else Action.HOLD
        unwaived = max(unwaived, on_gap, key=_severity)
        covering = () if cell.available else applicable_waivers(context.waivers, category, taxonomy)
        if covering:
            waived.append(cell)
            names += [terms.name for terms in covering]
        else:
            open_gaps.append((on_gap, requirement.id if requirement is not None else _CALLER_RULE, cell))
    open_gaps.sort(key=lambda gap: (-gap[0].severity, gap[2].category, gap[2].modality.value))
    return Gaps(
        cells=tuple(cell for _, _, cell in open_gaps),
        waived=tuple(sorted(waived, key=lambda cell: (cell.category, cell.modality.value))),
        waivers=tuple(sorted(set(names))),
        action=open_gaps[0][0] if open_gaps else Action.ALLOW,
        unwaived=unwaived,
        rule=open_gaps[0][1] if open_gaps else "",
        category=open_gaps[0][2].category if open_gaps else "",
    )


def _list_required(
    policy: Policy, taxonomy: Taxonomy, stage: Stage, present: frozenset[Modality]
) -> RequirementsByCell:
    """The cells that the policy requires, plus the mandatory cells, each with its requirements."""
    present |= ALWAYS_PRESENT.get(stage, frozenset())
    mandatory = taxonomy.mandatory
    key = ("demanded", stage, present, mandatory)
    if key not in policy.cache:
        always = [modality for where, modality in MANDATORY_CELLS if where is stage and modality in present]
        found: RequirementsByCell = {
            (category, modality): () for category in mandatory for modality in always
        }
        found |= policy.required(stage, present)
        policy.cache[key] = dict(sorted(found.items()))
    demanded: RequirementsByCell = policy.cache[key]
    return demanded


def _severity(action: Action) -> int:
    return action.severity


def _gap_reason(gaps: Gaps) -> str:
    listed = ", ".join(f"{cell.category} in {cell.modality.value}" for cell in gaps.cells)
    notes = " ".join(dict.fromkeys(cell.note for cell in gaps.cells if cell.note))
    return f"{_GAP_REASON}{listed}. {notes}".rstrip()


def is_gap_reason(reason: str) -> bool:
    """Whether missing checks decided. Then the category of the verdict is not a finding."""
    return reason.startswith(_GAP_REASON)


def remove_notes(reason: str) -> str:
    """The reason of missing checks without the notes of the detectors, which can contain any error text."""
    return reason.partition(". ")[0].rstrip(".") + "." if is_gap_reason(reason) else reason


def _suggests_minor(real: Sequence[RuleMatch], evidence: Mapping[str, Sequence[Finding]]) -> bool:
    """Whether a rule about sexual content with a minor holds because of words."""
    return any(
        matched.action.severity >= Action.HOLD.severity
        and Category.SEXUAL_MINORS.value in (matched.rule.category, finding.category)
        and is_text(finding)
        and not finding.test_card
        for matched in real
        for finding in evidence[matched.rule.id]
    )


def _is_self_harm_stopped(
    real: Sequence[RuleMatch], evidence: Mapping[str, Sequence[Finding]], taxonomy: Taxonomy
) -> bool:
    """Whether a rule holds or blocks because of a finding in the group self-harm."""
    return any(
        matched.action.severity >= Action.HOLD.severity
        and finding.category in taxonomy
        and taxonomy[finding.category].group is Group.SELF_HARM
        and not finding.test_card
        for matched in real
        for finding in evidence[matched.rule.id]
    )


def _is_age_unchecked(
    real: Sequence[RuleMatch], evidence: dict[str, list[Finding]], coverage: Coverage
) -> bool:
    """Whether a sexual finding is held or blocked while the age check of the pictures is incomplete."""
    sexual = [
        finding
        for matched in real
        if matched.action.severity >= Action.HOLD.severity
        for finding in evidence[matched.rule.id]
        if finding.category in _SEXUAL and not finding.test_card
    ]
    if not sexual:
        return False
    seen = {finding.modality for finding in sexual} | {
        cell.modality for cell in coverage if cell.required or cell.ran
    }
    for modality in seen & _VISUAL:
        cell = coverage.cell(Category.SEXUAL_MINORS.value, modality)
        if cell is None or not (cell.ran and cell.complete):
            return True
    return False

"""The one place that decides: findings, coverage and context in, a verdict out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from .categories import Category, Taxonomy
from .compiled import CompiledRule, compile_policy
from .coverage import Cell, Coverage
from .documents import Policy
from .findings import Finding, Modality, Stage
from .requirements import ALWAYS_PRESENT, MANDATORY_CELLS, Requirement
from .verdicts import Action, Context, Verdict
from .waivers import applicable_waivers

_SEXUAL = frozenset({Category.SEXUAL.value, Category.SEXUAL_MINORS.value, Category.NCII.value})
_VISUAL = frozenset({Modality.IMAGE, Modality.FRAMES})
#: The rule a hole names where the caller demanded a cell that the policy does not.
_CALLER = "coverage"
_encoder = msgspec.msgpack.Encoder()


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """Required cells that nobody checked, and what they mean."""

    cells: tuple[Cell, ...] = ()
    waived: tuple[Cell, ...] = ()
    #: Names of the waivers behind `waived`.
    waivers: tuple[str, ...] = ()
    #: What the holes alone would do, and what they would do without waivers.
    action: Action = Action.ALLOW
    unwaived: Action = Action.ALLOW
    #: The requirement and the category of the hole that decides.
    rule: str = ""
    category: str = ""


def required_coverage(
    policy: Policy, taxonomy: Taxonomy, stage: Stage, modalities: Iterable[Modality]
) -> tuple[Cell, ...]:
    """The cells the policy demands at a stage with these modalities, none of them checked yet."""
    demanded = _demanded(policy, taxonomy, stage, frozenset(modalities))
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
    """The verdict of `policy`. The order of findings does not matter, and one more never makes it milder.

    What `coverage` marks as required, what every content of this stage has, and the mandatory set are all
    demanded; `requirements` gives the cells to start from.
    """
    running = compile_policy(policy, context)
    fired = running.matching_rules(findings)
    gaps = weigh_gaps(policy, taxonomy, coverage, context)
    real = [armed for armed in fired if armed.action.severity > Action.ALLOW.severity]
    strongest = fired[0].action if fired else Action.ALLOW
    by_gap = gaps.action.severity > strongest.severity
    action = gaps.action if by_gap else strongest
    behind = {armed.rule.id: running.matched_findings(armed, findings) for armed in (real or fired[:1])}
    vault = any(armed.rule.vault for armed in fired)
    decisive = _ordered(behind[fired[0].rule.id]) if fired and not by_gap else ()
    rule = gaps.rule if by_gap else fired[0].rule.id if fired else ""
    return Verdict(
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
        reason=_hole_sentence(gaps) if by_gap else fired[0].rule.format_reason(decisive[0]) if fired else "",
        findings=decisive,
        matched_rules=(*((rule,) if by_gap else ()), *(armed.rule.id for armed in fired)),
        gaps=gaps.cells,
        waived=gaps.waived,
        waivers=gaps.waivers if gaps.unwaived.severity > action.severity else (),
        vault=vault,
        quarantine=not vault and _unaged(real, behind, coverage),
        test_card_only=bool(real)
        and not by_gap
        and all(finding.test_card for armed in real for finding in behind[armed.rule.id]),
        support=any(armed.rule.support for armed in fired),
        audience=context.audience,
        consents=context.consents,
        facts=context.facts,
    )


def weigh_gaps(policy: Policy, taxonomy: Taxonomy, coverage: Coverage, context: Context) -> Gaps:
    """The holes in `coverage`, which of them a waiver excuses, and what the rest means.

    A waiver excuses only what no installed detector can check: a crash, a time-out or a spent budget stays
    a hole.
    """
    cells = {(cell.category, cell.modality): cell for cell in coverage}
    present = frozenset(cell.modality for cell in coverage if cell.required)
    demanded: dict[tuple[str, Modality], Requirement | None] = {
        **{place: None for place, cell in cells.items() if cell.required},
        **_demanded(policy, taxonomy, context.stage, present),
    }
    holes: list[tuple[Action, str, Cell]] = []
    waived: list[Cell] = []
    names: list[str] = []
    unwaived = Action.ALLOW
    for (category, modality), requirement in demanded.items():
        cell = cells.get((category, modality)) or Cell(category=category, modality=modality)
        if cell.ran and cell.complete:
            continue
        if not cell.required:
            cell = msgspec.structs.replace(cell, required=True)
        missing = requirement.on_gap if requirement is not None else Action.HOLD
        unwaived = max(unwaived, missing, key=_severity)
        excuses = () if cell.available else applicable_waivers(context.waivers, category, taxonomy)
        if excuses:
            waived.append(cell)
            names += [terms.name for terms in excuses]
        else:
            holes.append((missing, requirement.id if requirement is not None else _CALLER, cell))
    holes.sort(key=lambda hole: (-hole[0].severity, hole[2].category, hole[2].modality.value))
    return Gaps(
        cells=tuple(cell for _, _, cell in holes),
        waived=tuple(sorted(waived, key=lambda cell: (cell.category, cell.modality.value))),
        waivers=tuple(sorted(set(names))),
        action=holes[0][0] if holes else Action.ALLOW,
        unwaived=unwaived,
        rule=holes[0][1] if holes else "",
        category=holes[0][2].category if holes else "",
    )


def _demanded(
    policy: Policy, taxonomy: Taxonomy, stage: Stage, present: frozenset[Modality]
) -> dict[tuple[str, Modality], Requirement | None]:
    """What the policy requires, and the mandatory set even where the policy does not know all of it."""
    present |= ALWAYS_PRESENT.get(stage, frozenset())
    mandatory = taxonomy.mandatory
    key = ("demanded", stage, present, mandatory)
    if key not in policy.cache:
        floor = [modality for where, modality in MANDATORY_CELLS if where is stage and modality in present]
        found: dict[tuple[str, Modality], Requirement | None] = {
            (category, modality): None for category in mandatory for modality in floor
        }
        found |= policy.required(stage, present)
        policy.cache[key] = dict(sorted(found.items()))
    demanded: dict[tuple[str, Modality], Requirement | None] = policy.cache[key]
    return demanded


def _severity(action: Action) -> int:
    return action.severity


def _ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Strongest first; equal ones in an order that depends on nothing but themselves."""
    return tuple(sorted(findings, key=lambda f: (-f.score, f.category, f.modality.value, _encoder.encode(f))))


def _hole_sentence(gaps: Gaps) -> str:
    listed = ", ".join(f"{cell.category} in {cell.modality.value}" for cell in gaps.cells)
    notes = " ".join(dict.fromkeys(cell.note for cell in gaps.cells if cell.note))
    return f"Not checked: {listed}. {notes}".rstrip()


def _unaged(real: Sequence[CompiledRule], behind: dict[str, list[Finding]], coverage: Coverage) -> bool:
    """Whether something sexual was held or blocked while nobody looked at the ages of who is seen."""
    sexual = [
        finding
        for armed in real
        if armed.action.severity >= Action.HOLD.severity
        for finding in behind[armed.rule.id]
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

"""The reference cases: the verdicts of `starter` that the tests expect, written by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

import msgspec

from .decisions import required_coverage
from .documents import Policy, load
from .findings import Basis, Cell, Coverage, Finding, Modality, OperatingPoint, Stage, Taxonomy, pack_coverage
from .findings import pack as pack_findings
from .replay import ReplayRecord
from .verdicts import Action, Audience, WaiverTerms

DETECTOR = "reference"


class _CaseFinding(msgspec.Struct, forbid_unknown_fields=True):
    category: str
    score: float
    modality: Modality
    attributes: dict[str, bool | float | str] = {}
    test_card: bool = False
    basis: Basis = Basis.MATCHED
    #: Lowest score at which a learned finding supports a hold; None if it has no operating point.
    point: float | None = None


class ReferenceCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One reference case. All required cells count as checked, except the cells that the case lists."""

    id: str
    #: What the case tests.
    description: str
    stage: Stage
    modalities: tuple[Modality, ...]
    findings: tuple[_CaseFinding, ...] = ()
    audience: Audience = Audience.GENERAL
    consents: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    #: Cells, as `category in modality`, without a detector (`unavailable`) or with a detector that failed
    #: (`failed`).
    unavailable: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    #: Categories that a valid waiver covers.
    waived: tuple[str, ...] = ()
    expected: Action


def load_cases() -> Iterator[ReferenceCase]:
    """All shipped cases, in the order of their files."""
    folder = resources.files(__package__).joinpath("cases")
    for file in sorted(folder.iterdir(), key=lambda item: item.name):
        if file.name.endswith(".jsonl"):
            for line in file.read_bytes().splitlines():
                yield msgspec.json.decode(line, type=ReferenceCase)


def replay_records(taxonomy: Taxonomy) -> Iterator[ReplayRecord]:
    """The cases as records with the expected verdicts. Their replay reports every other verdict."""
    starter = load("starter", taxonomy)
    for case in load_cases():
        yield ReplayRecord(
            id=case.id,
            stage=case.stage,
            findings=pack_findings(case_findings(case)),
            coverage=pack_coverage(case_coverage(case, starter, taxonomy)),
            action=case.expected.value,
            audience=case.audience,
            consents=case.consents,
            facts=frozenset(case.facts),
            waivers=case_waivers(case),
        )


def case_findings(case: ReferenceCase) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            category=seen.category,
            score=seen.score,
            modality=seen.modality,
            detector=DETECTOR,
            version="1",
            reason=case.description,
            attributes=dict(seen.attributes),
            test_card=seen.test_card,
            basis=seen.basis,
            point=None if seen.point is None else _operating_point(seen.point),
        )
        for seen in case.findings
    )


def _operating_point(score: float) -> OperatingPoint:
    return OperatingPoint(
        voice=DETECTOR,
        language="en",
        length="9-20",
        score=score,
        false_alarm_rate=0.001,
        low=0.0,
        high=0.002,
        sample=2000,
    )


def case_coverage(case: ReferenceCase, policy: Policy, taxonomy: Taxonomy) -> Coverage:
    """The coverage of a case.

    Every category is checked in every modality of the case, except the cells that the case lists.
    """
    required = {
        (cell.category, cell.modality)
        for cell in required_coverage(policy, taxonomy, case.stage, case.modalities)
    }
    cells = []
    for category, modality in sorted({(spec.name, there) for spec in taxonomy for there in case.modalities}):
        place = f"{category} in {modality.value}"
        available = place not in case.unavailable
        fine = available and place not in case.failed
        cells.append(
            Cell(
                category=category,
                modality=modality,
                required=(category, modality) in required,
                available=available,
                ran=available,
                complete=fine,
                detectors=(DETECTOR,) if available else (),
                note="" if fine else "It stopped." if available else "No detector is installed for this.",
            )
        )
    return Coverage(cells=tuple(cells))


def case_waivers(case: ReferenceCase) -> tuple[WaiverTerms, ...]:
    if not case.waived:
        return ()
    return (WaiverTerms(id=f"waiver_{case.id}", name="reference", categories=case.waived),)


def as_json(case: ReferenceCase) -> Mapping[str, Any]:
    """The case as plain values, without defaults."""
    built: dict[str, Any] = msgspec.to_builtins(case)
    return {key: value for key, value in built.items() if value not in ([], (), "general")}

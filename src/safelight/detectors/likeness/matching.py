"""Compares templates of faces with enrolled templates. Pure; templates of other people are not kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.policy.findings import Category, Cell, Finding, Modality
from safelight.policy.intended_use import ConsentLimits, Shortfall

Template = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Distances:
    """Thresholds: two templates match if their distance is at most this large."""

    #: For people who consented. A wrong match allows the face of a stranger.
    consent: float
    #: For protected people. A wrong match sends the video to a reviewer.
    protected: float


@dataclass(frozen=True, kw_only=True)
class EnrolledPerson:
    """An enrolled template, and the person whom it belongs to."""

    record: str
    name: str
    template: Template
    public_figure: bool = False
    #: Whom and what a consent covers that was given before the camera and confirmed by a reviewer. None for
    #: any other consent.
    limits: ConsentLimits | None = None


class ConsentLookup(Protocol):
    """Reads the templates that are enrolled in a tenant now, without expired and revoked ones."""

    def consented(self, tenant: str) -> tuple[EnrolledPerson, ...]: ...

    def protected(self, tenant: str) -> tuple[EnrolledPerson, ...]: ...


@dataclass(frozen=True, kw_only=True)
class MatchResult:
    """The result of comparing one file with enrolled people."""

    findings: tuple[Finding, ...] = ()
    cells: tuple[Cell, ...] = ()
    #: Consent records that cover the people in the file. Empty unless every person in the file is covered.
    consents: tuple[str, ...] = ()
    #: Whether consents cover every person in the file.
    all_covered: bool = False
    #: Whether each of these consents was given before the camera and covers the request.
    all_on_camera: bool = False
    #: Why consents on camera that match do not cover the request, by record.
    shortfalls: Mapping[str, Shortfall] = field(default_factory=dict)


def distance(one: Template, other: Template) -> float:
    """Euclidean distance between two templates. It is 0 for the same picture."""
    return float(np.linalg.norm(one - other))


def find_nearest(
    templates: Iterable[Template], people: Sequence[EnrolledPerson]
) -> tuple[float, EnrolledPerson] | None:
    """The smallest distance to an enrolled template, and the person of that template. None if there is
    nothing to compare.
    """
    return min(
        ((distance(template, one.template), one) for template in templates for one in people),
        key=lambda pair: pair[0],
        default=None,
    )


def find_shared_consent(
    templates: Sequence[Template],
    consented: Sequence[EnrolledPerson],
    threshold: float,
    first: Collection[str] = (),
) -> str | None:
    """The consent record that matches all of these templates; None if there is none.

    The records in `first` come before the others.
    """
    records = {one.record for one in consented}
    for template in templates:
        records &= {one.record for one in consented if distance(template, one.template) <= threshold}
    return min(records.intersection(first) or records) if records and templates else None


def match_score(separation: float, threshold: float) -> float:
    """Score of a match: 0.5 at the threshold, 1 for equal templates. Not a calibrated probability."""
    return round(1 - separation / (2 * threshold), 4)


def count_people(*records: Iterable[EnrolledPerson]) -> int:
    """Number of different people in these records."""
    return len({one.record for part in records for one in part})


def covering_consents(files: Sequence[MatchResult]) -> tuple[str, ...]:
    """The consents that cover all people in all files of a request. Empty if any person is not covered."""
    if not all(one.all_covered for one in files):
        return ()
    return tuple(sorted({consent for one in files for consent in one.consents}))


def all_given_on_camera(files: Sequence[MatchResult]) -> bool:
    """Whether consents cover all people in all files, and each of them was given before the camera."""
    return bool(covering_consents(files)) and all(one.all_on_camera for one in files if one.consents)


def merge_shortfalls(files: Sequence[MatchResult]) -> dict[str, str]:
    """Why consents on camera do not cover the request, by record, for the stage record."""
    return {record: why.value for one in files for record, why in sorted(one.shortfalls.items())}


def mark_consented(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, those of faces marked as consented."""
    return [
        msgspec.structs.replace(one, attributes={**one.attributes, "consented": True})
        if one.category == Category.LIKENESS.value and one.attributes.get("kind") in {"face", "match"}
        else one
        for one in findings
    ]


def likeness_cell(
    detector: str, modality: Modality, *, note: str, ran: bool, measured: str | None = None
) -> Cell:
    """Make the coverage cell of likeness. It is complete if the comparison ran and the coverage note is
    empty.
    """
    return Cell(
        category=Category.LIKENESS.value,
        modality=modality,
        available=True,
        ran=ran,
        complete=ran and not note,
        detectors=(detector,),
        note=note,
        measured=measured,
    )


def failure_note(error: Exception) -> str:
    """One sentence that explains why faces were not compared."""
    return f"Faces were not compared: {type(error).__name__}: {error}"[:300].rstrip(": .") + "."

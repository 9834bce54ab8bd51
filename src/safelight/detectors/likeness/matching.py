"""Templates of faces or of voices compared with those on record. Pure; nobody else's template is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from safelight.policy.categories import Category
from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding, Modality

Template = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Distances:
    """How near two templates have to be, at the most."""

    #: To be taken for somebody who consented: a mistake lets a stranger through.
    consent: float
    #: To be taken for somebody protected: a mistake has a person look.
    gallery: float


@dataclass(frozen=True, kw_only=True)
class EnrolledPerson:
    """A template on record, and whose it is."""

    record: str
    name: str
    template: Template
    public_figure: bool = False


class ConsentLookup(Protocol):
    """Who is on record in a tenant now: nothing that expired or was revoked."""

    def consented(self, tenant: str) -> tuple[EnrolledPerson, ...]: ...

    def protected(self, tenant: str) -> tuple[EnrolledPerson, ...]: ...


@dataclass(frozen=True, kw_only=True)
class MatchResult:
    """Who was seen or heard in one file, as far as they are on record."""

    findings: tuple[Finding, ...] = ()
    cells: tuple[Cell, ...] = ()
    #: Consent records that cover people in the file; none unless they cover everybody in it.
    consents: tuple[str, ...] = ()
    #: Nobody is left whom no consent covers.
    everybody: bool = False
    #: With how many people on record everybody was compared.
    people: int = 0


def distance(one: Template, other: Template) -> float:
    """How unlike two faces, or two voices, are: 0 is the same picture or recording."""
    return float(np.linalg.norm(one - other))


def nearest(
    templates: Iterable[Template], people: Sequence[EnrolledPerson]
) -> tuple[float, EnrolledPerson] | None:
    """Whose template is nearest to any of these, and how near; None where there is nobody to compare with."""
    return min(
        ((distance(template, one.template), one) for template in templates for one in people),
        key=lambda pair: pair[0],
        default=None,
    )


def covering_record(
    templates: Sequence[Template], consented: Sequence[EnrolledPerson], within: float
) -> str | None:
    """The one consent that covers somebody in all that describes them."""
    records = {one.record for one in consented}
    for template in templates:
        records &= {one.record for one in consented if distance(template, one.template) <= within}
    return min(records) if records and templates else None


def likelihood(apart: float, within: float) -> float:
    """The score of a match: half at the threshold, 1 for the very same; no calibrated probability."""
    return round(1 - apart / (2 * within), 4)


def people_in(*records: Iterable[EnrolledPerson]) -> int:
    """How many people they are of."""
    return len({one.record for part in records for one in part})


def covering_consents(files: Sequence[MatchResult]) -> tuple[str, ...]:
    """The consents that cover everybody in all files of a request; one uncovered face leaves none."""
    if not all(one.everybody for one in files):
        return ()
    return tuple(sorted({consent for one in files for consent in one.consents}))


def cell(detector: str, modality: Modality, *, note: str, ran: bool, measured: str | None = None) -> Cell:
    """Coverage of likeness by a comparison; whole where it ran and there is nothing to note."""
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


def failure(who: str, error: Exception) -> str:
    """One sentence on why nobody was compared."""
    return f"{who} were not compared: {type(error).__name__}: {error}"[:300].rstrip(": .") + "."

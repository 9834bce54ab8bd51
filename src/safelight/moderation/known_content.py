"""Known content: whole files looked up in hash lists, and what it means that a look-up failed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from safelight.detectors.image.hash_lists import NAME, HashKind, HashLists
from safelight.policy.categories import Category
from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding, Modality
from safelight.scanning.report import ScanReport


@dataclass(frozen=True, kw_only=True)
class HashMatchResult:
    """What the lists say of one file."""

    findings: tuple[Finding, ...] = ()
    #: A hole in every category listed, where the pictures could not be looked up. A list that was looked
    #: through fills no cell: it knows what it lists, and nothing else of its category.
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, kw_only=True)
class KnownContent:
    #: None: there are none to look into.
    lists: HashLists | None = None

    def match(
        self, path: Path, sha256: str, report: ScanReport, modality: Modality, *, source: str = ""
    ) -> HashMatchResult:
        """What lists have exactly this file, and whether its pictures were looked up, too."""
        if self.lists is None:
            return HashMatchResult()
        lists, broken = self.lists.all(), self.lists.broken
        if not lists and not broken:
            return HashMatchResult()
        run = report.run_of(NAME)
        near = {one.category for one in lists if one.counts.get(HashKind.PDQ)}
        if broken:
            # What it listed cannot be known: the gravest is assumed.
            near.add(Category.SEXUAL_MINORS.value)
        if not near or (run is not None and run.complete and not broken):
            cells: tuple[Cell, ...] = ()
        else:
            note = run.note if run is not None else f"The detector {NAME!r} is switched off."
            if broken:
                note = f"Hash lists cannot be read: {', '.join(broken)}."
            cells = tuple(
                Cell(category=category, modality=modality, available=True, detectors=(NAME,), note=note)
                for category in sorted(near)
            )
        return HashMatchResult(
            findings=self.lists.of_file(path, sha256, modality=modality, source=source), cells=cells
        )


#: Where nothing is enrolled.
NO_HASH_LISTS = KnownContent()
#: Of a file that nobody looked up.
NO_MATCH = HashMatchResult()

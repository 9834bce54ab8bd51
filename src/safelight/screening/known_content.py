"""Known content: compares whole files with the hash lists, and records a coverage gap if this fails."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from safelight.core.errors import SandboxFailed
from safelight.detectors.image.hash_lists import NAME, HashKind, HashLists
from safelight.policy.findings import Category, Cell, Finding, Modality

from .scanning.report import ScanReport
from .scanning.service import Scanner


@dataclass(frozen=True, kw_only=True)
class HashMatchResult:
    """The matches of one file in the hash lists."""

    findings: tuple[Finding, ...] = ()
    #: A gap in every category that has a list, if the frames could not be compared. A successful comparison
    #: adds no coverage, because a list contains only known content.
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, kw_only=True)
class KnownContent:
    #: None: no hash lists are configured.
    lists: HashLists | None = None
    #: Runs only the detector of the hash lists.
    scanner: Scanner | None = None

    def changed_since(self, at: float) -> bool:
        """Whether a list was imported or changed after this time."""
        return self.lists is not None and any(one.imported_at > at for one in self.lists.all())

    def find(self, clip: Path, sha256: str) -> tuple[Finding, ...]:
        """The matches of a clip, every frame and the whole file, with the lists as they are now.

        Raises `SandboxFailed` if not all could be compared.
        """
        assert self.scanner is not None
        lists = self.lists_for_frames()
        report = self.scanner.scan_video(clip)
        if report.failure:
            raise SandboxFailed(report.failure)
        for run in report.runs:
            if run.name == NAME and not (run.complete or run.idle):
                raise SandboxFailed(run.note or "Not every frame was compared with the hash lists.")
        listed = self.match(clip, sha256, report, Modality.FRAMES, known=lists)
        if broken := [cell.note for cell in listed.cells]:
            raise SandboxFailed(broken[0])
        # Even without detectors, a scan reports flashes and brief frames. These were evaluated before.
        known = (one for one in report.findings if one.detector == NAME)
        return (*known, *listed.findings)

    def lists_for_frames(self) -> frozenset[str]:
        """The names of the lists with perceptual hashes: read before a scan, handed to `match` after it."""
        lists = self.lists.all() if self.lists is not None else ()
        return frozenset(one.name for one in lists if one.counts.get(HashKind.PDQ))

    def match(
        self,
        path: Path,
        sha256: str,
        report: ScanReport,
        modality: Modality,
        *,
        known: frozenset[str],
        source: str = "",
    ) -> HashMatchResult:
        """Compare the hash of the whole file with the hash lists.

        Adds coverage gaps if the scan did not compare the perceptual hashes of the frames with the lists
        `known`. A list that appeared or ended during the scan is no gap: other scans know of it.
        """
        if self.lists is None:
            return HashMatchResult()
        lists, broken = self.lists.all(), self.lists.broken
        if not lists and not broken:
            return HashMatchResult()
        run = report.find_run(NAME)
        near = {one.category for one in lists if one.name in known}
        if broken:
            # The categories of an unreadable list are not known, so the most serious category is assumed.
            near.add(Category.SEXUAL_MINORS.value)
        if not near or (run is not None and run.complete and not broken):
            cells: tuple[Cell, ...] = ()
        else:
            note = run.note if run is not None else f"The detector {NAME!r} is switched off."
            if broken:
                note = f"These hash lists cannot be read: {', '.join(broken)}."
            cells = tuple(
                Cell(category=category, modality=modality, available=True, detectors=(NAME,), note=note)
                for category in sorted(near)
            )
        return HashMatchResult(
            findings=self.lists.find_file(path, sha256, modality=modality, source=source), cells=cells
        )


#: For an installation that has no hash lists.
NO_HASH_LISTS = KnownContent()
#: The result for a file that was not compared.
NO_MATCH = HashMatchResult()

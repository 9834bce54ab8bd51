"""The output stage: every frame and the sound of what a generator made, before anybody sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from safelight.detectors.text.pipeline import TextPipeline
from safelight.errors import InvalidMedia
from safelight.media.probe import MediaFacts
from safelight.policy.coverage import Cell, Coverage
from safelight.policy.disagreement import disagreeing
from safelight.policy.findings import Finding, Modality, Stage
from safelight.policy.verdicts import Audience
from safelight.scanning.report import ScanReport
from safelight.scanning.service import Scanner

from .judging import Judge, Judged
from .on_screen import on_screen
from .onlookers import Onlookers, scene_of
from .together import parts_of, read_together


@dataclass(frozen=True, kw_only=True)
class OutputStage:
    judge: Judge
    scanner: Scanner
    pipeline: TextPipeline
    onlookers: Onlookers = field(default_factory=Onlookers)

    def scan(
        self,
        path: Path,
        *,
        tenant: str,
        subject_sha256: str,
        texts: Mapping[str, str] | None = None,
        prior: tuple[Finding, ...] = (),
        settled: tuple[Finding, ...] = (),
        overturned: tuple[Finding, ...] = (),
        audience: Audience = Audience.GENERAL,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[Judged, ScanReport]:
        """The verdict on a clip, and what the scan saw.

        `texts` is what was asked for, by field, and `prior` its findings: words, picture and sound are judged
        together. Of the findings a person has let the `settled` ones through, so that they hold nothing
        again; an appeal was won against the `overturned` ones. Raises `InvalidMedia` where the file is no
        video that can be walked to its end, or has tracks that nobody looks into.
        """

        def tell(done: int, total: int) -> None:
            if progress is not None and total:
                progress(100 * done // total)

        with self.onlookers.folder() as looks:
            report = self.scanner.scan_video(path, looks=looks, progress=tell)
            if report.facts is not None:
                refuse_unread(report.facts)
            judged = self.judge_report(
                report,
                tenant=tenant,
                subject_sha256=subject_sha256,
                texts=texts or {},
                prior=prior,
                settled=settled,
                audience=audience,
            )
        return judged, report

    def judge_report(
        self,
        report: ScanReport,
        *,
        tenant: str,
        subject_sha256: str,
        texts: Mapping[str, str],
        prior: tuple[Finding, ...] = (),
        settled: tuple[Finding, ...] = (),
        audience: Audience = Audience.GENERAL,
    ) -> Judged:
        """The verdict on what a scan saw, while its stills lie where it says."""
        read = on_screen(report, self.pipeline)
        spoken = None if report.heard is None else self.pipeline.screen_read(report.heard, "transcript")
        words = [*read.findings, *(() if spoken is None else spoken.findings)]
        joined = read_together(
            parts_of(texts, report.texts, report.heard or ()), self.pipeline, (*words, *prior)
        )
        modalities = {Modality.FRAMES}
        if read.present:
            modalities.add(Modality.TEXT)
        if report.has_sound or report.failure:
            modalities.add(Modality.AUDIO)
        scene = scene_of(
            report,
            Modality.FRAMES,
            texts=dict(texts),
            on_screen=None if report.unread else "\n".join(text.text for text in report.texts),
            transcript=None if report.heard is None else "\n".join(text.text for text in report.heard),
        )
        local = self.onlookers.local(scene)
        who = self.onlookers.recognised(scene, tenant=tenant, faces=report.findings)
        findings = [*report.findings, *words, *joined.findings, *local.findings, *who.findings]
        cells = [
            *report.coverage,
            *read.cells,
            *joined.cells,
            *(() if spoken is None else _heard(spoken.cells)),
            *local.cells,
            *who.cells,
        ]

        def judge(more: Iterable[Finding], further: Iterable[Cell]) -> Judged:
            covered = Coverage().merged([*cells, *further])
            seen = disagreeing(
                (*findings, *more), covered, beside=prior, asked=bool(texts), read=not report.unread
            )
            return self.judge.judge(
                Stage.OUTPUT,
                tenant=tenant,
                findings=(*seen, *prior),
                cells=covered,
                modalities=frozenset(modalities),
                subject_sha256=subject_sha256,
                audience=audience,
                extra=summary(report),
                settled=settled,
                overturned=overturned,
                consents=who.consents,
            )

        first = judge((), ())
        # Whatever is asked of a server is asked when everybody here has finished.
        asked = self.onlookers.remote(scene, first.verdict, first.findings)
        return judge(asked.findings, asked.cells) if asked else first


def _heard(cells: Iterable[Cell]) -> list[Cell]:
    """Coverage of words that were heard is coverage of the sound."""
    return [msgspec.structs.replace(cell, modality=Modality.AUDIO) for cell in cells]


def refuse_unread(facts: MediaFacts) -> None:
    """Raises `InvalidMedia` where a clip has more than picture and sound: nothing unchecked may leave."""
    if facts.unread:
        raise InvalidMedia(
            f"The clip has tracks that nothing here looks into: {', '.join(facts.unread)}.",
            remedy="Send a file with one picture track and at most one sound track.",
        )


def summary(report: ScanReport) -> dict[str, Any]:
    """What of a scan goes on the record beside findings and coverage: how it was made, and what it cost."""
    told: dict[str, Any] = msgspec.to_builtins(
        {
            "facts": report.facts,
            "runs": report.runs,
            "schedule": report.schedule,
            "wall_s": round(report.wall_s, 3),
            "failure": report.failure,
        }
    )
    return told

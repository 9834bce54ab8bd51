"""The output stage: every frame and the sound of what a generator made, before anybody sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.findings import Finding, Modality, Stage
from safelight.policy.verdicts import Audience
from safelight.scanning.report import ScanReport
from safelight.scanning.service import Scanner

from .judging import Judge, Judged


@dataclass(frozen=True, kw_only=True)
class OutputStage:
    judge: Judge
    scanner: Scanner
    pipeline: TextPipeline

    def scan(
        self,
        path: Path,
        *,
        tenant: str,
        subject_sha256: str,
        prior: tuple[Finding, ...] = (),
        audience: Audience = Audience.GENERAL,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[Judged, ScanReport]:
        """The verdict on a clip, and what the scan saw.

        `prior` are findings of the prompt, judged together with the picture and sound. Raises `InvalidMedia`
        where the file is no video that can be walked to its end.
        """

        def tell(done: int, total: int) -> None:
            if progress is not None and total:
                progress(100 * done // total)

        report = self.scanner.scan_video(path, progress=tell)
        read = self.pipeline.screen_read(report.texts)
        modalities = {Modality.FRAMES}
        if report.texts:
            modalities.add(Modality.TEXT)
        if report.has_sound or report.failure:
            modalities.add(Modality.AUDIO)
        judged = self.judge.judge(
            Stage.OUTPUT,
            tenant=tenant,
            findings=(*report.findings, *read.findings, *prior),
            cells=(*report.coverage, *read.cells),
            modalities=frozenset(modalities),
            subject_sha256=subject_sha256,
            audience=audience,
            extra=summary(report),
        )
        return judged, report


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

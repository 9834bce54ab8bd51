"""The output stage: every frame and the sound of what a generator made, before anybody sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from safelight.detectors.catalogue import Catalogue
from safelight.detectors.text.pipeline import TextPipeline
from safelight.errors import ChildFailed
from safelight.policy.findings import Finding, Modality, Stage
from safelight.policy.verdicts import Audience
from safelight.scanning.service import Scanner, ScanReport

from .judging import Judge, Judged, unlooked


@dataclass(frozen=True, kw_only=True)
class OutputStage:
    judge: Judge
    scanner: Scanner
    pipeline: TextPipeline
    catalogue: Catalogue
    budget_s: float

    def scan(
        self,
        path: Path,
        *,
        tenant: str,
        subject_sha256: str,
        stage: Stage = Stage.OUTPUT,
        prior: tuple[Finding, ...] = (),
        audience: Audience = Audience.GENERAL,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[Judged, ScanReport | None]:
        """The verdict on a clip, and what the scan saw; None where the child gave no answer.

        `prior` are findings of the prompt, judged together with the picture and sound. Raises `InvalidMedia`
        where the file is no video that can be walked to its end.
        """
        try:
            report = self.scanner.scan_video(
                path, detectors=self.catalogue.child_specs(), budget_s=self.budget_s, progress=progress
            )
        except ChildFailed as failure:
            judged = self.judge.judge(
                stage,
                tenant=tenant,
                findings=prior,
                cells=unlooked(self.catalogue.cells(), failure.message),
                modalities=frozenset({Modality.FRAMES, Modality.AUDIO}),
                subject_sha256=subject_sha256,
                audience=audience,
                extra={"failure": failure.message},
            )
            return judged, None
        read = self.pipeline.screen_read(report.texts)
        modalities = {Modality.FRAMES, Modality.TEXT} if report.texts else {Modality.FRAMES}
        if report.facts.has_audio:
            modalities.add(Modality.AUDIO)
        judged = self.judge.judge(
            stage,
            tenant=tenant,
            findings=(*report.findings, *read.findings, *prior),
            cells=(*report.cells, *read.cells),
            modalities=frozenset(modalities),
            subject_sha256=subject_sha256,
            audience=audience,
            extra=report.summary(),
        )
        return judged, report

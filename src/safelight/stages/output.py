"""The output stage: every frame and the sound of what a generator made, before anybody sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from safelight.detectors.text.pipeline import TextPipeline
from safelight.errors import InvalidMedia
from safelight.media.probe import MediaFacts
from safelight.policy.findings import Finding, Modality, Stage
from safelight.policy.verdicts import Audience
from safelight.scanning.report import ScanReport
from safelight.scanning.service import FrameProgress, Scanner

from .judging import Judge, Judged
from .on_screen import on_screen


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
        settled: tuple[Finding, ...] = (),
        audience: Audience = Audience.GENERAL,
        progress: Callable[[int], None] | None = None,
        frames: FrameProgress | None = None,
        stills: Path | None = None,
    ) -> tuple[Judged, ScanReport]:
        """The verdict on a clip, and what the scan saw.

        `progress` is told percents, `frames` how many of how many; pictures go into the folder `stills`.

        `prior` are findings of the prompt, judged together with the picture and sound; of these a person has
        let the `settled` ones through, so that they hold nothing again. Raises `InvalidMedia`
        where the file is no video that can be walked to its end, or has tracks that nobody looks into.
        """

        def tell(done: int, total: int) -> None:
            if progress is not None and total:
                progress(100 * done // total)
            if frames is not None:
                frames(done, total)

        report = self.scanner.scan_video(path, progress=tell, stills=stills)
        if report.facts is not None:
            refuse_unread(report.facts)
        read = on_screen(report, self.pipeline)
        modalities = {Modality.FRAMES}
        if read.present:
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
            settled=settled,
            failure=report.failure,
        )
        return judged, report


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

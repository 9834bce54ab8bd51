"""The references of a request: fetched once, kept by hash, and judged before anything is spent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from safelight.policy.findings import Stage
from safelight.stages.judging import Judged
from safelight.stages.reference import ReferenceFile

from .models import Video
from .workshop import Workshop


def judge_references(
    workshop: Workshop, video: Video, references: Iterable[Mapping[str, Any]], bench: Path
) -> Judged:
    """The verdict on stored references, with no limit of time but the scan's own."""
    files = []
    for number, reference in enumerate(references):
        path = bench / f"judged-{number}"
        workshop.blobs.copy_to(video.tenant, reference["sha256"], path)
        files.append(
            ReferenceFile(
                path=path,
                field=reference["field"],
                media_type=reference["media_type"],
                sha256=reference["sha256"],
            )
        )
    prior = workshop.store.seen(video.tenant, video.id, Stage.PROMPT)
    return workshop.stages.reference.judge_files(files, tenant=video.tenant, prior=prior)

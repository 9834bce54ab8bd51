"""All stages of an installation, and methods that apply them to a single file without a request."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from safelight.core.fileio import sha256_file
from safelight.core.progress import ProgressSink
from safelight.policy.tenant_policy import TenantPolicy

from .evaluation import ScreeningContext, StageResult
from .output import OutputStage
from .prompt import PromptStage
from .reference import MetadataStripper, ReferenceInput, ReferenceStage
from .scanning.report import ScanReport


@dataclass(frozen=True, kw_only=True)
class Stages:
    prompt: PromptStage
    reference: ReferenceStage
    output: OutputStage
    #: None if metadata is not stripped before generators get the references.
    metadata_stripper: MetadataStripper | None = None

    def scan_clip(
        self,
        path: Path,
        policy: TenantPolicy,
        *,
        progress: ProgressSink | None = None,
        previews: Path | None = None,
        cancel: threading.Event | None = None,
    ) -> tuple[StageResult, ScanReport]:
        """Scan a clip in the same way as a generated one. Nothing is recorded.

        Tracks that are not scanned are gaps.
        """
        return self.output.scan(
            path,
            ScreeningContext(policy=policy),
            subject_sha256=sha256_file(path),
            progress=progress,
            previews=previews,
            cancel=cancel,
            accepts_extra_tracks=True,
        )

    def scan_image(self, path: Path, policy: TenantPolicy) -> StageResult:
        """Screen an image in the same way as a reference. Nothing is recorded."""
        file = ReferenceInput.of(path, "input_reference")
        return self.reference.screen((file,), ScreeningContext(policy=policy))

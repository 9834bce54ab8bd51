"""The stages of one installation, and the same checks for a single file outside of a request."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from safelight.fileio import sha256_file
from safelight.progress import ProgressSink
from safelight.scanning.report import ScanReport

from .evaluation import StageResult
from .output import OutputStage
from .prompt import PromptStage
from .reference import MetadataStripper, ReferenceInput, ReferenceStage
from .screening import ScreeningContext
from .tenant_policy import TenantPolicy


@dataclass(frozen=True, kw_only=True)
class Stages:
    prompt: PromptStage
    reference: ReferenceStage
    output: OutputStage
    #: None: generators get references with their metadata.
    metadata_stripper: MetadataStripper | None = None

    def scan_clip(
        self,
        path: Path,
        policy: TenantPolicy,
        *,
        progress: ProgressSink | None = None,
        previews: Path | None = None,
    ) -> tuple[StageResult, ScanReport]:
        """Scan a clip as if it had just been generated. Nothing is recorded."""
        return self.output.scan(
            path,
            ScreeningContext(policy=policy),
            subject_sha256=sha256_file(path),
            progress=progress,
            previews=previews,
        )

    def scan_image(self, path: Path, policy: TenantPolicy) -> StageResult:
        """Screen an image as a reference. Nothing is recorded."""
        file = ReferenceInput.of(path, "input_reference")
        return self.reference.screen((file,), ScreeningContext(policy=policy))

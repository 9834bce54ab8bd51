"""The stages of one installation, put together, and the same judgements for a file or a prompt at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safelight.fileio import sha256_file
from safelight.policy.verdicts import Audience
from safelight.scanning.report import ScanReport
from safelight.scanning.service import FrameProgress

from .evaluation import StageResult
from .output import OutputStage
from .prompt import PromptStage
from .reference import MetadataStripper, ReferenceInput, ReferenceStage, media_type


@dataclass(frozen=True, kw_only=True)
class Stages:
    prompt: PromptStage
    reference: ReferenceStage
    output: OutputStage
    #: None: references are handed on as they are.
    handing: MetadataStripper | None = None

    def judge_prompt(
        self,
        texts: Mapping[str, str],
        *,
        tenant: str,
        negated: frozenset[str] = frozenset(),
        audience: Audience = Audience.GENERAL,
    ) -> StageResult:
        """The verdict on words alone, as `safelight check` gives it. Nothing is recorded."""
        return self.prompt.screen(texts, tenant=tenant, negated=negated, audience=audience)

    def judge_file(
        self, path: Path, *, tenant: str, frames: FrameProgress | None = None, stills: Path | None = None
    ) -> tuple[StageResult, ScanReport]:
        """The verdict on a clip as if it had just been generated, as `safelight scan` gives it."""
        sha256 = sha256_file(path)
        return self.output.scan(path, tenant=tenant, subject_sha256=sha256, frames=frames, stills=stills)

    def judge_picture(self, path: Path, *, tenant: str) -> StageResult:
        """The verdict on a picture as a reference."""
        sha256 = sha256_file(path)
        file_ = ReferenceInput(
            path=path, field="input_reference", media_type=media_type(path, "input_reference"), sha256=sha256
        )
        return self.reference.judge_files((file_,), tenant=tenant)

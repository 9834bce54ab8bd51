"""The prompt stage: screens every text of a request before the generator is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from safelight.detectors.text.pipeline import TextReport
from safelight.policy.findings import Finding, Modality, Stage
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Audience

from .evaluation import StageInput, StageResult, evaluate, texts_sha256
from .paraphrases import NO_MATCH, EvasionMatch, raise_scores


class TextScreener(Protocol):
    """What `TextPipeline.screen` does, here or in another process."""

    def screen(self, fields: Mapping[str, str], *, negated: frozenset[str] = frozenset()) -> TextReport: ...


@dataclass(frozen=True, kw_only=True)
class PromptStage:
    pipeline: TextScreener

    def screen(
        self,
        texts: Mapping[str, str],
        policy: TenantPolicy,
        *,
        negated: frozenset[str] = frozenset(),
        prior: tuple[Finding, ...] = (),
        scrutiny: EvasionMatch = NO_MATCH,
        audience: Audience = Audience.GENERAL,
    ) -> StageResult:
        """Screen all texts of a request together. The verdict contains their hash.

        `prior` has the findings inherited from the videos and characters that the request uses. `scrutiny`
        has the scores that a paraphrase of a blocked prompt inherits.
        """
        report = self.pipeline.screen(texts, negated=negated)
        return evaluate(
            policy,
            StageInput(
                stage=Stage.PROMPT,
                subject_sha256=texts_sha256(texts),
                findings=(*raise_scores(scrutiny, report.findings), *prior),
                unrecorded=report.unrecorded,
                coverage=report.cells,
                modalities=frozenset({Modality.TEXT}),
                audience=audience,
                details={
                    "latency_ms": report.latency_ms,
                    **({"rewording_of": scrutiny.lineage} if scrutiny else {}),
                },
            ),
        )

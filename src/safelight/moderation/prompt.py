"""The prompt stage: screens every text of a request before the generator is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from safelight.detectors.text.pipeline import TextPipeline
from safelight.moderation.evasion_thresholds import NO_MATCH, EvasionMatch
from safelight.policy.findings import Finding, Modality, Stage
from safelight.policy.verdicts import Audience

from .evaluation import StageInput, StageResult, evaluate, texts_sha256
from .evasion_thresholds import apply_scrutiny
from .tenant_policy import TenantPolicy


@dataclass(frozen=True, kw_only=True)
class PromptStage:
    pipeline: TextPipeline

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
                findings=(*apply_scrutiny(scrutiny, report.findings), *prior),
                coverage=report.cells,
                modalities=frozenset({Modality.TEXT}),
                audience=audience,
                details={
                    "latency_ms": report.latency_ms,
                    **({"rewording_of": scrutiny.lineage} if scrutiny else {}),
                },
            ),
        )

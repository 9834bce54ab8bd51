"""The prompt stage: every word of a request is screened before anything is spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.findings import Finding, Modality, Stage
from safelight.policy.verdicts import Audience
from safelight.trust.evasion.models import NO_MATCH, EvasionMatch

from .evaluation import PolicyEvaluator, StageResult, texts_sha256
from .evasion_thresholds import apply_scrutiny


@dataclass(frozen=True, kw_only=True)
class PromptStage:
    judge: PolicyEvaluator
    pipeline: TextPipeline

    def screen(
        self,
        texts: Mapping[str, str],
        *,
        tenant: str,
        negated: frozenset[str] = frozenset(),
        prior: tuple[Finding, ...] = (),
        scrutiny: EvasionMatch = NO_MATCH,
        audience: Audience = Audience.GENERAL,
    ) -> StageResult:
        """The verdict on all texts of a request together, bound to their hash.

        `prior` are findings of what the request descends from, judged together with its words; `scrutiny` is
        what a rewording inherits from the block it rewords.
        """
        report = self.pipeline.screen(texts, negated=negated)
        return self.judge.evaluate(
            Stage.PROMPT,
            tenant=tenant,
            findings=(*apply_scrutiny(scrutiny, report.findings), *prior),
            cells=report.cells,
            modalities=frozenset({Modality.TEXT}),
            subject_sha256=texts_sha256(texts),
            audience=audience,
            extra={
                "latency_ms": report.latency_ms,
                **({"rewording_of": scrutiny.lineage} if scrutiny else {}),
            },
        )

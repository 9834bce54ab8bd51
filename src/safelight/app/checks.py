"""Builds the checks of requests, and the library, which checks its prompts."""

from __future__ import annotations

from safelight.accounts import Principal
from safelight.videos.checks import CheckService
from safelight.videos.library import Library
from safelight.videos.requests.admission import AdmissionLimits
from safelight.videos.requests.request import CreateRequest

from .core import CoreParts
from .persistence import PersistenceParts
from .pipeline import PipelineParts


def admission_limits(core: CoreParts) -> AdmissionLimits:
    """Limits on the fields of a request, the same for a video and for a check."""
    return AdmissionLimits(max_prompt_characters=core.settings.server.max_prompt_characters)


def make_checks(core: CoreParts, persistence: PersistenceParts, pipeline: PipelineParts) -> CheckService:
    settings = core.settings
    return CheckService(
        prompt_stage=pipeline.stages.prompt,
        timed_references=pipeline.timed_references,
        policies=pipeline.policy_loader,
        generators=core.generators,
        default_generator=settings.generation.default_generator,
        limits=admission_limits(core),
        fetcher=core.fetcher,
        database=persistence.database,
        taxonomy=core.taxonomy,
        scratch=persistence.data_directory.scratch,
        spend=persistence.check_limiter.consume,
        evasion_tracker=persistence.evasion_tracker,
        estimate_risk=persistence.risk_history.estimate,
        estimate_risks=persistence.risk_history.estimate_all,
        rewriter=core.rewriter,
        embedder=core.search_embedder if core.rewriter else None,
        gates=pipeline.gates,
        max_reference_bytes=settings.scan.max_reference_mb << 20,
    )


def make_library(core: CoreParts, persistence: PersistenceParts, checks: CheckService) -> Library:
    """The library of prompts whose videos were delivered."""

    def check(principal: Principal, prompt: str) -> str:
        """The verdict of a check of this prompt for the default model."""
        found, _, _ = checks.check(principal, CreateRequest(prompt=prompt), estimates_risk=False)
        return found.verdict

    def offered_models() -> set[str]:
        return {model for generator in core.generators.values() for model in generator.info().models}

    return Library(
        persistence.database, check=check, offered_models=offered_models, embedder=core.search_embedder
    )

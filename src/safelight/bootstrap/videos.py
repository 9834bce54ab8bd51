"""Builds what submits videos: the video service, batches, retries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from safelight.accounts import KeyScope, Principal, PrincipalKind
from safelight.screening.request import CreateRequest
from safelight.videos.batches.advancer import BatchAdvancer
from safelight.videos.batches.planning import BatchPlanner
from safelight.videos.case_rows import ExposureLog
from safelight.videos.checks import CheckService
from safelight.videos.models import Video
from safelight.videos.retries import Retries
from safelight.videos.service import VideoService
from safelight.videos.staff_reads import StaffReads
from safelight.videos.templates import Templates
from safelight.web.api.serializers import video_object
from safelight.web.create_request import create_request, fill_rendered_prompt

from .checks import admission_limits
from .core import CoreParts
from .coverage import InstallationCoverage
from .persistence import PersistenceParts
from .pipeline import PipelineParts


def make_videos(
    core: CoreParts,
    persistence: PersistenceParts,
    pipeline: PipelineParts,
    coverage: InstallationCoverage,
    exposure: ExposureLog,
) -> VideoService:
    return VideoService(
        context=pipeline.context,
        fetcher=core.fetcher,
        limits=admission_limits(core),
        default_generator=core.settings.generation.default_generator,
        timed_references=pipeline.timed_references,
        enqueue=pipeline.queue.enqueue,
        check_limiter=persistence.check_limiter,
        evasion_tracker=persistence.evasion_tracker,
        queue_places=pipeline.queue_places,
        staff_reads=StaffReads(persistence.database, exposure),
        coverage=coverage.describe,
    )


def make_retries(persistence: PersistenceParts, videos: VideoService, checks: CheckService) -> Retries:
    return Retries(
        blobs=persistence.blobs,
        videos=videos.context.videos,
        keys=videos.keys,
        check=checks.check,
        submit=videos.create,
        find_key=persistence.accounts.find_key,
    )


def make_batch_advancer(
    core: CoreParts,
    persistence: PersistenceParts,
    pipeline: PipelineParts,
    checks: CheckService,
    videos: VideoService,
    templates: Templates,
) -> BatchAdvancer:
    """Its checks and submissions are those of every request."""
    longest = core.settings.server.max_prompt_characters
    first = core.generators[core.settings.generation.default_generator]

    def read_request(principal: Principal, fields: Mapping[str, Any]) -> CreateRequest:
        filled = dict(fields)
        use = fill_rendered_prompt(templates, principal, filled)
        return replace(create_request(filled, max_prompt_chars=longest), template=use)

    def submit(principal: Principal, video_id: str, request: CreateRequest) -> Video:
        principal.require(KeyScope.VIDEOS_WRITE)
        return videos.submissions.submit(principal, video_id, request, None)

    def find_principal(principal: Principal) -> Principal | None:
        if principal.kind is PrincipalKind.PERSON:
            return persistence.people.service.refresh(principal)
        return persistence.accounts.find_key(principal.tenant, principal.id)

    return BatchAdvancer(
        context=pipeline.context,
        planner=BatchPlanner(
            check=checks.check,
            read_request=read_request,
            generators=core.generators,
            default_model=next(iter(first.info().models), ""),
        ),
        submit=submit,
        describe=video_object,
        find_principal=find_principal,
        worker=pipeline.worker_name,
    )

"""Builds what submits videos: the video service and retries."""

from __future__ import annotations

from safelight.videos.case_rows import ExposureLog
from safelight.videos.checks import CheckService
from safelight.videos.retries import Retries
from safelight.videos.service import VideoService
from safelight.videos.staff_reads import StaffReads

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

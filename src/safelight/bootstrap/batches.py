"""Builds the service of batches and the background part that advances them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .core import CoreParts
from .persistence import PersistenceParts
from .pipeline import PipelineParts

if TYPE_CHECKING:
    from safelight.jobs.batches.advancer import BatchAdvancer
    from safelight.jobs.batches.service import BatchService
    from safelight.jobs.models import CreateRequest, SubmissionResult, Video
    from safelight.jobs.service import VideoService
    from safelight.trust.accounts import Principal
    from safelight.trust.checks import CheckService
    from safelight.trust.templates import Templates


class BatchParts:
    """Batches by API. Their checks and submissions are those of every request."""

    def __init__(
        self,
        core: CoreParts,
        persistence: PersistenceParts,
        pipeline: PipelineParts,
        *,
        checks: Callable[[], CheckService],
        videos: Callable[[], VideoService],
        templates: Callable[[], Templates],
    ) -> None:
        """The services of every request, which are built at their first use."""
        self._core = core
        self._persistence = persistence
        self._pipeline = pipeline
        self._checks = checks
        self._videos = videos
        self._templates = templates

    @cached_property
    def service(self) -> BatchService:
        from safelight.jobs.batches.service import BatchService

        limits = self._core.settings.limits
        return BatchService(database=self._persistence.database, max_stored=limits.stored_batches)

    @cached_property
    def advancer(self) -> BatchAdvancer:
        from safelight.jobs.batches.advancer import BatchAdvancer
        from safelight.jobs.batches.planning import BatchPlanner

        generators = self._core.generators
        first = generators[self._core.settings.generation.default_generator]
        return BatchAdvancer(
            context=self._pipeline.context,
            planner=BatchPlanner(
                check=self._checks().check,
                read_request=self._read_request,
                generators=generators,
                default_model=next(iter(first.info().models), ""),
            ),
            submit=self._submit,
            describe=self._describe,
            find_principal=self._find_principal,
            worker=self._pipeline.worker_name,
        )

    def _read_request(self, principal: Principal, fields: Mapping[str, Any]) -> CreateRequest:
        from safelight.web.create_request import create_request
        from safelight.web.template_call import fill_rendered_prompt

        filled = dict(fields)
        use = fill_rendered_prompt(self._templates(), principal, filled)
        limit = self._core.settings.server.max_prompt_characters
        return replace(create_request(filled, max_prompt_chars=limit), template=use)

    def _submit(self, principal: Principal, video_id: str, request: CreateRequest) -> SubmissionResult:
        from safelight.trust.accounts import KeyScope

        principal.require(KeyScope.VIDEOS_WRITE)
        return self._videos().submissions.submit(principal, video_id, request, None)

    def _describe(self, video: Video) -> Mapping[str, Any]:
        from safelight.api.serializers import video_object

        return video_object(video)

    def _find_principal(self, principal: Principal) -> Principal | None:
        from safelight.trust.accounts import PrincipalKind

        if principal.kind is PrincipalKind.PERSON:
            return self._persistence.people.service.refresh(principal)
        return self._persistence.accounts.find_key(principal.tenant, principal.id)

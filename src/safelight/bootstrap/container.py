"""The composition root: the container of all parts, and `load`, which builds it from the settings.

Each object is built at its first use. So a command that only screens text loads neither the database nor the
durable queue.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safelight
from safelight.settings import Settings, read_settings

from .core import CoreParts
from .likeness import LikenessParts
from .persistence import PersistenceParts
from .pipeline import PipelineParts
from .prompts import PromptParts
from .provenance import ProvenanceParts
from .review import ReviewParts

if TYPE_CHECKING:
    from fastapi import FastAPI

    from safelight.console.services import ConsoleServices
    from safelight.jobs.retries import Retries
    from safelight.policy.replay import ReplayRecord
    from safelight.web.services import Services

    from .gauges import Gauges


def load(config: Path | None = None, **flags: Any) -> Container:
    """The container for the settings in `config` and the environment. Raises `SettingsError`."""
    return Container(read_settings(config, **flags))


class Container:
    """The parts of one installation. Each part builds its objects at their first use and keeps them."""

    def __init__(self, settings: Settings) -> None:
        self.core = CoreParts(settings)
        self.persistence = PersistenceParts(self.core)
        self.provenance = ProvenanceParts(self.core, self.persistence)
        self.likeness = LikenessParts(self.core, self.persistence)
        self.pipeline = PipelineParts(self.core, self.persistence, self.likeness, self.provenance)
        self.review = ReviewParts(
            self.core, self.persistence, self.pipeline, templates=lambda: self.prompts.templates
        )
        self.prompts = PromptParts(self.core, self.persistence, self.review)
        self.pipeline.retry = lambda *blocked: self.retries.retry(*blocked)

    @cached_property
    def retries(self) -> Retries:
        from safelight.jobs.retries import Retries

        return Retries(
            blobs=self.persistence.blobs,
            videos=self.pipeline.context.videos,
            keys=lambda: self.review.videos.keys,
            check=self.review.checks.check,
            submit=self.review.videos.submit,
            find_key=self.persistence.accounts.find_key,
        )

    @cached_property
    def services(self) -> Services:
        """Services of the HTTP API and the web pages."""
        from safelight.attempts.attempt_log import AttemptLog
        from safelight.jobs.case_transcripts import CaseTranscripts
        from safelight.web.services import ConsentServices, Services

        server = self.core.settings.server
        return Services(
            videos=self.review.videos,
            batches=self.review.batches.service,
            accounts=self.persistence.accounts,
            waivers=lambda: self.persistence.waivers_in_force(self.persistence.tenant),
            taxonomy=self.core.taxonomy,
            moderation=self.review.moderation,
            checks=self.review.checks,
            provenance=self.provenance.checks,
            soft_bindings=self.provenance.soft_bindings,
            spend=self.persistence.check_limiter.consume,
            reviews=self.review.reviews,
            review_queue=self.review.review_queue,
            transcript_of=CaseTranscripts(self.persistence.database).read,
            case_events=self.review.case_events,
            quality=self.review.quality.service,
            quality_results=self.review.quality.results,
            reports=self.review.reports,
            appeals=self.review.appeals,
            consents=ConsentServices(
                requests=self.review.consents.requests, answers=self.review.consents.answers
            ),
            public_url=server.public_url,
            statements=self.review.statements,
            webhooks=self.persistence.webhooks,
            templates=self.prompts.templates,
            library=self.prompts.library,
            canaries=self.review.canaries.service,
            attempts=AttemptLog(self.persistence.database),
            drift=self.persistence.drift_history,
            standing=self.pipeline.standing.services,
            generators=self.core.generators,
            demands_template=lambda tenant: self.persistence.active_policy(tenant).demands_template,
            scratch=self.persistence.data_directory.scratch,
            version=safelight.__version__,
            loopback=server.loopback,
            gauges=self.gauges.read,
            refusal_budgets=lambda: self.pipeline.context.refusals.read(),
            tracer=self.core.tracer,
            metrics_are_open=server.loopback and not server.behind_proxy,
            max_body_bytes=server.max_body_mb << 20,
            max_prompt_chars=server.max_prompt_characters,
        )

    @cached_property
    def gauges(self) -> Gauges:
        from .gauges import Gauges

        return Gauges(self.core, self.persistence, self.pipeline, self.review)

    @cached_property
    def app(self) -> FastAPI:
        """The HTTP API with the web pages."""
        from .app import build_app

        return build_app(self.services, self.console_services)

    @cached_property
    def console_services(self) -> ConsoleServices:
        """Services that only the web pages use."""
        from safelight.console.case_media import CaseMedia
        from safelight.console.name_lists import NameListEditor
        from safelight.console.services import (
            ConsoleServices,
            OpenIdServices,
            PeopleServices,
            PolicyServices,
        )
        from safelight.detectors.text.operator_lists import OperatorLists
        from safelight.trust.policies import read_history

        def replay_history(tenant: str) -> Iterator[ReplayRecord]:
            terms = [waiver.terms for waiver in self.persistence.waivers_in_force(tenant)]
            return read_history(self.persistence.database, waivers=terms, tenant=tenant)

        return ConsoleServices(
            policies=PolicyServices(
                published=self.persistence.policies,
                in_force=self.persistence.active_policy,
                history=replay_history,
            ),
            people=PeopleServices(
                people=self.persistence.people.service, sign_in=self.persistence.people.sign_in
            ),
            openid=None
            if self.persistence.people.openid is None
            else OpenIdServices(sign_in=self.persistence.people.openid, name=self.core.settings.openid.label),
            case_media=CaseMedia(
                database=self.persistence.database,
                store=self.pipeline.context.videos,
                blobs=self.persistence.blobs,
                sandbox=self.core.sandbox,
                scratch=self.persistence.data_directory.scratch,
            ),
            exposure=self.review.exposure_log,
            compliance_menu=self.core.settings.server.compliance_menu,
            settings=lambda: self.core.settings.model_dump(mode="json"),
            setting_sources=self.core.settings.sources,
            name_lists=NameListEditor(
                lists=OperatorLists(self.core.name_lists_folder),
                database=self.persistence.database,
                scratch=self.persistence.data_directory.scratch,
                tenant=lambda: self.persistence.tenant,
            ),
            clock=self.persistence.database.clock,
        )

"""Builds the review, appeal and report services and the services behind the HTTP API and the pages."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

from .batches import BatchParts
from .canaries import CanaryParts
from .consents import ConsentParts
from .core import CoreParts
from .installation_coverage import InstallationCoverage
from .mail import MailParts
from .persistence import PersistenceParts
from .pipeline import PipelineParts
from .process_readiness import ProcessReadiness
from .quality import QualityParts
from .reports import ReportParts

if TYPE_CHECKING:
    from safelight.background.part import BackgroundPart
    from safelight.jobs.notice_follow_up import NoticeFollowUp
    from safelight.jobs.notifier import Notifier
    from safelight.jobs.review_actions import ReviewActions
    from safelight.jobs.service import VideoService
    from safelight.moderation.admission import AdmissionLimits
    from safelight.moderation.timed_reference import TimedReferenceStage
    from safelight.trust.appeals import Appeals
    from safelight.trust.case_events import CaseEvents
    from safelight.trust.checks import CheckService
    from safelight.trust.moderations_api import ModerationsApi
    from safelight.trust.reports import Reports
    from safelight.trust.reviews import DecisionExecutor, ExposureLog, ReviewQueue, Reviews
    from safelight.trust.statements import Statements
    from safelight.trust.templates import Templates

_REVIEW_PRUNING_INTERVAL_S = 3600.0


class ReviewParts:
    """Reviews, appeals, reports, notifications, and the services that the API and the pages call."""

    def __init__(
        self,
        core: CoreParts,
        persistence: PersistenceParts,
        pipeline: PipelineParts,
        *,
        templates: Callable[[], Templates],
    ) -> None:
        self._core = core
        self._persistence = persistence
        self._pipeline = pipeline
        self.batches = BatchParts(
            core,
            persistence,
            pipeline,
            checks=lambda: self.checks,
            videos=lambda: self.videos,
            templates=templates,
        )
        self.mail = MailParts(core, persistence)
        self.consents = ConsentParts(core, persistence, pipeline, self.mail)
        self._report_parts = ReportParts(core, persistence, pipeline, self.mail)
        self.quality = QualityParts(core, persistence)
        self.canaries = CanaryParts(core, persistence, pipeline)
        self.coverage = InstallationCoverage(core, persistence)
        self.readiness = ProcessReadiness(
            core, persistence, pipeline, background_parts=lambda: self.background_parts
        )

    @cached_property
    def review_actions(self) -> ReviewActions:
        from safelight.jobs.review_actions import ReviewActions

        return ReviewActions(self._pipeline.context, self._enqueue)

    def _enqueue(self, tenant: str, video_id: str, run: int) -> None:
        """Enqueue the video if the queue runs in this process; else the sweeper of a gateway enqueues it."""
        if self._pipeline.queue.running:
            self._pipeline.queue.enqueue(tenant, video_id, run)

    @cached_property
    def reviews(self) -> Reviews:
        from safelight.trust.reviews import Reviews

        return Reviews(self._persistence.database, self.review_actions)

    @cached_property
    def review_queue(self) -> ReviewQueue:
        from safelight.trust.reviews import ReviewQueue

        return ReviewQueue(
            self._persistence.database, taxonomy=self._core.taxonomy, exposure=self.exposure_log
        )

    @cached_property
    def case_events(self) -> CaseEvents:
        from safelight.trust.case_events import CaseEvents

        return CaseEvents(self._persistence.database)

    @cached_property
    def exposure_log(self) -> ExposureLog:
        from safelight.trust.reviews import ExposureLog

        return ExposureLog(self._persistence.database, budget=self._core.settings.review.exposure_budget)

    @cached_property
    def review_pruning(self) -> BackgroundPart:
        """Deletes what belongs to people and is old."""
        from safelight.background.part import BackgroundPart

        tasks = {
            "delete_old_skips": self.review_queue.delete_old_skips,
            "delete_old_views": self.exposure_log.delete_old_views,
            "erase_old_reporters": self.reports.erase_old_reporters,
            "purge_expired": self._persistence.accounts.purge_expired,
        }
        return BackgroundPart(
            "review-pruning", tasks, interval_s=_REVIEW_PRUNING_INTERVAL_S, stopping=self._core.shutdown_event
        )

    @cached_property
    def decision_executor(self) -> DecisionExecutor:
        from safelight.trust.reviews import DecisionExecutor

        return DecisionExecutor(
            self._persistence.database, self.review_actions, stopping=self._core.shutdown_event
        )

    @cached_property
    def reports(self) -> Reports:
        return self._report_parts.make_service(self.review_actions.report_subject)

    @cached_property
    def notice_follow_up(self) -> NoticeFollowUp:
        return self._report_parts.make_follow_up()

    @cached_property
    def appeals(self) -> Appeals:
        from safelight.trust.appeals import Appeals

        return Appeals(
            self._persistence.database,
            subject=self.review_actions.appeal_subject,
            keys=self._persistence.people.keys,
            screen_texts=self._report_parts.texts.screen,
            limits=self._report_parts.limits,
        )

    @cached_property
    def statements(self) -> Statements:
        from safelight.trust.statements import Statements

        return Statements(self._persistence.database)

    @cached_property
    def notifier(self) -> Notifier:
        from safelight.jobs.notifier import Notifier
        from safelight.trust.webhooks import Deliveries

        return Notifier(
            self._persistence.database,
            Deliveries(self._persistence.database),
            self._persistence.webhook_client,
            stopping=self._core.shutdown_event,
            mails_cases=self.mail.queue.enabled,
            canary_mails=self.mail.canaries,
        )

    @property
    def background_parts(self) -> tuple[BackgroundPart, ...]:
        """The parts that work in threads, in the order in which they start."""
        late = self._pipeline.late_timestamps
        return (
            *self._pipeline.queue.parts,
            self._pipeline.upstream_waits.part,
            self._pipeline.cancellation.part,
            self._pipeline.sweeper.part,
            self.batches.advancer.part,
            self.decision_executor.part,
            self.review_pruning,
            self.quality.sampling,
            self.notice_follow_up.part,
            *self.consents.parts,
            *self.mail.parts,
            *self.notifier.parts,
            self.canaries.sender.part,
            self._persistence.drift_watch.part,
            self._persistence.audit_checkpoint_writer.part,
            *(() if late is None else (late.part,)),
        )

    @cached_property
    def admission_limits(self) -> AdmissionLimits:
        """Limits on the fields of a request, the same for a video and for a check."""
        from safelight.moderation.admission import AdmissionLimits

        return AdmissionLimits(max_prompt_characters=self._core.settings.server.max_prompt_characters)

    @cached_property
    def _timed_references(self) -> TimedReferenceStage:
        from safelight.moderation.timed_reference import TimedReferenceStage

        return TimedReferenceStage(
            stage=self._pipeline.stages.reference,
            threads=ThreadPoolExecutor(max_workers=16, thread_name_prefix="references"),
            timeout_s=self._core.settings.scan.reference_timeout_s,
            stopping=self._core.shutdown_event,
        )

    @cached_property
    def videos(self) -> VideoService:
        from safelight.jobs.service import VideoService
        from safelight.trust.reviews.staff_reads import StaffReads

        return VideoService(
            context=self._pipeline.context,
            fetcher=self._core.fetcher,
            limits=self.admission_limits,
            default_generator=self._core.settings.generation.default_generator,
            timed_references=self._timed_references,
            enqueue=self._pipeline.queue.enqueue,
            check_limiter=self._persistence.check_limiter,
            evasion_tracker=self._persistence.evasion_tracker,
            queue_places=self._pipeline.queue_places,
            staff_reads=StaffReads(self._persistence.database, self.exposure_log),
            describe_coverage=self.coverage.describe,
            describe_readiness=self.readiness.describe,
        )

    @cached_property
    def moderation(self) -> ModerationsApi:
        from safelight.trust.moderations_api import ModerationsApi

        return ModerationsApi(
            pipeline=self._core.text_pipeline,
            scanner=self._core.scanner,
            fetcher=self._core.fetcher,
            scratch=self._persistence.data_directory.scratch,
            spend=lambda principal, end_user, cost: self._persistence.check_limiter.consume(
                principal, end_user, cost=cost
            ),
        )

    @cached_property
    def checks(self) -> CheckService:
        from safelight.trust.checks import CheckService

        return CheckService(
            prompt_stage=self._pipeline.stages.prompt,
            timed_references=self._timed_references,
            policies=self._pipeline.policy_loader,
            generators=self._core.generators,
            default_generator=self._core.settings.generation.default_generator,
            limits=self.admission_limits,
            fetcher=self._core.fetcher,
            database=self._persistence.database,
            taxonomy=self._core.taxonomy,
            scratch=self._persistence.data_directory.scratch,
            spend=self.moderation.spend,
            evasion_tracker=self._persistence.evasion_tracker,
            estimate_risk=self._persistence.risk_history.estimate,
            estimate_risks=self._persistence.risk_history.estimate_all,
            rewriter=self._core.rewriter,
            max_reference_bytes=self._core.settings.scan.max_reference_mb << 20,
        )

"""Builds the review, appeal and report services and the services behind the HTTP API and the pages."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

from safelight.errors import SafelightError

from .batches import BatchParts
from .core import CoreParts
from .persistence import PersistenceParts
from .pipeline import PipelineParts

if TYPE_CHECKING:
    from safelight.background.part import BackgroundPart
    from safelight.jobs.notifier import Notifier
    from safelight.jobs.review_actions import ReviewActions
    from safelight.jobs.service import VideoService
    from safelight.jobs.upstream_gate import UpstreamGate
    from safelight.moderation.admission import AdmissionLimits
    from safelight.moderation.check import CheckService
    from safelight.moderation.moderations_api import ModerationsApi
    from safelight.moderation.timed_reference import TimedReferenceStage
    from safelight.trust.appeals import Appeals
    from safelight.trust.reports import Reports
    from safelight.trust.reviews import DecisionExecutor, ExposureLog, ReviewQueue, Reviews
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
        #: The last coverage table, and what it was computed from. It changes seldom and is requested often.
        self._coverage: tuple[object, dict[str, Any]] = (None, {})

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

        return ReviewQueue(self._persistence.database, taxonomy=self._core.taxonomy)

    @cached_property
    def exposure_log(self) -> ExposureLog:
        from safelight.trust.reviews import ExposureLog

        return ExposureLog(self._persistence.database, budget=self._core.settings.review.exposure_budget)

    @cached_property
    def review_pruning(self) -> BackgroundPart:
        """Deletes what belongs to the reviewers and is old."""
        from safelight.background.part import BackgroundPart

        tasks = {
            "delete_old_skips": self.review_queue.delete_old_skips,
            "delete_old_views": self.exposure_log.delete_old_views,
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
        from safelight.trust.reports import Reports

        return Reports(
            self._persistence.database,
            taxonomy=self._core.taxonomy,
            subject=self.review_actions.report_subject,
            per_hour=self._core.settings.limits.reports_per_hour,
        )

    def deciders(self, tenant: str, vault: bool) -> frozenset[str]:
        """The ids of the reviewers that may decide a case.

        For a vaulted case: the keys and people with the scope `vault`. For other cases: the keys and people
        with the scope `review`, and the local operator.
        """
        from safelight.trust.accounts import OPERATOR, KeyScope

        wanted = KeyScope.VAULT if vault else KeyScope.REVIEW
        live = (key for key in self._persistence.accounts.list_keys(tenant) if key.revoked_at is None)
        keys = frozenset(key.id for key in live if wanted in key.scopes)
        known = keys | self._persistence.people.service.deciders(tenant, wanted)
        return known if vault else known | {OPERATOR}

    @cached_property
    def appeals(self) -> Appeals:
        from safelight.trust.appeals import Appeals

        return Appeals(
            self._persistence.database,
            subject=self.review_actions.appeal_subject,
            deciders=self.deciders,
            per_hour=self._core.settings.limits.reports_per_hour,
        )

    @cached_property
    def notifier(self) -> Notifier:
        from safelight.jobs.notifier import Notifier
        from safelight.trust.webhooks import Deliveries

        return Notifier(
            self._persistence.database,
            Deliveries(self._persistence.database),
            self._persistence.webhook_client,
            stopping=self._core.shutdown_event,
        )

    @property
    def background_parts(self) -> tuple[BackgroundPart, ...]:
        """The parts that work in threads, in the order in which they start."""
        return (
            *self._pipeline.queue.parts,
            self._pipeline.upstream_waits.part,
            self._pipeline.cancellation.part,
            self._pipeline.sweeper.part,
            self.batches.advancer.part,
            self.decision_executor.part,
            self.review_pruning,
            self.notifier.part,
            self.notifier.pruning,
            self._persistence.drift_watch.part,
            self._persistence.audit_checkpoint_writer.part,
        )

    def describe_coverage(self, tenant: str | None = None) -> dict[str, Any]:
        """The coverage table before any check has run: the body of `GET /v1/coverage`."""
        from safelight.evaluation.measurements import load_shipped
        from safelight.moderation.coverage_table import coverage_table, required_cells

        owner = tenant or self._persistence.tenant
        policy = self._persistence.active_policy(owner)
        waivers = self._persistence.waivers_in_force(owner)
        missing = (*self._core.detectors.missing, *self._core.detectors.idle)
        basis = (policy.name, policy.version, policy.sha256, waivers, missing)
        known_basis, known = self._coverage
        if known_basis == basis:
            return known
        table = coverage_table(
            policy,
            self._core.taxonomy,
            cells=load_shipped().add_figures(
                self._core.detectors.cells(required_cells(policy, self._core.taxonomy)),
                {one.name: one.version for one in self._core.detectors.plugins},
            ),
            missing=missing,
            waivers=waivers,
        )
        self._coverage = (basis, table)
        return table

    def describe_readiness(self) -> dict[str, Any]:
        """Whether this process can accept work: the body of `GET /readyz`.

        `unready` has the names of the parts that do not work, `problems` the reasons, and `parked` the rows
        that a part has left out after several failures.
        """
        began = time.monotonic()
        problems: dict[str, str] = {}
        try:
            with self._persistence.database.across_tenants("readiness", readonly=True) as tx:
                tx.now()
        except SafelightError as error:
            problems["database"] = str(error)
        try:
            self._pipeline.queue.check()
        except SafelightError as error:
            problems["queue"] = str(error)
        database_ms = round((time.monotonic() - began) * 1000, 2)
        health = [part.health() for part in self.background_parts]
        problems |= {each.name: each.problem for each in health if each.problem is not None}
        if self._core.shutdown_event.is_set():
            problems["process"] = "it shuts down"
        parked = {each.name: list(each.parked) for each in health if each.parked}
        down, paused = self._core.upstream_health.down(), _describe_pauses(self._pipeline.context.upstreams)
        clock = self._describe_clock_jump()
        reasons_are_shown = self._core.settings.server.loopback and "database" not in problems
        refusals = self._pipeline.context.refusals.describe() if reasons_are_shown else {}
        return {
            "ready": not problems,
            "unready": sorted(problems),
            "database_ms": database_ms,
            **({"problems": problems} if problems else {}),
            **({"parked": parked} if parked else {}),
            **({"clock": clock} if clock else {}),
            "worker": self._pipeline.worker_name,
            # Requests wait for an upstream that is down, so this process stays ready and only reports it.
            **({"upstreams_down": dict(down)} if down else {}),
            **({"upstreams_paused": paused} if paused else {}),
            **({"refusal_budgets": refusals} if refusals else {}),
        }

    def _describe_clock_jump(self) -> dict[str, int]:
        """The last jump of the clock, while nothing expires because of it."""
        watch = self._pipeline.context.clock_watch
        held_s, jump = watch.held_for_s(), watch.last_jump()
        if jump is None or not held_s:
            return {}
        return {"jumped_by_s": round(jump.by_s), "nothing_expires_for_s": round(held_s)}

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
        )

    @cached_property
    def videos(self) -> VideoService:
        from safelight.jobs.service import VideoService

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
            describe_coverage=self.describe_coverage,
            describe_readiness=self.describe_readiness,
        )

    @cached_property
    def moderation(self) -> ModerationsApi:
        from safelight.moderation.moderations_api import ModerationsApi

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
        from safelight.moderation.check import CheckService

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
            max_reference_bytes=self._core.settings.scan.max_reference_mb << 20,
        )


def _describe_pauses(gates: Mapping[str, UpstreamGate]) -> dict[str, str]:
    """The upstreams that are not called for a time, because calls failed, with the reason."""
    return {
        name: f"{failures} calls in a row failed; one call after a pause tests it"
        for name, gate in gates.items()
        if (failures := gate.failures_of_pause())
    }

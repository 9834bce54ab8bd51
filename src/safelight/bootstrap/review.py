"""Builds the review, appeal and report services and the services behind the HTTP API and the pages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from safelight.errors import SafelightError

from .core import CoreParts
from .mail import MailParts
from .persistence import PersistenceParts
from .pipeline import PipelineParts

if TYPE_CHECKING:
    from safelight.attempts.canaries.service import Canaries
    from safelight.background.part import BackgroundPart
    from safelight.jobs.batches.advancer import BatchAdvancer
    from safelight.jobs.batches.service import BatchService
    from safelight.jobs.canary_sender import CanarySender
    from safelight.jobs.consent_withdrawals import ConsentWithdrawals
    from safelight.jobs.models import SubmissionResult, Video
    from safelight.jobs.notice_follow_up import NoticeFollowUp
    from safelight.jobs.notifier import Notifier
    from safelight.jobs.review_actions import ReviewActions
    from safelight.jobs.service import VideoService
    from safelight.jobs.upstream_gate import UpstreamGate
    from safelight.moderation.admission import AdmissionLimits
    from safelight.moderation.received_text import ReceivedTextScreen
    from safelight.moderation.request import CreateRequest
    from safelight.moderation.timed_reference import TimedReferenceStage
    from safelight.trust.accounts import Principal
    from safelight.trust.appeals import Appeals
    from safelight.trust.case_events import CaseEvents
    from safelight.trust.checks import CheckService
    from safelight.trust.consent_requests import ConsentRequests, SubjectAnswers
    from safelight.trust.moderations_api import ModerationsApi
    from safelight.trust.quality import Quality, QualityResults
    from safelight.trust.reports import Reports
    from safelight.trust.reports.hash_screen import HashScreen
    from safelight.trust.reports.limits import ReportLimits
    from safelight.trust.reports.models import SubjectLookup
    from safelight.trust.reviews import DecisionExecutor, ExposureLog, ReviewQueue, Reviews
    from safelight.trust.statements import Statements
    from safelight.trust.templates import Templates


#: A part that does not answer within this time is not ready: less than the time limit of usual health checks.
_ANSWER_S = 3.0


class ProcessReadiness:
    """The state of the database, the queue, the background parts and the upstreams of this process."""

    def __init__(
        self,
        core: CoreParts,
        persistence: PersistenceParts,
        pipeline: PipelineParts,
        *,
        background_parts: Callable[[], tuple[BackgroundPart, ...]],
    ) -> None:
        self._core = core
        self._persistence = persistence
        self._pipeline = pipeline
        self._background_parts = background_parts
        self._threads = ThreadPoolExecutor(3, thread_name_prefix="readiness")
        self._lock = threading.Lock()
        self._running: dict[str, Future[Any]] = {}

    def describe(self) -> dict[str, Any]:
        """Whether this process can accept work: the body of `GET /readyz`.

        `unready` has the names of the parts that do not work, `problems` the reasons, and `parked` the rows
        that a part has left out after several failures.
        """
        began = time.monotonic()
        facts, problems = self._run_checks()
        database_ms = round((time.monotonic() - began) * 1000, 2)
        health = [part.health() for part in self._background_parts()]
        problems |= {each.name: each.problem for each in health if each.problem is not None}
        if self._core.shutdown_event.is_set():
            problems["process"] = "it shuts down"
        parked = {each.name: list(each.parked) for each in health if each.parked}
        down, paused = self._core.upstream_health.down(), _describe_pauses(self._pipeline.context.upstreams)
        clock = self._describe_clock_jump()
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
            **{name: fact for name, fact in facts.items() if fact},
        }

    def _run_checks(self) -> tuple[Mapping[str, Any], dict[str, str]]:
        """What the database says, and why the database, the queue or the disk cannot be used.

        Each check has a thread of its own and a limited time, because a lost connection can hang. A check
        that hangs is not started again before its end.
        """
        checks = {
            "database": self._read_database,
            "queue": self._pipeline.queue.check,
            "storage": self._check_storage,
        }
        with self._lock:
            for name, check in checks.items():
                if name not in self._running or self._running[name].done():
                    self._running[name] = self._threads.submit(check)
            running = dict(self._running)
        wait(running.values(), timeout=_ANSWER_S)
        facts: Mapping[str, Any] = {}
        problems: dict[str, str] = {}
        for name, started in running.items():
            try:
                facts = started.result(timeout=0) or facts
            except TimeoutError:
                problems[name] = f"no answer within {_ANSWER_S:g} s"
            except SafelightError as error:
                problems[name] = str(error)
        return facts, problems

    def _read_database(self) -> Mapping[str, Any]:
        """What the database says that does not make this process unready, because requests only wait."""
        from safelight.jobs.stuck_upstreams import stuck_upstreams
        from safelight.trust.reviews.reported_holds import count_undecidable

        with self._persistence.database.across_tenants("readiness", readonly=True) as tx:
            undecidable, stuck = count_undecidable(tx), stuck_upstreams(tx)
        return {
            # Open holds by the scope that no enrolled person and no key has.
            "holds_nobody_can_decide": {one.value: number for one, number in undecidable.items()},
            "upstreams_stuck": stuck,
            "refusal_budgets": self._pipeline.context.refusals.describe()
            if self._core.settings.server.loopback
            else {},
        }

    def _check_storage(self) -> None:
        self._persistence.data_directory.check()
        self._persistence.blobs.require_space()

    def _describe_clock_jump(self) -> dict[str, int]:
        """The last jump of the clock, while nothing expires because of it."""
        watch = self._pipeline.context.clock_watch
        held_s, jump = watch.held_for_s(), watch.last_jump()
        if jump is None or not held_s:
            return {}
        return {"jumped_by_s": round(jump.by_s), "nothing_expires_for_s": round(held_s)}


def _describe_pauses(gates: Mapping[str, UpstreamGate]) -> dict[str, str]:
    """The upstreams that are not called for a time, because calls failed, with the reason."""
    return {
        name: f"{failures} calls in a row failed; one call after a pause tests it"
        for name, gate in gates.items()
        if (failures := gate.failures_of_pause())
    }


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
        from safelight.web.create_request import create_request, fill_rendered_prompt

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


class ReportParts:
    """Reports, their texts and hashes, and the follow-up."""

    def __init__(
        self, core: CoreParts, persistence: PersistenceParts, pipeline: PipelineParts, mail: MailParts
    ) -> None:
        self._core = core
        self._persistence = persistence
        self._pipeline = pipeline
        self._mail = mail

    def make_service(self, subject: SubjectLookup) -> Reports:
        """`subject` finds the video of a report."""
        from safelight.trust.reports import Reports, ReportTools

        return Reports(
            self._persistence.database,
            taxonomy=self._core.taxonomy,
            limits=self.limits,
            tools=ReportTools(
                subject=subject,
                network_digest=partial(self._persistence.people.keys.digest, purpose="reporter"),
                hash_screen=lambda: self._hash_screen,
                mails=self._mail.decisions,
                screen_texts=self.texts.screen,
            ),
        )

    @property
    def limits(self) -> ReportLimits:
        """The limits of reports and appeals."""
        from safelight.trust.reports.limits import ReportLimits

        settings = self._core.settings.limits
        return ReportLimits(per_reporter=settings.reports_per_hour, per_key=settings.key_reports_per_hour)

    @cached_property
    def texts(self) -> ReceivedTextScreen:
        """Screens the texts of reports and appeals. They are sent to no server: they are about people, and
        senders without an account must not use up its calls.
        """
        from safelight.moderation.received_text import ReceivedTextScreen

        return ReceivedTextScreen(self._core.local_text_pipeline)

    def make_follow_up(self) -> NoticeFollowUp:
        from safelight.jobs.notice_follow_up import NoticeFollowUp

        return NoticeFollowUp(
            self._pipeline.context,
            lists=self._core.hash_lists,
            screen=self._hash_screen,
            copies=self._pipeline.copies,
            mails=self._mail.decisions,
        )

    @cached_property
    def _hash_screen(self) -> HashScreen:
        from safelight.jobs.notice_follow_up import make_hash_screen

        return make_hash_screen(self._pipeline.copies)


_PRUNING_INTERVAL_S = 600.0


class ConsentParts:
    """Requests, answers and withdrawals of consents."""

    def __init__(
        self, core: CoreParts, persistence: PersistenceParts, pipeline: PipelineParts, mail: MailParts
    ) -> None:
        self._core = core
        self._persistence = persistence
        self._pipeline = pipeline
        #: Outgoing mail, by which links are sent.
        self.mail = mail

    @cached_property
    def requests(self) -> ConsentRequests:
        from safelight.trust.consent_requests import ConsentRequests

        return ConsentRequests(
            self._persistence.database,
            self._persistence.people.keys,
            self.mail.queue,
            no_camera_reason=self._pipeline.likeness.no_camera_reason,
        )

    @cached_property
    def answers(self) -> SubjectAnswers:
        from safelight.trust.consent_requests import SubjectAnswers, SubjectEnrolment

        likeness = self._pipeline.likeness
        return SubjectAnswers(
            self._persistence.database,
            keys=self._persistence.people.keys,
            template_key=likeness.template_key,
            mail=self.mail.queue,
            enrolment=SubjectEnrolment(
                picture=likeness.enrol_face,
                clip=likeness.enrol_clip,
                no_camera_reason=likeness.no_camera_reason,
            ),
        )

    @cached_property
    def withdrawals(self) -> ConsentWithdrawals:
        from safelight.jobs.consent_withdrawals import ConsentWithdrawals

        return ConsentWithdrawals(self._pipeline.context, stopping=self._core.shutdown_event)

    @cached_property
    def parts(self) -> tuple[BackgroundPart, ...]:
        """The parts that work in threads."""
        from safelight.background.part import BackgroundPart

        pruning = BackgroundPart(
            "consent-pruning",
            {"end_old": self.requests.end_old},
            interval_s=_PRUNING_INTERVAL_S,
            stopping=self._core.shutdown_event,
        )
        return (self.withdrawals.part, pruning)


#: A second review is done days later; five minutes are soon enough.
_INTERVAL_S = 300.0


class QualityParts:
    """Golden cases, second reviews and samples, and their results."""

    def __init__(self, core: CoreParts, persistence: PersistenceParts) -> None:
        self._core = core
        self._persistence = persistence

    @cached_property
    def service(self) -> Quality:
        from safelight.trust.quality import Quality

        return Quality(self._persistence.database)

    @cached_property
    def results(self) -> QualityResults:
        from safelight.trust.quality import QualityResults

        return QualityResults(self._persistence.database)

    @cached_property
    def sampling(self) -> BackgroundPart:
        """Opens second reviews, golden cases and samples, closes overdue ones, and deletes old answers."""
        from safelight.background.part import BackgroundPart
        from safelight.trust.quality import QualitySampler, SamplingRule

        settings = self._core.settings.review
        rule = SamplingRule(
            second_review_rate=settings.second_review_rate, golden_per_day=settings.golden_per_day
        )
        sampler = QualitySampler(self._persistence.database, rule)
        tasks = {
            "open_second_reviews": sampler.open_second_reviews,
            "open_golden_cases": sampler.open_golden_cases,
            "open_samples": sampler.open_samples,
            "close_overdue": sampler.close_overdue,
            "delete_old_answers": sampler.delete_old_answers,
        }
        return BackgroundPart(
            "quality-sampling", tasks, interval_s=_INTERVAL_S, stopping=self._core.shutdown_event
        )


class CanaryParts:
    """Canaries at providers."""

    def __init__(self, core: CoreParts, persistence: PersistenceParts, pipeline: PipelineParts) -> None:
        self._core = core
        self._persistence = persistence
        self._pipeline = pipeline

    @cached_property
    def service(self) -> Canaries:
        from safelight.attempts.canaries.service import Canaries

        return Canaries(
            database=self._persistence.database,
            generators=self._core.generators,
            tenant_micros=self._tenant_micros,
        )

    @cached_property
    def sender(self) -> CanarySender:
        from safelight.attempts.canaries.calls import CanaryCalls
        from safelight.jobs.canary_sender import CanarySender
        from safelight.moderation.admission import AdmissionLimits

        server = self._core.settings.server
        return CanarySender(
            context=self._pipeline.context,
            calls=CanaryCalls(self._persistence.database, self._tenant_micros),
            limits=AdmissionLimits(max_prompt_characters=server.max_prompt_characters),
        )

    @property
    def _tenant_micros(self) -> int:
        from safelight.trust.ledger import to_micros

        return to_micros(self._core.settings.canaries.max_usd_per_month)


class InstallationCoverage:
    """Describes the coverage before any check has run."""

    def __init__(self, core: CoreParts, persistence: PersistenceParts) -> None:
        self._core = core
        self._persistence = persistence
        #: The last coverage table, and what it was computed from. It changes seldom and is requested often.
        self._last: tuple[object, dict[str, Any]] = (None, {})

    def describe(self, tenant: str | None = None) -> dict[str, Any]:
        """The coverage table before any check has run: the body of `GET /v1/coverage`."""
        from safelight.moderation.coverage_table import coverage_table, required_cells
        from safelight.policy.measurements import load_shipped

        owner = tenant or self._persistence.tenant
        policy = self._persistence.active_policy(owner)
        waivers = self._persistence.waivers_in_force(owner)
        missing = (*self._core.detectors.missing, *self._core.detectors.idle)
        basis = (policy.name, policy.version, policy.sha256, waivers, missing)
        known_basis, known = self._last
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
        self._last = (basis, table)
        return table


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

"""Builds the parts of the gateway's process that work in threads."""

from __future__ import annotations

from dataclasses import dataclass, replace

from safelight.accounts.webhooks import Deliveries
from safelight.cases.gates import GateService
from safelight.cases.notice_follow_up import NoticeFollowUp
from safelight.cases.quality import QualitySampler, SamplingRule
from safelight.cases.reviews import DecisionExecutor
from safelight.core.background.part import BackgroundPart
from safelight.provenance.recovery.copies import CopySearch
from safelight.store.database import Database
from safelight.videos.consent_withdrawals import ConsentWithdrawals
from safelight.videos.queue import DurableQueue
from safelight.videos.registry import LateTimestamps
from safelight.videos.retries import Retries
from safelight.videos.runner import Runner
from safelight.videos.sweeper import Sweeper
from safelight.videos.timeouts import Cancellation
from safelight.videos.upstream_waits import UpstreamWaits
from safelight.web.notifier import Notifier

from .case_reads import CaseReads
from .core import CoreParts
from .correspondence import Correspondence
from .decisions import Decisions
from .mail import Mails
from .persistence import PersistenceParts
from .pipeline import PipelineParts

_CONSENT_PRUNING_INTERVAL_S = 600.0
_REVIEW_PRUNING_INTERVAL_S = 3600.0
#: A second review is done days later; five minutes are soon enough.
_SAMPLING_INTERVAL_S = 300.0
#: A measurement beyond its bound lowers a rollout step within a minute.
_GATES_INTERVAL_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Background:
    queue: DurableQueue
    #: Runs the steps that the queue executes through `upstream_waits`. It also retries.
    runner: Runner
    upstream_waits: UpstreamWaits
    cancellation: Cancellation
    sweeper: Sweeper
    decision_executor: DecisionExecutor
    notice_follow_up: NoticeFollowUp
    withdrawals: ConsentWithdrawals
    notifier: Notifier
    quality_sampling: BackgroundPart
    #: The parts that follow those of the queue, in the order in which they start.
    following: tuple[BackgroundPart, ...]

    @property
    def parts(self) -> tuple[BackgroundPart, ...]:
        """All parts, in the order in which they start. The queue has its own after its start."""
        return (*self.queue.parts, *self.following)


def make_background(
    core: CoreParts,
    persistence: PersistenceParts,
    pipeline: PipelineParts,
    reads: CaseReads,
    decisions: Decisions,
    correspondence: Correspondence,
    mails: Mails,
    *,
    retries: Retries,
    copies: CopySearch,
    late_timestamps: LateTimestamps | None,
    gates: GateService | None = None,
) -> Background:
    context, database, stopping = pipeline.context, persistence.database, core.shutdown_event
    queue = pipeline.queue
    runner = Runner(replace(context, retry=retries.retry))
    upstream_waits = UpstreamWaits(context, runner, queue)
    cancellation, sweeper = Cancellation(context), Sweeper(context, queue)
    decision_executor = DecisionExecutor(database, decisions.actions, stopping=stopping)
    quality_sampling = _make_sampling(core, database)
    notice_follow_up = NoticeFollowUp(
        context,
        lists=core.hash_lists,
        copies=copies,
        mails=mails.decisions,
    )
    withdrawals = ConsentWithdrawals(context, stopping=stopping)
    notifier = Notifier(
        database,
        Deliveries(database),
        persistence.webhook_client,
        stopping=stopping,
        mails_cases=mails.queue.enabled,
    )
    review_pruning = BackgroundPart(
        "review-pruning",
        {
            "delete_old_skips": reads.review_queue.delete_old_skips,
            "delete_old_views": reads.exposure.delete_old_views,
            "erase_old_reporters": correspondence.reports.erase_old_reporters,
            "purge_expired": persistence.accounts.purge_expired,
        },
        interval_s=_REVIEW_PRUNING_INTERVAL_S,
        stopping=stopping,
    )
    consent_pruning = BackgroundPart(
        "consent-pruning",
        {"end_old": correspondence.consent_requests.end_old},
        interval_s=_CONSENT_PRUNING_INTERVAL_S,
        stopping=stopping,
    )
    shared = (
        cancellation.part,
        sweeper.part,
        decision_executor.part,
        review_pruning,
        quality_sampling,
        notice_follow_up.part,
        withdrawals.part,
        consent_pruning,
        *(() if gates is None else (_make_lowering(core, gates),)),
        mails.vault.part,
        *(() if mails.sender is None else (mails.cases.part,)),
        notifier.pruning,
        persistence.drift_watch.part,
        persistence.audit_checkpoint_writer.part,
        *(() if late_timestamps is None else (late_timestamps.part,)),
    )
    roles = core.settings.server.roles
    works = (upstream_waits.part, *shared, sweeper.downloads) if "work" in roles else ()
    sends = (notifier.part, *(() if mails.sender is None else (mails.sender.part,)))
    queue.share(shared)
    return Background(
        queue=queue,
        runner=runner,
        upstream_waits=upstream_waits,
        cancellation=cancellation,
        sweeper=sweeper,
        decision_executor=decision_executor,
        notice_follow_up=notice_follow_up,
        withdrawals=withdrawals,
        notifier=notifier,
        quality_sampling=quality_sampling,
        following=(*works, notice_follow_up.lists, *(sends if "notify" in roles else ())),
    )


def _make_sampling(core: CoreParts, database: Database) -> BackgroundPart:
    """Opens second reviews, golden cases and samples, closes overdue ones, and deletes old answers."""
    settings = core.settings.review
    rule = SamplingRule(
        second_review_rate=settings.second_review_rate, golden_per_day=settings.golden_per_day
    )
    sampler = QualitySampler(database, rule)
    return BackgroundPart(
        "quality-sampling",
        {
            "open_second_reviews": sampler.open_second_reviews,
            "open_golden_cases": sampler.open_golden_cases,
            "open_samples": sampler.open_samples,
            "close_overdue": sampler.close_overdue,
            "delete_old_answers": sampler.delete_old_answers,
        },
        interval_s=_SAMPLING_INTERVAL_S,
        stopping=core.shutdown_event,
    )


def _make_lowering(core: CoreParts, gates: GateService) -> BackgroundPart:
    return BackgroundPart(
        "gates",
        {"lower_by_measurements": gates.lower_by_measurements},
        interval_s=_GATES_INTERVAL_S,
        stopping=core.shutdown_event,
    )

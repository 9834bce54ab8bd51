"""The services and limits that `bootstrap` passes to the HTTP API and the web pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from safelight.attempts.attempt_log import AttemptLog
from safelight.attempts.canaries.service import Canaries
from safelight.attempts.drift_history import DriftHistory
from safelight.errors import NotFound
from safelight.generation.protocol import Generator
from safelight.jobs.batches.service import BatchService
from safelight.jobs.models import Character, Content, SubmissionResult, Video, VideoFilter, VideoRecord
from safelight.jobs.quota import QuotaStatus
from safelight.jobs.refusal_budget import RefusalCount
from safelight.jobs.transcripts import Transcript
from safelight.metrics import Gauge
from safelight.moderation.request import CreateRequest
from safelight.policy.findings import Taxonomy
from safelight.policy.waivers import Waiver
from safelight.provenance.soft_bindings import SoftBindings
from safelight.store.pages import Page
from safelight.tracing.tracer import Tracer
from safelight.trust.accounts import Accounts, Principal
from safelight.trust.appeals import Appeals
from safelight.trust.case_events import CaseEvents
from safelight.trust.checks import CheckService
from safelight.trust.consent_requests import ConsentRequests, SubjectAnswers
from safelight.trust.library import Library
from safelight.trust.moderations_api import ModerationInput, ModerationResult
from safelight.trust.quality import Quality, QualityResults
from safelight.trust.reports import Reports
from safelight.trust.reviews import CaseFile, ReviewQueue, Reviews
from safelight.trust.seals import ANSWER_AFTER_S, ProvenanceChecks
from safelight.trust.statements import Statements
from safelight.trust.templates import Templates
from safelight.trust.webhooks import Webhooks

from .standing import StandingServices


class Videos(Protocol):
    """The video service. Every method is synchronous and raises only `SafelightError`s."""

    def create(self, principal: Principal, request: CreateRequest) -> Video: ...
    def submit(self, principal: Principal, request: CreateRequest) -> SubmissionResult: ...
    def allowance(self, principal: Principal) -> QuotaStatus: ...
    def create_character(
        self, principal: Principal, *, name: str, clip: Path, end_user: str | None
    ) -> Character: ...
    def character(self, principal: Principal, character_id: str) -> Character: ...
    def get(self, principal: Principal, video_id: str) -> Video: ...
    def list(self, principal: Principal, *, after: str | None, limit: int, order: str) -> Page[Video]: ...
    def find(
        self, principal: Principal, wanted: VideoFilter, *, after: str | None, limit: int
    ) -> Page[Video]: ...
    def delete(self, principal: Principal, video_id: str) -> None: ...
    def scan_again(self, principal: Principal, video_id: str) -> Video: ...
    def content(self, principal: Principal, video_id: str, variant: str) -> Content: ...
    def record(self, principal: Principal, video_id: str, *, in_case: bool = False) -> VideoRecord: ...
    def coverage(self) -> dict[str, Any]: ...
    def readiness(self) -> dict[str, Any]: ...
    def poll_after_ms(self, video: Video) -> int: ...


class ModerationService(Protocol):
    """Checks texts and pictures for `POST /v1/moderations`. It stores nothing."""

    def look(
        self, principal: Principal, pieces: Sequence[ModerationInput], *, end_user: str | None
    ) -> tuple[ModerationResult, ...]: ...


@dataclass(frozen=True, kw_only=True)
class ConsentServices:
    """Requests for consents, and the answers of the people who are asked."""

    requests: ConsentRequests
    answers: SubjectAnswers


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything that the HTTP API needs."""

    videos: Videos
    accounts: Accounts
    reviews: Reviews
    review_queue: ReviewQueue
    case_events: CaseEvents
    quality: Quality
    quality_results: QualityResults
    reports: Reports
    appeals: Appeals
    statements: Statements
    webhooks: Webhooks
    attempts: AttemptLog
    drift: DriftHistory
    batches: BatchService
    templates: Templates
    library: Library
    #: Returns the waivers in force, for the banner on every page.
    waivers: Callable[[], Sequence[Waiver]]
    taxonomy: Taxonomy
    moderation: ModerationService
    #: The configured generators by name; the default generator is first.
    generators: Mapping[str, Generator]
    #: The folder for uploads; a file is removed when its request ends.
    scratch: Path
    version: str
    #: Canaries at providers; None if this server does not offer them.
    canaries: Canaries | None = None
    #: Standing, terms, ledger and access; None if this server does not offer them.
    standing: StandingServices | None = None
    #: Checks a generation request without submitting it; None if this server does not offer that.
    checks: CheckService | None = None
    #: Checks the origin of files for strangers; None if this server does not offer that.
    provenance: ProvenanceChecks | None = None
    #: Seconds from a request to its answer, if a watermark was searched.
    provenance_answer_s: float = ANSWER_AFTER_S
    #: Resolves soft bindings to manifests; None if this server does not offer that.
    soft_bindings: SoftBindings | None = None
    #: Asks for consents; None if this server does not offer that.
    consents: ConsentServices | None = None
    #: The configured address of this server, for links in mail.
    public_url: str | None = None
    #: Counts one check against the check limit of the principal's account.
    spend: Callable[[Principal], None] | None = None
    #: Seconds that `POST /v1/videos/sync` waits for the file before it responds with the video instead.
    sync_wait_s: float = 300.0
    #: True if the gateway listens only on a loopback address.
    loopback: bool = True
    max_body_bytes: int = 512 * 1024 * 1024
    max_prompt_chars: int = 32_000
    #: Maximum number of concurrent service calls. Each call needs a thread.
    threads: int = 64
    #: Returns the refusals of today of each generator that has a budget of them.
    refusal_budgets: Callable[[], Mapping[str, RefusalCount]] = dict
    #: Values for `GET /metrics` that are read when it is called.
    gauges: Callable[[], Sequence[Gauge]] = tuple
    #: Records a span for each request that submits a video.
    tracer: Tracer = field(default_factory=Tracer)
    #: The transcript of the video of a case. Raises `Forbidden` if the principal may not read it.
    transcript_of: Callable[[Principal, CaseFile], Transcript | None] = lambda *_: None
    #: Whether the policy in force for a tenant demands an approved template.
    demands_template: Callable[[str], bool] = lambda _: False
    #: Whether `GET /metrics` needs no key on a loopback address. Behind a reverse proxy it always needs one.
    metrics_are_open: bool = True
    #: Maximum number of concurrent checks. Text checks use one processor, whatever their number, and wait for
    #: the same database lock; a few more slots serve them while checks with references wait for a child.
    max_concurrent_checks: int = 4
    #: An upload ends with 408 if no data arrives for `upload_idle_s`, or if it is incomplete after
    #: `upload_total_s`.
    upload_idle_s: float = 20.0
    upload_total_s: float = 600.0
    #: Seconds between two reads of the videos that clients follow.
    watch_interval_s: float = 0.4

    def require_standing(self) -> StandingServices:
        """Standing, terms, ledger and access. Raises `NotFound` if this server does not offer them."""
        if self.standing is None:
            raise NotFound("This server offers no standing, terms, ledger or access.")
        return self.standing

"""The services and limits that `app` passes to the HTTP API and the web pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safelight.accounts import Accounts, Principal
from safelight.accounts.halts import Halts
from safelight.accounts.statements import Statements
from safelight.accounts.tenant_log import TenantLog
from safelight.accounts.webhooks import Webhooks
from safelight.cases.appeals import Appeals
from safelight.cases.case_events import CaseEvents
from safelight.cases.gates import GateService
from safelight.cases.incidents import Incidents
from safelight.cases.quality import CheckFigures, Quality, QualityResults
from safelight.cases.reports import Reports
from safelight.cases.reviews import ReviewQueue, Reviews
from safelight.cases.reviews.bulk import BulkDecisions
from safelight.cases.saved_replies import SavedReplies
from safelight.cases.vault import Vault
from safelight.consents.requests import ConsentRequests, SubjectAnswers
from safelight.core.errors import NotFound
from safelight.core.metrics import Gauge
from safelight.policy.findings import Taxonomy
from safelight.policy.waivers import Waiver
from safelight.provenance.soft_bindings import SoftBindings
from safelight.providers.attempts.attempt_log import AttemptLog
from safelight.providers.attempts.drift_history import DriftHistory
from safelight.providers.protocol import Generator
from safelight.videos.case_rows import CaseFile
from safelight.videos.checks import CheckService
from safelight.videos.library import Library
from safelight.videos.refusal_budget import RefusalCount
from safelight.videos.registry import ANSWER_AFTER_S, ProvenanceChecks
from safelight.videos.service import VideoService
from safelight.videos.templates import Templates
from safelight.videos.transcripts import Transcript
from safelight.videos.upstream_gate import UpstreamProblem

from .moderations_api import ModerationsApi
from .standing import StandingServices


@dataclass(frozen=True, kw_only=True)
class ConsentServices:
    """Requests for consents, and the answers of the people who are asked."""

    requests: ConsentRequests
    answers: SubjectAnswers


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything that the HTTP API needs."""

    videos: VideoService
    accounts: Accounts
    reviews: Reviews
    bulk: BulkDecisions
    review_queue: ReviewQueue
    case_events: CaseEvents
    quality: Quality
    quality_results: QualityResults
    check_figures: CheckFigures
    reports: Reports
    appeals: Appeals
    saved_replies: SavedReplies
    incidents: Incidents
    halts: Halts
    vault: Vault
    statements: Statements
    tenant_log: TenantLog
    webhooks: Webhooks
    attempts: AttemptLog
    drift: DriftHistory
    templates: Templates
    library: Library
    #: Returns the waivers in force, for the banner on every page.
    waivers: Callable[[], Sequence[Waiver]]
    taxonomy: Taxonomy
    moderation: ModerationsApi
    #: The configured generators by name; the default generator is first.
    generators: Mapping[str, Generator]
    #: The folder for uploads; a file is removed when its request ends.
    scratch: Path
    version: str
    #: Whether this process can accept work: the body of `GET /readyz`.
    readiness: Callable[[], dict[str, Any]]
    #: Standing, terms and access; None if this server does not offer them.
    standing: StandingServices | None = None
    #: Moves tenants between rollout steps; None if the settings do not enable them.
    gates: GateService | None = None
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
    #: The token by which the operator agrees to a red team.
    redteam_challenge: str | None = None
    max_body_bytes: int = 512 * 1024 * 1024
    max_prompt_chars: int = 32_000
    #: Maximum number of concurrent service calls. Each call needs a thread.
    threads: int = 64
    #: Returns the refusals of today of each generator that has a budget of them.
    refusal_budgets: Callable[[], Mapping[str, RefusalCount]] = dict
    #: Returns the generators that fail now, as this process sees them.
    upstream_problems: Callable[[], Mapping[str, UpstreamProblem]] = dict
    #: Values for `GET /metrics` that are read when it is called.
    gauges: Callable[[], Sequence[Gauge]] = tuple
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
        """Standing, terms and access. Raises `NotFound` if this server does not offer them."""
        if self.standing is None:
            raise NotFound("This server offers no standing, terms or access.")
        return self.standing

    def require_gates(self) -> GateService:
        """The rollout steps. Raises `NotFound` if the settings do not enable them."""
        if self.gates is None:
            raise NotFound("Rollout steps are not enabled.", remedy="The operator sets gates.enabled.")
        return self.gates

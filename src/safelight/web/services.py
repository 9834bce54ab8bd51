"""Services and limits that the HTTP API and the web pages get from the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from safelight.generation.protocol import Generator
from safelight.jobs.models import (
    Character,
    Content,
    CreateRequest,
    Page,
    SubmissionResult,
    Video,
    VideoRecord,
)
from safelight.jobs.quota import QuotaStatus
from safelight.moderation.check import CheckService
from safelight.moderation.moderations_api import ModerationInput, ModerationResult
from safelight.policy.categories import Taxonomy
from safelight.policy.waivers import Waiver
from safelight.trust.accounts import Accounts, Principal
from safelight.trust.appeals import Appeals
from safelight.trust.reports import Reports
from safelight.trust.reviews import Reviews
from safelight.trust.webhooks import Webhooks


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
    def list(self, principal: Principal, *, after: str | None, limit: int, order: str) -> Page: ...
    def delete(self, principal: Principal, video_id: str) -> None: ...
    def content(self, principal: Principal, video_id: str, variant: str) -> Content: ...
    def record(self, principal: Principal, video_id: str) -> VideoRecord: ...
    def coverage(self) -> dict[str, Any]: ...
    def readiness(self) -> dict[str, Any]: ...
    def poll_after_ms(self, video: Video) -> int: ...


class ModerationService(Protocol):
    """Checks texts and pictures for `/v1/moderations`. Nothing is recorded."""

    def look(
        self, principal: Principal, pieces: Sequence[ModerationInput], *, end_user: str | None
    ) -> tuple[ModerationResult, ...]: ...


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything that the HTTP API needs."""

    videos: Videos
    accounts: Accounts
    reviews: Reviews
    reports: Reports
    appeals: Appeals
    webhooks: Webhooks
    #: Returns the waivers in force, for the banner on every page.
    waivers: Callable[[], Sequence[Waiver]]
    taxonomy: Taxonomy
    moderation: ModerationService
    #: The configured generators by name; the default generator is first.
    generators: Mapping[str, Generator]
    #: The folder for uploads; a file is removed when its request ends.
    scratch: Path
    version: str
    #: The dry run of a generation request; None: not available.
    checks: CheckService | None = None
    #: Counts one check against the check limit of an account.
    spend: Callable[[Principal], None] | None = None
    #: How long `POST /v1/videos/sync` waits for a video before it answers with its id.
    sync_wait_s: float = 300.0
    #: Whether the gateway listens on a loopback address only.
    loopback: bool = True
    max_body_bytes: int = 512 * 1024 * 1024
    max_prompt_chars: int = 32_000
    #: Maximum of concurrent service calls; each needs a thread.
    threads: int = 64
    #: An upload ends with 408 after this time without data, or if it is incomplete after the total time.
    upload_idle_s: float = 20.0
    upload_total_s: float = 600.0
    #: Interval at which the event poller reads the videos that clients follow.
    watch_interval_s: float = 0.4

"""Data types of the video service: videos, requests, attempts, stage records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Row

from safelight.errors import RequestBlocked
from safelight.generation.protocol import Billing, Charge
from safelight.moderation.request import CreateRequest, Upload
from safelight.policy.coverage import Coverage
from safelight.policy.findings import Finding, Stage
from safelight.policy.verdicts import Verdict

from .states import VideoState

__all__ = [
    "Attempt",
    "Character",
    "CharacterState",
    "Content",
    "CreateRequest",
    "Explainer",
    "Page",
    "ReusedFile",
    "StageRecord",
    "SubmissionResult",
    "Upload",
    "Video",
    "VideoRecord",
    "VideoSnapshot",
]


class Explainer(Protocol):
    """Explains a verdict to an authenticated developer: a sentence, and the details for the wire.

    `charge`: the cost of the generation attempts. `appeal`: whether to offer an appeal.
    """

    def __call__(
        self, verdict: Verdict, charge: Charge | None, video_id: str, *, appeal: bool = False
    ) -> tuple[str, dict[str, Any]]: ...


@dataclass(frozen=True, kw_only=True)
class Video:
    id: str
    tenant: str
    state: VideoState
    stage: Stage
    created_at: float
    updated_at: float
    ended_at: float | None
    expires_at: float | None
    model: str
    generator: str
    prompt: str
    seconds: int
    width: int
    height: int
    #: 0 to 100.
    progress: int
    #: Code and message of a rejected, blocked or failed video.
    error_code: str | None
    error_message: str | None
    #: The explanation for the API (`policy.explanations`), if there is one.
    explanation: Mapping[str, Any] | None
    #: Id of the key or the person that sent the request.
    principal_id: str
    end_user: str | None
    metadata: Mapping[str, str]
    remixed_from: str | None
    reinstated_from: str | None
    reinstated_as: str | None
    review_due_at: float | None
    #: Text of the visible badge, for `label`.
    badge_text: str | None
    vaulted: bool
    #: Allowed only because of a waiver.
    waived: bool
    sealed_sha256: str | None
    deleted: bool
    revision: int
    #: An unfinished video fails then; None: it was never accepted.
    deadline_at: float | None = None
    #: Coverage and charge for the API, set when the video is held or ends (`jobs.summary`).
    outcome_summary: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class ReusedFile:
    """A stored file that was screened earlier: a delivered video or the clip of a character."""

    field: str
    sha256: str
    media_type: str
    bytes: int
    #: Id of the video or character that it belongs to.
    of: str


@dataclass(frozen=True, kw_only=True)
class SubmissionResult:
    """The result of a submission: a video, and the rejection if the policy blocked the request."""

    video: Video
    refusal: RequestBlocked | None = None
    #: The idempotency key was used before; this is the result of that request.
    replayed: bool = False


class CharacterState(StrEnum):
    #: Requests may use it.
    READY = "ready"
    #: The policy holds its clip. Requests may not use it.
    HELD = "held"
    REJECTED = "rejected"


@dataclass(frozen=True, kw_only=True)
class Character:
    """A name with a clip that was screened like a reference."""

    id: str
    name: str
    state: CharacterState
    created_at: float
    end_user: str | None
    sha256: str
    media_type: str
    bytes: int
    vaulted: bool


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One submission to a generator. Its idempotency key was committed before the call."""

    id: str
    number: int
    generator: str
    billing: Billing
    idempotency_key: str
    upstream_id: str | None
    created_at: float
    submitted_at: float | None
    ended_at: float | None
    outcome: str | None
    charge: Charge
    #: The upstream's copy: `deleted`, `kept`, or None while unknown.
    upstream_copy_status: str | None


@dataclass(frozen=True, kw_only=True)
class StageRecord:
    """The recorded outcome of one stage: findings, coverage and verdict."""

    stage: Stage
    verdict: Verdict
    findings: tuple[Finding, ...]
    coverage: Coverage
    at: float
    #: Further facts: latency, sampling, media facts, cost.
    details: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class VideoSnapshot:
    """Everything that one step needs to know about a video, read in one transaction."""

    video: Video
    #: The request as accepted: texts, extra fields, references; `pending` if a reference is not screened yet.
    request: Mapping[str, Any]
    #: The generated clip, from the end of the generation on.
    generated_sha256: str | None
    #: Oldest first. A stage that was evaluated twice has two records.
    stages: tuple[StageRecord, ...]
    #: Findings that a reviewer has approved.
    approved: tuple[Finding, ...]
    #: Findings that an appeal overturned, of the video that this one was reinstated from.
    overturned: tuple[Finding, ...]
    #: Whether a reviewer approved it at any stage, or an appeal reinstated it.
    reviewed: bool
    attempts: tuple[Attempt, ...]
    #: Rows of its files, oldest first.
    files: tuple[Row[Any], ...]

    @property
    def last_attempt(self) -> Attempt | None:
        return self.attempts[-1] if self.attempts else None

    def findings(self, *stages: Stage) -> tuple[Finding, ...]:
        """The findings of these stages."""
        return tuple(finding for one in self.stages if one.stage in stages for finding in one.findings)

    def last_stage(self, stage: Stage) -> StageRecord | None:
        """The latest record of a stage."""
        return next((one for one in reversed(self.stages) if one.stage is stage), None)


@dataclass(frozen=True, kw_only=True)
class VideoRecord:
    """Everything on record about one video, for its page and its API object."""

    video: Video
    stages: tuple[StageRecord, ...]
    attempts: tuple[Attempt, ...]
    #: {"sha256", "manifest_bytes", "created_at", ...} or None.
    seal: Mapping[str, Any] | None
    #: Audit entries on this video, oldest first: {"seq", "at", "event", "actor", "hash"}.
    audit_log: tuple[Mapping[str, Any], ...]
    #: Its direct sources: {"id", "step"}.
    parents: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Page:
    videos: tuple[Video, ...]
    has_more: bool


@dataclass(frozen=True, kw_only=True)
class Content:
    """A released file. `chunks(start, end)` yields its bytes from `start` to `end` (exclusive)."""

    sha256: str
    media_type: str
    size: int
    chunks: Callable[[int, int], Iterator[bytes]]

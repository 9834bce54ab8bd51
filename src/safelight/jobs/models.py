"""A Video as the service sees it, what a client asks for, and one order to a generator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

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
]


class Explainer(Protocol):
    """Explains a verdict to an authenticated developer: a sentence, and the details for the wire.

    `charge` is what the generation attempts cost; `appeal` says whether to offer an appeal.
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
    #: The code and sentence of a refused, blocked or failed video.
    error_code: str | None
    error_message: str | None
    #: The graded explanation for the wire (`policy.explanations`), where there is one.
    explanation: Mapping[str, Any] | None
    #: Who ordered it: a key's or a person's id.
    principal_id: str
    end_user: str | None
    metadata: Mapping[str, str]
    remixed_from: str | None
    released_from: str | None
    released_as: str | None
    review_due_at: float | None
    #: Text of the visible badge, for `label`.
    label_text: str | None
    vaulted: bool
    #: Allowed only because of a waiver.
    waived: bool
    sealed_sha256: str | None
    deleted: bool
    revision: int
    #: An unfinished video fails then; None: it was never accepted.
    deadline_at: float | None = None
    #: Coverage and charge as they stand on the wire, from when it was held or ended (`jobs.summary`).
    summary: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class ReusedFile:
    """A file that lies here already and was judged when it came: a delivered video, a character's clip."""

    field: str
    sha256: str
    media_type: str
    bytes: int
    #: The id of what it belongs to.
    of: str


@dataclass(frozen=True, kw_only=True)
class SubmissionResult:
    """What became of an order: a video, or the refusal of it."""

    video: Video
    refusal: RequestBlocked | None = None
    #: The order was taken before, under the same idempotency key; this is what it came to then.
    replayed: bool = False


class CharacterState(StrEnum):
    #: May be named in an order.
    READY = "ready"
    #: The policy holds its clip; nothing can be made with it.
    HELD = "held"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Character:
    """A name and a clip that was screened like a reference."""

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
    """One order to a generator. `key` is ours and was written before the call."""

    id: str
    number: int
    generator: str
    ownership: Billing
    idempotency_key: str
    upstream_id: str | None
    intent_at: float
    submitted_at: float | None
    ended_at: float | None
    outcome: str | None
    charge: Charge
    #: What became of the upstream's copy: `deleted`, `kept`, or None while unknown.
    upstream_copy: str | None


@dataclass(frozen=True, kw_only=True)
class StageRecord:
    """One stage's record: what was seen, what was covered, what was decided."""

    stage: Stage
    verdict: Verdict
    findings: tuple[Finding, ...]
    coverage: Coverage
    at: float
    #: Facts beside the findings: latency, schedule, media facts, cost.
    extra: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class VideoRecord:
    """Everything on the record about one video, for its page and its JSON twin."""

    video: Video
    judgements: tuple[StageRecord, ...]
    attempts: tuple[Attempt, ...]
    #: {"sha256", "manifest_bytes", "created_at", ...} or None.
    seal: Mapping[str, Any] | None
    #: Audit entries on this video, oldest first: {"seq", "at", "event", "actor", "hash"}.
    log: tuple[Mapping[str, Any], ...]
    #: What it was made from at first hand: {"id", "step"}.
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

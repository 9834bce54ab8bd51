"""Data types of the video service: videos, requests, attempts, stage records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from safelight.policy.findings import Coverage, Finding, Stage
from safelight.policy.steering import Steering
from safelight.policy.verdicts import Audience, Verdict
from safelight.providers.protocol import Billing, Charge, GenerationReport
from safelight.store.database import Row
from safelight.videos.requests.request import TemplateUse

#: The rule of a case, and the reason of a hold, that the term `review_first` caused and no policy.
FIRST_OUTPUT = "review_first"

# The state machine of a video: states, transitions, and the API status of each state.


class VideoState(StrEnum):
    """The states of a video. A terminal state is final, but a delivered video may be withdrawn."""

    #: Accepted. The video waits for a worker, or for the screening of its references.
    QUEUED = "queued"
    #: Submitted to a generator. The clip is not complete yet.
    GENERATING = "generating"
    #: The clip is stored. Its frames and its sound are being scanned.
    SCANNING = "scanning"
    #: The video waits for a reviewer.
    HELD = "held"
    #: The policy allows the video. The badge, the manifest and the registry row are being written.
    SEALING = "sealing"
    DELIVERED = "delivered"
    #: Rejected before the generation, by the policy or a reviewer.
    REJECTED = "rejected"
    #: Blocked during or after the generation, by the policy, a reviewer or the provider.
    BLOCKED = "blocked"
    #: Ended for a technical reason. No verdict is the cause.
    FAILED = "failed"
    #: Delivered earlier, then withdrawn.
    WITHDRAWN = "withdrawn"


class WireStatus(StrEnum):
    """The API statuses. These four are the only ones that the official SDKs know."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"


TRANSITIONS: dict[VideoState, frozenset[VideoState]] = {
    VideoState.QUEUED: frozenset(
        {VideoState.GENERATING, VideoState.HELD, VideoState.REJECTED, VideoState.FAILED}
    ),
    VideoState.GENERATING: frozenset(
        {VideoState.SCANNING, VideoState.HELD, VideoState.BLOCKED, VideoState.FAILED}
    ),
    VideoState.SCANNING: frozenset(
        {VideoState.SEALING, VideoState.HELD, VideoState.BLOCKED, VideoState.FAILED}
    ),
    VideoState.HELD: frozenset(
        {VideoState.QUEUED, VideoState.SEALING, VideoState.BLOCKED, VideoState.REJECTED, VideoState.FAILED}
    ),
    VideoState.SEALING: frozenset(
        {VideoState.DELIVERED, VideoState.HELD, VideoState.BLOCKED, VideoState.FAILED}
    ),
    VideoState.DELIVERED: frozenset({VideoState.WITHDRAWN}),
    VideoState.REJECTED: frozenset(),
    VideoState.BLOCKED: frozenset(),
    VideoState.FAILED: frozenset(),
    VideoState.WITHDRAWN: frozenset(),
}

TERMINAL = frozenset(
    {VideoState.DELIVERED, VideoState.REJECTED, VideoState.BLOCKED, VideoState.FAILED, VideoState.WITHDRAWN},
)

#: The video waits for a reviewer, not for a worker.
AWAITING_REVIEW = frozenset({VideoState.HELD})

_WIRE = {
    VideoState.QUEUED: WireStatus.QUEUED,
    VideoState.GENERATING: WireStatus.IN_PROGRESS,
    VideoState.SCANNING: WireStatus.IN_PROGRESS,
    VideoState.HELD: WireStatus.IN_PROGRESS,
    VideoState.SEALING: WireStatus.IN_PROGRESS,
    VideoState.DELIVERED: WireStatus.COMPLETED,
    VideoState.REJECTED: WireStatus.FAILED,
    VideoState.BLOCKED: WireStatus.FAILED,
    VideoState.FAILED: WireStatus.FAILED,
    VideoState.WITHDRAWN: WireStatus.COMPLETED,
}


def wire_status(state: VideoState) -> WireStatus:
    """The API status of a state. A withdrawn video stays `completed`, but its content returns status 410."""
    return _WIRE[state]


def can_transition(source: VideoState, target: VideoState) -> bool:
    return target in TRANSITIONS[source]


class Explainer(Protocol):
    """Explains a verdict to an authenticated client: returns a sentence, and the details for the API.

    `charge` is the cost of the generation. `appeal` is whether the explanation offers an appeal.
    """

    def __call__(
        self, verdict: Verdict, charge: Charge | None, video_id: str, *, appeal: bool = False
    ) -> tuple[str, dict[str, Any]]: ...


@dataclass(frozen=True, kw_only=True)
class QueueStatus:
    """What a client learns about the queue while its video is not finished."""

    #: 1 for the video that comes next or is in work. None while an upstream works on it.
    place: int | None
    #: Whether the generator did not take the last request for it, so that it is sent again later.
    not_taken: bool = False


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
    #: Progress in percent, 0 to 100.
    progress: int
    #: Error code and message of a rejected, blocked or failed video.
    error_code: str | None
    error_message: str | None
    #: The explanation of the verdict for the API (see `policy.explanations`), if any.
    explanation: Mapping[str, Any] | None
    #: Id of the API key or person that sent the request.
    principal_id: str
    end_user: str | None
    metadata: Mapping[str, str]
    remixed_from: str | None
    reinstated_from: str | None
    reinstated_as: str | None
    review_due_at: float | None
    #: Text of the visible badge. None if the policy does not require a label.
    badge_text: str | None
    vaulted: bool
    quarantined: bool = False
    #: True if only a waiver of a coverage gap made the verdict possible.
    waived: bool
    #: Whether a reviewer released it, after a hold or after a successful appeal.
    reviewed: bool
    #: True if a reviewer released it although required checks were not completed.
    gaps_approved: bool
    sealed_sha256: str | None
    #: Whether the delivered file has a watermark: a value of `provenance.seal.MarkState`.
    mark: str | None = None
    deleted: bool
    revision: int
    #: When the video fails if its generator has not finished. None if the video was never accepted.
    deadline_at: float | None = None
    #: When the generator had finished.
    generated_at: float | None = None
    #: What it took from the daily cost quota, in millionths of a US dollar.
    reserved_micros: int = 0
    #: How often the download of its clip failed, and why it fails, while it is tried again.
    failed_downloads: int = 0
    download_problem: str | None = None
    #: Until when the paid clip of an ended video is kept for a decision; None if none is kept.
    clip_kept_until: float | None = None
    #: Coverage and charge for the API. Set when the video is held or ends (see `videos.summary`).
    outcome_summary: Mapping[str, Any] | None = None
    #: The video that this one repeats, because its provider blocked its output; empty if there is none.
    retry_of: str = ""
    #: Whether the client asked for a retry of this video.
    asks_retry: bool = False
    #: The template from which the prompt was made.
    template: TemplateUse | None = None
    #: Set by the service for a video that is not finished and not held.
    queue: QueueStatus | None = None
    #: Set by the service: since when an unfinished video is late.
    late_since: float | None = None
    #: Set by the service in the answer to a create: whether an earlier request with the same idempotency key
    #: created the video.
    replayed: bool = False

    @property
    def waits_for_generator(self) -> bool:
        """Whether its deadline counts: it ends only the wait for a generator, never our own work."""
        return self.state in (VideoState.QUEUED, VideoState.GENERATING) and self.generated_at is None

    @property
    def is_held_first(self) -> bool:
        """Whether a reviewer checks the output because of `review_first`, while the video is held."""
        return self.state is VideoState.HELD and (self.explanation or {}).get("reason") == FIRST_OUTPUT


class RetryRefusal(StrEnum):
    """Why a video is not retried although the client asked for it."""

    #: A policy of Safelight blocked it, or a reviewer did.
    POLICY = "policy"
    #: The provider refused the request and not the finished video, or it does not say which.
    NOT_OUTPUT = "not_output"
    #: It ended for another reason than a block.
    NOT_BLOCKED = "not_blocked"
    #: A category in which there is no help.
    CATEGORY = "category"
    #: The gate of help refuses.
    NO_HELP = "no_help"
    #: The provider states that a retry does not help.
    PROVIDER = "provider"
    #: The provider asks for another prompt, and there is no approved variation.
    NO_VARIATION = "no_variation"
    #: Every retry that the client asked for was made.
    ALREADY_RETRIED = "already_retried"
    #: The variation was blocked too.
    VARIATION_BLOCKED = "variation_blocked"
    #: The request has a source video or a character.
    REFERENCE = "reference"
    #: Another generator or model would make it now.
    OTHER_GENERATOR = "other_generator"
    KEY_REVOKED = "key_revoked"
    QUOTA = "quota"
    CHECK_LIMIT = "check_limit"
    REFUSAL_BUDGET = "refusal_budget"
    #: The retry could not be submitted for another reason, which the log of the server has.
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class RetryResult:
    """What came of a requested retry. Both are empty if the client asked for none."""

    #: The id of the new video.
    retried_as: str = ""
    refused: RetryRefusal | None = None


@dataclass(frozen=True, kw_only=True)
class ReusedFile:
    """A file that was stored and screened earlier: a delivered video, or the clip of a character."""

    field: str
    sha256: str
    media_type: str
    bytes: int
    #: Id of the video or character to which the file belongs.
    of: str


class CharacterState(StrEnum):
    #: Requests may use the character.
    READY = "ready"
    #: The clip waits for a reviewer. Requests may not use the character yet.
    HELD = "held"
    REJECTED = "rejected"


@dataclass(frozen=True, kw_only=True)
class Character:
    """A named clip that was screened like a reference."""

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
    """One submission of a request to a generator.

    Its idempotency key was committed to the database before the submission.
    """

    id: str
    number: int
    generator: str
    billing: Billing
    idempotency_key: str
    upstream_id: str | None
    created_at: float
    submitted_at: float | None
    ended_at: float | None
    #: How often the upstream was asked whether it has this attempt, because the answer was lost.
    searches: int = 0
    outcome: str | None
    charge: Charge
    #: Whether the upstream deleted its copy: `deleted`, `kept`, or None if unknown.
    upstream_copy_status: str | None
    #: Words of the prompt for things that the generator knows it did not draw.
    not_drawn: tuple[str, ...] = ()
    #: What the policy asks a generator to steer away from, and what the generator says it did.
    steering: Steering | None = None
    generation: GenerationReport | None = None
    #: The upstream's own body when it refused or failed, with secrets masked.
    answer: str | None = None


@dataclass(frozen=True, kw_only=True)
class StageRecord:
    """The recorded result of one stage: findings, coverage and verdict."""

    stage: Stage
    verdict: Verdict
    findings: tuple[Finding, ...]
    coverage: Coverage
    at: float
    #: Other facts about the stage: latency, sampling, media facts and cost.
    details: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class VideoSnapshot:
    """The data of a video that a step needs, read in one transaction."""

    video: Video
    #: The number of the run that has the video. It grows when the video is enqueued again.
    run: int
    #: The accepted request: texts, extra fields and references. `pending` is set while a reference is not
    #: screened.
    request: Mapping[str, Any]
    #: Hash of the generated clip. None until the generation has ended.
    generated_sha256: str | None
    #: All stage records, oldest first. A stage that was evaluated twice has two records.
    stages: tuple[StageRecord, ...]
    #: Findings that a reviewer approved.
    approved: tuple[Finding, ...]
    #: Findings of the blocked video that this video replaces; a successful appeal overturned them.
    overturned: tuple[Finding, ...]
    attempts: tuple[Attempt, ...]
    #: File rows of the video, oldest first.
    files: tuple[Row, ...]

    @property
    def last_attempt(self) -> Attempt | None:
        return self.attempts[-1] if self.attempts else None

    def findings(self, *stages: Stage) -> tuple[Finding, ...]:
        """The findings of these stages."""
        return tuple(finding for one in self.stages if one.stage in stages for finding in one.findings)

    @property
    def audience(self) -> Audience:
        """The audience for which the request was accepted."""
        prompt = self.last_stage(Stage.PROMPT)
        return prompt.verdict.audience if prompt else Audience.GENERAL

    def last_stage(self, stage: Stage) -> StageRecord | None:
        """The latest record of a stage. None if the stage has no record."""
        return next((one for one in reversed(self.stages) if one.stage is stage), None)


@dataclass(frozen=True, kw_only=True)
class VideoRecord:
    """The whole record of one video, for its page and its API object."""

    video: Video
    stages: tuple[StageRecord, ...]
    attempts: tuple[Attempt, ...]
    #: The registry row of the seal: {"sha256", "manifest_bytes", "created_at", ...}, or None.
    seal: Mapping[str, Any] | None
    #: Audit entries of this video, oldest first: {"seq", "at", "event", "actor", "hash"}.
    audit_log: tuple[Mapping[str, Any], ...]
    #: The videos and characters from which this video was derived directly: {"id", "step"}.
    parents: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class VideoFilter:
    """Which videos a list has."""

    #: A vaulted video counts as blocked, because the stage that blocked it is not shown.
    states: frozenset[VideoState] = frozenset(VideoState)
    #: A part of the prompt, in any letter case (on SQLite for ASCII letters only). No words find a
    #: vaulted video, or one whose prompt the reader may not read.
    words: str = ""
    #: The value of `batch` in the metadata; empty for all videos.
    batch: str = ""


@dataclass(frozen=True, kw_only=True)
class Content:
    """A delivered file. `chunks(start, end)` yields its bytes from `start` to `end` (exclusive)."""

    sha256: str
    media_type: str
    size: int
    chunks: Callable[[int, int], Iterator[bytes]]

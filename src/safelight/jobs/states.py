"""The one state machine of a Video: every state, every move between states, and what each is on the wire."""

from __future__ import annotations

from enum import StrEnum


class VideoState(StrEnum):
    """Where a video is on its way. Terminal states never change; a delivered one may be withdrawn."""

    #: Accepted, its prompt or a reference still being screened, or waiting for a worker.
    QUEUED = "queued"
    #: Ordered from a generator.
    GENERATING = "generating"
    #: Fetched; every frame and the sound are being looked at.
    SCANNING = "scanning"
    #: Waiting for a person.
    HELD = "held"
    #: Allowed; badge, manifest and registry are being written.
    SEALING = "sealing"
    DELIVERED = "delivered"
    #: Refused before anything was spent.
    REJECTED = "rejected"
    #: Blocked in or after generation.
    BLOCKED = "blocked"
    #: Ended by trouble, not by a verdict.
    FAILED = "failed"
    #: Was delivered; taken back.
    WITHDRAWN = "withdrawn"


class WireStatus(StrEnum):
    """The four words the official SDKs know. There is never a fifth."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"


TRANSITIONS: dict[VideoState, frozenset[VideoState]] = {
    VideoState.QUEUED: frozenset(
        {VideoState.GENERATING, VideoState.HELD, VideoState.REJECTED, VideoState.FAILED}
    ),
    VideoState.GENERATING: frozenset({VideoState.SCANNING, VideoState.BLOCKED, VideoState.FAILED}),
    VideoState.SCANNING: frozenset(
        {VideoState.SEALING, VideoState.HELD, VideoState.BLOCKED, VideoState.FAILED}
    ),
    VideoState.HELD: frozenset(
        {VideoState.QUEUED, VideoState.SEALING, VideoState.BLOCKED, VideoState.REJECTED, VideoState.FAILED}
    ),
    VideoState.SEALING: frozenset({VideoState.DELIVERED, VideoState.FAILED}),
    VideoState.DELIVERED: frozenset({VideoState.WITHDRAWN}),
    VideoState.REJECTED: frozenset(),
    VideoState.BLOCKED: frozenset(),
    VideoState.FAILED: frozenset(),
    VideoState.WITHDRAWN: frozenset(),
}

TERMINAL = frozenset(
    {VideoState.DELIVERED, VideoState.REJECTED, VideoState.BLOCKED, VideoState.FAILED, VideoState.WITHDRAWN},
)

#: Waiting for a person, not for a worker.
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
    """The wire's word for a state. A withdrawn video stays `completed`; its content answers 410."""
    return _WIRE[state]


def can_transition(source: VideoState, target: VideoState) -> bool:
    return target in TRANSITIONS[source]

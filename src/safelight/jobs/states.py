"""The state machine of a video: states, transitions, and the API status of each state."""

from __future__ import annotations

from enum import StrEnum


class VideoState(StrEnum):
    """A terminal state never changes, except that a delivered video may be withdrawn."""

    #: Accepted; waits for a worker or for the screening of its references.
    QUEUED = "queued"
    #: Submitted to a generator.
    GENERATING = "generating"
    #: The clip is stored; every frame and the sound are scanned.
    SCANNING = "scanning"
    #: Waits for a reviewer.
    HELD = "held"
    #: Allowed; badge, manifest and registry row are being written.
    SEALING = "sealing"
    DELIVERED = "delivered"
    #: Rejected before the generation.
    REJECTED = "rejected"
    #: Blocked during or after the generation.
    BLOCKED = "blocked"
    #: Ended for a technical reason, not by a verdict.
    FAILED = "failed"
    #: Delivered, then withdrawn.
    WITHDRAWN = "withdrawn"


class WireStatus(StrEnum):
    """The four statuses that the official SDKs know. There is never a fifth."""

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

#: Waiting for a reviewer, not for a worker.
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
    """The API status of a state. A withdrawn video stays `completed`; its content answers 410."""
    return _WIRE[state]


def can_transition(source: VideoState, target: VideoState) -> bool:
    return target in TRANSITIONS[source]

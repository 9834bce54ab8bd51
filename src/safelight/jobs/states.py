"""The state machine of a video: states, transitions, and the API status of each state."""

from __future__ import annotations

from enum import StrEnum


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

"""The one state machine of a Video: every state, every move between states, and what each is on the wire."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a video is on its way. Terminal states never change; a delivered one may be withdrawn."""

    #: Accepted, its prompt or a reference still being screened, or waiting for a worker.
    WAITING = "waiting"
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
    REFUSED = "refused"
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


MOVES: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.GENERATING, State.HELD, State.REFUSED, State.FAILED}),
    State.GENERATING: frozenset({State.SCANNING, State.BLOCKED, State.FAILED}),
    State.SCANNING: frozenset({State.SEALING, State.HELD, State.BLOCKED, State.FAILED}),
    State.HELD: frozenset({State.WAITING, State.SEALING, State.BLOCKED, State.REFUSED, State.FAILED}),
    State.SEALING: frozenset({State.DELIVERED, State.FAILED}),
    State.DELIVERED: frozenset({State.WITHDRAWN}),
    State.REFUSED: frozenset(),
    State.BLOCKED: frozenset(),
    State.FAILED: frozenset(),
    State.WITHDRAWN: frozenset(),
}

TERMINAL = frozenset(
    {State.DELIVERED, State.REFUSED, State.BLOCKED, State.FAILED, State.WITHDRAWN},
)

#: Waiting for a person, not for a worker.
STOPPED = frozenset({State.HELD})

_WIRE = {
    State.WAITING: WireStatus.QUEUED,
    State.GENERATING: WireStatus.IN_PROGRESS,
    State.SCANNING: WireStatus.IN_PROGRESS,
    State.HELD: WireStatus.IN_PROGRESS,
    State.SEALING: WireStatus.IN_PROGRESS,
    State.DELIVERED: WireStatus.COMPLETED,
    State.REFUSED: WireStatus.FAILED,
    State.BLOCKED: WireStatus.FAILED,
    State.FAILED: WireStatus.FAILED,
    State.WITHDRAWN: WireStatus.COMPLETED,
}


def wire_status(state: State) -> WireStatus:
    """The wire's word for a state. A withdrawn video stays `completed`; its content answers 410."""
    return _WIRE[state]


def may_move(source: State, target: State) -> bool:
    return target in MOVES[source]

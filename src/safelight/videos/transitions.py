"""Changes video rows. A transition writes the row, an audit entry and an event in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from opentelemetry.trace import get_current_span

from safelight.core import canonical_json
from safelight.core.errors import Conflict
from safelight.core.metrics import VIDEOS_ENDED
from safelight.core.tracing import set_attributes
from safelight.policy.findings import Coverage
from safelight.store import tables
from safelight.store.database import Transaction

from .attempt_store import attempts_of
from .models import TERMINAL, Video, VideoState, can_transition
from .summary import summary


class StaleRevision(Conflict):
    """The video row has changed since it was read."""

    def __init__(self, video_id: str) -> None:
        super().__init__(
            f"{video_id} was changed by another request at the same time.",
            param="video_id",
            remedy="Read the video again, and repeat the request if it still applies.",
        )


def transition(
    tx: Transaction,
    video: Video,
    target: VideoState,
    *,
    actor: str,
    why: Mapping[str, Any] | None = None,
    **changes: Any,
) -> None:
    """Move a video to its next state. Raises `StaleRevision` if its row has changed since it was read."""
    if not can_transition(video.state, target):
        raise StaleRevision(video.id)
    set_attributes(get_current_span(), next_state=target.value)
    now = tx.now()
    if target in TERMINAL and target is not VideoState.WITHDRAWN:
        changes.setdefault("ended_at", now)
    if target in TERMINAL or target is VideoState.HELD:
        changes["outcome_summary"] = _summary(tx, video.id)
    update(tx, video, state=target.value, **changes)
    if target in TERMINAL:
        VIDEOS_ENDED.add(video.generator, target.value)
    tx.append_audit(f"video.{target.value}", subject=video.id, actor=actor, content=dict(why or {}))
    tx.publish(f"video.{target.value}", subject=video.id, body={"id": video.id, "at": now})


def update(tx: Transaction, video: Video, **changes: Any) -> None:
    """Change columns of a video. Raises `StaleRevision` if its row has changed since it was read."""
    if "explanation" in changes and changes["explanation"] is not None:
        changes["explanation"] = canonical_json.encode(changes["explanation"])
    changed = tx.update(
        tables.videos,
        video.id,
        tables.videos.c.revision == video.revision,
        updated_at=tx.now(),
        revision=video.revision + 1,
        **changes,
    )
    if changed != 1:
        raise StaleRevision(video.id)


def write_progress(tx: Transaction, video_id: str, percent: int) -> None:
    """Increase the progress of a video; a lower value is ignored.

    The state and the revision do not change, and no audit entry is written.
    """
    tx.update(tables.videos, video_id, tables.videos.c.progress < percent, progress=percent)


def _summary(tx: Transaction, video_id: str) -> bytes:
    """Coverage and charge so far. The caller must record stages and attempts before the transition."""
    stages = tx.select(
        tables.findings, tables.findings.c.video_id == video_id, columns=[tables.findings.c.coverage]
    )
    cells = (cell for row in stages for cell in msgspec.msgpack.decode(row.coverage, type=Coverage))
    return canonical_json.encode(summary(cells, attempts_of(tx, video_id)))

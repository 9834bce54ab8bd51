"""Serializes videos: OpenAI's Video with every key present, plus our own object `safelight`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from safelight.core.envelopes import whole_seconds
from safelight.policy.verdicts import Action, describe_outcome
from safelight.videos.models import Video, VideoRecord, VideoState, WireStatus, wire_status
from safelight.videos.requests.request import TemplateUse
from safelight.videos.retries import find_retry_refusal
from safelight.web.video_facts import coverage_and_charge, links, verdict_action

UNANSWERED_MESSAGE = (
    "This video is late: its generator has not said yet whether it had finished by the deadline. It is asked "
    "again, because a finished video is not thrown away."
)
LATE_MESSAGE = (
    "This video is late: it was generated in time, and our own work on it takes longer than planned. "
    "It has no deadline any more, and nothing is lost."
)
BLOCKED_MESSAGE = "This video was blocked by our safety checks."


def video_object(video: Video, record: VideoRecord | None = None) -> dict[str, Any]:
    """A Video in the format of the official SDKs, plus `safelight`.

    `record`: the record of the video, if the caller has read it; else coverage and charge come from the row.
    """
    status = wire_status(video.state)
    return {
        "id": video.id,
        "object": "video",
        "model": video.model,
        "status": status.value,
        "progress": 100 if status is WireStatus.COMPLETED else video.progress,
        "created_at": int(video.created_at),
        "completed_at": whole_seconds(video.ended_at),
        "expires_at": whole_seconds(video.expires_at),
        "prompt": video.prompt or None,
        "remixed_from_video_id": video.remixed_from,
        "seconds": str(video.seconds),
        "size": f"{video.width}x{video.height}",
        "error": _error(video) if status is WireStatus.FAILED else None,
        # Not in OpenAI's API, but programs that people copy read it: without it they fail and create again.
        "url": links(video)["content"],
        # The same as in `safelight`. A gateway that uses this gateway as its upstream reads its own
        # idempotency key from here.
        "metadata": dict(video.metadata),
        "safelight": _safelight(video, record),
    }


def _safelight(video: Video, record: VideoRecord | None) -> dict[str, Any]:
    facts = coverage_and_charge(video, record)
    action = verdict_action(video)
    shown = {
        "state": video.state.value,
        "stage": video.stage.value,
        "review_due_at": whole_seconds(video.review_due_at),
        "queue": {"place": video.queue.place} if video.queue else None,
        "late": None
        if video.late_since is None
        else {
            "since": int(video.late_since),
            "message": UNANSWERED_MESSAGE if video.waits_for_generator else LATE_MESSAGE,
        },
        "download_problem": video.download_problem,
        "clip_kept_until": whole_seconds(video.clip_kept_until),
        "verdict": action.value if action else None,
        "outcome": describe_outcome(action, waived=video.waived, gaps_approved=video.gaps_approved)
        if action
        else None,
        "explanation": dict(video.explanation) if video.explanation else None,
        "coverage": facts["coverage"],
        "waived": video.waived,
        "reviewed": video.reviewed,
        "label": video.badge_text,
        "charge": facts["charge"],
        "not_drawn": facts.get("not_drawn"),
        "generation": facts.get("generation"),
        "sha256": video.sealed_sha256 if video.state is VideoState.DELIVERED else None,
        "mark": video.mark if video.state is VideoState.DELIVERED else None,
        "reinstated_from": video.reinstated_from,
        "reinstated_as": video.reinstated_as,
        "retry_of": video.retry_of or None,
        "retried_as": (video.explanation or {}).get("retried_as"),
        "retry_refused": refused.value if (refused := find_retry_refusal(video)) else None,
        "template": _template(video.template),
        "safety_identifier": video.end_user,
        "metadata": dict(video.metadata),
        "links": links(video),
    }
    if not video.vaulted:
        return shown
    blocked = Action.BLOCK.value
    return {
        **dict.fromkeys(shown),
        **{name: shown[name] for name in ("charge", "safety_identifier", "metadata", "links")},
        "state": VideoState.BLOCKED.value,
        "verdict": blocked,
        "outcome": blocked,
        "waived": False,
        "reviewed": False,
    }


def _template(use: TemplateUse | None) -> dict[str, Any] | None:
    if use is None:
        return None
    return {"name": use.name, "version": use.version, "values": dict(use.values)}


def _error(video: Video) -> dict[str, Any]:
    if video.vaulted:
        return {"code": "moderation_blocked", "message": BLOCKED_MESSAGE}
    is_blocked = video.state in {VideoState.REJECTED, VideoState.BLOCKED}
    error: dict[str, Any] = {
        "code": video.error_code or "internal_error",
        # A withheld video has no message of its own.
        "message": video.error_message or (BLOCKED_MESSAGE if is_blocked else "The video could not be made."),
    }
    details: Mapping[str, Any] | None = video.explanation
    if details and is_blocked:
        error["moderation_details"] = dict(details)
    return error

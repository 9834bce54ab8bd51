"""Facts of a video that the API and the web pages both show: links, verdict, coverage, charge, position."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from safelight.core.errors import NotFound
from safelight.core.ids import is_id
from safelight.policy.verdicts import Action
from safelight.videos.models import Video, VideoRecord, VideoState
from safelight.videos.summary import summary

_BASE = "/v1/videos"
#: Failed downloads that count in a position. Together with the progress they are less than a revision.
_MOST_FAILURES = 800


def valid_video_id(video_id: str) -> str:
    """Returns `video_id` if it has the form of a video id.

    Otherwise raises `NotFound`, so that no database query is needed.
    """
    if not is_id(video_id, "video"):
        raise NotFound("There is no such video.", param="video_id")
    return video_id


def position(video: Video) -> int:
    """The position of a video in its event stream: a number that only grows.

    It includes the progress and the failed downloads, which do not change the revision.
    """
    return video.revision * 1000 + video.progress + min(video.failed_downloads, _MOST_FAILURES)


def links(video: Video) -> dict[str, str | None]:
    """The links of a video, as paths on this server."""
    here = f"{_BASE}/{video.id}"
    return {
        "self": here,
        "events": f"{here}/events",
        "record": f"{here}/record",
        "content": f"{here}/content" if video.state is VideoState.DELIVERED else None,
        "page": f"/videos/{video.id}",
    }


def verdict_action(video: Video) -> Action | None:
    """The decision so far; None before the first one, or if the video failed for a technical reason."""
    match video.state:
        case VideoState.DELIVERED | VideoState.SEALING | VideoState.WITHDRAWN:
            return Action.LABEL if video.badge_text else Action.ALLOW
        case VideoState.HELD:
            return Action.HOLD
        case VideoState.REJECTED | VideoState.BLOCKED:
            return Action.BLOCK
    return None


def coverage_and_charge(video: Video, record: VideoRecord | None) -> Mapping[str, Any]:
    """Coverage, charge, what was not drawn and how it was steered; all are None until the video ends.

    The source is `record` if it is given, else the row.
    """
    if record is None:
        return video.outcome_summary or {
            "coverage": None,
            "charge": None,
            "not_drawn": None,
            "generation": None,
        }
    cells = (cell for made in record.stages for cell in made.coverage)
    return summary(cells, record.attempts)

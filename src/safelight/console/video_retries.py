"""The videos that retries link, and why a requested retry was not made, as rows of the page of a video."""

from __future__ import annotations

from collections.abc import Callable

from safelight.errors import NotFound
from safelight.i18n import load_messages
from safelight.jobs.models import Video
from safelight.jobs.retries import find_retry_refusal

from .explanation_view import ExplanationLine

#: One retry of the same prompt, and one variation.
_MAX_RETRIES = 2


def find_chain(video: Video, get: Callable[[str], Video]) -> tuple[Video, ...]:
    """The original, its retry and its variation, in order, without deleted ones; empty without a retry."""
    if video.vaulted:
        return ()
    found = [video]
    for _ in range(_MAX_RETRIES):
        if (earlier := _find(found[0].retry_of, get)) is not None:
            found.insert(0, earlier)
        later = str((found[-1].explanation or {}).get("retried_as") or "")
        if (following := _find(later, get)) is not None:
            found.append(following)
    return tuple(found) if len(found) > 1 else ()


def _find(video_id: str, get: Callable[[str], Video]) -> Video | None:
    try:
        return get(video_id) if video_id else None
    except NotFound:
        return None


def retry_lines(video: Video, chain: tuple[Video, ...], tag: str) -> tuple[ExplanationLine, ...]:
    """One row for each linked video, and the reason if a requested retry was not made."""
    t, lines = load_messages("retries", tag), []
    for one in chain:
        kind = "original" if not one.retry_of else "retry" if one.prompt == chain[0].prompt else "variation"
        is_this = one.id == video.id
        lines.append(
            ExplanationLine(
                label=t(kind),
                sentences=(t("this" if is_this else "open"),),
                href=None if is_this else f"/videos/{one.id}",
                id=one.id,
            )
        )
    if (refused := find_retry_refusal(video)) is not None:
        lines.append(ExplanationLine(label=t("not_retried"), sentences=(t(f"refused.{refused.value}"),)))
    return tuple(lines)

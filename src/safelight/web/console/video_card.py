"""One video in the grid of the videos page and of the studio."""

from __future__ import annotations

from dataclasses import dataclass

from safelight.core.envelopes import format_iso
from safelight.videos.models import TERMINAL, Video, VideoState
from safelight.web.translations import Translations, format_age, format_datetime, truncate
from safelight.web.video_facts import links
from safelight_client.money import format_money

from .verdict_tone import verdict_key, video_tone

#: States that the card names itself. For all others it shows the verdict.
_NAMED_STATES = frozenset(
    {
        VideoState.QUEUED,
        VideoState.GENERATING,
        VideoState.SCANNING,
        VideoState.SEALING,
        VideoState.REJECTED,
        VideoState.WITHDRAWN,
        VideoState.FAILED,
    }
)


@dataclass(frozen=True, kw_only=True)
class VideoCard:
    id: str
    href: str
    #: None unless the video is delivered and its file still exists.
    thumbnail_url: str | None
    #: Empty for a vaulted video.
    prompt: str
    tone: str
    state: str
    #: Progress in percent; None if the state has no progress.
    percent: int | None
    #: True until the video reaches a final state or is held.
    in_progress: bool
    #: Model, length and cost.
    facts: tuple[str, ...]
    age: str
    at: str
    iso: str


def video_card(video: Video, now: float, t: Translations) -> VideoCard:
    in_progress = video.state not in TERMINAL and video.state is not VideoState.HELD
    named = video.state in _NAMED_STATES and not video.vaulted
    shown = video.state is VideoState.DELIVERED and (video.expires_at is None or video.expires_at > now)
    cost = _format_cost(video, t)
    waits = video.queue is not None and video.queue.not_taken and not video.vaulted
    state = f"videos.card.{video.state.value}" if named else verdict_key(video)
    has_progress = video.state in {VideoState.GENERATING, VideoState.SCANNING} and not waits
    return VideoCard(
        id=video.id,
        href=f"/videos/{video.id}",
        thumbnail_url=f"{links(video)['content']}?variant=thumbnail" if shown else None,
        prompt="" if video.vaulted else truncate(video.prompt, 120),
        tone=video_tone(video),
        state=t("videos.card.not_taken" if waits else state),
        percent=video.progress if has_progress else None,
        in_progress=in_progress,
        facts=(
            video.model,
            t("studio.seconds_value", seconds=video.seconds),
            *([cost] if cost else []),
        ),
        age=format_age(video.created_at, now, t),
        at=format_datetime(video.created_at, t),
        iso=format_iso(video.created_at),
    )


def _format_cost(video: Video, t: Translations) -> str:
    """What the generator charged; empty while this is not decided."""
    charge = (video.outcome_summary or {}).get("charge")
    if charge is None:
        return ""
    if charge["charged"] == "no":
        return t("videos.card.no_charge")
    if charge["charged"] == "yes" and charge["amount"] is not None:
        return format_money(float(charge["amount"]), str(charge["currency"]))
    return t("videos.card.charge_unknown")

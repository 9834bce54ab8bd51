"""The colour and the name of a video's verdict, the same on every page."""

from __future__ import annotations

from safelight.policy.verdicts import Action, Verdict
from safelight.videos.models import Video, VideoState
from safelight.web.video_facts import verdict_action

#: Tone of a video that is allowed only because of a waiver, or approved although checks are missing. It never
#: has the colour and icon of `allow`.
WAIVED = "waived"


def is_waived(verdict: Verdict) -> bool:
    """Whether the verdict of a stage allows the content, but required checks were not run under a waiver."""
    return verdict.action is Action.ALLOW and bool(verdict.waivers)


def video_tone(video: Video) -> str:
    """Colour and icon: allow, waived, label, hold, block, none or error."""
    action = verdict_action(video)
    if video.state is VideoState.FAILED:
        return "error"
    if video.state is VideoState.SEALING or action is None:
        return "none"
    if video.state is VideoState.WITHDRAWN:
        return Action.BLOCK.value
    return WAIVED if action is Action.ALLOW and (video.waived or video.gaps_approved) else action.value


def verdict_key(video: Video) -> str:
    """The message key of the verdict's name."""
    action = verdict_action(video)
    if action is None:
        return "verdict.error" if video.state is VideoState.FAILED else "verdict.none"
    if action is not Action.ALLOW:
        return f"verdict.{action.value}"
    lacks = "gaps_approved" if video.gaps_approved else WAIVED if video.waived else action.value
    return f"verdict.{lacks}"

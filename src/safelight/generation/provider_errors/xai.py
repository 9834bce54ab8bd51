"""xAI's Grok Imagine: a moderated video is `done` with `respect_moderation: false`, or comes back as an empty
list.
"""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import Confidence, ErrorKind, ModerationStage
from .rules import ErrorRule, Provider

_OUTPUT = "https://docs.comfy.org/development/comfy-router/models/xai/grok-imagine-video-1-5-preview/code"
_PRICES = "https://docs.apiyi.com/en/api-capabilities/grok-imagine-video/overview"
_CHARGED = f"documented: a moderated video is billed like any other; {_PRICES}"
_CHECKS = "https://github.com/UKGovernmentBEIS/inspect_ai/pull/2267"
_APP = "https://www.weshop.ai/blog/grok-video-moderated-what-the-message-really-tells-us-about-ai-video/"

XAI = Provider(
    name="xai",
    title="xAI",
    aliases=frozenset({"grok", "grok-imagine", "grok-imagine-video", "x.ai"}),
    signs=r"\bx\.ai\b|\bxai\b|\bgrok\b|grok-(?:imagine|\d)|respect_moderation|SAFETY_CHECK_TYPE_",
    rows=(
        ErrorRule(
            id="xai.video-moderated",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=f"{_OUTPUT}; {_PRICES}",
            fields={"respect_moderation": r"false", "status": r"done|completed"},
            anywhere=True,
            stage=ModerationStage.OUTPUT,
            charged=ChargeStatus.YES,
            charge_source=_CHARGED,
        ),
        ErrorRule(
            id="xai.moderated",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_OUTPUT,
            fields={"respect_moderation": r"false"},
            anywhere=True,
        ),
        ErrorRule(
            id="xai.empty",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_OUTPUT,
            empty_lists=frozenset({"data", "videos", "images"}),
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="xai.safety-check",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_CHECKS,
            text=r"failed check: SAFETY_CHECK_TYPE_|content violates usage guidelines\. team:",
            anywhere=True,
        ),
        ErrorRule(
            id="xai.rejected",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_OUTPUT,
            text=r"generated (?:video|image) rejected by content moderation"
            r"|content moderated\. try a different idea|did not respect moderation rules",
            anywhere=True,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="xai.package",
            kind=ErrorKind.CONTENT_BLOCK,
            documented="https://socket.dev/npm/package/@ai-sdk/xai/diff/4.0.39",
            text=r"video generation was blocked due to a content policy violation",
            anywhere=True,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="xai.under-review",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_APP,
            text=r"some content is being reviewed to ensure it meets our guidelines",
            anywhere=True,
            confidence=Confidence.GUESS,
        ),
    ),
)

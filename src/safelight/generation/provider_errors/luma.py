"""Luma: a failed generation has `state: failed` and a `failure_reason`; newer failures have a
`failure_code`.
"""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import Confidence, ErrorKind, ModerationStage
from .rules import ErrorRule, Provider

_SDK = "https://github.com/lumalabs/lumaai-python (failure_reason)"
_THREAD = "https://github.com/lumalabs/ComfyUI-LumaAI-API/issues/7"
_RETURNED = (
    "documented: the credits of a failed generation are returned; "
    "https://lumaai-help.freshdesk.com/support/solutions/articles/151000221533"
)
_CODES = (
    "https://docs.agents.lumalabs.ai/guides/error-handling; "
    "https://docs.comfy.org/development/comfy-router/models/luma_2/uni-1/code"
)

LUMA = Provider(
    name="luma",
    title="Luma",
    aliases=frozenset({"lumaai", "lumalabs", "ray", "ray-2", "ray-3", "dream-machine"}),
    signs=r"lumalabs|lumaai|[\"']state[\"']: ?[\"'](?:dreaming|failed|completed)[\"']|dream[- ]machine"
    r"|failure_code",
    rows=(
        ErrorRule(
            id="luma.frame-moderated",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_SDK,
            fields={
                "failure_reason": r"[\s\S]*(?:frame|output|generated)[\s\S]*moderat[\s\S]*"
                r"|[\s\S]*moderat[\s\S]*(?:frame|output|generated)[\s\S]*"
            },
            stage=ModerationStage.OUTPUT,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="luma.frame-sentence",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_THREAD,
            text=r"\bframes? (?:\d{1,4} )?(?:failed moderation|moderation failed)",
            anywhere=True,
            stage=ModerationStage.OUTPUT,
            charged=ChargeStatus.NO,
            charge_source=_RETURNED,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="luma.create-refused",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_THREAD,
            # `detail` is the answer to the create call; a failed generation has a `failure_reason`.
            fields={"detail": r"prompt not allowed because[\s\S]*"},
            anywhere=True,
            stage=ModerationStage.INPUT,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="luma.advanced-moderation",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_THREAD,
            text=r"advanced (?:prompt )?moderation failed|prompt not allowed because"
            r"|\bcontains blacklisted words",
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source=_RETURNED,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="luma.prompt-moderated",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_SDK,
            text=r"(?:prompt|input|image|keyframe).{0,60}(?:not pass|failed|rejected by|blocked by"
            r"|flagged by|did not pass).{0,30}moderation"
            r"|moderation.{0,40}(?:prompt|input image|keyframe)"
            r"|prompt (?:is )?not allowed",
            stage=ModerationStage.INPUT,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="luma.moderated",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_CODES,
            fields={"failure_code|failure_reason|code": r"content_moderated|[\s\S]*moderat[\s\S]*"},
        ),
        ErrorRule(
            id="luma.budget",
            kind=ErrorKind.QUOTA,
            documented=_CODES,
            fields={"failure_code|code": r"budget_exhausted"},
            anywhere=True,
        ),
        ErrorRule(
            id="luma.credits",
            kind=ErrorKind.QUOTA,
            documented=_SDK,
            text=r"insufficient credits",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="luma.job",
            kind=ErrorKind.TRANSIENT,
            documented=_SDK,
            text=r"failed to read user input frames|error dispatching job",
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source=_RETURNED,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="luma.failed",
            kind=ErrorKind.TRANSIENT,
            documented=_CODES,
            fields={"failure_code|code": r"generation_failed|output_not_found"},
        ),
        ErrorRule(
            id="luma.internal",
            kind=ErrorKind.TRANSIENT,
            documented=_SDK,
            fields={
                "failure_reason": r"[\s\S]*(?:internal|try again|timed? ?out|something went wrong"
                r"|unexpected)[\s\S]*"
            },
            confidence=Confidence.LIKELY,
        ),
    ),
)

"""Luma: a failed generation has `state: failed` and a `failure_reason`; newer failures have a
`failure_code`.
"""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import Confidence, ErrorKind, ModerationStage
from .rules import ErrorRule, Provider

_SDK = "lumaai 1.21.0: generation.state, failure_reason"
_CODES = "docs.comfy.org, luma_2: failure codes content_moderated, generation_failed, "
"budget_exhausted, output_not_found"

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
            id="luma.prompt-moderated",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_SDK,
            text=r"(?:prompt|input|image|keyframe).{0,60}(?:not pass|failed|rejected by|blocked by"
            r"|flagged by|did not pass).{0,30}moderation"
            r"|moderation.{0,40}(?:prompt|input image|keyframe)|advanced moderation failed"
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

"""Luma: a failed generation has `state: failed` and a `failure_reason`, newer ones a `failure_code`."""

from __future__ import annotations

from safelight.generation.protocol import Charged

from .model import Confidence, Kind, Side
from .rules import Provider, Row

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
        Row(
            id="luma.frame-moderated",
            kind=Kind.CONTENT_BLOCK,
            documented=_SDK,
            fields={
                "failure_reason": r"[\s\S]*(?:frame|output|generated)[\s\S]*moderat[\s\S]*"
                r"|[\s\S]*moderat[\s\S]*(?:frame|output|generated)[\s\S]*"
            },
            stage=Side.OUTPUT,
            confidence=Confidence.LIKELY,
        ),
        Row(
            id="luma.prompt-moderated",
            kind=Kind.CONTENT_BLOCK,
            documented=_SDK,
            says=r"(?:prompt|input|image|keyframe).{0,60}(?:not pass|failed|rejected by|blocked by"
            r"|flagged by|did not pass).{0,30}moderation"
            r"|moderation.{0,40}(?:prompt|input image|keyframe)|advanced moderation failed"
            r"|prompt (?:is )?not allowed",
            stage=Side.INPUT,
            confidence=Confidence.LIKELY,
        ),
        Row(
            id="luma.moderated",
            kind=Kind.CONTENT_BLOCK,
            documented=_CODES,
            fields={"failure_code|failure_reason|code": r"content_moderated|[\s\S]*moderat[\s\S]*"},
        ),
        Row(
            id="luma.budget",
            kind=Kind.QUOTA,
            documented=_CODES,
            fields={"failure_code|code": r"budget_exhausted"},
            anywhere=True,
        ),
        Row(
            id="luma.credits",
            kind=Kind.QUOTA,
            documented=_SDK,
            says=r"insufficient credits",
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="luma.failed",
            kind=Kind.TRANSIENT,
            documented=_CODES,
            fields={"failure_code|code": r"generation_failed|output_not_found"},
        ),
        Row(
            id="luma.internal",
            kind=Kind.TRANSIENT,
            documented=_SDK,
            fields={
                "failure_reason": r"[\s\S]*(?:internal|try again|timed? ?out|something went wrong"
                r"|unexpected)[\s\S]*"
            },
            confidence=Confidence.LIKELY,
        ),
    ),
)

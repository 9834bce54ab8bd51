"""Stability AI: a refused request has the name `content_moderation` and is not charged."""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import ErrorKind
from .rules import ErrorRule, Provider

STABILITY = Provider(
    name="stability",
    title="Stability AI",
    aliases=frozenset({"stability-ai", "stabilityai", "stable-video"}),
    signs=r"stability\.ai|stabilityai",
    rows=(
        ErrorRule(
            id="stability.content-moderation",
            kind=ErrorKind.CONTENT_BLOCK,
            documented="https://github.com/ZHO-ZHO-ZHO/ComfyUI-StableDiffusion3-API/issues/2",
            fields={"name": r"content_moderation"},
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source="upstream",
        ),
    ),
)

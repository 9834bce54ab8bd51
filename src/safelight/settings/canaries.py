"""Settings of active canaries."""

from __future__ import annotations

from pydantic import Field

from .section import Section


class CanarySettings(Section):
    max_usd_per_month: float = Field(
        default=20.0,
        ge=0,
        le=1_000_000,
        description="The most US dollars that all canaries of one tenant may cost in 31 days. 0: only calls "
        "that cost nothing. See docs/attempts.md.",
    )

"""Higgsfield: `nsfw` is a terminal status and is not charged."""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import UNKNOWN, ErrorKind
from .rules import ErrorRule, Provider

_FAQ = "https://docs.higgsfield.ai/docs/help/faq"
_FREE = "documented: neither failed nor flagged requests are charged"

HIGGSFIELD = Provider(
    name="higgsfield",
    title="Higgsfield",
    resells=True,
    aliases=frozenset({"higgsfield.ai"}),
    signs=r"higgsfield",
    rows=(
        ErrorRule(
            id="higgsfield.nsfw",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_FAQ,
            fields={"status": r"nsfw"},
            # Higgsfield uses this status for violations of any of its rules, not only the one on nudity.
            category=UNKNOWN,
            charged=ChargeStatus.NO,
            charge_source=_FREE,
        ),
        ErrorRule(
            id="higgsfield.failed",
            kind=ErrorKind.TRANSIENT,
            documented=_FAQ,
            fields={"status": r"failed"},
            charged=ChargeStatus.NO,
            charge_source=_FREE,
        ),
        ErrorRule(
            id="higgsfield.credits",
            kind=ErrorKind.QUOTA,
            documented=_FAQ,
            text=r"(?:not enough|insufficient) credits",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="higgsfield.key",
            kind=ErrorKind.AUTH,
            documented=_FAQ,
            text=r"invalid credentials",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
    ),
)

"""Higgsfield: `nsfw` is a terminal status of its own, and is not charged."""

from __future__ import annotations

from safelight.generation.protocol import Charged

from .model import UNKNOWN, Kind
from .rules import Provider, Row

_FAQ = "docs.higgsfield.ai/docs/help/faq"
_FREE = "documented: neither failed nor flagged requests are charged"

HIGGSFIELD = Provider(
    name="higgsfield",
    title="Higgsfield",
    resells=True,
    aliases=frozenset({"higgsfield.ai"}),
    signs=r"higgsfield",
    rows=(
        Row(
            id="higgsfield.nsfw",
            kind=Kind.CONTENT_BLOCK,
            documented=_FAQ,
            fields={"status": r"nsfw"},
            # Its word for a breach of any of its rules, not only of the one it names.
            category=UNKNOWN,
            charged=Charged.NO,
            charge_source=_FREE,
        ),
        Row(
            id="higgsfield.failed",
            kind=Kind.TRANSIENT,
            documented=_FAQ,
            fields={"status": r"failed"},
            charged=Charged.NO,
            charge_source=_FREE,
        ),
        Row(
            id="higgsfield.credits",
            kind=Kind.QUOTA,
            documented=_FAQ,
            says=r"(?:not enough|insufficient) credits",
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="higgsfield.key",
            kind=Kind.AUTH,
            documented=_FAQ,
            says=r"invalid credentials",
            charged=Charged.NO,
            charge_source="not taken",
        ),
    ),
)

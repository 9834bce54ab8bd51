"""Black Forest Labs: moderation is a status of its own, one word for the input and one for the output."""

from __future__ import annotations

from safelight.generation.protocol import Charged

from .model import Kind, Side
from .rules import Provider, Row

_PAGE = "docs.bfl.ai/api_integration/errors"

BFL = Provider(
    name="bfl",
    title="Black Forest Labs",
    aliases=frozenset({"flux", "black-forest-labs", "blackforestlabs"}),
    signs=r"\bbfl\.(?:ai|ml)|Request Moderated|Content Moderated|Moderation Reasons",
    rows=(
        Row(
            id="bfl.request-moderated",
            kind=Kind.CONTENT_BLOCK,
            documented=_PAGE,
            says=r"\bRequest Moderated\b",
            anywhere=True,
            stage=Side.INPUT,
        ),
        Row(
            id="bfl.content-moderated",
            kind=Kind.CONTENT_BLOCK,
            documented=_PAGE,
            says=r"\bContent Moderated\b",
            anywhere=True,
            stage=Side.OUTPUT,
        ),
        Row(
            id="bfl.task-not-found",
            kind=Kind.INVALID_REQUEST,
            documented=_PAGE,
            fields={"status": r"Task not found"},
            anywhere=True,
        ),
        Row(
            id="bfl.credits",
            kind=Kind.QUOTA,
            documented=_PAGE,
            status=frozenset({402}),
            charged=Charged.NO,
            charge_source="not taken",
        ),
    ),
)

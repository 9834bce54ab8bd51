"""Black Forest Labs: a job has a special status if it was moderated, with different values for input and
output.
"""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import ErrorKind, ModerationStage
from .rules import ErrorRule, Provider

_PAGE = "https://docs.bfl.ai/api_integration/errors"

BFL = Provider(
    name="bfl",
    title="Black Forest Labs",
    aliases=frozenset({"flux", "black-forest-labs", "blackforestlabs"}),
    signs=r"\bbfl\.(?:ai|ml)|Request Moderated|Content Moderated|Moderation Reasons",
    rows=(
        ErrorRule(
            id="bfl.request-moderated",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            text=r"\bRequest Moderated\b",
            anywhere=True,
            stage=ModerationStage.INPUT,
        ),
        ErrorRule(
            id="bfl.content-moderated",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            text=r"\bContent Moderated\b",
            anywhere=True,
            stage=ModerationStage.OUTPUT,
        ),
        ErrorRule(
            id="bfl.task-not-found",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_PAGE,
            fields={"status": r"Task not found"},
            anywhere=True,
        ),
        ErrorRule(
            id="bfl.credits",
            kind=ErrorKind.QUOTA,
            documented=_PAGE,
            status=frozenset({402}),
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
    ),
)

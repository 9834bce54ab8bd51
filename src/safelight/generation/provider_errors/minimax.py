"""MiniMax: the error is in `base_resp.status_code`; the HTTP status is always 200."""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import Confidence, ErrorKind, ModerationStage
from .rules import ErrorRule, Provider

_PAGE = "https://platform.minimax.io/docs/api-reference/errorcode"
_FIELD = "status_code|code"

MINIMAX = Provider(
    name="minimax",
    title="MiniMax",
    aliases=frozenset({"hailuo", "hailuoai", "minimax-h3", "minimax-hailuo"}),
    signs=r"minimax|hailuo|海螺|base_resp|new_sensitive",
    rows=(
        ErrorRule(
            id="minimax.input-sensitive",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            fields={_FIELD: r"1026"},
            stage=ModerationStage.INPUT,
        ),
        ErrorRule(
            id="minimax.output-sensitive",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            fields={_FIELD: r"1027"},
            stage=ModerationStage.OUTPUT,
        ),
        ErrorRule(
            id="minimax.sensitive.input-words",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            text=r"input new_sensitive|video description contains sensitive",
            anywhere=True,
            stage=ModerationStage.INPUT,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="minimax.sensitive.output-words",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            text=r"output new_sensitive",
            anywhere=True,
            stage=ModerationStage.OUTPUT,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="minimax.rate-limit",
            kind=ErrorKind.RATE_LIMIT,
            documented=_PAGE,
            fields={_FIELD: r"1002|1039|1041|2045"},
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="minimax.auth",
            kind=ErrorKind.AUTH,
            documented=_PAGE,
            fields={_FIELD: r"1004|2049"},
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="minimax.balance",
            kind=ErrorKind.QUOTA,
            documented=_PAGE,
            fields={_FIELD: r"1008|2056"},
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="minimax.timeout",
            kind=ErrorKind.TIMEOUT,
            documented=_PAGE,
            fields={_FIELD: r"1001"},
        ),
        ErrorRule(
            id="minimax.server",
            kind=ErrorKind.TRANSIENT,
            documented=_PAGE,
            fields={_FIELD: r"1000|1024|1033"},
        ),
        ErrorRule(
            id="minimax.invalid",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_PAGE,
            fields={_FIELD: r"2013|1042|1043|1044"},
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
    ),
)

"""MiniMax: `base_resp.status_code`, HTTP 200 throughout."""

from __future__ import annotations

from safelight.generation.protocol import Charged

from .model import Confidence, Kind, Side
from .rules import Provider, Row

_PAGE = "platform.minimax.io/docs/api-reference/errorcode"
_FIELD = "status_code|code"

MINIMAX = Provider(
    name="minimax",
    title="MiniMax",
    aliases=frozenset({"hailuo", "hailuoai", "minimax-h3", "minimax-hailuo"}),
    signs=r"minimax|hailuo|base_resp|new_sensitive",
    rows=(
        Row(
            id="minimax.input-sensitive",
            kind=Kind.CONTENT_BLOCK,
            documented=_PAGE,
            fields={_FIELD: r"1026"},
            stage=Side.INPUT,
        ),
        Row(
            id="minimax.output-sensitive",
            kind=Kind.CONTENT_BLOCK,
            documented=_PAGE,
            fields={_FIELD: r"1027"},
            stage=Side.OUTPUT,
        ),
        Row(
            id="minimax.sensitive.input-words",
            kind=Kind.CONTENT_BLOCK,
            documented=_PAGE,
            says=r"input new_sensitive",
            anywhere=True,
            stage=Side.INPUT,
            confidence=Confidence.LIKELY,
        ),
        Row(
            id="minimax.sensitive.output-words",
            kind=Kind.CONTENT_BLOCK,
            documented=_PAGE,
            says=r"output new_sensitive",
            anywhere=True,
            stage=Side.OUTPUT,
            confidence=Confidence.LIKELY,
        ),
        Row(
            id="minimax.rate-limit",
            kind=Kind.RATE_LIMIT,
            documented=_PAGE,
            fields={_FIELD: r"1002|1039|1041|2045"},
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="minimax.auth",
            kind=Kind.AUTH,
            documented=_PAGE,
            fields={_FIELD: r"1004|2049"},
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="minimax.balance",
            kind=Kind.QUOTA,
            documented=_PAGE,
            fields={_FIELD: r"1008|2056"},
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="minimax.timeout",
            kind=Kind.TIMEOUT,
            documented=_PAGE,
            fields={_FIELD: r"1001"},
        ),
        Row(
            id="minimax.server",
            kind=Kind.TRANSIENT,
            documented=_PAGE,
            fields={_FIELD: r"1000|1024|1033"},
        ),
        Row(
            id="minimax.invalid",
            kind=Kind.INVALID_REQUEST,
            documented=_PAGE,
            fields={_FIELD: r"2013|1042|1043|1044"},
            charged=Charged.NO,
            charge_source="not taken",
        ),
    ),
)

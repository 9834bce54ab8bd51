"""Venice offers models of other makers; its refusals have the field `credits_refunded`."""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import ErrorKind, ErrorSource
from .rules import ErrorRule, Provider

_PAGE = "https://docs.venice.ai/api-reference/error-codes"

VENICE = Provider(
    name="venice",
    title="Venice",
    resells=True,
    aliases=frozenset({"venice.ai", "venice-ai"}),
    signs=r"venice\.ai|credits_refunded",
    relay=True,
    rows=(
        ErrorRule(
            id="venice.provider-policy",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            fields={"credits_refunded": r"true|false"},
            text=r"content polic(?:y|ies)|moderat|blocked",
        ),
        ErrorRule(
            id="venice.balance",
            kind=ErrorKind.QUOTA,
            documented=_PAGE,
            text=r"insufficient (?:USD|diem)[\w ]{0,20} balance|DIEM spend limit",
            error_source=ErrorSource.RELAY,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="venice.key",
            kind=ErrorKind.AUTH,
            documented=_PAGE,
            text=r"\bauthentication failed",
            error_source=ErrorSource.RELAY,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
    ),
)

"""Venice: other people's models, with `credits_refunded` beside a refusal of theirs."""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import ErrorKind, ErrorSource
from .rules import ErrorRule, Provider

_PAGE = "docs.venice.ai/api-reference/error-codes"

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
            says=r"content polic(?:y|ies)|moderat|blocked",
        ),
        ErrorRule(
            id="venice.balance",
            kind=ErrorKind.QUOTA,
            documented=_PAGE,
            says=r"insufficient (?:USD|diem)[\w ]{0,20} balance|DIEM spend limit",
            owner=ErrorSource.RELAY,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="venice.key",
            kind=ErrorKind.AUTH,
            documented=_PAGE,
            says=r"\bauthentication failed",
            owner=ErrorSource.RELAY,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
    ),
)

"""Venice: other people's models, with `credits_refunded` beside a refusal of theirs."""

from __future__ import annotations

from safelight.generation.protocol import Charged

from .model import Kind, Owner
from .rules import Provider, Row

_PAGE = "docs.venice.ai/api-reference/error-codes"

VENICE = Provider(
    name="venice",
    title="Venice",
    resells=True,
    aliases=frozenset({"venice.ai", "venice-ai"}),
    signs=r"venice\.ai|credits_refunded",
    relay=True,
    rows=(
        Row(
            id="venice.provider-policy",
            kind=Kind.CONTENT_BLOCK,
            documented=_PAGE,
            fields={"credits_refunded": r"true|false"},
            says=r"content polic(?:y|ies)|moderat|blocked",
        ),
        Row(
            id="venice.balance",
            kind=Kind.QUOTA,
            documented=_PAGE,
            says=r"insufficient (?:USD|diem)[\w ]{0,20} balance|DIEM spend limit",
            owner=Owner.RELAY,
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="venice.key",
            kind=Kind.AUTH,
            documented=_PAGE,
            says=r"\bauthentication failed",
            owner=Owner.RELAY,
            charged=Charged.NO,
            charge_source="not taken",
        ),
    ),
)

"""Pika: it documents no error codes; its acceptable use policy names what it refuses."""

from __future__ import annotations

from .model import Confidence, ErrorKind
from .rules import ErrorRule, Provider

PIKA = Provider(
    name="pika",
    title="Pika",
    aliases=frozenset({"pika-labs", "pikalabs", "pika.art"}),
    signs=r"\bpika\b|pikalabs|pika\.art",
    rows=(
        ErrorRule(
            id="pika.refused",
            kind=ErrorKind.CONTENT_BLOCK,
            documented="https://pika.art/acceptable-use-policy",
            text=r"moderat|inappropriate|acceptable use policy|community guidelines|content polic",
            confidence=Confidence.GUESS,
        ),
    ),
)

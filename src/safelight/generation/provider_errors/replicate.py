"""Replicate: a failed prediction carries free text, sometimes with a code E and four digits."""

from __future__ import annotations

from safelight.generation.protocol import Charged

from .model import Again, Confidence, Kind, Owner, Side
from .rules import Provider, Row

_CODES = "replicate.com/docs/reference/error-codes"
_REPORTS = "reports of users: E005, flagged as sensitive"
_HTTP = "replicate.com/docs/reference/http: problem details"

REPLICATE = Provider(
    name="replicate",
    title="Replicate",
    resells=True,
    aliases=frozenset({"replicate.com"}),
    signs=r"replicate\.(?:com|delivery|exceptions)|ReplicateError|\bModelError\b|Prediction failed"
    r"|\(E\d{3,4}\)",
    rows=(
        Row(
            id="replicate.sensitive.either",
            kind=Kind.CONTENT_BLOCK,
            documented=_REPORTS,
            says=r"input or output.{0,60}flagged as sensitive|\bE005\b",
            anywhere=True,
            confidence=Confidence.LIKELY,
        ),
        Row(
            id="replicate.sensitive.input",
            kind=Kind.CONTENT_BLOCK,
            documented=_REPORTS,
            says=r"(?:input|prompt|image|request).{0,60}flagged as sensitive"
            r"|flagged as sensitive.{0,60}(?:different inputs?|another prompt)",
            anywhere=True,
            stage=Side.INPUT,
            confidence=Confidence.LIKELY,
        ),
        Row(
            id="replicate.sensitive.output",
            kind=Kind.CONTENT_BLOCK,
            documented=_REPORTS,
            says=r"output.{0,60}flagged as sensitive",
            anywhere=True,
            stage=Side.OUTPUT,
            confidence=Confidence.LIKELY,
        ),
        Row(
            id="replicate.sensitive",
            kind=Kind.CONTENT_BLOCK,
            documented=_REPORTS,
            says=r"flagged as sensitive",
            anywhere=True,
            confidence=Confidence.LIKELY,
        ),
        Row(
            id="replicate.nsfw",
            kind=Kind.CONTENT_BLOCK,
            documented="replicate.com/docs, safety checker: NSFW content detected",
            says=r"nsfw content (?:was )?detected|all generated images contained nsfw",
            anywhere=True,
            stage=Side.OUTPUT,
            category="sexual",
            retry=Again.NEW_SEED,
            confidence=Confidence.LIKELY,
        ),
        Row(
            id="replicate.out-of-memory",
            kind=Kind.INVALID_REQUEST,
            documented=_CODES,
            says=r"\bE1001\b",
            anywhere=True,
            sentence="The model ran out of memory. That is no judgement of the content.",
            next_step="Make the input smaller: fewer pixels, fewer seconds.",
        ),
        Row(
            id="replicate.start-timeout",
            kind=Kind.TIMEOUT,
            documented=_CODES,
            says=r"\bE6716\b",
            anywhere=True,
            owner=Owner.PROVIDER,
        ),
        Row(
            id="replicate.webhook",
            kind=Kind.INVALID_REQUEST,
            documented=_CODES,
            says=r"\bE4875\b",
            anywhere=True,
        ),
        Row(
            id="replicate.failed",
            kind=Kind.TRANSIENT,
            documented=_CODES,
            says=r"\bE1000\b|\bE8765\b|\bE9243\b|\bE8367\b|\bE9825\b|prediction interrupted"
            r"|please retry \(code: PA\)|error code: PA",
            anywhere=True,
            retry=Again.SAME,
        ),
        Row(
            id="replicate.billing",
            kind=Kind.QUOTA,
            documented=_HTTP,
            says=r"insufficient credit|billing required|spend limit (?:reached|exceeded)"
            r"|free time limit reached|payment required",
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="replicate.throttled",
            kind=Kind.RATE_LIMIT,
            documented=_HTTP,
            says=r"request was throttled",
            anywhere=True,
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="replicate.unauthenticated",
            kind=Kind.AUTH,
            documented=_HTTP,
            fields={"title": r"Unauthenticated"},
            anywhere=True,
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="replicate.memory",
            kind=Kind.TRANSIENT,
            documented=_CODES,
            says=r"CUDA out of memory",
            confidence=Confidence.LIKELY,
        ),
    ),
)

"""Replicate: a failed prediction has free text, sometimes with a code that consists of E and four digits."""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import Confidence, ErrorKind, ErrorSource, ModerationStage, ProviderRetry
from .rules import ErrorRule, Provider

_CODES = "https://replicate.com/docs/reference/error-codes"
_REPORTS = "no page: words that users of Replicate reported"
_HTTP = "no page: words of HTTP answers from Replicate"
_LIMITS = "https://replicate.com/docs/topics/predictions/rate-limits"

REPLICATE = Provider(
    name="replicate",
    title="Replicate",
    resells=True,
    aliases=frozenset({"replicate.com"}),
    signs=r"replicate\.(?:com|delivery|exceptions)|ReplicateError|\bModelError\b"
    r"|\(E\d{3,4}\)",
    rows=(
        ErrorRule(
            id="replicate.sensitive.either",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_REPORTS,
            text=r"input or output.{0,60}flagged as sensitive|\bE005\b",
            anywhere=True,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="replicate.sensitive.input",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_REPORTS,
            text=r"(?:input|prompt|image|request).{0,60}flagged as sensitive"
            r"|flagged as sensitive.{0,60}(?:different inputs?|another prompt)",
            anywhere=True,
            stage=ModerationStage.INPUT,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="replicate.sensitive.output",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_REPORTS,
            text=r"output.{0,60}flagged as sensitive",
            anywhere=True,
            stage=ModerationStage.OUTPUT,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="replicate.sensitive",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_REPORTS,
            text=r"flagged as sensitive",
            anywhere=True,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="replicate.nsfw",
            kind=ErrorKind.CONTENT_BLOCK,
            documented="https://github.com/replicate/cog-stable-diffusion/pull/24; "
            "https://github.com/replicate/cog-flux/pull/7",
            text=r"nsfw content (?:was )?detected|all generated images contained nsfw",
            stage=ModerationStage.OUTPUT,
            category="sexual",
            retry=ProviderRetry.NEW_SEED,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="replicate.out-of-memory",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_CODES,
            text=r"\bE1001\b",
            anywhere=True,
            message="The model ran out of memory. This is not a judgement of the content.",
            next_step="Make the input smaller: fewer pixels, fewer seconds.",
        ),
        ErrorRule(
            id="replicate.start-timeout",
            kind=ErrorKind.TIMEOUT,
            documented=_CODES,
            text=r"\bE6716\b",
            anywhere=True,
            error_source=ErrorSource.PROVIDER,
        ),
        ErrorRule(
            id="replicate.webhook",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_CODES,
            text=r"\bE4875\b",
            anywhere=True,
        ),
        ErrorRule(
            id="replicate.failed",
            kind=ErrorKind.TRANSIENT,
            documented=_CODES,
            text=r"\bE1000\b|\bE8765\b|\bE9243\b|\bE8367\b|\bE9825\b|prediction interrupted"
            r"|please retry \(code: PA\)|error code: PA",
            anywhere=True,
            retry=ProviderRetry.SAME,
        ),
        ErrorRule(
            id="replicate.billing",
            kind=ErrorKind.QUOTA,
            documented=_HTTP,
            text=r"insufficient credit|billing required|spend limit (?:reached|exceeded)"
            r"|free time limit reached|payment required",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="replicate.throttled",
            kind=ErrorKind.RATE_LIMIT,
            documented=_LIMITS,
            text=r"request was throttled",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="replicate.unauthenticated",
            kind=ErrorKind.AUTH,
            documented=_HTTP,
            fields={"title": r"Unauthenticated"},
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="replicate.memory",
            kind=ErrorKind.TRANSIENT,
            documented=_CODES,
            text=r"CUDA out of memory",
            confidence=Confidence.LIKELY,
        ),
    ),
)

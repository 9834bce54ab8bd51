"""Runware: a list `errors`, each with a `code` in camel case and the task's id."""

from __future__ import annotations

from safelight.generation.protocol import Charged

from .model import Confidence, Kind, Side
from .rules import Provider, Row

_PAGE = "runware.ai/docs/platform/errors"
_SAFETY = "runware.ai/docs: safety.checkContent"

RUNWARE = Provider(
    name="runware",
    title="Runware",
    resells=True,
    aliases=frozenset({"runware.ai"}),
    signs=r"runware|taskUUID|\"taskType\"|invalidProviderContent|nsfwContent|NSFWContent",
    rows=(
        Row(
            id="runware.provider-content",
            kind=Kind.CONTENT_BLOCK,
            documented=_SAFETY,
            fields={
                "code": r"invalidProviderContent|providerContent\w*|contentModeration\w*|moderat\w+"
                r"|\w*unsafe\w*|\w*sensitive\w*"
            },
            confidence=Confidence.LIKELY,
        ),
        Row(
            id="runware.nsfw",
            kind=Kind.CONTENT_BLOCK,
            documented=_SAFETY,
            fields={"nsfwcontent|nsfw_content": r"true"},
            anywhere=True,
            stage=Side.OUTPUT,
            category="sexual",
        ),
        Row(
            id="runware.key",
            kind=Kind.AUTH,
            documented=_PAGE,
            fields={"code": r"invalidApiKey|missingApiKey|unauthorized\w*"},
            anywhere=True,
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="runware.credits",
            kind=Kind.QUOTA,
            documented=_PAGE,
            fields={"code": r"insufficientCredits|\w*[Cc]redits\w*|insufficientFunds"},
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="runware.rate-limit",
            kind=Kind.RATE_LIMIT,
            documented=_PAGE,
            fields={"code": r"\w*rateLimit\w*|tooManyRequests|\w*concurrency\w*"},
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="runware.timeout",
            kind=Kind.TIMEOUT,
            documented=_PAGE,
            fields={"code": r"timeoutProvider|\w*[Tt]imeout\w*"},
            anywhere=True,
        ),
        Row(
            id="runware.provider-error",
            kind=Kind.TRANSIENT,
            documented=_PAGE,
            fields={"code": r"providerError|internalServerError|serverError|inferenceError|\w*Unavailable"},
        ),
        Row(
            id="runware.invalid",
            kind=Kind.INVALID_REQUEST,
            documented=_PAGE,
            fields={"code": r"invalid\w+|missing\w+|unsupported\w+|failedTo\w+"},
            charged=Charged.NO,
            charge_source="not taken",
        ),
    ),
)

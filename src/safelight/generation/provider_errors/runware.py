"""Runware: a list `errors`, each with a `code` in camel case and the task's id."""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import Confidence, ErrorKind, ModerationStage
from .rules import ErrorRule, Provider

_PAGE = "https://runware.ai/docs/platform/errors"
_SAFETY = "https://runware.ai/docs/models/content-safety (safety.checkContent)"

RUNWARE = Provider(
    name="runware",
    title="Runware",
    resells=True,
    aliases=frozenset({"runware.ai"}),
    signs=r"runware|taskUUID|\"taskType\"|invalidProviderContent|nsfwContent|NSFWContent",
    rows=(
        ErrorRule(
            id="runware.provider-content",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_SAFETY,
            fields={
                "code": r"invalidProviderContent|providerContent\w*|contentModeration\w*|moderat\w+"
                r"|\w*unsafe\w*|\w*sensitive\w*"
            },
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="runware.nsfw",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_SAFETY,
            fields={"nsfwcontent|nsfw_content": r"true"},
            anywhere=True,
            stage=ModerationStage.OUTPUT,
            category="sexual",
        ),
        ErrorRule(
            id="runware.key",
            kind=ErrorKind.AUTH,
            documented=_PAGE,
            fields={"code": r"invalidApiKey|missingApiKey|unauthorized\w*"},
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="runware.credits",
            kind=ErrorKind.QUOTA,
            documented=_PAGE,
            fields={"code": r"insufficientCredits|\w*[Cc]redits\w*|insufficientFunds"},
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="runware.rate-limit",
            kind=ErrorKind.RATE_LIMIT,
            documented=_PAGE,
            fields={"code": r"\w*rateLimit\w*|tooManyRequests|\w*concurrency\w*"},
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="runware.timeout",
            kind=ErrorKind.TIMEOUT,
            documented=_PAGE,
            fields={"code": r"timeoutProvider|\w*[Tt]imeout\w*"},
            anywhere=True,
        ),
        ErrorRule(
            id="runware.provider-error",
            kind=ErrorKind.TRANSIENT,
            documented=_PAGE,
            fields={"code": r"providerError|internalServerError|serverError|inferenceError|\w*Unavailable"},
        ),
        ErrorRule(
            id="runware.invalid",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_PAGE,
            fields={"code": r"invalid\w+|missing\w+|unsupported\w+|failedTo\w+"},
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
    ),
)

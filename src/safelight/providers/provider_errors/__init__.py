"""Explains provider errors: parses an error and matches it against the rules of each provider.

Each provider has its own YAML file in `providers`; `registry` lists them. `decode` accepts any pasted text,
and `decode_body` a body with status and headers. `read` finds only refusals.
"""

from __future__ import annotations

from collections.abc import Mapping

from safelight.providers.protocol import ProviderRefusal

from .categories import all_named
from .classify import classify
from .model import Confidence, ErrorKind, ErrorSource, ModerationStage, ProviderError, ProviderRetry
from .parse import read_body, read_text

__all__ = [
    "Confidence",
    "ErrorKind",
    "ErrorSource",
    "ModerationStage",
    "ProviderError",
    "ProviderRetry",
    "decode",
    "decode_body",
    "read",
    "states_not_accepted",
]


def decode(text: str, *, provider: str | None = None) -> ProviderError:
    """The meaning of a pasted error: JSON, curl output, a traceback, a web page, log lines, in any
    language.

    Pure, bounded in time, never raises. Unknown parts are reported as unknown. Secrets are masked.
    """
    return classify(read_text(text), provider)


def decode_body(
    body: object,
    *,
    provider: str | None = None,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> ProviderError:
    """The meaning of a parsed body, with HTTP status and headers if they are known."""
    return classify(read_body(body, status=status, headers=headers), provider)


def states_not_accepted(error: ProviderError) -> bool:
    """Whether a temporary error states that the request was not accepted, so that it may be sent again."""
    passes = error.kind is ErrorKind.TRANSIENT and error.retry is not ProviderRetry.NEVER
    return passes and error.charge_source == "not taken"


def read(body: object, *, provider: str | None = None) -> ProviderRefusal | None:
    """The refusal by a filter in a provider's parsed body; None if the body has another error or no error."""
    if not isinstance(body, Mapping):
        return None
    said = read_body(body)
    found = classify(said, provider)
    if found.kind is not ErrorKind.CONTENT_BLOCK:
        return None
    return ProviderRefusal(
        provider=found.provider or found.via or "The provider",
        stage=found.stage.value,
        category="" if found.category == "unknown" else found.category,
        code=found.code,
        message=found.message,
        charged=found.charged,
        retry=found.retry.value,
        modality=found.modality,
        named=all_named(said),
    )

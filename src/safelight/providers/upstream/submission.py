"""Submits a request once, and reads from the answer whether the upstream has accepted it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx

from safelight.core.errors import (
    SubmissionUnconfirmed,
    UpstreamInvalidResponse,
    UpstreamModerationBlocked,
    UpstreamRejected,
    UpstreamUnavailable,
)
from safelight.core.net.client import AnswerTooLong, read_limited
from safelight.core.net.redaction import redact
from safelight.providers.protocol import Billing, SteeringUnavailable
from safelight.providers.provider_errors import decode_body, read, states_not_accepted

from .bodies import decode, error_text, masked_body, retry_after, states_something
from .client import MAX_ANSWER, no_access, redirected
from .failures import mask_refusal

_log = logging.getLogger(__name__)

_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_BUSY = frozenset({425, 429, 503})
#: The upstream may have accepted the request: it timed out (408), or the idempotency key is already in use
#: (409).
_DOUBTFUL = frozenset({408, 409})
#: Error codes of an account without credit, which some servers answer with 403 or 429. Waiting does not help.
_NO_CREDIT = frozenset(
    {"insufficient_quota", "insufficient_user_quota", "billing_hard_limit_reached", "billing_not_active"}
)
#: Our server's code for a request that it cannot steer as required.
UNSTEERED = "steering_unavailable"
#: The longest id that is stored.
_MAX_ID_CHARACTERS = 512
#: How many fields of an answer without an id are named.
_MAX_NAMES = 12


@dataclass(frozen=True, kw_only=True)
class Submission:
    """How requests are submitted to one upstream. Nothing here sends a request a second time."""

    name: str
    billing: Billing
    secrets: tuple[str, ...]
    #: Name of the provider in the rules of provider errors; None: any.
    provider: str | None = None

    def send(
        self,
        client: httpx.Client,
        request: httpx.Request,
        *,
        within_s: float,
        read_id: Callable[[dict[str, Any]], object] = lambda body: body.get("id"),
    ) -> str:
        """Send the request and return the upstream's id, which `read_id` takes from the body.

        Raises the errors of `RemoteGenerator.submit`. `client` must open a new connection for each request,
        so that a request that was never sent differs from a lost answer.
        """
        request.extensions["timeout"]["read"] = within_s
        try:
            response = client.send(request, stream=True)
        except _NOT_SENT as error:
            raise UpstreamUnavailable(
                f"{self.name} cannot be reached; it did not receive the request."
            ) from error
        except (httpx.HTTPError, OSError) as error:
            raise SubmissionUnconfirmed(f"The response of {self.name} to the submission was lost.") from error
        try:
            body = decode(read_limited(response, max_bytes=MAX_ANSWER, within_s=within_s))
        except (httpx.HTTPError, AnswerTooLong):
            body = None
        finally:
            response.close()
        return self._accepted(response, body, read_id)

    def _accepted(
        self,
        response: httpx.Response,
        body: dict[str, Any] | None,
        read_id: Callable[[dict[str, Any]], object],
    ) -> str:
        status = response.status_code
        upstream_id = read_id(body) if body and response.is_success else None
        if isinstance(upstream_id, str) and is_id(upstream_id):
            return upstream_id
        if (refusal := read(body, provider=self.provider)) is not None:
            raise UpstreamModerationBlocked(
                f"The filter of {self.name} refused the request.",
                refusal=replace(
                    mask_refusal(refusal, self.secrets), answer=masked_body(body, secrets=self.secrets)
                ),
            )
        if status == 402 or _error_codes(body) & _NO_CREDIT:
            raise UpstreamRejected(
                f"The account at {self.name} has no credit left. The operator must add credit."
            )
        # Behind a proxy that answers 503 the server may have taken the request, and a paid one may charge.
        is_refused = status != 503 or self.billing is Billing.OWN
        if status in _BUSY and (
            is_refused or states_not_accepted(decode_body(body, provider=self.provider, status=status))
        ):
            raise UpstreamUnavailable(
                f"{self.name} does not accept requests now (status {status}).",
                retry_after_s=retry_after(response.headers),
            )
        if response.is_success and body and not states_something(body.get("error")):
            fields = _fields(body)
            said = (
                f"{self.name} answered the submission with status {status} and no id; "
                f"it has the fields {fields}."
            )
            if self.billing is Billing.OWN:
                # The answer is not lost: the next one would be the same, after another generation.
                raise UpstreamInvalidResponse(
                    said, remedy="The operator must check that it speaks this format."
                )
            raise SubmissionUnconfirmed(said)
        if response.is_success or status in _DOUBTFUL or status >= 500:
            raise SubmissionUnconfirmed(
                f"{self.name} answered the submission with status {status} and no id."
            )
        why = self._why_rejected(response, body)
        raise SteeringUnavailable(why) if UNSTEERED in _error_codes(body) else UpstreamRejected(why)

    def _why_rejected(self, response: httpx.Response, body: dict[str, Any] | None) -> str:
        status, name = response.status_code, self.name
        if response.is_redirect:
            return redirected(name, response)
        reason = error_text(body, secrets=self.secrets)
        if status in {401, 403}:
            _log.warning("%s rejected a submission (status %s): %s", name, status, reason)
            return no_access(name, status)
        if status == 404:
            unknown = f"{name} does not know the model or the address of the request (status 404). {reason}"
            return f"{unknown.strip()} The operator must check `url` and `models`."
        if status == 413:
            return f"The request is too large for {name} (status 413). {reason}".strip()
        return f"{name} rejected the request as malformed (status {status}). {reason}".strip()


def _fields(body: dict[str, Any]) -> str:
    """The names of the fields of an answer, those of its objects with a dot."""
    names = [
        name
        for key, value in body.items()
        for name in ([f"{key}.{inner}" for inner in value] if isinstance(value, dict) and value else [key])
    ]
    return ", ".join(redact(name, longest=40) for name in names[:_MAX_NAMES])


def _error_codes(body: dict[str, Any] | None) -> set[str]:
    """The code and the type of an error body."""
    error = body.get("error") if body else None
    parts = [part for part in (body, error) if isinstance(part, dict)]
    return {str(part[key]) for part in parts for key in ("code", "type") if isinstance(part.get(key), str)}


def is_id(text: str) -> bool:
    """Whether a text can be stored as the id of a request at an upstream."""
    return 0 < len(text) <= _MAX_ID_CHARACTERS and text.isprintable() and bool(text.strip("."))

"""Every error Safelight raises on purpose.

    SafelightError                      500 internal_error
    ├── BadInput                        400 invalid_request
    │   ├── InvalidField                400 invalid_value          names the field
    │   ├── UnsupportedField            400 unsupported_field      names the field
    │   ├── InvalidMedia                400 invalid_media          not what it claims, truncated, over a limit
    │   ├── RefusedAddress              400 refused_address        a URL that points where we do not go
    │   └── TooLarge                    413 too_large
    ├── Blocked                         400 sentinel_block         nothing was spent
    ├── ModerationBlocked               (job) moderation_blocked   in or after generation
    ├── Unauthenticated                 401 invalid_api_key
    ├── Forbidden                       403 permission_denied
    │   └── AccountSuspended            403 account_suspended
    ├── NotFound                        404 not_found
    ├── Conflict                        409 conflict               (answered with x-should-retry: false)
    │   └── IdempotencyKeyReused        409 idempotency_key_reused
    ├── Gone                            410 withdrawn
    ├── Limited                         429 rate_limited
    │   ├── QuotaExceeded               429 quota_exceeded
    │   └── ProbeBudgetSpent            429 probe_budget_spent
    ├── Unavailable                     503 unavailable            may be retried
    │   ├── StorageFull                 503 storage_full
    │   └── NotCovered                  503 not_covered            a required check cannot run
    ├── UpstreamError                   (job) upstream_error       the generator failed; no word on content
    │   ├── UpstreamUnavailable         (job) upstream_unavailable did not take the order; may be sent again
    │   ├── UpstreamRejected            (job) upstream_rejected    refused the order as malformed
    │   ├── UpstreamRefused             (job) moderation_blocked   the provider's own filter said no
    │   ├── UpstreamLied                (job) upstream_invalid     what came back is not what was promised
    │   └── SubmitUnknown               (job) submit_unknown       sent, outcome unknown; never sent again
    ├── DeadlinePassed                  (job) timeout
    ├── ChildFailed                     (job) scan_failed          a sandboxed child gave no answer
    │   ├── ChildTimedOut               (job) scan_failed
    │   └── ChildCrashed                (job) scan_failed
    ├── Damaged                         500 damaged                stored bytes are not those that were stored
    └── ConfigurationError              exit 2                     said before anything starts
        ├── SettingsError
        ├── PolicyError                 file, line, field, remedy
        ├── DataDirectoryBusy
        ├── DatabaseTooNew
        └── DatabaseDamaged

`code` is what a client sees and may branch on; `status` is the HTTP status where the error answers a request.
"""

from __future__ import annotations

from typing import ClassVar


class SafelightError(Exception):
    """The root. `message` is a plain sentence fit for the person who caused it; `remedy` says what now."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    kind: ClassVar[str] = "server_error"
    #: Whether sending the same request again can help; becomes `x-should-retry`.
    retry: ClassVar[bool] = False

    def __init__(self, message: str, *, param: str | None = None, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}" if self.remedy else self.message


class BadInput(SafelightError):
    status, code, kind = 400, "invalid_request", "invalid_request_error"


class InvalidField(BadInput):
    code = "invalid_value"


class UnsupportedField(BadInput):
    code = "unsupported_field"


class InvalidMedia(BadInput):
    code = "invalid_media"


class ForbiddenUrl(BadInput):
    code = "refused_address"


class TooLarge(BadInput):
    status, code = 413, "too_large"


class RequestBlocked(SafelightError):
    """Blocked before anything was spent. `details` is the graded explanation for the wire."""

    status, code, kind = 400, "sentinel_block", "video_generation_user_error"

    def __init__(self, message: str, *, details: dict[str, object], param: str | None = None) -> None:
        super().__init__(message, param=param)
        self.details = details


class ModerationBlocked(SafelightError):
    status, code, kind = 400, "moderation_blocked", "video_generation_user_error"


class Unauthenticated(SafelightError):
    status, code, kind = 401, "invalid_api_key", "authentication_error"


class Forbidden(SafelightError):
    status, code, kind = 403, "permission_denied", "permission_error"


class AccountSuspended(Forbidden):
    code = "account_suspended"


class NotFound(SafelightError):
    status, code, kind = 404, "not_found", "invalid_request_error"


class Conflict(SafelightError):
    status, code, kind = 409, "conflict", "invalid_request_error"


class IdempotencyKeyReused(Conflict):
    code = "idempotency_key_reused"


class Withdrawn(SafelightError):
    status, code, kind = 410, "withdrawn", "invalid_request_error"


class RateLimited(SafelightError):
    status, code, kind = 429, "rate_limited", "rate_limit_error"

    def __init__(self, message: str, *, retry_after_s: float | None = None, param: str | None = None) -> None:
        super().__init__(message, param=param)
        self.retry_after_s = retry_after_s


class QuotaExceeded(RateLimited):
    code = "quota_exceeded"


class CheckLimitExceeded(RateLimited):
    code = "probe_budget_spent"


class Unavailable(SafelightError):
    status, code, kind, retry = 503, "unavailable", "server_error", True

    def __init__(self, message: str, *, retry_after_s: float = 2.0, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after_s = retry_after_s


class StorageFull(Unavailable):
    code = "storage_full"


class NotCovered(Unavailable):
    code = "not_covered"


class UpstreamError(SafelightError):
    """A generator's trouble, which says nothing about the content."""

    code, kind = "upstream_error", "upstream_error"


class UpstreamUnavailable(UpstreamError):
    """The order was certainly not taken: connection refused, 429, or 503 before any work."""

    code, retry = "upstream_unavailable", True

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UpstreamRejected(UpstreamError):
    code = "upstream_rejected"


class UpstreamModerationBlocked(UpstreamError):
    """The provider's own filter refused. `refusal` carries what it said, normalised."""

    code = "moderation_blocked"

    def __init__(self, message: str, *, refusal: object) -> None:
        super().__init__(message)
        self.refusal = refusal


class UpstreamInvalidResponse(UpstreamError):
    code = "upstream_invalid"


class SubmissionUnconfirmed(UpstreamError):
    """The order may or may not have been taken: the answer was lost."""

    code = "submit_unknown"


class DeadlineExceeded(SafelightError):
    code = "timeout"


class SandboxFailed(SafelightError):
    code = "scan_failed"


class SandboxTimedOut(SandboxFailed):
    pass


class SandboxCrashed(SandboxFailed):
    pass


class ConfigurationError(SafelightError):
    """Found before anything starts; a front ends with exit code 2."""

    code = "configuration_error"


class SettingsError(ConfigurationError):
    pass


class PolicyError(ConfigurationError):
    """A policy document that does not hold. `problems`: all of them, with file, line, field, remedy."""

    def __init__(self, message: str, *, problems: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class DataDirectoryBusy(ConfigurationError):
    pass


class DatabaseTooNew(ConfigurationError):
    pass


class DatabaseDamaged(ConfigurationError):
    pass

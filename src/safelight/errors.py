"""The tree of all errors that Safelight raises on purpose.

    SafelightError                      500 internal_error
    ├── BadInput                        400 invalid_request
    │   ├── InvalidField                400 invalid_value          names the field
    │   ├── UnsupportedField            400 unsupported_field      names the field
    │   ├── InvalidMedia                400 invalid_media          wrong type, truncated, or over a limit
    │   ├── ForbiddenUrl                400 forbidden_url          a URL that the gateway does not fetch
    │   ├── TemplateRequired            400 template_required      the policy demands an approved template
    │   └── TooLarge                    413 too_large
    ├── RequestBlocked                  400 sentinel_block         before anything was spent
    ├── ModerationBlocked               (job) moderation_blocked   in or after generation
    ├── Unauthenticated                 401 invalid_api_key
    ├── Forbidden                       403 permission_denied
    │   └── AccountSuspended            403 account_suspended
    ├── NotFound                        404 not_found
    ├── Conflict                        409 conflict               (answered with x-should-retry: false)
    │   ├── IdempotencyKeyReused        409 idempotency_key_reused
    │   ├── IdempotencyKeyInUse         409 idempotency_key_in_use may be sent again
    │   └── StaleRevision               409 conflict               jobs.transitions: another writer was first
    ├── Withdrawn                       410 withdrawn
    ├── RateLimited                     429 rate_limited
    │   ├── QuotaExceeded               429 quota_exceeded
    │   ├── RefusalBudgetUsed           429 refusal_budget_used
    │   ├── CheckLimitExceeded          429 check_limit_exceeded
    │   └── CoolDown                    429 cool_down              an end user has to wait after a strike
    ├── Unavailable                     503 unavailable            may be retried
    │   ├── StorageFull                 503 storage_full
    │   └── NotCovered                  503 not_covered            a required check cannot run
    ├── UpstreamError                   (job) upstream_error       the generator failed; not about content
    │   ├── UpstreamUnavailable         (job) upstream_unavailable not accepted; may be sent again
    │   ├── UpstreamRejected            (job) upstream_rejected    rejected as malformed
    │   ├── UpstreamModerationBlocked   (job) moderation_blocked   blocked by the provider's own filter
    │   ├── UpstreamInvalidResponse     (job) upstream_invalid     the response breaks its protocol
    │   └── SubmissionUnconfirmed       (job) submit_unknown       sent, outcome unknown; never sent again
    ├── DeadlineExceeded                (job) timeout
    ├── SandboxFailed                   (job) scan_failed          a sandboxed child returned no result
    │   ├── SandboxTimedOut             (job) scan_failed
    │   └── SandboxCrashed              (job) scan_failed
    │       └── NotAccepted             (job) scan_failed          sandbox.process: ended before the call
    ├── CorruptBlob                     500 internal_error         store.blobs: the stored bytes have changed
    ├── DetectorMissing                 (gap) detector_missing     detectors.registry
    ├── ModelFailed                     (gap) model_failed         detectors.models.process
    ├── WeightsChanged                  (gap) weights_changed      detectors.models.weights
    ├── DownloadFailed                  exit 1 model_not_pulled    detectors.models.download
    ├── GuardUnavailable                (gap) guard_silent         detectors.remote.endpoint
    ├── TranscriptionFailed             (gap) transcription_failed detectors.protocol
    └── ConfigurationError              exit 2                     raised before anything starts
        ├── SettingsError
        ├── PolicyError                 file, line, field, remedy
        ├── DataDirectoryBusy
        ├── DatabaseVersionUnknown
        ├── DatabaseDamaged
        └── SpeechMissing               testing.speech

Clients may branch on `code`. `status` is the HTTP status if the error is the response to a request. (job):
the job record has the code. (gap): the coverage has a gap. The tree names the module of an error that is not
defined here. A few exceptions are outside the tree; the docstring of each one gives the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar


class SafelightError(Exception):
    """The root. `message` is a sentence for the person whose request failed; `remedy` is the next step."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    kind: ClassVar[str] = "server_error"
    #: Whether the same request can succeed if it is sent again; becomes the header `x-should-retry`.
    retry: ClassVar[bool] = False
    #: The fields of the request with the right names, if only the names were wrong.
    corrected_request: Mapping[str, object] | None = None
    #: The fields of the request that the corrected one does not have.
    left_out: Sequence[str] = ()

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
    code = "forbidden_url"


class TemplateRequired(BadInput):
    """The policy of the team accepts only prompts made from an approved template."""

    code = "template_required"


class TooLarge(BadInput):
    status, code = 413, "too_large"


class RequestBlocked(SafelightError):
    """Blocked before anything was spent. `details` is the explanation as JSON, for the response."""

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


class IdempotencyKeyInUse(Conflict):
    """The first request with this key is still being processed; the same request returns its video later."""

    code, retry = "idempotency_key_in_use", True

    def __init__(self, message: str, *, retry_after_s: float, remedy: str | None = None) -> None:
        super().__init__(message, param="Idempotency-Key", remedy=remedy)
        self.retry_after_s = retry_after_s


class Withdrawn(SafelightError):
    status, code, kind = 410, "withdrawn", "invalid_request_error"


class RateLimited(SafelightError):
    status, code, kind = 429, "rate_limited", "rate_limit_error"

    def __init__(self, message: str, *, retry_after_s: float | None = None, param: str | None = None) -> None:
        super().__init__(message, param=param)
        self.retry_after_s = retry_after_s


class QuotaExceeded(RateLimited):
    code = "quota_exceeded"


class RefusalBudgetUsed(RateLimited):
    """The provider has refused as many requests today as the operator allows."""

    code = "refusal_budget_used"


class CheckLimitExceeded(RateLimited):
    code = "check_limit_exceeded"


class CoolDown(RateLimited):
    """An end user has to wait after a strike. Not a block: the request was not evaluated."""

    code = "cool_down"


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
    """The generator failed. This is not a decision on the content."""

    code, kind = "upstream_error", "upstream_error"


class UpstreamUnavailable(UpstreamError):
    """The generator did not accept the request: connection refused, 429, or 503 before any work."""

    code, retry = "upstream_unavailable", True

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UpstreamRejected(UpstreamError):
    code = "upstream_rejected"


class UpstreamModerationBlocked(UpstreamError):
    """The provider's own filter blocked the request. `refusal` is the parsed error of the provider."""

    code = "moderation_blocked"

    def __init__(self, message: str, *, refusal: object) -> None:
        super().__init__(message)
        self.refusal = refusal


class UpstreamInvalidResponse(UpstreamError):
    code = "upstream_invalid"


class SubmissionUnconfirmed(UpstreamError):
    """The response was lost, so it is unknown whether the generator accepted the request."""

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
    """Found before anything starts; the command line exits with code 2."""

    code = "configuration_error"


class SettingsError(ConfigurationError):
    pass


class PolicyError(ConfigurationError):
    """A policy document is invalid. `problems`: all of them, with file, line, field and remedy."""

    def __init__(self, message: str, *, problems: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class DataDirectoryBusy(ConfigurationError):
    pass


class DatabaseVersionUnknown(ConfigurationError):
    pass


class DatabaseDamaged(ConfigurationError):
    pass

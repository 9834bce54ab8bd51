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
    │   ├── AccountSuspended            403 account_suspended
    │   └── GateClosed                  403 gate_closed            the rollout has not reached this account
    ├── NotFound                        404 not_found
    ├── Conflict                        409 conflict               (answered with x-should-retry: false)
    │   ├── Halted                      503 halted                 a person has halted it
    │   ├── IdempotencyKeyReused        409 idempotency_key_reused
    │   ├── IdempotencyKeyInUse         409 idempotency_key_in_use may be sent again
    │   └── StaleRevision               409 conflict               videos.transitions: another was first
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
    │   │   └── SteeringUnavailable     (gap) steering_unavailable providers.protocol
    │   ├── GenerationStopped           (job) moderation_blocked   videos.attempts: our watcher stopped it
    │   ├── UpstreamModerationBlocked   (job) moderation_blocked   blocked by the provider's own filter
    │   ├── UpstreamInvalidResponse     (job) upstream_invalid     the response breaks its protocol
    │   │   └── ClipMissing             (job) upstream_invalid     providers.protocol: no clip, or not yet
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
    ├── DownloadFailed                  exit 1 model_not_pulled    detectors.models.pull
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
    """A bug in Safelight. The response has an id and no details; the log has the cause under the id.

    Remedy: Give the operator the id.

    `message` is a sentence for the person whose request failed; `remedy` is the next step.
    """

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
    """The request cannot be parsed: malformed JSON or multipart, or a wrong encoding.

    Remedy: Correct the request.
    """

    status, code, kind = 400, "invalid_request", "invalid_request_error"


class InvalidField(BadInput):
    """A field has a value that is not accepted; `param` names it.

    Remedy: Use one of the values that the message lists.
    """

    code = "invalid_value"


class UnsupportedField(BadInput):
    """A field that this generator does not accept. Unknown fields are never passed on unchecked.

    Remedy: Leave it out, or ask the operator to add it to the generator's `extra_fields`.
    """

    code = "unsupported_field"


class InvalidMedia(BadInput):
    """A file is not of the declared type, is cut off, or exceeds a limit of pixels, frames or streams.

    Remedy: Send a complete PNG, JPEG, GIF, WebP, MP4 or WebM file.
    """

    code = "invalid_media"


class ForbiddenUrl(BadInput):
    """A URL leads to a private, loopback, link-local or metadata address, or redirects there.

    Remedy: Upload the file, or ask the operator to add the host to `fetch.allowed_private_hosts`.
    """

    code = "forbidden_url"


class TemplateRequired(BadInput):
    """The policy demands an approved template, and the request names none. The prompt was not judged.

    Remedy: Send `safelight.template` instead of a prompt.
    """

    code = "template_required"


class TooLarge(BadInput):
    """A body or file is too large: `server.max_body_mb`, `scan.max_reference_mb`.

    Or an image has too many pixels or chunks, or more than 300 million pixels in all frames together.

    Remedy: Send less.
    """

    status, code = 413, "too_large"


class RequestBlocked(SafelightError):
    """The policy blocks the request. Nothing was sent to a generator, and nothing was charged.

    Remedy: Read `moderation_details.next_step`. The same request gets the same answer.

    `details` is the explanation as JSON, for the response. `generator` would have made the video, and
    `replayed` is whether an earlier request with the same idempotency key was answered like this.
    """

    status, code, kind = 400, "sentinel_block", "video_generation_user_error"

    def __init__(
        self,
        message: str,
        *,
        details: dict[str, object],
        param: str | None = None,
        generator: str = "",
        replayed: bool = False,
    ) -> None:
        super().__init__(message, param=param)
        self.details = details
        self.generator = generator
        self.replayed = replayed


class ModerationBlocked(SafelightError):
    """The policy blocks the output, or the provider's own filter refused.

    Remedy: Read `moderation_details`: who refused, what it cost, and whether another seed or prompt can help.
    """

    status, code, kind = 400, "moderation_blocked", "video_generation_user_error"


class Unauthenticated(SafelightError):
    """No key, an unknown key, or a revoked key. The message is the same for all three.

    Remedy: Send `Authorization: Bearer` with a key from `safelight keys create`.
    """

    status, code, kind = 401, "invalid_api_key", "authentication_error"


class Forbidden(SafelightError):
    """The key is valid but lacks a permission, or another reviewer must decide this appeal.

    Remedy: Use a key with the scope that the message names; leave the appeal to another reviewer.
    """

    status, code, kind = 403, "permission_denied", "permission_error"


class AccountSuspended(Forbidden):
    """The end user is suspended or banned after strikes; the request was not evaluated.

    As the error of a video: its tenant was closed before it was submitted or delivered.

    Remedy: Wait for the end that the message names, or appeal against the blocks.
    """

    code = "account_suspended"


class GateClosed(Forbidden):
    """The rollout of this installation has not reached the account; the request was not evaluated.

    Remedy: Ask the operator for access.
    """

    code = "gate_closed"


class NotFound(SafelightError):
    """This tenant has no such video, or the video has no such content yet.

    Remedy: Check the id; wait for `completed`.
    """

    status, code, kind = 404, "not_found", "invalid_request_error"


class Conflict(SafelightError):
    """The state of the video or case does not allow this, such as deleting a video in progress.

    Or deciding a decided case, or appealing a video that was not blocked here or was already appealed.

    Remedy: Wait for its end; the message gives the reason, and who decided.
    """

    status, code, kind = 409, "conflict", "invalid_request_error"


class Halted(Conflict):
    """A person has halted the model, the tenant or the category. Nothing was charged.

    A video that was accepted before, and that no generator has, ends with this code too.

    Remedy: Try again later: the operator decides when the halt ends.
    """

    status, code, kind = 503, "halted", "server_error"


class IdempotencyKeyReused(Conflict):
    """The `Idempotency-Key` was used within a day with another request.

    Remedy: Send the same request again, or use a new key.
    """

    code = "idempotency_key_reused"


class IdempotencyKeyInUse(Conflict):
    """The first request with this `Idempotency-Key` is still being processed, so it may make a video.

    Remedy: Wait for `retry-after`, then send the same request with the same key: it returns the same video.
    """

    code, retry = "idempotency_key_in_use", True

    def __init__(self, message: str, *, retry_after_s: float, remedy: str | None = None) -> None:
        super().__init__(message, param="Idempotency-Key", remedy=remedy)
        self.retry_after_s = retry_after_s


class Withdrawn(SafelightError):
    """The video was delivered and then withdrawn.

    Remedy: Do not use copies of it.
    """

    status, code, kind = 410, "withdrawn", "invalid_request_error"


class RateLimited(SafelightError):
    """Too many requests of one kind from one key, person or end user within a period.

    Remedy: Wait for the time in `retry-after`.
    """

    status, code, kind = 429, "rate_limited", "rate_limit_error"

    def __init__(self, message: str, *, retry_after_s: float | None = None, param: str | None = None) -> None:
        super().__init__(message, param=param)
        self.retry_after_s = retry_after_s


class QuotaExceeded(RateLimited):
    """The daily videos, seconds or charge of the tenant, key or end user are used up.

    Remedy: Wait for the next day (UTC), or ask the operator to raise `limits`.
    """

    code = "quota_exceeded"


class RefusalBudgetUsed(RateLimited):
    """The provider has refused as many requests today as `max_refusals_per_day` of its generator allows.

    A video that waits ends with this code too; its message says whether anything was sent.

    Remedy: Wait for the next day (UTC), or ask the operator to raise the budget.
    """

    code = "refusal_budget_used"


class CheckLimitExceeded(RateLimited):
    """Too many checks and blocked requests of this key, person or end user within an hour.

    Nothing was charged.

    Remedy: Wait for the time in `retry-after`, or ask the operator to raise `limits.checks_per_hour`.
    """

    code = "check_limit_exceeded"


class CoolDown(RateLimited):
    """The end user has to wait after a strike. The request was not evaluated, and nothing was charged.

    Remedy: Wait for the time in `retry-after`.
    """

    code = "cool_down"


class Unavailable(SafelightError):
    """The database or store is busy or unreachable. Nothing was changed.

    Remedy: Send again after `retry-after`.
    """

    status, code, kind, retry = 503, "unavailable", "server_error", True

    def __init__(self, message: str, *, retry_after_s: float = 2.0, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after_s = retry_after_s


class StorageFull(Unavailable):
    """The storage is full; accepted videos wait.

    Remedy: The operator frees space.
    """

    code = "storage_full"


class NotCovered(Unavailable):
    """A required check cannot run. Nothing raises this yet: content with a gap is held or blocked.

    Remedy: The operator adds a detector, or records a waiver.
    """

    code = "not_covered"


class UpstreamError(SafelightError):
    """The generator failed, for a reason unrelated to the content.

    The message names the configured server, the reason and the charge, if known.

    Remedy: Submit a new request; ask the provider for a refund if it charged.
    """

    code, kind = "upstream_error", "upstream_error"


class UpstreamUnavailable(UpstreamError):
    """The generator did not accept the request: refused connection, 429, or 503 before any work.

    Safelight sends it again until the deadline.

    Remedy: Nothing; if the deadline passes, the video ends with `timeout`.
    """

    code, retry = "upstream_unavailable", True

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UpstreamRejected(UpstreamError):
    """The generator rejected the request: malformed, too large, unknown model, wrong key or no credit.

    Addresses of private networks are only in the log.

    Remedy: Correct the request, or tell the operator if the message names them.
    """

    code = "upstream_rejected"


class UpstreamModerationBlocked(UpstreamError):
    """The provider's own filter refused a request that the policy of Safelight had allowed.

    Remedy: Read `moderation_details`: server, provider, its code and message, the charge, and whether another
    seed or prompt can help.

    `refusal` is the parsed error of the provider.
    """

    code = "moderation_blocked"

    def __init__(self, message: str, *, refusal: object) -> None:
        super().__init__(message)
        self.refusal = refusal


class UpstreamInvalidResponse(UpstreamError):
    """The downloaded file is not the expected video: cut off, not a video, or too large. It is not kept.

    Remedy: Submit a new request; the operator checks the generator.
    """

    code = "upstream_invalid"


class SubmissionUnconfirmed(UpstreamError):
    """The response of a paid generator was lost, so it is unknown whether it accepted. It may be charged.

    No search at the generator found the request. Safelight never sends it again by itself.

    Remedy: Check the provider's bill before you submit a new request.
    """

    code = "submit_unknown"


class DeadlineExceeded(SafelightError):
    """The generator had not finished within `generation.deadline_s`. The message has its last problem.

    It also says whether the generator took the request; if it never did, nothing was charged.

    Remedy: Submit a new request; the record has the charge.
    """

    code = "timeout"


class SandboxFailed(SafelightError):
    """The sandboxed child process that opens files gave no result, three times. The file is not delivered.

    Remedy: The operator checks the log.
    """

    code = "scan_failed"


class SandboxTimedOut(SandboxFailed):
    """The child process was stopped at its time limit; `scan.timeout_s` is that of one scan.

    Remedy: As above.
    """


class SandboxCrashed(SandboxFailed):
    """The child process ended by itself: a crash, or too much memory.

    Remedy: As above.
    """


class ConfigurationError(SafelightError):
    """A problem found before anything starts; the command line exits with code 2.

    Remedy: Correct what the message names.
    """

    code = "configuration_error"


class SettingsError(ConfigurationError):
    """A setting is unknown or invalid; all problems are listed at once.

    Remedy: Correct them; docs/reference.md lists every setting.
    """


class PolicyError(ConfigurationError):
    """A policy document is invalid; every problem has file, line, field and remedy.

    Remedy: Run `safelight policy check FILE` until it reports no problem.

    `problems`: all of them.
    """

    def __init__(self, message: str, *, problems: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class DataDirectoryBusy(ConfigurationError):
    """Another process uses this data directory, or this worker's name on PostgreSQL.

    Remedy: Stop that process, or set another `data` or `worker.name`.
    """


class DatabaseVersionUnknown(ConfigurationError):
    """An unknown version of Safelight wrote the database. It is left unchanged.

    Remedy: Install that version again, or start with a new data directory.
    """


class DatabaseDamaged(ConfigurationError):
    """The database file is damaged.

    Remedy: Keep the file, and restore the last backup.
    """

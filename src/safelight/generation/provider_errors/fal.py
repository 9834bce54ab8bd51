"""fal: errors of a model are a list in `detail`, errors of the infrastructure are flat. The type decides."""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import Confidence, ErrorKind, ErrorSource, ModerationStage, ProviderRetry
from .rules import ErrorRule, Provider

_MODEL = "https://fal.ai/docs/documentation/model-apis/errors"
_REQUEST = "https://fal.ai/docs/documentation/model-apis/request-errors"
_FAQ = "https://fal.ai/docs/documentation/model-apis/faq"
_FREE = "documented: server errors are never charged"
_TYPE = "type|error_type|x-fal-error-type"
_MAYBE = "documented: a 422 may be charged if a runner had already worked"

FAL = Provider(
    name="fal",
    title="fal",
    resells=True,
    aliases=frozenset({"fal.ai", "fal-ai", "fal_ai", "falai"}),
    signs=r"\bfal\.(?:ai|run|media)|fal-ai/|fal_client|x-fal-|docs\.fal\.ai|partner_validation_failed"
    r"|FalClient",
    rows=(
        ErrorRule(
            id="fal.content-policy.image",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_MODEL,
            fields={"type": r"content_policy_violation", "loc": r".*image.*"},
            anywhere=True,
            stage=ModerationStage.INPUT,
            modality="image",
            charge_source=_MAYBE,
        ),
        ErrorRule(
            id="fal.content-policy.prompt",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_MODEL,
            fields={"type": r"content_policy_violation", "loc": r".*(?:prompt|text).*"},
            anywhere=True,
            stage=ModerationStage.INPUT,
            modality="text",
            charge_source=_MAYBE,
        ),
        ErrorRule(
            id="fal.content-policy.video",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_MODEL,
            fields={"type": r"content_policy_violation", "loc": r".*(?:video|audio).*"},
            anywhere=True,
            stage=ModerationStage.INPUT,
            modality="video",
            charge_source=_MAYBE,
        ),
        ErrorRule(
            id="fal.content-policy.output",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_MODEL,
            fields={"type": r"content_policy_violation"},
            text=r"output|generated (?:video|content|image|audio)|result was flagged",
            stage=ModerationStage.OUTPUT,
            charge_source=_MAYBE,
        ),
        ErrorRule(
            id="fal.content-policy",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_MODEL,
            fields={"type": r"content_policy_violation", "loc": r".*"},
            anywhere=True,
            charge_source=_MAYBE,
        ),
        ErrorRule(
            id="fal.content-policy.bare",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_MODEL,
            text=r"content_policy_violation",
            charge_source=_MAYBE,
        ),
        ErrorRule(
            id="fal.content-checker",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_MODEL,
            text=r"flagged by a content checker",
            anywhere=True,
            charge_source=_MAYBE,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="fal.nsfw-output",
            kind=ErrorKind.CONTENT_BLOCK,
            documented="no page: has_nsfw_concepts in an output",
            fields={"has_nsfw_concepts": r"true"},
            anywhere=True,
            stage=ModerationStage.OUTPUT,
            category="sexual",
            charged=ChargeStatus.YES,
            charge_source="documented: a finished request is billed",
        ),
        ErrorRule(
            id="fal.no-media",
            kind=ErrorKind.TRANSIENT,
            documented=_MODEL,
            fields={"type": r"no_media_generated"},
            anywhere=True,
            retry=ProviderRetry.NEW_SEED,
            next_step="Submit it again with another seed; if it keeps failing, change the prompt.",
        ),
        ErrorRule(
            id="fal.timeout",
            kind=ErrorKind.TIMEOUT,
            documented=_REQUEST,
            fields={_TYPE: r"request_timeout|startup_timeout|generation_timeout|runner_connection_timeout"},
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source=_FREE,
            retry=ProviderRetry.SAME,
        ),
        ErrorRule(
            id="fal.infrastructure",
            kind=ErrorKind.TRANSIENT,
            documented=_REQUEST,
            fields={
                _TYPE: r"runner_\w+|internal_error|client_disconnected|runner_disconnected"
                r"|server_error|downstream_service_error"
                r"|downstream_service_unavailable|internal_server_error"
            },
            charged=ChargeStatus.NO,
            charge_source=_FREE,
            retry=ProviderRetry.SAME,
        ),
        ErrorRule(
            id="fal.infrastructure.anywhere",
            kind=ErrorKind.TRANSIENT,
            documented=_REQUEST,
            fields={"error_type|x-fal-error-type": r"runner_\w+|internal_error"},
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source=_FREE,
            retry=ProviderRetry.SAME,
        ),
        ErrorRule(
            id="fal.cancelled",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_REQUEST,
            fields={_TYPE: r"client_cancelled"},
            anywhere=True,
            error_source=ErrorSource.CLIENT,
            message="The caller cancelled the request.",
            next_step="Submit it again if you still want the video.",
            retry=ProviderRetry.SAME,
        ),
        ErrorRule(
            id="fal.bad-request",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_REQUEST,
            fields={_TYPE: r"bad_request|auth_error|not_found|url_error"},
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="fal.balance",
            kind=ErrorKind.QUOTA,
            documented=_FAQ,
            text=r"exhausted balance|user is locked|top up your balance",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="fal.file",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_MODEL,
            fields={
                "type": r"string_too_\w+|file_download_error|image_too_small|image_too_large|image_load_error"
                r"|face_detection_error|file_too_large"
                r"|feature_not_supported|unsupported_\w+|sequence_too_\w+|greater_than\w*|less_than\w*"
                r"|one_of|multiple_of"
                r"|video_duration_too_\w+|audio_duration_too_\w+|invalid_archive|archive_\w+|missing"
            },
            charge_source=_MAYBE,
        ),
        ErrorRule(
            id="fal.retryable",
            kind=ErrorKind.TRANSIENT,
            documented=f"{_MODEL} (X-Fal-Retryable)",
            fields={"x-fal-retryable|x-fal-needs-retry": r"true|1"},
            anywhere=True,
            retry=ProviderRetry.SAME,
        ),
        ErrorRule(
            id="fal.locked",
            kind=ErrorKind.AUTH,
            documented=_FAQ,
            status=frozenset({401, 403}),
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="fal.server",
            kind=ErrorKind.TRANSIENT,
            documented=_FAQ,
            status=frozenset({500, 502, 503, 504}),
            charged=ChargeStatus.NO,
            charge_source=_FREE,
            confidence=Confidence.LIKELY,
        ),
    ),
)

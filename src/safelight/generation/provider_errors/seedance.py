"""ByteDance's Seedance on Volcengine Ark and BytePlus ModelArk: the code names side, medium and reason."""

from __future__ import annotations

from safelight.generation.protocol import Charged

from .model import Kind, Side
from .rules import Provider, Row

_PAGE = "volcengine.com/docs/82379/1099476: error codes of Ark; 82379/1544106: prices"
_PRICES = "documented: only videos that succeed are billed, and none that fail the review"
_CODE = "code|error_code|type|message"
_MEDIA = (("Text", "text"), ("Image", "image"), ("Video", "video"), ("Audio", "audio"))


def _rows(side: Side, word: str, modality: str) -> tuple[Row, ...]:
    prefix = f"{side.value.title()}{word}"
    privacy = Row(
        id=f"seedance.{side.value}-{modality}.real-person",
        kind=Kind.CONTENT_BLOCK,
        documented=_PAGE,
        says=rf"{prefix}SensitiveContentDetected\.PrivacyInformation",
        anywhere=True,
        stage=side,
        category="likeness",
        modality=modality,
        charged=Charged.NO,
        charge_source=_PRICES,
    )
    policy = Row(
        id=f"seedance.{side.value}-{modality}.copyright",
        kind=Kind.CONTENT_BLOCK,
        documented=_PAGE,
        says=rf"{prefix}SensitiveContentDetected[\s\S]{{0,300}}copyright",
        anywhere=True,
        stage=side,
        category="ip",
        modality=modality,
        charged=Charged.NO,
        charge_source=_PRICES,
    )
    plain = Row(
        id=f"seedance.{side.value}-{modality}",
        kind=Kind.CONTENT_BLOCK,
        documented=_PAGE,
        says=rf"\b{prefix}(?:SensitiveContentDetected|RiskDetection)",
        anywhere=True,
        stage=side,
        modality=modality,
        charged=Charged.NO,
        charge_source=_PRICES,
    )
    return privacy, policy, plain


SEEDANCE = Provider(
    name="seedance",
    title="Seedance",
    aliases=frozenset(
        {"volcengine", "volcano", "ark", "byteplus", "modelark", "doubao", "bytedance", "dreamina"}
    ),
    signs=r"seedance|volcengine|volces\.com|byteplus|doubao|SensitiveContentDetected|RiskDetection"
    r"|ModelArk|AccountOverdueError",
    rows=(
        *(
            row
            for side in (Side.INPUT, Side.OUTPUT)
            for word, medium in _MEDIA
            for row in _rows(side, word, medium)
        ),
        Row(
            id="seedance.sensitive",
            kind=Kind.CONTENT_BLOCK,
            documented=_PAGE,
            fields={_CODE: r"SensitiveContentDetected(?:\..*)?|ContentSecurityDetection\w*(?<!Error)"},
            anywhere=True,
            charged=Charged.NO,
            charge_source=_PRICES,
        ),
        Row(
            id="seedance.sensitive-output-words",
            kind=Kind.CONTENT_BLOCK,
            documented=_PAGE,
            says=r"the output (?:video|audio|image|text) may contain sensitive",
            anywhere=True,
            charged=Charged.NO,
            charge_source=_PRICES,
            stage=Side.OUTPUT,
        ),
        Row(
            id="seedance.sensitive-input-words",
            kind=Kind.CONTENT_BLOCK,
            documented=_PAGE,
            says=r"the input (?:video|audio|image|text) may contain (?:sensitive|real person)",
            anywhere=True,
            charged=Charged.NO,
            charge_source=_PRICES,
            stage=Side.INPUT,
        ),
        Row(
            id="seedance.security-check-failed",
            kind=Kind.TRANSIENT,
            documented=_PAGE,
            says=r"ContentSecurityDetectionError",
            anywhere=True,
        ),
        Row(
            id="seedance.overdue",
            kind=Kind.QUOTA,
            documented=_PAGE,
            says=r"AccountOverdueError|SetLimitExceeded|InsufficientBalance|QuotaExceeded",
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="seedance.overloaded",
            kind=Kind.TRANSIENT,
            documented=_PAGE,
            says=r"ServerOverloaded",
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="seedance.rate-limit",
            kind=Kind.RATE_LIMIT,
            documented=_PAGE,
            says=r"RateLimitExceeded|RequestBurstTooFast|(?:Endpoint|Model|Account)\w*(?:RPM|TPM"
            r"|Limit)Exceeded",
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="seedance.auth",
            kind=Kind.AUTH,
            documented=_PAGE,
            says=r"AuthenticationError|AccessDenied|InvalidAccountStatus|OperationDenied",
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="seedance.internal",
            kind=Kind.TRANSIENT,
            documented=_PAGE,
            says=r"InternalServiceError|ServiceUnavailable|ModelLoading",
        ),
        Row(
            id="seedance.invalid",
            kind=Kind.INVALID_REQUEST,
            documented=_PAGE,
            says=r"InvalidParameter|MissingParameter|InvalidEndpoint|UnsupportedModel|ModelNotOpen"
            r"|InvalidImageURL",
            charged=Charged.NO,
            charge_source="not taken",
        ),
    ),
)

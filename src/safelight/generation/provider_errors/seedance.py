"""ByteDance's Seedance on Volcengine Ark and BytePlus ModelArk: the code names input or output, the medium
and the reason.
"""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import Confidence, ErrorKind, ModerationStage
from .rules import ErrorRule, Provider

_PAGE = (
    "https://www.volcengine.com/docs/82379/1099476; https://www.volcengine.com/docs/82379/1544106 (prices)"
)
_APP = "no page: sentences of the app"
_PRICES = "documented: only successful videos are billed, and none that fail the review"
_CODE = "code|error_code|type|message"
_MEDIA = (("Text", "text"), ("Image", "image"), ("Video", "video"), ("Audio", "audio"))


def _rows(side: ModerationStage, word: str, modality: str) -> tuple[ErrorRule, ...]:
    prefix = f"{side.value.title()}{word}"
    privacy = ErrorRule(
        id=f"seedance.{side.value}-{modality}.real-person",
        kind=ErrorKind.CONTENT_BLOCK,
        documented=_PAGE,
        text=rf"{prefix}SensitiveContentDetected\.PrivacyInformation",
        anywhere=True,
        stage=side,
        category="likeness",
        modality=modality,
        charged=ChargeStatus.NO,
        charge_source=_PRICES,
    )
    policy = ErrorRule(
        id=f"seedance.{side.value}-{modality}.copyright",
        kind=ErrorKind.CONTENT_BLOCK,
        documented=_PAGE,
        text=rf"{prefix}SensitiveContentDetected[\s\S]{{0,300}}copyright",
        anywhere=True,
        stage=side,
        category="ip",
        modality=modality,
        charged=ChargeStatus.NO,
        charge_source=_PRICES,
    )
    plain = ErrorRule(
        id=f"seedance.{side.value}-{modality}",
        kind=ErrorKind.CONTENT_BLOCK,
        documented=_PAGE,
        text=rf"\b{prefix}(?:SensitiveContentDetected|RiskDetection)",
        anywhere=True,
        stage=side,
        modality=modality,
        charged=ChargeStatus.NO,
        charge_source=_PRICES,
    )
    return privacy, policy, plain


SEEDANCE = Provider(
    name="seedance",
    title="Seedance",
    aliases=frozenset(
        {
            "volcengine",
            "volcano",
            "ark",
            "byteplus",
            "modelark",
            "doubao",
            "bytedance",
            "dreamina",
            "jimeng",
            "即梦",
            "即夢",
        }
    ),
    signs=r"seedance|volcengine|volces\.com|byteplus|doubao|SensitiveContentDetected|RiskDetection"
    r"|ModelArk|AccountOverdueError|即梦|即夢|jimeng"
    r"|shark not pass|fail_starling_message|状态码: 30，错误码: 20\d\d",
    rows=(
        *(
            row
            for side in (ModerationStage.INPUT, ModerationStage.OUTPUT)
            for word, medium in _MEDIA
            for row in _rows(side, word, medium)
        ),
        ErrorRule(
            id="seedance.sensitive",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            fields={_CODE: r"SensitiveContentDetected(?:\..*)?|ContentSecurityDetection\w*(?<!Error)"},
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source=_PRICES,
        ),
        ErrorRule(
            id="seedance.sensitive-medium",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            text=r"\b(?:Text|Image|Video|Audio)SensitiveContentDetected",
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source=_PRICES,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="seedance.sensitive-output-words",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            text=r"\boutput (?:video|audio|image|text) may (?:contain sensitive|be related to copyright)",
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source=_PRICES,
            stage=ModerationStage.OUTPUT,
        ),
        ErrorRule(
            id="seedance.sensitive-input-words",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            text=r"\binput (?:video|audio|image|text) may contain (?:sensitive|real person)",
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source=_PRICES,
            stage=ModerationStage.INPUT,
        ),
        ErrorRule(
            id="seedance.app.sound",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_APP,
            text=r"生成视频的音频审核未通过",
            anywhere=True,
            stage=ModerationStage.OUTPUT,
            modality="audio",
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="seedance.app.upload",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_APP,
            text=r"你(?:上传|输入)的.{1,14}不符合平台规则|识别到你上传的素材中",
            anywhere=True,
            stage=ModerationStage.INPUT,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="seedance.app.audio",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_APP,
            text=r"音频可能包含不当内容",
            anywhere=True,
            modality="audio",
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="seedance.security-check-failed",
            kind=ErrorKind.TRANSIENT,
            documented=_PAGE,
            text=r"ContentSecurityDetectionError",
            anywhere=True,
        ),
        ErrorRule(
            id="seedance.overdue",
            kind=ErrorKind.QUOTA,
            documented=_PAGE,
            text=r"AccountOverdueError|SetLimitExceeded|InsufficientBalance|QuotaExceeded",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="seedance.overloaded",
            kind=ErrorKind.TRANSIENT,
            documented=_PAGE,
            text=r"ServerOverloaded",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="seedance.rate-limit",
            kind=ErrorKind.RATE_LIMIT,
            documented=_PAGE,
            text=r"RateLimitExceeded|RequestBurstTooFast|(?:Endpoint|Model|Account)\w*(?:RPM|TPM"
            r"|Limit)Exceeded",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="seedance.auth",
            kind=ErrorKind.AUTH,
            documented=_PAGE,
            text=r"AuthenticationError|AccessDenied|InvalidAccountStatus|OperationDenied",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="seedance.internal",
            kind=ErrorKind.TRANSIENT,
            documented=_PAGE,
            text=r"InternalServiceError|ServiceUnavailable|ModelLoading",
        ),
        ErrorRule(
            id="seedance.invalid",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_PAGE,
            text=r"InvalidParameter|MissingParameter|InvalidEndpoint|UnsupportedModel|ModelNotOpen"
            r"|InvalidImageURL",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
    ),
)

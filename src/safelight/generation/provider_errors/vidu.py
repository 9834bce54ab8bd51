"""Vidu: the error code names whether the submission, the prompt or the created video was refused."""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import UNKNOWN, ErrorKind, ModerationStage
from .rules import ErrorRule, Provider

_CODES = (
    "https://platform.vidu.com/docs/error-code; "
    "https://cloud.tencent.com/document/product/1823/138038 (Vidu err_code)"
)
_RETURNED = (
    "documented: the credits of a moderated generation are returned; "
    "platform.vidu.com/docs/content-moderation"
)


def _refused(code: str, side: ModerationStage, modality: str = "") -> ErrorRule:
    return ErrorRule(
        id=f"vidu.{code}",
        kind=ErrorKind.CONTENT_BLOCK,
        documented=_CODES,
        text=rf"\b{code}\b",
        anywhere=True,
        stage=side,
        # The codes name no category; "illegal" in one of them is no category.
        category=UNKNOWN,
        modality=modality,
        charged=ChargeStatus.NO,
        charge_source=_RETURNED,
    )


VIDU = Provider(
    name="vidu",
    title="Vidu",
    aliases=frozenset({"viduq1", "viduq2", "shengshu", "vidau"}),
    signs=r"\bvidu\b|\bviduq\d|AuditSubmitIllegal|TaskPromptPolicyViolation|CreationPolicyViolation",
    rows=(
        _refused("AuditSubmitIllegal", ModerationStage.INPUT),
        _refused("TaskPromptPolicyViolation", ModerationStage.INPUT, "text"),
        _refused("CreationPolicyViolation", ModerationStage.OUTPUT),
        ErrorRule(
            id="vidu.credits",
            kind=ErrorKind.QUOTA,
            documented=_CODES,
            text=r"\bCreditInsufficient\b",
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="vidu.rate-limit",
            kind=ErrorKind.RATE_LIMIT,
            documented=_CODES,
            text=r"\b(?:TooManyRequests|SystemThrottling|QuotaExceeded)\b",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="vidu.field",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_CODES,
            text=r"\b(?:Field(?:Lacking|Unwanted|Invalid|ItemCountOutOfRange)|ImageDownloadFailure"
            r"|ImageFormatInvalid|PageSizeOutOfRange)\b",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
    ),
)

"""Alibaba's Wan on Model Studio (DashScope)."""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import Confidence, ErrorKind, ModerationStage
from .rules import ErrorRule, Provider

_PAGE = "https://help.aliyun.com/en/model-studio/error-code"

DASHSCOPE = Provider(
    name="dashscope",
    title="Alibaba Model Studio",
    aliases=frozenset(
        {"wan", "wanx", "wan2.6", "wan2.7", "alibaba", "aliyun", "model-studio", "bailian", "qwen"}
    ),
    signs=r"dashscope|aliyuncs|DataInspectionFailed|\bgreen net check"
    r"|IPInfringementSuspect|\bwanx?2\.\d-|InvalidApiKey",
    rows=(
        ErrorRule(
            id="dashscope.ip",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            text=r"IPInfringementSuspect",
            anywhere=True,
            stage=ModerationStage.INPUT,
            category="ip",
        ),
        ErrorRule(
            id="dashscope.inspection.output",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            text=r"output (?:data|video|image|text)? ?may contain inappropriate"
            r"|DataInspectionFailed[\s\S]{0,200}\boutput\b",
            anywhere=True,
            stage=ModerationStage.OUTPUT,
        ),
        ErrorRule(
            id="dashscope.inspection.input",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            text=r"input (?:data|video|image|text)? ?may contain inappropriate"
            r"|DataInspectionFailed[\s\S]{0,200}\binput\b|\bdata_inspection_failed\b",
            anywhere=True,
            stage=ModerationStage.INPUT,
        ),
        ErrorRule(
            id="dashscope.inspection",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            text=r"DataInspectionFailed|\bgreen net check failed"
            r"|CustomRoleBlocked|FaqRuleBlocked|inappropriate-content",
            anywhere=True,
        ),
        ErrorRule(
            id="dashscope.throttling.quota",
            kind=ErrorKind.QUOTA,
            documented=_PAGE,
            text=r"Throttling\.AllocationQuota|Arrearage|AllocationQuota\.FreeTierOnly"
            r"|PrepaidBillOverdue|PostpaidBillOverdue",
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="dashscope.throttling",
            kind=ErrorKind.RATE_LIMIT,
            documented=_PAGE,
            fields={"code": r"Throttling(?:\..*)?|LimitRequests"},
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="dashscope.key",
            kind=ErrorKind.AUTH,
            documented=_PAGE,
            fields={"code": r"InvalidApiKey|AccessDenied(?:\..*)?|Model\.AccessDenied|WorkSpaceNotFound"},
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="dashscope.internal",
            kind=ErrorKind.TRANSIENT,
            documented=_PAGE,
            fields={"code": r"InternalError(?:\..*)?|SystemError|ModelServiceFailed|ModelUnavailable"},
        ),
        ErrorRule(
            id="dashscope.timeout",
            kind=ErrorKind.TIMEOUT,
            documented=_PAGE,
            fields={"code": r"RequestTimeOut|InternalError\.Timeout|ResponseTimeout"},
        ),
        ErrorRule(
            id="dashscope.invalid",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_PAGE,
            fields={
                "code": r"InvalidParameter(?:\..*)?|InvalidURL(?:\..*)?|InvalidFile(?:\..*)?|ModelNotFound"
            },
            charged=ChargeStatus.NO,
            charge_source="not taken",
            confidence=Confidence.LIKELY,
        ),
    ),
)

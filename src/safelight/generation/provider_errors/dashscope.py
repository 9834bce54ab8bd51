"""Alibaba's Wan on Model Studio (DashScope)."""

from __future__ import annotations

from safelight.generation.protocol import Charged

from .model import Confidence, Kind, Side
from .rules import Provider, Row

_PAGE = "alibabacloud.com/help/en/model-studio/error-code"

DASHSCOPE = Provider(
    name="dashscope",
    title="Alibaba Model Studio",
    aliases=frozenset(
        {"wan", "wanx", "wan2.6", "wan2.7", "alibaba", "aliyun", "model-studio", "bailian", "qwen"}
    ),
    signs=r"dashscope|aliyuncs|DataInspectionFailed|IPInfringementSuspect|\bwanx?2\.\d-|InvalidApiKey",
    rows=(
        Row(
            id="dashscope.ip",
            kind=Kind.CONTENT_BLOCK,
            documented=_PAGE,
            says=r"IPInfringementSuspect",
            anywhere=True,
            stage=Side.INPUT,
            category="ip",
        ),
        Row(
            id="dashscope.inspection.output",
            kind=Kind.CONTENT_BLOCK,
            documented=_PAGE,
            says=r"output (?:data|video|image|text)? ?may contain inappropriate"
            r"|DataInspectionFailed[\s\S]{0,200}\boutput\b",
            anywhere=True,
            stage=Side.OUTPUT,
        ),
        Row(
            id="dashscope.inspection.input",
            kind=Kind.CONTENT_BLOCK,
            documented=_PAGE,
            says=r"input (?:data|video|image|text)? ?may contain inappropriate"
            r"|DataInspectionFailed[\s\S]{0,200}\binput\b|\bdata_inspection_failed\b",
            anywhere=True,
            stage=Side.INPUT,
        ),
        Row(
            id="dashscope.inspection",
            kind=Kind.CONTENT_BLOCK,
            documented=_PAGE,
            says=r"DataInspectionFailed|CustomRoleBlocked|FaqRuleBlocked|inappropriate-content",
            anywhere=True,
        ),
        Row(
            id="dashscope.throttling.quota",
            kind=Kind.QUOTA,
            documented=_PAGE,
            says=r"Throttling\.AllocationQuota|Arrearage|AllocationQuota\.FreeTierOnly"
            r"|PrepaidBillOverdue|PostpaidBillOverdue",
            anywhere=True,
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="dashscope.throttling",
            kind=Kind.RATE_LIMIT,
            documented=_PAGE,
            fields={"code": r"Throttling(?:\..*)?|LimitRequests"},
            anywhere=True,
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="dashscope.key",
            kind=Kind.AUTH,
            documented=_PAGE,
            fields={"code": r"InvalidApiKey|AccessDenied(?:\..*)?|Model\.AccessDenied|WorkSpaceNotFound"},
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="dashscope.internal",
            kind=Kind.TRANSIENT,
            documented=_PAGE,
            fields={"code": r"InternalError(?:\..*)?|SystemError|ModelServiceFailed|ModelUnavailable"},
        ),
        Row(
            id="dashscope.timeout",
            kind=Kind.TIMEOUT,
            documented=_PAGE,
            fields={"code": r"RequestTimeOut|InternalError\.Timeout|ResponseTimeout"},
        ),
        Row(
            id="dashscope.invalid",
            kind=Kind.INVALID_REQUEST,
            documented=_PAGE,
            fields={
                "code": r"InvalidParameter(?:\..*)?|InvalidURL(?:\..*)?|InvalidFile(?:\..*)?|ModelNotFound"
            },
            charged=Charged.NO,
            charge_source="not taken",
            confidence=Confidence.LIKELY,
        ),
    ),
)

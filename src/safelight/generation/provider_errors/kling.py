"""Kling: numeric values of `code`, and a message in `task_status_msg` of a failed task."""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import Confidence, ErrorKind, ModerationStage
from .rules import ErrorRule, Provider

_PAGE = "https://cloud.tencent.com/document/product/1823/138038 (Kling codes)"
_LIMITS = "https://cloud.tencent.com/document/product/1823/138038 (Kling code 1303)"
_TASK = "no page: words of task_status_msg"

KLING = Provider(
    name="kling",
    title="Kling",
    aliases=frozenset({"klingai", "kuaishou", "kling-o3", "kling_o3"}),
    signs=r"klingai|\bkling\b|task_status_msg|api-singapore\.kling|over resource pack limit",
    rows=(
        ErrorRule(
            id="kling.auth",
            kind=ErrorKind.AUTH,
            documented=_PAGE,
            fields={"code": r"100[0-4]|1103"},
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="kling.account",
            kind=ErrorKind.QUOTA,
            documented=_PAGE,
            fields={"code": r"110[0-2]"},
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="kling.invalid",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_PAGE,
            fields={"code": r"120[0-4]"},
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="kling.content-security",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            fields={"code": r"1301"},
            stage=ModerationStage.INPUT,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="kling.risk-control-sentence",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_TASK,
            text=r"failure to pass the risk control system|未通过风控系统|未通過風控系統",
            anywhere=True,
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="kling.code-1301",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            fields={"code|error_code|err_code": r"1301"},
            # Zhipu's CogVideoX has the same number, with this sentence.
            text=r"\A(?=.)(?![\s\S]*系统检测到输入)",
            anywhere=True,
            confidence=Confidence.GUESS,
        ),
        ErrorRule(
            id="kling.code-1301-words",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_PAGE,
            text=r"\b(?:error|code|错误码|錯誤碼|错误代码|錯誤代碼)[ :：#]{1,2}1301\b",
            anywhere=True,
            code="1301",
            confidence=Confidence.GUESS,
        ),
        ErrorRule(
            id="kling.too-fast",
            kind=ErrorKind.RATE_LIMIT,
            documented=_LIMITS,
            fields={"code": r"130[23]"},
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="kling.parallel",
            kind=ErrorKind.RATE_LIMIT,
            documented=_LIMITS,
            text=r"parallel task over resource pack limit",
            anywhere=True,
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
        ErrorRule(
            id="kling.server",
            kind=ErrorKind.TRANSIENT,
            documented=_PAGE,
            fields={"code": r"500[01]"},
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="kling.timeout",
            kind=ErrorKind.TIMEOUT,
            documented=_PAGE,
            fields={"code": r"5002"},
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="kling.risk-control",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_TASK,
            text=r"risk control|content risk|triggering the (?:content|platform)|content security",
            confidence=Confidence.LIKELY,
        ),
    ),
)

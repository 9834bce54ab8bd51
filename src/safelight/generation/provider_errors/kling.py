"""Kling: numbers under `code`, and a sentence in `task_status_msg` of a failed task."""

from __future__ import annotations

from safelight.generation.protocol import Charged

from .model import Confidence, Kind, Side
from .rules import Provider, Row

_PAGE = "Kling AI API reference, general information: error codes"
_LIMITS = "Kling AI API reference, concurrency: code 1303"
_TASK = "Kling AI API reference, query task: task_status_msg"

KLING = Provider(
    name="kling",
    title="Kling",
    aliases=frozenset({"klingai", "kuaishou", "kling-o3", "kling_o3"}),
    signs=r"klingai|\bkling\b|task_status_msg|api-singapore\.kling|over resource pack limit",
    rows=(
        Row(
            id="kling.auth",
            kind=Kind.AUTH,
            documented=_PAGE,
            fields={"code": r"100[0-4]|1103"},
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="kling.account",
            kind=Kind.QUOTA,
            documented=_PAGE,
            fields={"code": r"110[0-2]"},
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="kling.invalid",
            kind=Kind.INVALID_REQUEST,
            documented=_PAGE,
            fields={"code": r"120[0-4]"},
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="kling.content-security",
            kind=Kind.CONTENT_BLOCK,
            documented=_PAGE,
            fields={"code": r"1301"},
            stage=Side.INPUT,
            confidence=Confidence.LIKELY,
        ),
        Row(
            id="kling.too-fast",
            kind=Kind.RATE_LIMIT,
            documented=_LIMITS,
            fields={"code": r"130[23]"},
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="kling.parallel",
            kind=Kind.RATE_LIMIT,
            documented=_LIMITS,
            says=r"parallel task over resource pack limit",
            anywhere=True,
            charged=Charged.NO,
            charge_source="not taken",
        ),
        Row(
            id="kling.server",
            kind=Kind.TRANSIENT,
            documented=_PAGE,
            fields={"code": r"500[01]"},
            confidence=Confidence.LIKELY,
        ),
        Row(
            id="kling.timeout",
            kind=Kind.TIMEOUT,
            documented=_PAGE,
            fields={"code": r"5002"},
            confidence=Confidence.LIKELY,
        ),
        Row(
            id="kling.risk-control",
            kind=Kind.CONTENT_BLOCK,
            documented=_TASK,
            says=r"risk control system|content risk|triggering the (?:content|platform)|content security",
            confidence=Confidence.LIKELY,
        ),
    ),
)

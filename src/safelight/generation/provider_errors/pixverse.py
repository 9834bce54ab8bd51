"""PixVerse: `ErrCode` for a refused submission, and `Resp.status` 7 for a video that failed moderation."""

from __future__ import annotations

from .model import Confidence, ErrorKind, ModerationStage
from .rules import ErrorRule, Provider

_CODES = (
    "https://docs.platform.pixverse.ai/error-codes-796041m0; "
    "https://cloud.tencent.com/document/product/1823/138038 (PixVerse ErrCode)"
)
_STATUS = "https://cloud.tencent.com/document/product/1823/138038 (Resp.status 7)"

PIXVERSE = Provider(
    name="pixverse",
    title="PixVerse",
    aliases=frozenset({"pix-verse", "pixverse.ai"}),
    signs=r"pixverse|\bErrCode\b|Ai-trace-id",
    rows=(
        ErrorRule(
            id="pixverse.text-refused",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_CODES,
            fields={"errcode": r"500063"},
            anywhere=True,
            stage=ModerationStage.INPUT,
        ),
        ErrorRule(
            id="pixverse.moderated",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_CODES,
            fields={"errcode": r"500054"},
            anywhere=True,
        ),
        ErrorRule(
            id="pixverse.status-7",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_STATUS,
            fields={"status": r"7"},
        ),
        ErrorRule(
            id="pixverse.moderated-words",
            kind=ErrorKind.CONTENT_BLOCK,
            documented=_CODES,
            text=r"content moderation failed|did not comply with our community guidelines",
            confidence=Confidence.LIKELY,
        ),
        ErrorRule(
            id="pixverse.status-8",
            kind=ErrorKind.TRANSIENT,
            documented=_STATUS,
            fields={"status": r"8"},
        ),
    ),
)

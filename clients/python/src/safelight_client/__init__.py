"""A client of any `/v1/videos` server: it creates nothing twice and explains every error."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .async_client import AsyncClient
    from .client import Client
    from .download import Download
    from .error_meanings import explain
    from .errors import (
        AccessDenied,
        ApiError,
        BatchError,
        BatchRunning,
        ClientError,
        ConnectionFailed,
        ContentBlocked,
        DeadlinePassed,
        DownloadFailed,
        HashMismatch,
        InvalidRequest,
        InvalidResponse,
        JournalUnusable,
        ServerFailed,
        SignatureInvalid,
        SpendLimit,
        SubmitUnknown,
        TooManyRequests,
        VideoBlocked,
        VideoFailed,
        VideoVanished,
    )
    from .explanation import Explanation
    from .openai_helpers import create_once, create_once_async, wait, wait_async
    from .plan import Draft, Generated, ModelChoice, Plan, Submission
    from .retries import RetryPolicy
    from .video import Cancellation, Page, Video
    from .webhooks import verify_webhook

__version__ = "0.1.0"

__all__ = [
    "AccessDenied",
    "ApiError",
    "AsyncClient",
    "BatchError",
    "BatchRunning",
    "Cancellation",
    "Client",
    "ClientError",
    "ConnectionFailed",
    "ContentBlocked",
    "DeadlinePassed",
    "Download",
    "DownloadFailed",
    "Draft",
    "Explanation",
    "Generated",
    "HashMismatch",
    "InvalidRequest",
    "InvalidResponse",
    "JournalUnusable",
    "ModelChoice",
    "Page",
    "Plan",
    "RetryPolicy",
    "ServerFailed",
    "SignatureInvalid",
    "SpendLimit",
    "Submission",
    "SubmitUnknown",
    "TooManyRequests",
    "Video",
    "VideoBlocked",
    "VideoFailed",
    "VideoVanished",
    "create_once",
    "create_once_async",
    "explain",
    "verify_webhook",
    "wait",
    "wait_async",
]

#: The module of each name that is not an error. A module is imported at the first use of one of its names, so
#: that the import of the package is fast.
_MODULES = {
    "AsyncClient": "async_client",
    "Cancellation": "video",
    "Client": "client",
    "Download": "download",
    "Explanation": "explanation",
    "Page": "video",
    **dict.fromkeys(("Draft", "Generated", "ModelChoice", "Plan", "Submission"), "plan"),
    "RetryPolicy": "retries",
    "Video": "video",
    "create_once": "openai_helpers",
    "create_once_async": "openai_helpers",
    "explain": "error_meanings",
    "verify_webhook": "webhooks",
    "wait": "openai_helpers",
    "wait_async": "openai_helpers",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES.get(name, 'errors')}", __name__), name)

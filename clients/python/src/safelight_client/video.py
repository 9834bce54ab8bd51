"""A video as a server reports it, with the statuses of all known servers mapped to OpenAI's four."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .error_meanings import explain_failure, read_charge, read_number
from .error_rules import load_table
from .errors import invalid_response
from .explanation import Charged, Explanation, Retry

Status = Literal["queued", "in_progress", "completed", "failed"]
_STATUSES: dict[str, Status] = {
    "queued": "queued",
    "running": "in_progress",
    "done": "completed",
    "failed": "failed",
}


@dataclass(frozen=True, kw_only=True)
class Video:
    """One video. A failed one explains itself: `.stage`, `.charged`, `.retry`, `.next_step`."""

    id: str
    status: Status
    #: The status word of the server.
    server_status: str
    progress: int
    model: str
    prompt: str
    seconds: str
    size: str
    #: Seconds since 1970; None if the server does not state it.
    created_at: float | None
    #: What the server states about the charge; `unknown` if it states nothing.
    charged: Charged
    #: Amount of the charge in `currency`, if stated.
    amount: float | None
    currency: str
    #: Hash of the delivered file; empty if the server does not state it.
    sha256: str
    #: Waits for the decision of a reviewer.
    is_held: bool
    #: `half_used` or `used` if a gateway states that about the refusal budget of the provider; else empty.
    refusal_budget: str
    #: Why a failed video failed; None for others.
    explanation: Explanation | None
    #: The whole object as received.
    raw: Mapping[str, Any]

    @property
    def has_ended(self) -> bool:
        return self.status in ("completed", "failed")

    @property
    def stage(self) -> str:
        return self.explanation.stage if self.explanation else ""

    @property
    def retry(self) -> Retry:
        return self.explanation.retry if self.explanation else "unknown"

    @property
    def next_step(self) -> str:
        return self.explanation.next_step if self.explanation else ""

    @property
    def change(self) -> tuple[str, int]:
        """What changes while a video makes progress."""
        return self.server_status, self.progress


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of the list of videos."""

    videos: tuple[Video, ...]
    has_more: bool


@dataclass(frozen=True, kw_only=True)
class Cancellation:
    """Whether a video was cancelled, and what happens otherwise."""

    cancelled: bool
    message: str


def read_video(body: object, headers: Mapping[str, str] | None = None) -> Video:
    """The video in a response body. Raises `InvalidResponse` if it is none.

    An unknown status counts as in progress, so that the deadline decides. `completed` with an error counts as
    failed.
    """
    if not isinstance(body, Mapping) or not isinstance(body.get("id"), str) or not body["id"]:
        raise invalid_response("The response is not a video: it has no id.")
    word = _text(body.get("status")).lower().replace("-", "_").replace(" ", "_")
    if not word:
        raise invalid_response("The response is not a video: it has no status.")
    known = load_table()["statuses"].get(word)
    error = body.get("error") or None
    if known is None and error is None and isinstance(body.get("completed_at"), int | float):
        raise invalid_response(f"The video has ended with the unknown status {word[:40]!r}.")
    status = _STATUSES[known] if known else "in_progress"
    if error is not None and (status == "completed" or known is None):
        status = "failed"
    ours = body.get("safelight")
    ours = ours if isinstance(ours, Mapping) else {}
    ended = status in ("completed", "failed")
    charged, amount, currency = read_charge(body, headers or {}, ended=ended)
    explanation = explain_failure(body, headers or {}) if status == "failed" else None
    if explanation is not None:
        charged = explanation.charged
    return Video(
        id=body["id"],
        status=status,
        server_status=word,
        progress=100 if status == "completed" else _percent(body.get("progress")),
        model=_text(body.get("model")),
        prompt=_text(body.get("prompt")),
        seconds=_text(body.get("seconds")),
        size=_text(body.get("size")),
        created_at=_moment(body.get("created_at")),
        charged=charged,
        amount=amount,
        currency=currency,
        sha256=_text(ours.get("sha256")),
        is_held=ours.get("state") == "held",
        refusal_budget=(headers or {}).get("x-safelight-refusal-budget", ""),
        explanation=explanation,
        raw=body,
    )


def _text(value: object) -> str:
    return str(value).strip() if isinstance(value, str | int | float) else ""


def _percent(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        return 0
    return round(value)


def _moment(value: object) -> float | None:
    if isinstance(value, str):
        from datetime import UTC, datetime  # Slow to import, and rarely needed.

        try:
            moment = datetime.fromisoformat(value)
            # A time without an offset: servers mean UTC.
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    return read_number(value)

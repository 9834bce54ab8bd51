"""The report on the rewrites of a language model: how many it returned, and why some were dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from safelight.core.i18n import Messages

from .model_rewrites import DropReason


class RewriterNote(StrEnum):
    """Why there are no rewrites of a model."""

    #: The operator has configured none.
    OFF = "off"
    #: The request gets no suggestions.
    NO_HELP = "no_help"
    #: No word of the prompt may be replaced.
    NOTHING_TO_CHANGE = "nothing_to_change"
    TOO_LONG = "too_long"
    #: The check limit of the account is reached.
    CHECK_LIMIT = "check_limit"
    #: The calls per day of the settings are used up.
    CALL_LIMIT = "call_limit"
    BUSY = "busy"
    #: There was no answer in time, or an error.
    UNAVAILABLE = "unavailable"
    #: The answer does not have the requested form.
    UNUSABLE = "unusable"
    #: No rewrite passed the checks.
    NONE_KEPT = "none_kept"


@dataclass(frozen=True, kw_only=True)
class RewriterReport:
    """What came of the wish for rewrites of a model."""

    #: Host and model; empty if the operator configured none.
    host: str = ""
    model: str = ""
    #: Whether the prompt was sent to the endpoint.
    called: bool = False
    received: int = 0
    dropped: Mapping[DropReason, int] = field(default_factory=dict)
    #: Why there are no rewrites; None if there are some.
    note: RewriterNote | None = None

    def as_wire(self, messages: Messages) -> dict[str, Any]:
        note = self.note
        return {
            "host": self.host or None,
            "model": self.model or None,
            "called": self.called,
            "received": self.received,
            "kept": self.received - sum(self.dropped.values()),
            "dropped": {reason.value: count for reason, count in sorted(self.dropped.items())},
            "note": {"reason": note.value, "text": messages(f"rewriter.{note.value}")} if note else None,
        }

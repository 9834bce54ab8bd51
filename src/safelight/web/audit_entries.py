"""The audit entries of a video as its readers see them: no reader learns who in the staff decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from safelight.accounts import DECIDING, Principal
from safelight.videos.models import VideoRecord
from safelight.videos.staff_reads import StaffRead

REVIEWER = "reviewer"
#: Another person or key of the tenant, for example who reported the video.
OTHER = "other"
#: The parts of the service that are actors of the audit log.
SERVICES = frozenset({"jobs", "notices", "statements", "sweeper"})
#: The `subject` of a consent; statements say as much about who ended it.
_NAMELESS = SERVICES | {"policy", "subject"}
#: Events about the work of reviewers that say nothing about the outcome.
_INTERNAL_EVENTS = frozenset({"case.revealed", "case.escalated", *StaffRead})
#: Events of cases and videos that are no decision of a reviewer.
_NO_DECISIONS = frozenset({"case.opened", "video.deleted"})


def is_reviewer(reader: Principal) -> bool:
    """Whether the reader sees all audit entries of a video in the console, with their actors once no case of
    the video is open.
    """
    return reader.has_one_of(DECIDING)


def hide_staff(record: VideoRecord, reader: Principal) -> VideoRecord:
    """The record with a role in place of the name or id of each other person or key.

    The reader and the requester keep theirs. Only reviewers get the events about the work of reviewers.
    """
    shown = _NAMELESS | {reader.id, record.video.principal_id, record.video.generator}
    shown |= {attempt.generator for attempt in record.attempts}
    entries = (
        entry for entry in record.audit_log if is_reviewer(reader) or entry["event"] not in _INTERNAL_EVENTS
    )
    return replace(
        record,
        audit_log=tuple(
            entry if entry["actor"] in shown else {**entry, "actor": _role(entry)} for entry in entries
        ),
    )


def _role(entry: Mapping[str, Any]) -> str:
    event = str(entry["event"])
    decided = event.startswith(("case.", "video.")) and event not in _NO_DECISIONS
    return REVIEWER if decided else OTHER

"""Events of cases as JSON in the words of Ozone: pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from safelight.policy.categories import Category
from safelight.trust.reports.lanes import ReportLane, UnattendedAction
from safelight.trust.reports.models import ReportReason
from safelight.trust.reviews.ozone import TYPE_OF_ACTION, ModerationEventType

from .models import CaseEntry, CaseEvent

#: Names of events for which Ozone has no word.
_OWN_TYPES = {
    "case.opened": "safelight.caseOpened",
    "case.decided": "safelight.decisionPending",
    "case.undone": "safelight.decisionUndone",
    "case.not_carried_out": "safelight.decisionNotCarriedOut",
    "case.expired": "safelight.caseExpired",
    "video.hidden": "safelight.videoHidden",
    "video.restored": "safelight.videoRestored",
    "report.unattended": "safelight.reportUnattended",
}
_OZONE_TYPES = {
    "case.escalated": ModerationEventType.ESCALATE,
    "report.received": ModerationEventType.REPORT,
    "appeal.received": ModerationEventType.REPORT,
    **{f"case.{action.value}": word for action, word in TYPE_OF_ACTION.items()},
}
_APPEAL, _OTHER, _INTIMATE = "Appeal", "Other", "SexualNCII"
#: The reason of a report in Ozone, without its prefix. A reason in own words is `Other`.
_REASONS: Mapping[str, str] = {
    ReportReason.SEXUAL: "SexualUnlabeled",
    ReportReason.CHILD_SAFETY: "ChildSafetyOther",
    ReportReason.INTIMATE: _INTIMATE,
    ReportReason.VIOLENCE: "ViolenceOther",
    ReportReason.SELF_HARM: "SelfHarmContent",
    ReportReason.HATE: "HarassmentHateSpeech",
    ReportReason.EXTREMISM: "ViolenceExtremistContent",
    ReportReason.LIKENESS: "MisleadingImpersonation",
    ReportReason.COPYRIGHT: "RuleOther",
    ReportReason.DECEPTION: "MisleadingOther",
    ReportReason.PRIVACY: "HarassmentDoxxing",
    Category.SEXUAL_MINORS: "ChildSafetyCSAM",
    Category.NCII: _INTIMATE,
    Category.VIOLENCE_GRAPHIC: "ViolenceGraphicContent",
    Category.SELF_HARM: "SelfHarmContent",
    Category.SELF_HARM_INTENT: "SelfHarmContent",
    Category.SELF_HARM_INSTRUCTIONS: "SelfHarmContent",
    Category.HATE_SYMBOLS: "HarassmentHateSpeech",
    Category.HARASSMENT: "HarassmentTargeted",
    Category.ILLICIT: "RuleOther",
    Category.IP_CHARACTER: "RuleOther",
    Category.IP_BRAND: "RuleOther",
    Category.DECEPTION_SPEECH: "MisleadingOther",
    Category.DECEPTION_SUBLIMINAL: "MisleadingOther",
    Category.MINORS_PRESENT: "ChildSafetyOther",
}


def event_object(event: CaseEvent) -> dict[str, Any]:
    """One line of the stream. The names are those of `modEventView`; ours are in `safelight`."""
    entry, case = event.entry, event.entry.case
    return {
        "id": entry.seq,
        "event": _event(event),
        "subject": {"$type": "safelight.video", "id": case.video_id or None},
        "subjectBlobCids": [],
        "createdBy": event.created_by,
        "createdAt": datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="milliseconds"),
        "subjectStatus": {"reviewState": event.review_state.value},
        "safelight": {
            "event": entry.event,
            "case_id": case.id,
            "kind": case.kind.value,
            "stage": case.stage.value,
            "category": case.category or None,
            "rule": case.rule or None,
            "quarantined": case.quarantined,
            "action": entry.content.get("action"),
            "report_id": entry.content.get("report") or entry.content.get("notice"),
            "appeal_id": entry.content.get("appeal"),
            "lane": entry.content.get("lane"),
            "text_screening": None if event.report is None else event.report.screening.as_json(),
        },
    }


def _event(event: CaseEvent) -> dict[str, Any]:
    kind = _type(event.entry)
    made: dict[str, Any] = {"$type": str(kind)}
    if kind is ModerationEventType.REPORT:
        made["reportType"] = f"tools.ozone.report.defs#reason{_reason(event)}"
        made["comment"] = event.report.text if event.report is not None else ""
    elif kind is ModerationEventType.TAKEDOWN and event.entry.case.rule:
        made["policies"] = [event.entry.case.rule]
    return made


def _type(entry: CaseEntry) -> str:
    if entry.event == "report.unattended" and entry.content.get("action") == UnattendedAction.REMOVE:
        return ModerationEventType.TAKEDOWN
    return _OZONE_TYPES.get(entry.event) or _OWN_TYPES[entry.event]


def _reason(event: CaseEvent) -> str:
    """The reason of a report or an appeal. A category counts before a reason in own words."""
    if event.entry.event == "appeal.received":
        return _APPEAL
    if event.entry.content.get("lane") == ReportLane.INTIMATE_IMAGERY:
        return _INTIMATE
    reason = event.report.reason if event.report is not None else ""
    category = event.entry.content.get("category") or ""
    return _REASONS.get(category) or _REASONS.get(reason) or _OTHER

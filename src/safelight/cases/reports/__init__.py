"""Reports: objections to a delivered video. The reports on one video share a case."""

from .lanes import LANES, ReportLane, UnattendedAction
from .models import (
    NewReport,
    Notice,
    NoticeOutcome,
    NoticeStatus,
    PageNotice,
    Receipt,
    Report,
    ReportedVideo,
    ReportReason,
)
from .service import Reports, ReportTools

__all__ = [
    "LANES",
    "NewReport",
    "Notice",
    "NoticeOutcome",
    "NoticeStatus",
    "PageNotice",
    "Receipt",
    "Report",
    "ReportLane",
    "ReportReason",
    "ReportTools",
    "ReportedVideo",
    "Reports",
    "UnattendedAction",
]

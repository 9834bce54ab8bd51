"""Reports: objections to a delivered video. The reports on one video share a case."""

from __future__ import annotations

from .models import NewReport, Receipt, Report, ReportedVideo, ReporterKind, ReportReason
from .service import Reports

__all__ = ["NewReport", "Receipt", "Report", "ReportReason", "ReportedVideo", "ReporterKind", "Reports"]

"""Anybody may say that a video should not be there."""

from __future__ import annotations

from .models import Receipt, Report, ReportedVideo, ReporterKind, ReportReason
from .service import Reports

__all__ = ["Receipt", "Report", "ReportReason", "ReportedVideo", "ReporterKind", "Reports"]

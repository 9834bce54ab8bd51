"""Batches: many videos from one file, within a limit of money, without creating anything twice.

Not imported by `import safelight_client`: `from safelight_client.batch import ...`.
"""

from __future__ import annotations

from .batch_plan import BatchPlan, PlannedRow, PlanOptions, plan_batch
from .journal import Journal
from .prompt_check import PromptCheck
from .report import build_report, write_reports
from .rows import BatchRow, BatchRows, read_rows
from .runner import BatchRunner, RunLimits
from .template_rows import RenderedTemplate, TemplateRenderer

__all__ = [
    "BatchPlan",
    "BatchRow",
    "BatchRows",
    "BatchRunner",
    "Journal",
    "PlanOptions",
    "PlannedRow",
    "PromptCheck",
    "RenderedTemplate",
    "RunLimits",
    "TemplateRenderer",
    "build_report",
    "plan_batch",
    "read_rows",
    "write_reports",
]

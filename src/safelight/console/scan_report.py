"""Renders the HTML report of a scan: one file without scripts, external resources, local paths or sharp
images.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import safelight
from safelight.policy.findings import Taxonomy
from safelight.screening.coverage_count import Check
from safelight.screening.file_scan import FileReport

from .measured_text import format_measured_day
from .scan_report_coverage import (
    coverage_notes,
    list_not_made,
    list_off,
    scan_coverage,
    scan_coverage_rows,
    visible_reports,
)
from .scan_report_view import FileView, file_view
from .translations import Translations, format_datetime, format_iso
from .verdict_text import WAIVED

#: If a report has more files than this, allowed files are only listed; all other files are shown in full.
MAX_FULL_FILES = 40


def render_scan_report(
    reports: Sequence[FileReport],
    *,
    translations: Translations,
    taxonomy: Taxonomy,
    installed: Sequence[Check],
    not_scanned: int = 0,
    at: float | None = None,
) -> str:
    """Render the reports as one HTML document.

    `installed`: the checks of the coverage page. `not_scanned`: number of files that were not scanned.
    """
    visible = visible_reports(reports)
    coverage = scan_coverage(visible, installed)
    views = [
        file_view(report, taxonomy, translations, number, coverage)
        for number, report in enumerate(reports, 1)
    ]
    unsupported = {view.unsupported for view in views if view.unsupported}
    views_in_full = [
        view for view in views if len(views) <= MAX_FULL_FILES or view.tone not in ("allow", WAIVED)
    ]
    style = _load_style()
    now = time.time() if at is None else at
    return (
        _template_environment()
        .get_template("scan_report.html")
        .render(
            t=translations,
            style=Markup(style),  # noqa: S704
            policy=_content_security_policy(style),
            icon=_data_uri(
                files("safelight.console").joinpath("static/logo.svg").read_bytes(), "image/svg+xml"
            ),
            title=views[0].name if len(views) == 1 else translations("scan.files", count=len(views)),
            created_at=format_datetime(now, translations),
            created_iso=format_iso(now),
            version=safelight.__version__,
            views=views_in_full,
            coverage=tuple(scan_coverage_rows(coverage, translations, notes=len(visible) == 1))
            if visible
            else (),
            coverage_notes=coverage_notes(visible, installed, translations),
            measured_on=format_measured_day(translations),
            checks_off=list_off(visible, coverage, translations),
            checks_not_made=list_not_made(coverage, translations),
            unsupported=sorted(unsupported) if len(views) > 1 else (),
            rows=views if len(views) != 1 else (),
            listed_only=len(views) - len(views_in_full),
            counts=_count_verdicts(views),
            not_scanned=not_scanned,
            webp=lambda content: _data_uri(content, "image/webp"),
        )
    )


def _count_verdicts(views: Sequence[FileView]) -> list[tuple[str, str, int]]:
    """Tone, verdict and number of files with that verdict, most severe first."""
    counts = Counter((view.tone, view.verdict) for view in views)
    order = ("block", "hold", "error", "label", WAIVED, "allow")
    return [
        (tone, word, count)
        for (tone, word), count in sorted(counts.items(), key=lambda one: (order.index(one[0][0]), one[0][1]))
    ]


def _template_environment() -> Environment:
    return Environment(
        loader=PackageLoader("safelight.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _load_style() -> str:
    """The console's stylesheet and the report's own stylesheet, without comments and empty lines."""
    static = files("safelight.console").joinpath("static")
    text = "\n".join(
        static.joinpath(name).read_text(encoding="utf-8")
        for name in ("console.css", "timeline.css", "scan_report.css")
    )
    return re.sub(r"/\*.*?\*/|\n\s*(?=\n)", "", text, flags=re.DOTALL)


def _content_security_policy(style: str) -> str:
    """The Content-Security-Policy: only this inline style (by hash) and images as data URIs."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"

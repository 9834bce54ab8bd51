"""A scan as one page to forward: no script, nothing loaded, no path of this machine, nothing sharp."""

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
from safelight.moderation.file_scan import FileReport
from safelight.policy.categories import Taxonomy

from .formatting import iso, moment
from .scan_report_view import FileView, file_view
from .translations import Translations

#: So many files are shown in full however they fared; of more, those that were plainly allowed in one line.
IN_FULL = 40


def page(
    reports: Sequence[FileReport],
    *,
    words: Translations,
    taxonomy: Taxonomy,
    left: int = 0,
    at: float | None = None,
) -> str:
    """The reports as one HTML document. `left`: files that were not reached."""
    views = [file_view(report, taxonomy, words, number) for number, report in enumerate(reports, 1)]
    full = [view for view in views if len(views) <= IN_FULL or view.tone != "allow"]
    style = _style()
    now = time.time() if at is None else at
    return (
        _environment()
        .get_template("scanned.html")
        .render(
            t=words,
            style=Markup(style),  # noqa: S704
            policy=_policy(style),
            icon=_data(files("safelight.console").joinpath("static/mark.svg").read_bytes(), "image/svg+xml"),
            title=views[0].name if len(views) == 1 else words("scan.files", count=len(views)),
            made=moment(now, words),
            iso=iso(now),
            version=safelight.__version__,
            views=full,
            rows=views if len(views) != 1 else (),
            brief=len(views) - len(full),
            counts=_counts(views),
            left=left,
            webp=lambda content: _data(content, "image/webp"),
        )
    )


def _counts(views: Sequence[FileView]) -> list[tuple[str, str, int]]:
    """Tone, word and how many, the gravest first."""
    found = Counter((view.tone, view.word) for view in views)
    order = ("block", "hold", "trouble", "label", "allow")
    return [
        (tone, word, count)
        for (tone, word), count in sorted(found.items(), key=lambda one: (order.index(one[0][0]), one[0][1]))
    ]


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("safelight.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _style() -> str:
    """The console's own style, and what only this page needs, without comments and blank lines."""
    static = files("safelight.console").joinpath("static")
    text = "\n".join(
        static.joinpath(name).read_text(encoding="utf-8") for name in ("console.css", "scanned.css")
    )
    return re.sub(r"/\*.*?\*/|\n\s*(?=\n)", "", text, flags=re.DOTALL)


def _policy(style: str) -> str:
    """Nothing may be loaded, run or sent; pictures are in the page, and so is the style of this hash."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def _data(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"

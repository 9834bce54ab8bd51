"""The HTML report of `safelight scan`: one file without scripts, external resources, local paths or sharp
images. It shows the records that `safelight scan --json` prints, with the parts of the console's pages.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from markupsafe import Markup

import safelight
from safelight.core.i18n import load_messages, translate_sentence
from safelight.policy.findings import Cell, Taxonomy
from safelight.policy.verdicts import Action, Verdict
from safelight.screening.coverage_count import Check
from safelight.screening.file_scan import FileReport, TranscriptLine
from safelight.screening.unscanned import describe_unscanned, missing_checks_sentence
from safelight.web.translations import Translations, list_checks, translate_category

from .coverage import CoverageSummary, VideoCoverage, summarize_video
from .finding_lanes import TimelineLane, time_spans, timeline_lanes, timeline_ticks
from .page_templates import render_template
from .timeline import FindingRow, finding_rows, is_hidden, name_span
from .verdict_tone import WAIVED, is_waived
from .verify_pages import describe_verification
from .video_timeline import describe_sound

#: If a report has more files than this, allowed files are only listed; all other files are shown in full.
MAX_FULL_FILES = 40
_TONES = ("block", "hold", "error", "label", WAIVED, "allow")
#: An absolute path with at least one folder, as it appears in error messages of libraries.
_PATH = re.compile(r"(?<![\w/.:])(?:/|[A-Za-z]:\\)(?:[^\s/\\'\":;,]+[/\\])+([^\s/\\'\":;,]*)")


@dataclass(frozen=True, kw_only=True)
class FileView:
    """One file of the report. Fields with defaults are empty if it was not scanned or would be vaulted."""

    report: FileReport
    tone: str
    verdict: str
    #: Why, and the next step.
    text: str
    problem: str = ""
    category: str = ""
    #: The required checks whose absence decided, each with its reason.
    missing: tuple[str, ...] = ()
    rule: str = ""
    findings: tuple[FindingRow, ...] = ()
    #: Findings of which only the number is shown.
    withheld: int = 0
    lanes: tuple[TimelineLane, ...] = ()
    ticks: tuple[tuple[str, str], ...] = ()
    frames: int = 0
    sheet: bytes = b""
    stills: tuple[tuple[str, bytes], ...] = ()
    #: Why the report has no images of this file.
    no_images: str = ""
    coverage: CoverageSummary | None = None
    unscanned: tuple[str, ...] = ()
    #: Speech, and text in the picture. If something is withheld, they are too, because words are in them.
    transcript: tuple[TranscriptLine, ...] = ()
    texts: tuple[TranscriptLine, ...] = ()
    #: Why there is no transcript; empty if there is one.
    sound: str = ""
    provenance: tuple[str, ...] = ()


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
    views = [_view(report, taxonomy, installed, translations) for report in reports]
    style = _load_style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    counts = Counter((view.tone, view.verdict) for view in views)
    return render_template(
        "scan_report.html",
        {
            "t": translations,
            "style": Markup(style),  # noqa: S704
            # Only this inline style, and images as data URIs.
            "content_policy": f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
            "base-uri 'none'; form-action 'none'",
            "icon": files("safelight.web.console").joinpath("static/logo.svg").read_bytes(),
            "made_at": time.time() if at is None else at,
            "version": safelight.__version__,
            "views": views,
            "counts": sorted(counts.items(), key=lambda one: (_TONES.index(one[0][0]), one[0][1])),
            # The tones of files that are only listed.
            "listed": _TONES[-2:] if len(views) > MAX_FULL_FILES else (),
            "not_scanned": not_scanned,
            "data_uri": _data_uri,
            "span": name_span,
        },
    )


def _view(report: FileReport, taxonomy: Taxonomy, installed: Sequence[Check], t: Translations) -> FileView:
    """Of a file that would be vaulted only that it was blocked. Findings with hidden details are counted."""
    verdict = report.verdict
    if verdict is None:
        problem = t.translate_error(strip_folders(report.problem))
        return FileView(
            report=report, tone="error", verdict=t("scan.failed"), text=t("scan.failed_text"), problem=problem
        )
    if verdict.vault:
        return FileView(report=report, tone="block", verdict=t("verdict.block"), text=t("scan.vaulted_text"))
    found = verdict.counted(report.findings, report.coverage)
    visible = [finding for finding in found if not is_hidden(finding.category, taxonomy)]
    shown = {finding.category for finding in visible}
    withheld = sum(is_hidden(finding.category, taxonomy) for finding in report.findings)
    hidden, by_gap = is_hidden(verdict.category, taxonomy), verdict.is_decided_by_gaps
    no_images = _no_images(report, t, hidden=withheld > 0 or (hidden and bool(verdict.findings)))
    facts = report.scan.get("facts") or {}
    picture_s = float(facts.get("duration_s") or 0.0)
    ends = [end for finding in report.findings for _, end in time_spans(finding)]
    seconds = max((picture_s, float(facts.get("audio_duration_s") or 0.0), *ends))
    frames = int((report.scan.get("schedule") or {}).get("frames") or facts.get("frames") or 0)
    tone = WAIVED if is_waived(verdict) else verdict.action.value
    named = not (hidden or by_gap) and verdict.category
    made = [(cell.category, cell.modality.value, cell.status.value) for cell in report.coverage]
    waived = frozenset((cell.category, cell.modality.value) for cell in verdict.waived)
    read = describe_verification(report.provenance, t) if report.provenance else None
    return FileView(
        report=report,
        tone=tone,
        verdict=t(f"verdict.{tone}"),
        text=_describe(verdict, t, hidden=hidden, has_findings=bool(found)),
        category=translate_category(verdict.category, t) if named else "",
        missing=tuple(_describe_missing(cell, t) for cell in verdict.gaps if by_gap),
        rule="" if hidden else verdict.rule,
        findings=tuple(finding_rows(visible, t)),
        withheld=withheld,
        lanes=tuple(timeline_lanes(visible, seconds, t)),
        ticks=timeline_ticks(seconds, frames, t, picture_s=picture_s),
        frames=frames,
        sheet=b"" if no_images else report.sheet,
        stills=tuple(
            (translate_category(name, t), still) for name, still in report.stills.items() if name in shown
        ),
        no_images=no_images,
        coverage=summarize_video(
            VideoCoverage(made=tuple(made), waived=waived, waivers=verdict.waivers), installed, t
        ),
        unscanned=tuple(
            translate_sentence("commands", said, t.tag) or said
            for said in map(describe_unscanned, report.unscanned)
        ),
        transcript=() if withheld else report.transcript or (),
        # OCR also reads specks as punctuation.
        texts=() if withheld else tuple(one for one in report.texts if any(map(str.isalnum, one.text))),
        sound=describe_sound(report.scan, t) if facts and report.transcript is None else "",
        provenance=(read.sentence, *(t("scan.named", name=k, value=v) for k, v in read.claims))
        if read
        else (),
    )


def _describe(verdict: Verdict, t: Translations, *, hidden: bool, has_findings: bool) -> str:
    sentences, by_gap = [], verdict.is_decided_by_gaps
    if by_gap:
        absent = sum(not cell.available for cell in verdict.gaps)
        unfinished = len(verdict.gaps) - absent
        sentences.append(
            missing_checks_sentence(
                t.tag, verdict.action, absent=absent, unfinished=unfinished, has_findings=has_findings
            )
        )
    elif verdict.reason and not hidden:
        sentences.append(t("scan.reason", reason=t.translate_reason(verdict.reason).rstrip(".。")))
    key = {
        Action.ALLOW: "verdict.allow_waived" if verdict.waivers else "verdict.allow_text",
        Action.LABEL: "scan.label_text",
        Action.HOLD: "scan.hold_gaps" if by_gap else "scan.hold_text",
        Action.BLOCK: "scan.block_hidden" if hidden else "scan.block_text",
    }[verdict.action]
    sentences.append(t(key))
    if verdict.test_card_only:
        sentences.append(t("scan.test_card"))
    return t.join_sentences(sentences)


def _describe_missing(cell: Cell, t: Translations) -> str:
    messages = load_messages("cli", t.tag)
    note = strip_folders(translate_sentence("doctor", cell.note, t.tag) or cell.note)
    check = list_checks([(cell.category, cell.modality.value)], t)
    return messages("scan.missing", check=check, reason=note or messages("scan.no_reason"))


def _no_images(report: FileReport, t: Translations, *, hidden: bool) -> str:
    if report.picture:
        return t("scan.no_previews_image")
    if hidden or (not report.sheet and report.verdict is not None and report.verdict.quarantine):
        return t("scan.no_previews_withheld")
    return "" if report.sheet else t("scan.no_previews")


def strip_folders(text: str) -> str:
    """The text, with each absolute path replaced by its last component."""
    return _PATH.sub(lambda match: f"…/{match[1]}" if match[1] else "…", text)


def _load_style() -> str:
    """The console's stylesheet and the report's own stylesheet, without comments and empty lines."""
    static = files("safelight.web.console").joinpath("static")
    names = ("console.css", "timeline.css", "scan_report.css")
    text = "\n".join(static.joinpath(name).read_text(encoding="utf-8") for name in names)
    return re.sub(r"/\*.*?\*/|\n\s*(?=\n)", "", text, flags=re.DOTALL)


def _data_uri(content: bytes, kind: str = "image/webp") -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"

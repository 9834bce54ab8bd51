"""Screens the texts in a file, such as its title and those of its chapters, as one text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec

from safelight.detectors.text.pipeline import TextPipeline
from safelight.media.tags import FileTag
from safelight.policy.findings import Cell, Evidence, Finding, TextSpan

from .ocr import mark_unread
from .scanning.report import ScanReport


class TagResult(msgspec.Struct, frozen=True, kw_only=True):
    """Findings of the text detectors in the tags of a file, and their coverage. Empty without tags."""

    findings: tuple[Finding, ...] = ()
    cells: tuple[Cell, ...] = ()


def screen_tags(report: ScanReport, pipeline: TextPipeline) -> TagResult:
    """Screen the tags of a file.

    They are one text, because several tags may have the same name, and each field is a call of every model.
    """
    if not report.tags:
        return TagResult()
    screened = pipeline.screen({"tags": "\n".join(tag.text for tag in report.tags)})
    return TagResult(
        findings=tuple(
            msgspec.structs.replace(
                one,
                evidence=tuple(
                    chain.from_iterable(_spans_in_tags(part, report.tags) for part in one.evidence)
                ),
            )
            for one in screened.findings
        ),
        cells=mark_unread(screened.cells, report),
    )


def _spans_in_tags(evidence: Evidence, tags: Sequence[FileTag]) -> Iterator[Evidence]:
    """The evidence with a span of each tag that it touches in place of a span of the joined text."""
    if not isinstance(evidence, TextSpan):
        yield evidence
        return
    begins = 0
    for tag in tags:
        start, end = max(evidence.start - begins, 0), min(evidence.end - begins, len(tag.text))
        if start < end:
            yield TextSpan(field=f"tag {tag.name}", start=start, end=end)
        begins += len(tag.text) + 1

from __future__ import annotations

from safelight.detectors.protocol import MediaText
from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.text.pipeline import TextPipeline
from safelight.media.tags import FileTag
from safelight.policy.decisions import required_coverage
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED, Coverage, CoverageStatus, Modality, Stage, TextSpan
from safelight.policy.verdicts import Action, WaiverTerms
from safelight.screening.file_tags import screen_tags
from safelight.screening.ocr import screen_ocr_text
from safelight.screening.scanning.report import DetectorRun, ScanReport
from support.rows import each_row
from support.verdicts import checked_cell, decided

READ = DetectorRun(name="ocr", ran=True, complete=True, reads=True)
CUT_OFF = DetectorRun(name="ocr", ran=True, complete=False, reads=True, note="ocr ran out of memory.")


def pipeline() -> TextPipeline:
    return TextPipeline(
        DetectorRegistry.discover({"minilm": False, "acts": False, "threats": False}).text_detectors()
    )


def words(report: ScanReport) -> set[CoverageStatus]:
    return {cell.status for cell in screen_ocr_text(report, pipeline()).cells}


def test_text_that_was_read_is_checked_and_after_a_failure_only_in_part() -> None:
    assert words(ScanReport(runs=(READ,))) == {CoverageStatus.CHECKED}
    assert not screen_ocr_text(ScanReport(runs=(READ,)), pipeline()).present
    assert words(ScanReport(runs=(NO_READER,))) == {CoverageStatus.OFF}
    assert words(ScanReport(failure="The child crashed.")) == {CoverageStatus.PARTLY}
    texts = (MediaText(text="SAFELIGHT-TEST:hate", confidence=0.9),)
    seen = screen_ocr_text(ScanReport(runs=(CUT_OFF,), texts=texts), pipeline())
    assert {(cell.status, cell.note) for cell in seen.cells} == {
        (CoverageStatus.PARTLY, "ocr ran out of memory.")
    }
    assert seen.present
    assert [found.category for found in seen.findings if found.test_card] == ["hate"]


def test_text_beside_the_picture_does_not_count_as_a_check_of_its_text() -> None:
    tags = (FileTag(name="title", text="A calm day"),)
    for run, status in (
        (CUT_OFF, CoverageStatus.PARTLY),
        (NO_READER, CoverageStatus.OFF),
        (READ, CoverageStatus.CHECKED),
    ):
        report = ScanReport(runs=(run,), tags=tags)
        cells = Coverage().merge(
            (*screen_ocr_text(report, pipeline()).cells, *screen_tags(report, pipeline()).cells)
        )
        assert {cell.status for cell in cells} == {status}


def test_findings_in_tags_name_their_tag() -> None:
    phrase = "SAFELIGHT-TEST:hate"
    tags = (FileTag(name="title", text="A calm day"), FileTag(name="title", text=f"So {phrase}"))
    result = screen_tags(ScanReport(runs=(READ,), tags=tags), pipeline())
    [found] = [one for one in result.findings if one.test_card]
    assert found.evidence == (TextSpan(field="tag title", start=3, end=3 + len(phrase)),)


NO_READER = DetectorRun(name="nudenet", ran=True, complete=True)


@each_row
def test_unread_text_is_held_if_the_policy_requires_it(
    policy: str, run: DetectorRun, waivers: tuple[WaiverTerms, ...], action: Action, stage: Stage
) -> None:
    """All else was checked: only the reader failed, or there is none. A waiver excuses only the latter."""
    strictness = load(policy, SHIPPED)
    seen = screen_ocr_text(ScanReport(runs=(run,)), pipeline())
    assert seen.present
    present = frozenset({Modality.FRAMES, Modality.TEXT, Modality.AUDIO})
    required = required_coverage(strictness, SHIPPED, stage, present)
    others = [
        checked_cell(cell.category, cell.modality) for cell in required if cell.modality is not Modality.TEXT
    ]
    coverage = Coverage(cells=required).merge((*others, *seen.cells))
    verdict = decided(stage, policy=strictness, coverage=coverage, waivers=waivers)
    assert verdict.action is action
    assert {hole.modality for hole in verdict.gaps} == ({Modality.TEXT} if action is Action.HOLD else set())

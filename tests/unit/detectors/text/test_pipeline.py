from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import msgspec
import pytest

from safelight.core.metrics import DETECTOR_TIMEOUTS
from safelight.detectors.protocol import (
    Abstained,
    Capability,
    MediaText,
    PartialInspection,
    TextContent,
    TextDetector,
)
from safelight.detectors.text.pipeline import MAX_STUCK, TextPipeline
from safelight.detectors.text.safety_card import CardDetector
from safelight.policy.findings import (
    Basis,
    CoverageStatus,
    Depth,
    Finding,
    FrameRange,
    Modality,
    TextSpan,
    TimeRange,
)
from support.rows import each_row
from support.verdicts import POINT, seen

HATE = (Capability(category="hate", modality=Modality.TEXT),)


def finding(content: TextContent, score: float = 0.5) -> Finding:
    at = content.text.find("bad")
    span = TextSpan(field=content.field, start=at, end=at + 3)
    return msgspec.structs.replace(seen("hate", score, evidence=(span,)), detector="reader")


class Reader:
    """Finds the word `bad`."""

    name, version = "reader", "1"
    capabilities = HATE
    score = 0.5

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        return [finding(content, self.score)] if "bad" in content.text else []


class Crashing(Reader):
    name = "crashing"

    def inspect_text(self, content: TextContent) -> Iterator[Finding]:
        yield finding(content)
        raise RuntimeError("no")


class Exiting(Reader):
    name = "exiting"

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        raise SystemExit


class NotANumber(Reader):
    name, score = "nan", float("nan")


class Garbage(Reader):
    name = "garbage"

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        return ["hate"]  # type: ignore[list-item]


class Hanging(Reader):
    name = "hanging"

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.calls = 0

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        self.calls += 1
        self.gate.wait(60)
        return [finding(content)]


def test_findings_carry_their_field_and_whether_it_was_negated() -> None:
    report = TextPipeline([Reader()]).screen(
        {"prompt": "a bad thing", "negative_prompt": "bad", "empty": ""},
        negated=frozenset({"negative_prompt"}),
    )
    assert [(f.attributes["source"], f.attributes.get("negated")) for f in report.findings] == [
        ("prompt", None),
        ("negative_prompt", True),
    ]
    (cell,) = report.cells
    assert (cell.available, cell.ran, cell.complete, cell.note) == (True, True, True, "")


@pytest.mark.parametrize(
    "broken", [Crashing(), Exiting(), NotANumber(), Garbage()], ids=lambda detector: detector.name
)
def test_a_detector_that_fails_leaves_a_gap_and_no_finding(broken: Reader) -> None:
    report = TextPipeline([broken, Reader()]).screen({"prompt": "bad"})
    assert [f.detector for f in report.findings] == ["reader"]
    (cell,) = report.cells
    assert (cell.ran, cell.complete) == (True, False)
    assert broken.name in cell.note
    (alone,) = TextPipeline([broken]).screen({"prompt": "bad"}).cells
    assert (alone.available, alone.ran, alone.complete) == (True, False, False)


def test_a_hanging_detector_is_abandoned_and_the_others_run_until_it_comes_back() -> None:
    hanging = Hanging()
    pipeline = TextPipeline([Reader(), hanging, Reader()], budget_s=0.4)
    before = DETECTOR_TIMEOUTS.read().get((hanging.name,), 0)
    for _ in range(MAX_STUCK + 3):
        report = pipeline.screen({"prompt": "bad"})
        assert len(report.findings) == 2
        (cell,) = report.cells
        assert (cell.ran, cell.complete) == (True, False)
    assert hanging.calls <= MAX_STUCK
    assert DETECTOR_TIMEOUTS.read()[hanging.name,] == before + MAX_STUCK
    hanging.gate.set()
    for thread in threading.enumerate():
        if thread.name == "safelight-text":
            thread.join(30)
    pipeline.budget_s = 60
    (cell,) = pipeline.screen({"prompt": "bad"}).cells
    assert cell.complete


@pytest.mark.parametrize(("first", "second"), [("a street", "街道"), ("街道", "a street")])
def test_the_first_text_of_each_script_has_the_time_that_loading_takes(first: str, second: str) -> None:
    class Loading(Reader):
        def __init__(self) -> None:
            self.seen: set[str] = set()

        def inspect_text(self, content: TextContent) -> Iterable[Finding]:
            if content.text not in self.seen:
                time.sleep(0.5)
            self.seen.add(content.text)
            return []

    pipeline = TextPipeline([Loading()], budget_s=0.1, loading_s=60)
    read = [pipeline.screen({"prompt": text}).cells[0].complete for text in (first, second, first, "third")]
    assert read == [True, True, True, False]


def test_many_slow_texts_at_once_do_not_count_as_stuck() -> None:
    together = threading.Barrier(3 * MAX_STUCK)

    class Slow(Reader):
        def inspect_text(self, content: TextContent) -> Iterable[Finding]:
            together.wait(60)
            return super().inspect_text(content)

    pipeline = TextPipeline([Slow()], budget_s=60)
    complete: list[bool] = []

    def screen() -> None:
        complete.extend(cell.complete for cell in pipeline.screen({"prompt": "bad"}).cells)

    with ThreadPoolExecutor(3 * MAX_STUCK) as threads:
        for _ in range(3 * MAX_STUCK):
            threads.submit(screen)
    assert complete == [True] * (3 * MAX_STUCK)


def test_many_texts_at_once_do_not_mix() -> None:
    pipeline = TextPipeline([Reader()])
    texts = [{"prompt": "bad " if number % 2 else "good"} for number in range(16)]
    with ThreadPoolExecutor(16) as threads:
        reports = list(threads.map(pipeline.screen, texts))
    assert [len(report.findings) for report in reports] == [0, 1] * 8


def test_only_the_card_detector_sees_the_card() -> None:
    pipeline = TextPipeline([CardDetector({"bad"}), Reader()])
    report = pipeline.screen({"prompt": "SAFELIGHT-TEST:bad"})
    assert [(f.category, f.test_card) for f in report.findings] == [("bad", True)]
    both = pipeline.screen({"prompt": "SAFELIGHT-TEST:bad and bad"})
    assert [f.test_card for f in both.findings] == [True, False]


def test_ocr_findings_have_their_frames_and_box() -> None:
    reads = [
        MediaText(text="hello", confidence=0.9, frame=0, start_s=0.0, end_s=0.1),
        MediaText(text="bad", confidence=0.7, frame=4, start_s=0.4, end_s=0.5),
        MediaText(text="bad", confidence=0.9, frame=9, start_s=0.9, end_s=1.0, box=(0.1, 0.2, 0.3, 0.4)),
    ]
    (found,) = TextPipeline([Reader()]).screen_media_text(reads).findings
    (place,) = found.evidence
    assert isinstance(place, FrameRange)
    assert (place.first, place.last, place.peak, place.start_s, place.end_s) == (4, 9, 9, 0.4, 1.0)
    assert place.box is not None
    assert found.modality is Modality.TEXT
    assert found.attributes["source"] == "on_screen"


def test_a_transcript_is_read_across_lines_with_times() -> None:
    class AcrossLines(Reader):
        def inspect_text(self, content: TextContent) -> Iterable[Finding]:
            start = content.text.index("very bad")
            span = TextSpan(field=content.field, start=start, end=start + 8)
            return [seen("hate", evidence=(span,))]

    reads = [
        MediaText(text="a very", confidence=0.9, start_s=1.0, end_s=2.0),
        MediaText(text="bad thing", confidence=0.9, start_s=2.0, end_s=3.0),
    ]
    (found,) = TextPipeline([AcrossLines()]).screen_media_text(reads, "transcript").findings
    assert found.evidence == (TimeRange(start_s=1.0, end_s=3.0),)
    assert (found.modality, found.attributes["speech"]) == (Modality.AUDIO, True)
    silent = TextPipeline([Reader()]).screen_media_text([])
    assert silent.findings == ()
    assert all(cell.complete for cell in silent.cells)


def test_all_detectors_share_one_budget_and_the_rest_is_a_gap() -> None:
    stuck = [Hanging() for _ in range(6)]
    for number, one in enumerate(stuck):
        one.name = f"stuck{number}"
        one.capabilities = (Capability(category=f"c{number}", modality=Modality.TEXT),)
    report = TextPipeline(stuck, budget_s=0.2, total_s=0.5).screen({"prompt": "x"})
    for one in stuck:
        one.gate.set()
    assert len(report.cells) == 6
    assert not any(cell.complete for cell in report.cells)
    assert any("whole text" in cell.note for cell in report.cells)


def test_costly_detectors_run_last() -> None:
    class Costly(Reader):
        name, costly = "costly", True

    assert [one.name for one in TextPipeline([Costly(), Reader()]).detectors] == ["reader", "costly"]


def test_findings_before_a_partial_inspection_count_and_leave_a_gap() -> None:
    class Partly(Reader):
        def inspect_text(self, content: TextContent) -> Iterable[Finding]:
            yield finding(content, 0.7)
            raise PartialInspection("the rest was not read.")

    report = TextPipeline([Partly()]).screen({"prompt": "something bad"})
    assert [one.score for one in report.findings] == [0.7]
    (cell,) = report.cells
    assert not cell.complete
    assert "not read" in cell.note


class Classifier(Reader):
    """Judges texts of several words only."""

    name, learned = "classifier", True
    points: ClassVar[dict[str, float]] = {"hate": 0.6}

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        if " " not in content.text:
            raise Abstained("There is no operating point for a single word.")
        return [finding(content, 0.9)]


class Undecided(Classifier):
    name = "undecided"

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        raise Abstained("There is no operating point for this text.")


class GuardOfManyFields(Classifier):
    name = "guard"

    def inspect_together(self, contents: Sequence[TextContent]) -> Iterable[Finding]:
        raise Abstained("There is no operating point for these texts.")


def test_where_a_classifier_abstains_the_check_has_the_depth_of_lists_and_says_why() -> None:
    report = TextPipeline([Reader(), Classifier()]).screen({"prompt": "bad"})

    (cell,) = report.cells
    assert (cell.status, cell.depth) == (CoverageStatus.CHECKED, Depth.LISTS)
    assert cell.note == "classifier: There is no operating point for a single word."
    assert [found.detector for found in report.findings] == ["reader"]


def test_the_check_has_the_depth_of_lists_or_of_a_classifier_that_judged_the_text() -> None:
    for detectors, depth in (
        ((Reader(), Classifier()), Depth.LEARNED),
        ((Classifier(), Undecided()), Depth.LEARNED),
        ((Reader(),), Depth.LISTS),
    ):
        (cell,) = TextPipeline(detectors).screen({"prompt": "a very bad thing"}).cells
        assert (cell.status, cell.depth, cell.note) == (CoverageStatus.CHECKED, depth, "")


def test_a_category_that_only_an_abstaining_classifier_checks_is_a_gap() -> None:
    for detector in (Classifier(), GuardOfManyFields()):
        (cell,) = TextPipeline([detector]).screen({"prompt": "bad"}).cells

        assert cell.status is CoverageStatus.NOT_CHECKED
        assert "no operating point" in cell.note


class StandIn(Classifier):
    name = "stand-in"
    stands_in_for: ClassVar[dict[str, str]] = {"en": "classifier"}

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        for language in ("en", "zh-Hans"):
            point = msgspec.structs.replace(POINT, voice=language, language=language, length="1-3")
            yield seen("hate", 0.7, basis=Basis.LEARNED, point=point)


def test_a_stand_in_counts_in_a_language_only_where_the_other_classifier_did_not_judge() -> None:
    def languages(*detectors: TextDetector, text: str) -> list[str]:
        found = TextPipeline(detectors).screen({"prompt": text}).findings
        return sorted(one.point.language for one in found if one.point)

    assert languages(StandIn(), Classifier(), text="so bad") == ["zh-Hans"]
    assert languages(StandIn(), Classifier(), text="bad") == ["en", "zh-Hans"]
    assert languages(StandIn(), text="so bad") == ["en", "zh-Hans"]


@each_row
def test_few_words_of_a_longer_field_are_an_excerpt(text: str, excerpt: bool) -> None:
    findings = TextPipeline([StandIn()]).screen({"prompt": text}).findings
    assert {bool(one.attributes.get("excerpt")) for one in findings} == {excerpt}


def test_texts_read_in_a_file_are_excerpts() -> None:
    pipeline = TextPipeline([StandIn()])
    read = [MediaText(text="bad", confidence=0.9, frame=0)]
    for report in (
        pipeline.screen_media_text(read),
        pipeline.screen_media_text(read, "transcript"),
        pipeline.screen({"tags": "bad"}),
    ):
        assert all(one.attributes["excerpt"] for one in report.findings)


def test_where_a_classifier_alone_does_not_count_the_check_has_the_depth_of_lists() -> None:
    class Measured(Classifier):
        points: ClassVar[dict[str, float]] = {"hate": 0.5}

        def inspect_text(self, content: TextContent) -> Iterable[Finding]:
            return []

    def depth(**fields: str) -> Depth:
        (cell,) = TextPipeline([Measured()]).screen(fields).cells
        return cell.depth

    assert depth(prompt="bad dog") is Depth.LISTS
    assert depth(prompt="a dog in the sun") is Depth.LEARNED
    assert depth(prompt="a dog in the sun", negative_prompt="rain") is Depth.LEARNED


def test_the_fields_after_one_that_was_not_judged_are_judged() -> None:
    report = TextPipeline([Reader(), Classifier()]).screen({"prompt": "bad", "title": "so bad"})

    assert {found.attributes["source"] for found in report.findings if found.score == 0.9} == {"title"}
    assert report.cells[0].depth is Depth.LISTS


def test_a_crash_beside_an_abstention_stays_a_gap() -> None:
    (cell,) = TextPipeline([Reader(), Crashing(), Classifier()]).screen({"prompt": "bad"}).cells

    assert cell.status is CoverageStatus.PARTLY
    assert "crashing failed" in cell.note


def test_the_pipeline_names_the_lowest_operating_point_of_each_category() -> None:
    class Lower(Classifier):
        points: ClassVar[dict[str, float]] = {"hate": 0.55}

    assert TextPipeline([Reader(), Classifier(), Lower()]).points == {"hate": 0.55}


class Faint(Reader):
    name, score, recorded_from = "faint", 0.2, 0.3


def test_findings_below_the_lowest_recorded_score_of_a_detector_are_kept_apart() -> None:
    report = TextPipeline([Reader(), Faint()]).screen({"prompt": "a bad day"})
    assert [one.score for one in report.findings] == [0.5]
    assert [(one.score, one.attributes["source"]) for one in report.unrecorded] == [(0.2, "prompt")]
    text = MediaText(text="a bad day", confidence=1.0, frame=0)
    assert TextPipeline([Faint()]).screen_media_text([text]).unrecorded == ()

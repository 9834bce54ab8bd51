from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import msgspec
import pytest

from safelight.cli.output import Exit
from safelight.cli.scan_output import (
    FailOn,
    ScanRow,
    Summary,
    exit_of,
    row_of,
    worst_exit,
)
from safelight.cli.scan_text import describe_summary, location_text, text_of
from safelight.core.i18n import translate_sentence
from safelight.media.probe import UnscannedKind, UnscannedPart
from safelight.policy.findings import (
    Cell,
    Evidence,
    Finding,
    FrameRange,
    ImageBox,
    Modality,
    TextSpan,
    TimeRange,
)
from safelight.policy.verdicts import Action, Verdict
from safelight.screening.file_scan import FileReport
from safelight.screening.unscanned import describe_unscanned
from support.commands import speaking
from support.verdicts import decided, seen

FRAMES = FrameRange(first=3, last=9, start_s=0.125, end_s=0.4167, peak=4)
ONE = FrameRange(first=3, last=3, start_s=0.125, end_s=0.1667, peak=3)
HOLE = Cell(category="violence/graphic", modality=Modality.FRAMES, required=True)


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """Other tests in this process may have left another language."""
    with speaking("en"):
        yield


def finding(*evidence: Evidence) -> Finding:
    return seen("violence", 0.9, "frames", evidence=evidence)


def verdict(action: Action, **fields: Any) -> Verdict:
    return msgspec.structs.replace(decided("output"), action=action, **fields)


def row(**fields: Any) -> ScanRow:
    return ScanRow(file="a.mp4", **fields)


FOUND = (finding(ONE),)
WAIVED = verdict(Action.ALLOW, waivers=("demo",))


@pytest.mark.parametrize(
    ("judged", "fail_on", "code"),
    [
        (verdict(Action.ALLOW), FailOn.HOLD, Exit.OK),
        (verdict(Action.LABEL), FailOn.HOLD, Exit.OK),
        (WAIVED, FailOn.HOLD, Exit.WAIVED),
        (verdict(Action.HOLD, findings=FOUND), FailOn.HOLD, Exit.HELD),
        (verdict(Action.BLOCK, findings=FOUND), FailOn.HOLD, Exit.BLOCKED),
        (verdict(Action.BLOCK, findings=FOUND, gaps=(HOLE,)), FailOn.HOLD, Exit.BLOCKED),
        (verdict(Action.HOLD, gaps=(HOLE,)), FailOn.HOLD, Exit.NOT_COVERED),
        (verdict(Action.BLOCK, gaps=(HOLE,)), FailOn.HOLD, Exit.NOT_COVERED),
        (verdict(Action.HOLD, gaps=(HOLE,)), FailOn.BLOCK, Exit.OK),
        (verdict(Action.BLOCK, findings=FOUND), FailOn.BLOCK, Exit.BLOCKED),
        (verdict(Action.LABEL), FailOn.LABEL, Exit.LABELLED),
        (verdict(Action.LABEL), FailOn.INCOMPLETE, Exit.LABELLED),
        (WAIVED, FailOn.LABEL, Exit.WAIVED),
        (verdict(Action.ALLOW), FailOn.INCOMPLETE, Exit.OK),
    ],
)
def test_the_exit_code_reflects_the_verdict_and_the_option(
    judged: Verdict, fail_on: FailOn, code: Exit
) -> None:
    assert exit_of(judged, fail_on) is code


def test_an_incomplete_scan_counts_only_if_it_is_asked_for() -> None:
    assert exit_of(WAIVED, FailOn.INCOMPLETE, incomplete=True) is Exit.NOT_COVERED
    assert exit_of(WAIVED, FailOn.HOLD, incomplete=True) is Exit.WAIVED


def test_with_several_files_the_most_severe_verdict_counts() -> None:
    assert worst_exit([0, 6, 7, 1]) is Exit.ERROR
    assert worst_exit([0, 5, 4, 3, 6]) is Exit.BLOCKED
    assert worst_exit([4, 5]) is Exit.HELD
    assert worst_exit([0, 0]) is Exit.OK


def test_the_summary_counts_verdicts_and_remaining_files() -> None:
    said = describe_summary(
        Summary(
            files=3, outcomes={"allow": 2, "not scanned": 1}, unchanged=1, skipped=4, remaining=2, wall_s=1.25
        )
    )
    assert said.startswith("3 files: 2 allowed, 1 not scanned; 1.2 s.")
    assert "1 unchanged" in said
    assert "2 not scanned" in said
    assert "Other files skipped: 4" in said
    said = describe_summary(Summary(files=4, outcomes={"allow": 1, "hold": 3}, missing_checks={"hold": 2}))
    assert said.startswith(
        "4 files: 1 allowed, 1 held for review, 2 held for review only because required checks are missing;"
    )


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (ONE, "frame 3 at 0.12 s"),
        (FRAMES, "frames 3 to 9, 0.12 to 0.42 s"),
        (TimeRange(start_s=1, end_s=2.5), "sound from 1.00 to 2.50 s"),
        (ImageBox(x=0, y=0, w=1, h=1), "the image"),
        (TimeRange(start_s=0, end_s=0), "text in the file"),
        (TextSpan(field="on_screen", start=0, end=4), "text in the file"),
    ],
)
def test_locations_are_written_as_text(place: Evidence, words: str) -> None:
    assert location_text(finding(place)) == words


def test_text_output_has_action_reason_and_unchecked_categories() -> None:
    held = row(
        exit=4,
        action="hold",
        category="violence",
        reason="Violence over several frames.",
        findings=(finding(FRAMES), finding(FRAMES)),
        coverage={"checked": ["sexual (frames)"], "not checked": ["violence/graphic (frames)"]},
        waivers=("demo",),
    )
    said = text_of(held)
    assert said.startswith("a.mp4: held for review (Violence)\n  Violence over several frames.")
    assert said.count("Violence (0.90), frames 3 to 9") == 1
    assert "Not checked: Graphic violence (frames)." in said
    assert "Allowed under a waiver: demo." in said
    assert "not scanned" in text_of(ScanRow(file="b", exit=1, problem="It is damaged."))


def test_names_and_texts_of_a_file_cannot_forge_a_row_or_colour_the_terminal() -> None:
    forged = ScanRow(
        file="a.mp4\nb.mp4: allow\x1b[32m\x9b31m\r",
        exit=4,
        action="hold",
        reason="One\ntwo \u202etxt",
        transcript=({"text": "hello\nc.mp4: allow", "start_s": 0.0},),
    )
    said = text_of(forged)
    assert [line[:2] for line in said.splitlines()] == ["a.", "  ", "  "]
    assert not set(said) & set("\x1b\x9b\u202e\r")
    broken = text_of(ScanRow(file="a\r\nb: allow", exit=1, problem="Damaged.\x07"))
    assert len(broken.splitlines()) == 2
    assert "\x07" not in broken


@pytest.mark.parametrize("tag", ["zh-Hant", "zh-Hans"])
def test_a_chinese_reader_sees_no_english_sentence(tag: str) -> None:
    face = msgspec.structs.replace(
        finding(ONE), category="likeness", detector="nudenet", reason="A face is visible."
    )
    gap = Cell(
        category="violence/graphic",
        modality=Modality.FRAMES,
        note="No bundled model detects blood or wounds.",
    )
    rows = [
        row(
            exit=4,
            action="hold",
            category="likeness",
            reason="A real public figure is depicted.",
            findings=(face,),
            transcript=({"text": "3", "start_s": 0.0},),
            coverage={"not checked": ["violence/graphic (frames)"], "partly": ["likeness (audio)"]},
            unscanned=(
                "A second sound track was not judged.",
                "1,234 bytes after the end of the image or video were not judged.",
            ),
            unchanged=True,
        ),
        row(
            exit=5,
            action="hold",
            category="violence/graphic",
            by_gap=True,
            gaps=(gap.note,),
            missing=(
                {"category": gap.category, "modality": "frames", "installed": False, "reason": gap.note},
            ),
        ),
        row(exit=1, problem="It is a link to nothing."),
    ]
    summary = Summary(files=3, outcomes={"hold": 2, "not scanned": 1}, unchanged=1, skipped=1, remaining=1)
    with speaking(tag):
        said = "\n".join([*map(text_of, rows), describe_summary(summary)])
    words = said.replace("a.mp4", "").replace("--json", "").replace("NudeNet", "")
    words = words.replace("docs/extending.md", "").replace("safelight waivers add --help", "")
    assert not re.search("[A-Za-z]{2}", words), said


def test_what_the_checks_found_comes_first_then_each_missing_check_then_what_to_do() -> None:
    cells = tuple(
        Cell(category=name, modality=Modality.FRAMES, required=True, note=f"No model for {name}.")
        for name in ("extremism", "sexual")
    )
    held = msgspec.structs.replace(
        verdict(Action.HOLD, gaps=cells), category="extremism", reason="Not checked: extremism in frames."
    )
    report = FileReport(name="a.mp4", looked_at=0.0, verdict=held, coverage=cells)
    shown = row_of("a.mp4", report, FailOn.HOLD)
    assert text_of(shown).splitlines() == [
        "a.mp4: Nothing found. 2 required checks cannot run here, so the policy holds it.",
        "  - Violent extremism (frames): No model for extremism.",
        "  - Sexual content (frames): No model for sexual.",
        "  What to do: install a detector for these checks (docs/extending.md), or let a named person waive "
        "them: safelight waivers add --help",
    ]
    assert shown.exit == Exit.NOT_COVERED
    assert [check["category"] for check in shown.missing] == ["extremism", "sexual"]


def test_a_missing_check_without_a_known_reason_is_not_called_a_finding() -> None:
    cell = Cell(category="sexual", modality=Modality.TEXT, required=True, available=True)
    held = msgspec.structs.replace(
        verdict(Action.HOLD, gaps=(cell,)), category="sexual", reason="Not checked: sexual in text."
    )
    report = FileReport(name="a.mp4", looked_at=0.0, verdict=held, coverage=(cell,), findings=FOUND)
    first, found, missing, todo = text_of(row_of("a.mp4", report, FailOn.HOLD)).splitlines()
    assert first.startswith("a.mp4: Nothing found that stops it; what was found is listed below.")
    assert first.endswith("1 required check was not completed, so the policy holds it.")
    assert found.startswith("  - Violence (0.90)")
    assert missing == "  - Sexual content (text): Not checked; the reason is not known."
    assert todo.endswith("run: safelight doctor")


@pytest.mark.parametrize(
    ("tag", "wanted"),
    [("en", "Blood and a knife. Found by: test."), ("zh-Hant", "Blood and a knife。偵測方式：test。")],
)
def test_a_reason_without_a_full_stop_does_not_run_into_the_next_words(tag: str, wanted: str) -> None:
    found = msgspec.structs.replace(finding(ONE), reason="Blood and a knife")
    with speaking(tag):
        assert text_of(row(exit=4, action="hold", category="violence", findings=(found,))).endswith(wanted)


def test_every_part_that_is_not_scanned_is_translated() -> None:
    for kind, count, tag in product(UnscannedKind, (1, 2000), ("zh-Hant", "zh-Hans")):
        sentence = describe_unscanned(UnscannedPart(kind=kind, count=count))
        assert translate_sentence("commands", sentence, tag), sentence

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.core.errors import InvalidField, NotFound
from safelight.detectors import safety_card
from safelight.detectors.protocol import MediaText
from safelight.media.probe import MediaInfo
from safelight.policy.findings import SHIPPED, Cell, Coverage, Finding, FrameRange, Modality, Stage, TextSpan
from safelight.policy.verdicts import Action
from safelight.screening.evaluation import StageResult
from safelight.screening.scanning.report import DetectorRun, ScanReport
from safelight_lab.evaluation import clip_eval, clip_report, clips
from safelight_lab.evaluation.clip_eval import ClipResult
from safelight_lab.evaluation.clips import Clip, LabelledSegment
from safelight_lab.evaluation.text_match import was_read
from support.rows import each_row
from support.verdicts import decided
from support.verdicts import seen as finding_of

FACTS = MediaInfo(
    container="mov",
    bytes=1,
    width=320,
    height=180,
    fps=24,
    duration_s=4.0,
    frames=96,
    video_codec="h264",
    pixel_format="yuv420p",
    rotation=0,
)


def finding(start_s: float, end_s: float, *, category: str = "sexual", score: float = 0.9) -> Finding:
    where = FrameRange(first=0, last=1, start_s=start_s, end_s=end_s, peak=0)
    return finding_of(category, score, "frames", evidence=(where,))


def clip(label: str = "unsafe", *segments: LabelledSegment) -> Clip:
    return Clip(file="a.mp4", sha256="0" * 64, label=label, segments=segments)


def segment(start_s: float = 1.0, end_s: float = 2.0, **more: str) -> LabelledSegment:
    return LabelledSegment(
        category=more.get("category", "sexual"),
        modality=Modality(more.get("modality", "frames")),
        start_s=start_s,
        end_s=end_s,
    )


def seen(
    one: Clip,
    *findings: Finding,
    action: Action = Action.ALLOW,
    holes: tuple[Cell, ...] = (),
    texts: tuple[MediaText, ...] = (),
) -> ClipResult:
    verdict = msgspec.structs.replace(
        decided("output"), action=action, findings=() if holes else findings, gaps=holes
    )
    covered = Cell(category="sexual", modality=Modality.FRAMES, available=True, ran=True, complete=True)
    judged = StageResult(
        stage=Stage.OUTPUT, verdict=verdict, findings=findings, coverage=Coverage(cells=(covered,))
    )
    run = DetectorRun(name="d", version="1", cpu_s=2.0, ran=True, complete=True)
    return ClipResult(
        clip=one,
        result=judged,
        report=ScanReport(runs=(run,), media=FACTS, texts=texts, wall_s=4.0, cpu_s=3.0),
    )


def report(*rows: ClipResult) -> dict[str, object]:
    data = clips.ClipSet(name="set", folder=Path(), sha256="1" * 64, clips=tuple(one.clip for one in rows))
    return clip_eval.build_report(data, rows, taxonomy=SHIPPED, policy={"starter": "2" * 64}, waivers=())


def rows_of(found: dict[str, object], name: str) -> list[dict[str, object]]:
    rows = found[name]
    assert isinstance(rows, list)
    return rows


def cell(found: dict[str, object], category: str, modality: str = "frames") -> dict[str, object]:
    rows = found["cells"]
    assert isinstance(rows, list)
    return next(one for one in rows if (one["category"], one["modality"]) == (category, modality))


def test_every_cell_is_listed_and_unmeasured_without_data() -> None:
    found = report(
        seen(clip("unsafe", segment()), finding(1.5, 1.6), action=Action.BLOCK), seen(clip("safe"))
    )
    rows = found["cells"]
    assert isinstance(rows, list)
    assert len(rows) == len(SHIPPED) * 3
    assert cell(found, "sexual")["state"] == "measured"
    assert (cell(found, "sexual")["found"], cell(found, "sexual")["stopped"]) == (1, 1)
    assert cell(found, "sexual")["recall_interval"] != [1.0, 1.0]
    assert cell(found, "sexual")["coverage"] == {"checked": 2}
    other = cell(found, "violence/graphic")
    assert (other["state"], other["recall"], other["recall_interval"]) == ("unmeasured", None, None)
    assert other["coverage"] == {"off": 2}


@pytest.mark.parametrize(
    ("found", "hit"),
    [
        (finding(1.2, 1.3), True),
        (finding(0.0, 0.95), True),
        (finding(0.0, 0.8), False),
        (finding(2.5, 3.0), False),
        (finding(1.2, 1.3, score=0.4), False),
        (finding(1.2, 1.3, category="violence"), False),
    ],
)
def test_a_segment_is_found_by_its_category_at_its_time(found: Finding, hit: bool) -> None:
    wanted = segment()
    assert clip_eval.overlaps(seen(clip("unsafe", wanted), found), wanted) is hit
    faint = msgspec.structs.replace(wanted, score=found.score)
    lower = msgspec.structs.replace(found, score=found.score - 0.01)
    assert clip_eval.overlaps(seen(clip("unsafe", faint), found), faint) is (hit or found.score < 0.5)
    assert not clip_eval.overlaps(seen(clip("unsafe", faint), lower), faint), "the segment has a minimum"


def test_a_test_card_finding_matches_only_test_card_segments() -> None:
    card = msgspec.structs.replace(finding(1.2, 1.3), test_card=True)
    plain, carded = segment(), msgspec.structs.replace(segment(), card=True)
    assert clip_eval.overlaps(seen(clip("unsafe", plain), card), plain) is False
    assert clip_eval.overlaps(seen(clip("unsafe", carded), finding(1.2, 1.3)), carded) is False
    found = report(seen(clip("unsafe", carded), card), seen(clip("unsafe", carded)))
    assert found["cards"] == [{"modality": "frames", "segments": 2, "found": 1}]
    assert cell(found, "sexual")["state"] == "unmeasured"


def test_on_screen_text_matches_at_the_time_it_was_read() -> None:
    said = finding_of("hate", evidence=(TextSpan(field="on_screen", start=0, end=4),))
    wanted = segment(1.0, 1.5, category="hate", modality="text")
    for start_s, hit in ((1.2, True), (3.0, False)):
        read = MediaText(text="words", confidence=0.9, frame=3, start_s=start_s, end_s=start_s)
        one = seen(clip("unsafe", wanted), said, texts=(read,))
        assert clip_eval.overlaps(one, wanted) is hit
    card = msgspec.structs.replace(wanted, modality=Modality.FRAMES, card=True)
    for start_s, hit in ((1.0, True), (2.0, False)):
        read = MediaText(text=safety_card.card_phrase("hate"), confidence=1.0, start_s=start_s, end_s=start_s)
        assert clip_eval.overlaps(seen(clip("unsafe", card), texts=(read,)), card) is hit


def test_harmless_on_screen_text_is_matched_by_its_time() -> None:
    wanted = LabelledSegment(
        modality=Modality.TEXT, start_s=1.0, end_s=1.1, words="MEET AT SEVEN TONIGHT", group="text"
    )
    late = msgspec.structs.replace(wanted, start_s=3.0, end_s=3.1)
    read = MediaText(text="MEET AT SEVENTONIGHT", confidence=0.9, frame=3, start_s=1.05, end_s=1.05)
    one = seen(clip("safe", wanted, late), texts=(read,))
    assert clip_eval.overlaps(one, wanted) is True
    assert clip_eval.overlaps(one, late) is False
    found = report(one)
    assert [(row["group"], row["segments"], row["found"]) for row in rows_of(found, "groups")] == [
        ("text", 2, 1)
    ]
    assert all(row["state"] == "unmeasured" for row in rows_of(found, "cells"))


def test_cost_is_reported_per_group_of_clips() -> None:
    noisy = msgspec.structs.replace(clip("safe"), group="noise")
    cost = report(seen(clip("safe")), seen(noisy), seen(noisy))["cost"]
    assert isinstance(cost, dict)
    assert cost["clips"] == 3
    assert {name: row["clips"] for name, row in cost["groups"].items()} == {"noise": 2}
    assert cost["groups"]["noise"]["cpu_s_per_video_s"] == 0.75
    assert (cost["video_s"], cost["cpu_s_per_video_s"], cost["wall_s_per_video_s"]) == (12.0, 0.75, 1.0)
    assert cost["detector_cpu_s_per_video_s"] == {"d": 0.5}


@each_row
def test_text_counts_as_read_if_three_of_four_words_match(words: str, read: str, is_read: bool) -> None:
    assert was_read(words, read) is is_read


def test_a_clip_held_only_by_a_gap_counts_as_not_covered() -> None:
    hole = Cell(category="violence/graphic", modality=Modality.FRAMES, required=True)
    one = seen(clip("unsafe", segment()), action=Action.HOLD, holes=(hole,))
    found = report(one)
    counts = found["clips"]
    assert isinstance(counts, dict)
    assert (counts["unsafe"]["not_covered"], counts["unsafe"]["hold"]) == (1, 0)
    assert cell(found, "sexual")["stopped"] == 0


def test_an_unreadable_clip_is_counted_as_missed() -> None:
    found = report(
        ClipResult(clip=clip("unsafe", segment()), result=None, report=None, problem="It is damaged.")
    )
    assert found["unreadable"] == [{"file": "a.mp4", "why": "It is damaged."}]
    assert cell(found, "sexual")["found"] == 0
    missed = found["missed"]
    assert isinstance(missed, list)
    assert len(missed) == 1


def test_the_page_shows_unmeasured_cells_and_false_alarms() -> None:
    alarm = seen(clip("safe"), finding(0, 1), action=Action.BLOCK)
    page = clip_report.html(report(alarm, seen(clip("unsafe", segment()), finding(1, 2))))
    assert "unmeasured" in page
    assert "sexual (test)" in page
    assert "<script" not in page


@given(hits=st.lists(st.booleans(), min_size=1, max_size=30))
def test_recall_is_inside_its_interval(hits: list[bool]) -> None:
    rows = [seen(clip("unsafe", segment()), *([finding(1, 2)] if hit else [])) for hit in hits]
    one = cell(report(*rows), "sexual")
    low, high = one["recall_interval"]  # type: ignore[misc]
    assert low <= one["recall"] <= high  # type: ignore[operator]
    assert one["found"] == sum(hits)


def write(folder: Path, **row: object) -> Path:
    (folder / "a.mp4").write_bytes(b"clip")
    sha256 = hashlib.sha256(b"clip").hexdigest()
    line = {"file": "a.mp4", "sha256": sha256, "label": "safe", **row}
    (folder / "clips.jsonl").write_text(json.dumps(line) + "\n")
    return folder


def test_a_manifest_is_read(tmp_path: Path) -> None:
    true = {"category": "hate", "modality": "audio", "start_s": 0.5, "end_s": 2}
    found = clips.read(write(tmp_path, label="unsafe", segments=[true]))
    assert found.clips[0].segments == (
        LabelledSegment(category="hate", modality=Modality.AUDIO, start_s=0.5, end_s=2.0),
    )


@each_row
def test_an_invalid_manifest_line_is_named(tmp_path: Path, row: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidField, match="line 1") as refused:
        clips.read(write(tmp_path, **row))
    assert said in refused.value.message


def test_a_folder_without_a_manifest_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        clips.read(tmp_path)

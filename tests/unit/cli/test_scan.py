from __future__ import annotations

from pathlib import Path

import pytest

from safelight.cli.exits import Exit
from safelight.cli.scan import FailOn, Row, exit_of, files_in, gravest, is_picture, text, where
from safelight.errors import InvalidMedia, NotFound
from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding, FrameRange, ImageBox, Modality, Stage, TextSpan, TimeRange
from safelight.policy.verdicts import Action, Verdict

FRAMES = FrameRange(first=3, last=9, start_s=0.125, end_s=0.4167, peak=4)
ONE = FrameRange(first=3, last=3, start_s=0.125, end_s=0.1667, peak=3)
HOLE = Cell(category="violence/graphic", modality=Modality.FRAMES, required=True)


def finding(*evidence: FrameRange | ImageBox | TimeRange | TextSpan) -> Finding:
    return Finding(
        category="violence",
        score=0.9,
        modality=Modality.FRAMES,
        detector="d",
        version="1",
        reason="Because.",
        evidence=evidence,
    )


def verdict(
    action: Action,
    *,
    findings: tuple[Finding, ...] = (),
    holes: tuple[Cell, ...] = (),
    waivers: tuple[str, ...] = (),
) -> Verdict:
    return Verdict(
        action=action,
        stage=Stage.OUTPUT,
        subject_sha256="0" * 64,
        policy="starter",
        policy_sha256="0" * 64,
        findings=findings,
        holes=holes,
        waivers=waivers,
    )


@pytest.mark.parametrize(
    ("judged", "code"),
    [
        (verdict(Action.ALLOW), Exit.OK),
        (verdict(Action.LABEL), Exit.OK),
        (verdict(Action.ALLOW, waivers=("demo",)), Exit.WAIVED),
        (verdict(Action.HOLD, findings=(finding(ONE),)), Exit.HELD),
        (verdict(Action.BLOCK, findings=(finding(ONE),)), Exit.BLOCKED),
        (verdict(Action.BLOCK, findings=(finding(ONE),), holes=(HOLE,)), Exit.BLOCKED),
        (verdict(Action.HOLD, holes=(HOLE,)), Exit.NOT_COVERED),
        (verdict(Action.BLOCK, holes=(HOLE,)), Exit.NOT_COVERED),
    ],
)
def test_the_exit_code_tells_the_verdict(judged: Verdict, code: Exit) -> None:
    assert exit_of(judged, FailOn.HOLD) is code


def test_fail_on_block_lets_what_is_held_pass() -> None:
    assert exit_of(verdict(Action.HOLD, holes=(HOLE,)), FailOn.BLOCK) is Exit.OK
    assert exit_of(verdict(Action.BLOCK, findings=(finding(ONE),)), FailOn.BLOCK) is Exit.BLOCKED


def test_with_several_files_the_gravest_counts() -> None:
    assert gravest([0, 6, 1]) is Exit.ERROR
    assert gravest([0, 5, 4, 3, 6]) is Exit.BLOCKED
    assert gravest([4, 5]) is Exit.HELD
    assert gravest([0, 0]) is Exit.OK


def test_a_folder_gives_its_media_in_order_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.MP4", "a.png", "notes.txt", "deep/c.webm"):
        (tmp_path / name).touch()
    assert [file.name for file in files_in(tmp_path)] == ["a.png", "b.MP4", "c.webm"]
    assert files_in(tmp_path / "notes.txt") == [tmp_path / "notes.txt"]


def test_nothing_to_scan_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no video or picture file"):
        files_in(tmp_path)
    with pytest.raises(NotFound, match="no file"):
        files_in(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    ("head", "picture"),
    [
        (b"\x89PNG\r\n\x1a\n", True),
        (b"\xff\xd8\xff\xe0", True),
        (b"\0\0\0\x20ftypisom", False),
        (b"RIFF0000AVI ", False),
    ],
)
def test_what_a_file_is_is_read_from_it_not_from_its_name(tmp_path: Path, head: bytes, picture: bool) -> None:
    (tmp_path / "a.txt").write_bytes(head + bytes(64))
    assert is_picture(tmp_path / "a.txt") is picture


def test_a_text_file_is_neither(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("hello, I am no film")
    with pytest.raises(InvalidMedia, match="not a video or picture file"):
        is_picture(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (ONE, "in frame 3 at 0.12 s"),
        (FRAMES, "in frames 3 to 9, 0.12 to 0.42 s"),
        (TimeRange(start_s=1, end_s=2.5), "in the sound, 1.00 to 2.50 s"),
        (ImageBox(x=0, y=0, w=1, h=1), "in the picture"),
        (TextSpan(field="on_screen", start=0, end=4), "in on_screen, characters 0 to 4"),
    ],
)
def test_places_are_said_in_words(place: FrameRange | TimeRange | ImageBox | TextSpan, words: str) -> None:
    assert where(finding(place)) == words


def test_people_read_the_action_the_reason_and_what_was_not_checked() -> None:
    row = Row(
        file="a.mp4",
        exit=4,
        action="hold",
        category="violence",
        reason="Violence over several frames.",
        findings=(finding(FRAMES),),
        coverage={"checked": ["sexual (frames)"], "not checked": ["violence/graphic (frames)"]},
        waivers=("demo",),
    )
    said = text(row)
    assert said.startswith("a.mp4: hold (violence)\n  Violence over several frames.")
    assert "violence 0.90 in frames 3 to 9" in said
    assert "not checked: violence/graphic (frames)" in said
    assert "waived by name: demo" in said
    assert "not judged" in text(Row(file="b", exit=1, problem="It is damaged."))

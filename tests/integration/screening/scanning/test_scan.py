from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from safelight.core import errors
from safelight.core.metrics import DETECTOR_TIMEOUTS
from safelight.core.progress import ProgressSink
from safelight.detectors import safety_card
from safelight.media.badge import BadgeStyle
from safelight.media.sandbox.confinement import Limits
from safelight.media.sandbox.sandbox import Sandbox
from safelight.policy.findings import CoverageStatus, FrameRange, ImageBox, Modality, TimeRange
from safelight.screening.scanning.report import ScanReport
from safelight.screening.scanning.service import DetectorSpec, Scanner, ScannerOptions
from safelight.screening.scanning.tasks import OutputDirs
from support.busy_pictures import KINDS, write_busy_clip
from support.clips import RATE, hum, make_clip

HERE = Path(__file__).parent
CARD: list[DetectorSpec] = [("safety-card-image", {}), ("safety-card-audio", {})]
POINTS = """[safelight.detectors]
odd = faulty_detectors:ODD
broken = faulty_detectors:BROKEN
listener = faulty_detectors:LISTENER
reader = faulty_detectors:READER
nowhere = no_such_module:PLUGIN
"""


@pytest.fixture(autouse=True)
def _third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with detectors, installed for the duration of a test."""
    installed = tmp_path / "site"
    info = installed / "faulty_detectors-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-detectors\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.syspath_prepend(str(installed))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()


def scanner(sandbox: Sandbox, *specs: DetectorSpec, **settings: float) -> Scanner:
    options = {"video_timeout_s": 60.0, "warm_children": 1, **settings}
    return Scanner(sandbox, specs, ScannerOptions(**options))


def ranges(report: ScanReport, category: str) -> list[tuple[int, int]]:
    """The first and the last frame of each finding of this category."""
    places = [found.evidence[0] for found in report.findings if found.category == category]
    return [(place.first, place.last) for place in places if isinstance(place, FrameRange)]


def odd(behaviour: str, **more: bool) -> DetectorSpec:
    return ("odd", {"behaviour": behaviour, **more})


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with white frames 10 to 15 and 30."""
    white = np.full((192, 320, 3), 255, np.uint8)
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return make_clip(path, frames=48, odd=dict.fromkeys([*range(10, 16), 30], white), sound=hum(2.0))


def test_a_test_card_in_one_frame_is_found(tmp_path: Path, sandbox: Sandbox) -> None:
    card = safety_card.draw_card("violence/graphic", 640, 384)
    path = make_clip(tmp_path / "a.mp4", width=640, height=384, frames=60, odd={37: card}, crf=30)
    report = scanner(sandbox, *CARD).scan_video(path)
    [found] = report.findings
    assert (found.category, found.test_card, found.modality) == ("violence/graphic", True, Modality.FRAMES)
    where = found.evidence[0]
    assert isinstance(where, FrameRange)
    assert (where.first, where.last, where.peak) == (37, 37, 37)
    assert where.start_s == pytest.approx(37 / 24, abs=0.01)
    assert where.box is not None


def test_flicker_in_a_clip_is_found_by_the_scan(tmp_path: Path, sandbox: Sandbox) -> None:
    black, white = (np.full((192, 320, 3), level, np.uint8) for level in (0, 255))
    # 24 frames a second, each second frame white: twelve flashes a second.
    frames = {index: white if index % 2 else black for index in range(48)}
    report = scanner(sandbox, ("flicker", {})).scan_video(
        make_clip(tmp_path / "a.mp4", frames=48, odd=frames)
    )
    [run] = report.runs
    assert (run.ran, run.complete, run.note) == (True, True, "")
    assert [found.category for found in report.findings] == ["photosensitive"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_busy_picture_is_inspected_whole_and_the_scan_says_what_it_cost(
    kind: str, tmp_path: Path, sandbox: Sandbox
) -> None:
    report = scanner(sandbox, odd("quiet", every_frame=False)).scan_video(
        write_busy_clip(tmp_path / "a.mp4", kind, frames=60)
    )
    [run] = report.runs
    sampling = report.sampling
    assert sampling is not None
    assert (run.complete, run.over_budget, sampling.unseen) == (True, False, 0)
    assert ("beyond its budget" in run.note) == (sampling.extra > 0)
    # The other nine use up the budget within these two and a half seconds.
    assert (sampling.extra > 0) == (kind not in ("cuts", "glitter", "grain"))


def test_a_clip_with_more_to_check_than_its_time_allows_is_incomplete_for_that_reason(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safelight.screening.scanning.service._SPARE_FRACTION", 0.0)
    clip = write_busy_clip(tmp_path / "a.mp4", "noise", frames=60)
    report = scanner(sandbox, odd("quiet", every_frame=False)).scan_video(clip)
    [run] = report.runs
    assert (run.ran, run.complete, run.over_budget) == (True, False, True)
    assert "the sampling budget was used up" in run.note


def test_a_black_clip_is_scanned_without_a_finding_or_a_gap(tmp_path: Path, sandbox: Sandbox) -> None:
    black = np.zeros((192, 320, 3), np.uint8)
    detectors = ("faces", "flicker", "hate-symbols", "nudenet", "objects", "open-nsfw")
    report = scanner(sandbox, *((name, {}) for name in detectors)).scan_video(
        make_clip(tmp_path / "a.mp4", frames=24, odd=dict.fromkeys(range(24), black))
    )
    assert report.findings == ()
    assert {run.name: (run.ran, run.complete) for run in report.runs} == dict.fromkeys(
        detectors, (True, True)
    )


def test_test_card_tones_are_found_behind_other_audio(tmp_path: Path, sandbox: Sandbox) -> None:
    sound = hum(3.0)
    tones = safety_card.make_tones("hate", RATE)
    sound[RATE : RATE + tones.size] += tones
    report = scanner(sandbox, *CARD).scan_video(make_clip(tmp_path / "a.mp4", frames=48, sound=sound))
    [found] = report.findings
    assert (found.category, found.test_card, found.modality) == ("hate", True, Modality.AUDIO)
    where = found.evidence[0]
    assert isinstance(where, TimeRange)
    assert where.start_s == pytest.approx(1.0, abs=0.1)


def test_frames_are_joined_into_segments_and_the_report_is_complete(clip: Path, sandbox: Sandbox) -> None:
    seen: list[tuple[int, int]] = []
    report = scanner(sandbox, odd("white")).scan_video(
        clip, progress=ProgressSink(lambda done, total: seen.append((done, total)))
    )
    assert ranges(report, "violence") == [(10, 15), (30, 30)]
    [run] = report.runs
    assert (run.calls, run.ran, run.complete, run.note) == (48, True, True, "")
    assert {found.category for found in report.findings if found.detector == "brief"} == {
        "deception/subliminal"
    }
    assert report.coverage.cell("violence", Modality.FRAMES).status is CoverageStatus.CHECKED
    assert seen[-1] == (48, 48)
    assert report.media.frames == 48
    assert (report.sampling, report.thumbnail) == (None, "")


def test_detectors_of_sampled_frames_see_the_flash_and_the_sampling_is_recorded(
    clip: Path, sandbox: Sandbox
) -> None:
    report = scanner(sandbox, odd("white", every_frame=False), ("reader", {})).scan_video(clip)
    peaks = {
        place.peak for found in report.findings for place in found.evidence if isinstance(place, FrameRange)
    }
    assert 30 in peaks
    assert peaks & set(range(10, 16))
    assert report.sampling.frames == 48
    assert 6 <= report.sampling.looked_at < 30
    assert {"first", "outlier", "cut", "last"} <= set(report.sampling.why)
    assert (30, "outlier") in [(look.frame, look.why) for look in report.sampling.looks]
    assert [text.text for text in report.texts] == ["320 x 192"]
    assert (report.texts[0].start_s, report.ocr_incomplete) == (0.0, "")
    run = report.find_run("odd-white") or report.runs[0]
    assert run.complete
    assert "by the schedule" in run.note


def test_failing_detectors_leave_a_gap_and_the_others_continue(clip: Path, sandbox: Sandbox) -> None:
    sentences = {
        "raises": "no idea about frame 0",
        "nan": "not a probability",
        "too-sure": "not a probability",
        "numpy": "malformed",
        "no-finding": "instead of a Finding",
        "many": "more than",
        "hungry": "memory",
    }
    failing = [odd(behaviour) for behaviour in sentences]
    report = scanner(sandbox, *failing, ("nudenet", {}), *CARD).scan_video(clip)
    broken = [run for run in report.runs if run.name == "odd"]
    for run, sentence in zip(broken, sentences.values(), strict=True):
        assert (run.complete, run.calls, sentence in run.note) == (False, 1, True), sentence
    assert report.failure == ""
    cell = report.coverage.cell("violence", Modality.FRAMES)
    assert cell.status is CoverageStatus.PARTLY
    assert any(sentence in cell.note for sentence in sentences.values())
    assert report.coverage.cell("sexual", Modality.FRAMES).status is CoverageStatus.CHECKED
    assert "is installed" in report.ocr_incomplete


def test_findings_before_a_detector_failure_are_kept(clip: Path, sandbox: Sandbox) -> None:
    report = scanner(sandbox, odd("raises-late")).scan_video(clip)
    assert ranges(report, report.findings[0].category) == [(0, 4)]
    assert not report.runs[0].complete


def test_a_detector_that_hangs_in_python_times_out(clip: Path, sandbox: Sandbox) -> None:
    before = sum(DETECTOR_TIMEOUTS.read().values())
    report = scanner(sandbox, odd("slow"), *CARD, call_timeout_s=0.3).scan_video(clip)
    assert "took longer than 0.3 s" in report.runs[0].note
    assert [run.name for run in report.runs if run.timed_out] == [report.runs[0].name]
    assert sum(DETECTOR_TIMEOUTS.read().values()) == before + 1
    assert report.runs[1].complete


@pytest.mark.parametrize(("behaviour", "sentence"), [("dies", "SIGSEGV"), ("leaves", "exit code 3")])
def test_a_crash_of_the_child_leaves_every_cell_incomplete(
    clip: Path, sandbox: Sandbox, behaviour: str, sentence: str
) -> None:
    report = scanner(sandbox, odd(behaviour), ("nudenet", {}), ("reader", {})).scan_video(clip)
    assert sentence in report.failure
    assert report.ocr_incomplete == report.failure
    assert report.findings == ()
    assert {cell.status for cell in report.coverage} == {CoverageStatus.PARTLY}
    assert {cell.category for cell in report.coverage} == {"violence", "sexual"}


def test_a_scan_that_times_out_leaves_every_cell_incomplete(clip: Path, sandbox: Sandbox) -> None:
    report = scanner(sandbox, odd("slow"), call_timeout_s=60, video_timeout_s=2.0).scan_video(clip)
    assert {cell.complete for cell in report.coverage} == {False}
    assert "took longer" in report.runs[0].note or "did not finish within 2 s" in report.failure


def test_a_scan_over_its_budget_keeps_its_findings_and_reports_it(tmp_path: Path, sandbox: Sandbox) -> None:
    path = make_clip(tmp_path / "a.mp4", width=1280, height=720, frames=12)
    report = scanner(sandbox, ("nudenet", {}), video_timeout_s=0.05).scan_video(path)
    assert report.failure or "ran out after frame" in report.runs[0].note
    assert not any(cell.complete for cell in report.coverage)


def test_a_detector_that_cannot_load_is_a_gap(clip: Path, sandbox: Sandbox) -> None:
    names = ("broken", "nowhere", "unheard-of")
    report = scanner(sandbox, *((name, {}) for name in names), *CARD).scan_video(clip)
    for name in names:
        run = report.find_run(name)
        assert (run.ran, run.complete, "could not be loaded" in run.note) == (False, False, True), name
    cell = report.coverage.cell("violence", Modality.FRAMES)
    assert (cell.available, cell.ran, cell.complete) == (True, False, False)
    assert "could not be loaded" in report.ocr_incomplete


def test_a_failing_sound_detector_is_a_gap_in_audio_only(clip: Path, sandbox: Sandbox) -> None:
    report = scanner(sandbox, ("listener", {}), odd("white")).scan_video(clip)
    sound = report.coverage.cell("hate", Modality.AUDIO)
    frames = report.coverage.cell("violence", Modality.FRAMES)
    assert (sound.complete, frames.complete) == (False, True)
    assert "samples are too many" in sound.note


def test_a_truncated_clip_and_a_text_file_are_rejected(clip: Path, tmp_path: Path, sandbox: Sandbox) -> None:
    (tmp_path / "a.mp4").write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    (tmp_path / "b.mp4").write_text("hello")
    for name in ("a.mp4", "b.mp4"):
        with pytest.raises(errors.InvalidMedia):
            scanner(sandbox, *CARD).scan_video(tmp_path / name)


def test_previews_are_written_if_requested(clip: Path, tmp_path: Path, sandbox: Sandbox) -> None:
    folder = tmp_path / "stills"
    folder.mkdir()
    report = scanner(sandbox, odd("white")).scan_video(clip, outputs=OutputDirs(previews=folder))
    assert set(report.evidence) == {"violence"}
    for path in (report.thumbnail, report.contact_sheet, report.evidence["violence"]):
        with Image.open(path) as picture:
            assert picture.format == "WEBP"


def test_cancelling_raises_instead_of_a_report(clip: Path, sandbox: Sandbox) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(errors.SandboxFailed, match="cancelled"):
        scanner(sandbox, *CARD).scan_video(clip, cancel=cancel)


def test_an_image_is_scanned_in_a_warm_child_with_its_field(tmp_path: Path, sandbox: Sandbox) -> None:
    Image.fromarray(safety_card.draw_card("hate", 640, 360)).save(tmp_path / "a.png")
    with closing(scanner(sandbox, ("nudenet", {}), *CARD, ("ocr", {}))) as made:
        made.start()
        for _ in range(2):
            report = made.scan_image(tmp_path / "a.png", field="input_reference")
            [found] = report.findings
            assert (found.category, found.modality, found.test_card) == ("hate", Modality.IMAGE, True)
            assert found.attributes["source"] == "input_reference"
            assert isinstance(found.evidence[0], ImageBox)
            assert found.evidence[0].field == "input_reference"
            assert "SAFELIGHT-TEST:hate" in [text.text for text in report.texts]
            assert {cell.status for cell in report.coverage} == {CoverageStatus.CHECKED}
            assert all(cell.modality is Modality.IMAGE for cell in report.coverage)


def test_a_long_animation_is_only_partly_checked(tmp_path: Path, sandbox: Sandbox) -> None:
    frames = [Image.new("RGB", (64, 48), (turn * 9, 0, 0)) for turn in range(20)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with closing(scanner(sandbox, odd("white"))) as made:
        report = made.scan_image(tmp_path / "a.gif")
    assert "8 of 20 frames" in report.runs[0].note
    assert {cell.status for cell in report.coverage} == {CoverageStatus.PARTLY}


def test_a_broken_image_does_not_affect_the_next(tmp_path: Path, sandbox: Sandbox) -> None:
    (tmp_path / "a.png").write_text("hello")
    Image.new("RGB", (64, 48), (255, 255, 255)).save(tmp_path / "b.png")
    with closing(scanner(sandbox, odd("white"))) as made:
        with pytest.raises(errors.InvalidMedia):
            made.scan_image(tmp_path / "a.png")
        [found] = made.scan_image(tmp_path / "b.png").findings
        assert found.score == 1.0


def test_ordinary_photographs_have_no_nudity_findings(sandbox: Sandbox) -> None:
    folder = Path(pytest.importorskip("sklearn").__file__).parent / "datasets" / "images"
    with closing(scanner(sandbox, ("nudenet", {}))) as made:
        for name in ("china.jpg", "flower.jpg"):
            assert made.scan_image(folder / name).findings == ()


@pytest.fixture
def prepared(sandbox: Sandbox) -> Iterator[Scanner]:
    made = scanner(sandbox, ("nudenet", {}), ("ocr", {}), *CARD, odd("white"))
    made.start()
    assert sandbox.fork_server_ready, sandbox.fork_server_problem
    yield made
    made.close()


@pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux")
def test_a_forked_scan_finds_the_same_as_a_cold_one_and_writes_previews_and_a_badge(
    clip: Path, tmp_path: Path, sandbox: Sandbox, prepared: Scanner
) -> None:
    folder = tmp_path / "stills"
    folder.mkdir()
    forked = [prepared.scan_video(clip), prepared.scan_video(clip, outputs=OutputDirs(previews=folder))]
    assert set(forked[1].evidence) == {"violence"}
    prepared.burn_badge(clip, tmp_path / "badged.mp4", BadgeStyle(text="AI-generated"))
    assert prepared.probe(tmp_path / "badged.mp4").frames == 48
    prepared.close()
    assert not sandbox.fork_server_ready
    cold = prepared.scan_video(clip)
    for report in forked:
        assert report.findings == cold.findings
        assert [(run.name, run.calls, run.complete) for run in report.runs] == [
            (run.name, run.calls, run.complete) for run in cold.runs
        ]


def test_the_quick_pass_finds_the_test_card_and_reports_that_it_read_no_text(
    tmp_path: Path, prepared: Scanner
) -> None:
    scene = Image.new("RGB", (1920, 1080), (90, 120, 140))
    scene.paste(Image.fromarray(safety_card.draw_card("hate", 640, 360)), (800, 300))
    scene.save(tmp_path / "a.jpg", quality=90)
    quick = prepared.scan_image(tmp_path / "a.jpg", quick=True)
    assert [found.category for found in quick.findings if found.detector == "safety-card-image"] == ["hate"]
    assert quick.texts == ()
    assert "quick pass" in quick.ocr_incomplete
    full = prepared.scan_image(tmp_path / "a.jpg")
    assert full.ocr_incomplete == ""
    assert "SAFELIGHT-TEST:hate" in [text.text for text in full.texts]


def test_without_forks_warm_children_serve_images(tmp_path: Path, sandbox: Sandbox) -> None:
    Image.new("RGB", (64, 48), (255, 255, 255)).save(tmp_path / "a.png")
    with closing(scanner(sandbox, odd("white"), odd("threads"))) as made:
        made.start()
        assert not sandbox.fork_server_ready
        assert made.isolation().fork_server_problem
        for _ in range(2):
            assert [found.score for found in made.scan_image(tmp_path / "a.png").findings] == [1.0]


def test_a_full_disk_in_the_child_loses_previews_and_no_findings(
    clip: Path, tmp_path: Path, sandbox: Sandbox
) -> None:
    """The file size limit has the same effect on a writer as a full disk."""

    class Cramped(Scanner):
        def _limits(self, seconds: float) -> Limits:
            return Limits(wall_s=seconds, memory_bytes=4 << 30, file_bytes=200)

    folder = tmp_path / "stills"
    folder.mkdir()
    report = Cramped(sandbox, [odd("white")], ScannerOptions(video_timeout_s=60.0)).scan_video(
        clip, outputs=OutputDirs(previews=folder)
    )
    assert (report.failure, report.evidence, report.contact_sheet) == ("", {}, "")
    assert [found.category for found in report.findings].count("violence") == 2
    assert all(cell.complete for cell in report.coverage)

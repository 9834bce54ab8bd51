"""The sandbox of the tests remembers scans: what it returns is what a new scan returns."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from safelight.media.sandbox.sandbox import Sandbox
from safelight.screening.scanning.service import Scanner, ScannerOptions
from safelight.screening.scanning.tasks import OutputDirs
from safelight.testing.clips import tiny_clip
from support.clips import make_clip
from support.sandboxes import RememberingSandbox


@pytest.fixture
def remembering(sandbox: Sandbox) -> RememberingSandbox:
    assert isinstance(sandbox, RememberingSandbox)
    return sandbox


def test_a_remembered_scan_has_the_same_report_and_files_in_another_folder(
    remembering: RememberingSandbox, tmp_path: Path
) -> None:
    scanner = Scanner(remembering, [("flicker", {})], ScannerOptions(warm_children=0))
    reports, files = [], []
    for name in ("first", "second"):
        folder = tmp_path / name
        (folder / "previews").mkdir(parents=True)
        (folder / "keyframes").mkdir()
        (folder / "clip.mp4").write_bytes(tiny_clip())
        outputs = OutputDirs(previews=folder / "previews", keyframes=folder / "keyframes")
        report = scanner.scan_video(folder / "clip.mp4", outputs=outputs)
        reports.append(msgspec.json.encode(report).decode().replace(str(folder), ""))
        files.append({p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()})
    assert len(files[0]) > 3
    assert files[0] == files[1]
    assert reports[0] == reports[1]


def test_another_clip_and_another_detector_are_scanned_anew(
    remembering: RememberingSandbox, tmp_path: Path
) -> None:
    clips = [make_clip(tmp_path / f"{n}.mp4", frames=n) for n in (8, 9)]
    frames = set()
    for specs in ([], [("flicker", {})]):
        for clip in clips:
            report = Scanner(remembering, specs, ScannerOptions(warm_children=0)).scan_video(clip)
            assert report.media is not None
            frames.add((report.media.frames, len(report.runs)))
    assert len(frames) == 4

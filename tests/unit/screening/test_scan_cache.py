from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from safelight.core.errors import InvalidMedia
from safelight.policy.findings import FrameRange
from safelight.screening.file_scan import FileReport, failed_report, is_picture
from safelight.screening.scan_cache import ScanCache, ruleset_fingerprint
from support.verdicts import decided, seen


def report(name: str = "a.mp4", **more: object) -> FileReport:
    place = FrameRange(first=0, last=1, start_s=0, end_s=1, peak=1)
    found = seen("violence", 0.5, "frames", evidence=(place,), area=0.5, negated=False, role="subject")
    verdict = decided("output", found)
    given = {"verdict": verdict, "findings": (found,), "stills": {"violence": b"\x00\xff"}, **more}
    return FileReport(name=name, looked_at=1.5, **given)  # type: ignore[arg-type]


def test_a_scanned_file_is_found_in_the_cache_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "scans" / "a.jsonl"
    ScanCache(path, "rules").put("sha256:1", report())
    again = ScanCache(path, "rules")
    assert again.get("sha256:1", "moved.mp4") == report("moved.mp4")
    assert again.get("sha256:2", "b.mp4") is None
    assert ScanCache(path, "others").get("sha256:1", "a.mp4") is None
    assert path.stat().st_mode & 0o077 == 0


def test_a_truncated_line_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    ScanCache(path, "rules").put("sha256:1", report())
    ScanCache(path, "rules").put("sha256:2", report())
    path.write_bytes(path.read_bytes()[:-40])
    again = ScanCache(path, "rules")
    assert again.get("sha256:1", "a") is not None
    assert again.get("sha256:2", "a") is None
    again.put("sha256:3", report())
    last = ScanCache(path, "rules")
    assert last.get("sha256:3", "a") is not None
    assert last.get("sha256:1", "a") is not None


def test_compacting_drops_deleted_files(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    first = ScanCache(path, "rules")
    first.put("sha256:1", report())
    first.put("sha256:2", report())
    second = ScanCache(path, "rules")
    second.get("sha256:2", "b.mp4")
    second.compact()
    assert path.read_bytes().count(b"\n") == 1
    assert ScanCache(path, "rules").get("sha256:1", "a") is None


def test_a_failed_scan_is_not_cached_and_that_a_file_is_damaged_is(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    looked_at = ScanCache(path, "rules")
    looked_at.put("sha256:1", failed_report("a.mp4", OSError(5, "Input/output error")))
    looked_at.put("sha256:2", report(scan={"failure": "The child crashed."}))
    looked_at.put("", report())
    assert not path.exists()
    damaged = failed_report("a.mp4", InvalidMedia("It is damaged.", remedy="Send MP4."))
    assert damaged.problem == "It is damaged.", "its reader does not send it"
    damaged = msgspec.structs.replace(damaged, rejected=True)
    looked_at.put("sha256:1", damaged)
    assert ScanCache(path, "rules").get("sha256:1", "a.mp4") == damaged
    said = failed_report("a", FileNotFoundError(2, "No such file or directory", str(tmp_path / "secret")))
    assert said.problem == "The file cannot be read: No such file or directory."


def test_the_ruleset_fingerprint_changes_with_every_part_and_file(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("one")
    first = ruleset_fingerprint({"policy": "a"}, [tmp_path])
    assert ruleset_fingerprint({"policy": "a"}, [tmp_path]) == first
    assert ruleset_fingerprint({"policy": "b"}, [tmp_path]) != first
    (tmp_path / "names.txt").write_text("two!")
    assert ruleset_fingerprint({"policy": "a"}, [tmp_path]) != first
    assert ruleset_fingerprint({"policy": "a"}, [tmp_path / "not there"]) != first


@pytest.mark.parametrize(
    ("head", "picture"),
    [
        (b"\x89PNG\r\n\x1a\n", True),
        (b"\xff\xd8\xff\xe0", True),
        (b"\0\0\0\x20ftypisom", False),
        (b"RIFF0000AVI ", False),
    ],
)
def test_the_file_type_comes_from_the_bytes_not_the_name(tmp_path: Path, head: bytes, picture: bool) -> None:
    (tmp_path / "a.txt").write_bytes(head + bytes(64))
    assert is_picture(tmp_path / "a.txt") is picture


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hello, I am no film", "not a video or picture"),
        (b"", "empty"),
        ((b"G" + bytes(187)) * 3, "an MPEG transport stream"),
        (b"ID3\x04" + bytes(16), r"a sound file \(MP3\)"),
    ],
)
def test_other_files_are_neither_and_the_reason_names_their_type(
    tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(InvalidMedia, match=said):
        is_picture(tmp_path / "a.mp4")

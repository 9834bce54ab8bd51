"""`safelight scan` of files, folders and buckets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from safelight.core.fileio import sha256_file
from safelight.detectors import safety_card
from safelight.media.encode import Mp4Writer, VideoFormat
from safelight.screening.file_scan import FileReport, FileScanner
from support.clips import hum, make_clip
from support.commands import Run, Say
from support.object_stores import S3
from support.track_clips import add_tracks

NO_FILM = "hello, I am no film"
SECOND_SOUND = "A second sound track was not judged."


@pytest.mark.slow
def test_every_file_of_a_folder_gets_its_own_verdict(tmp_path: Path) -> None:
    media, home = tmp_path / "media", tmp_path / "home"
    media.mkdir()
    home.mkdir()

    def scan(*arguments: str) -> tuple[int, dict[str, dict[str, object]]]:
        """Exit code and rows by file name, from a process of its own in a fresh folder."""
        command = [sys.executable, "-m", "safelight", "scan", "--json", *arguments]
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
        rows = json.loads(done.stdout)["files"]
        return done.returncode, {Path(row["file"]).name: row for row in rows}

    card = safety_card.draw_card("violence", 320, 192)
    make_clip(media / "card.mp4", frames=12, odd={6: card})
    make_clip(media / "calm.mp4", frames=12)
    Image.new("RGB", (64, 48), (90, 120, 150)).save(media / "calm.png")
    (media / "lie.mp4").write_text(NO_FILM)
    code, rows = scan(str(media))
    assert code == 3
    assert (rows["card.mp4"]["action"], rows["card.mp4"]["category"]) == ("block", "violence")
    assert rows["lie.mp4"]["exit"] == 1
    assert "known type" in str(rows["lie.mp4"]["problem"])
    # Without a waiver, a file with unchecked categories never passes.
    assert rows["calm.mp4"]["exit"] == rows["calm.png"]["exit"] == 5
    code, rows = scan(str(media / "calm.mp4"), "--fail-on", "block")
    assert (code, rows["calm.mp4"]["action"]) == (0, "hold")


@pytest.fixture
def media(run: Run, folder: Path) -> Path:
    """An empty folder of an installation with quick detectors only and a waiver."""
    (folder / "safelight.toml").write_text("[detectors]\nocr = false\nnudenet = false\nminilm = false\n")
    run("waivers", "add", "tests", "--by", "a test", "--reason", "no model", "--category", "*")
    (folder / "media").mkdir()
    return folder / "media"


def unchanged(said: dict[str, Any]) -> list[bool]:
    return [row["unchanged"] for row in said["files"]]


def test_a_folder_scan_resumes_and_a_damaged_file_does_not_stop_it(run: Run, media: Path) -> None:
    make_clip(media / "a.mp4", frames=8)
    (media / "b.mp4").write_text(NO_FILM)
    make_clip(media / "c.mp4", frames=8, odd={4: safety_card.draw_card("violence", 320, 192)})
    (media / "notes.txt").write_text("not media")
    first = run("scan", str(media), code=3)
    assert [row["action"] for row in first["files"]] == ["allow", "", "block"]
    summary = first["summary"]
    assert summary["outcomes"] == {"allow": 1, "not scanned": 1, "block": 1}
    assert (summary["unchanged"], summary["skipped"], summary["skipped_files"]) == (0, 1, ["notes.txt"])
    (media / "a.mp4").rename(media / "z.mp4")
    second = run("scan", str(media), code=None)
    assert [row["file"][-5:] for row in second["files"]] == ["b.mp4", "c.mp4", "z.mp4"]
    assert unchanged(second) == [True] * 3
    assert second["files"][2]["exit"] == 6
    assert run("scan", str(media), "--no-cache", code=None)["summary"]["unchanged"] == 0
    # Another waiver is another verdict: nothing that was kept holds.
    run("waivers", "revoke", "tests", "--by", "a test")
    last = run("scan", str(media), code=None)
    assert (last["summary"]["unchanged"], last["files"][2]["exit"]) == (0, 5)


def test_a_folder_scan_skips_nothing_silently(run: Run, media: Path, folder: Path) -> None:
    make_clip(media / "unnamed", frames=8)
    (media / "gone.mp4").symlink_to(folder / "nothing.mp4")
    (media / "disc.bin").write_bytes((b"G" + bytes(187)) * 3)
    said = run("scan", str(media), "--html", "r.html", code=1)
    assert [(Path(row["file"]).name, row["exit"], row["problem"][:24]) for row in said["files"]] == [
        ("disc.bin", 1, "It is an MPEG transport "),
        ("gone.mp4", 1, "It is a link to nothing."),
        ("unnamed", 6, ""),
    ]
    assert "It is a link to nothing." in (folder / "r.html").read_text()


def test_a_name_that_is_not_utf_8_ends_neither_the_scan_nor_the_work_on_the_others(
    run: Run, media: Path
) -> None:
    odd = media / os.fsdecode(b"caf\xe9.mp4")
    make_clip(odd, frames=6)
    make_clip(media / "plain.mp4", frames=6)
    shown = "caf\ufffd.mp4"
    rows = run("scan", str(media), "--no-cache", code=6)["files"]
    assert [(Path(row["file"]).name, row["action"]) for row in rows] == [
        (shown, "allow"),
        ("plain.mp4", "allow"),
    ]
    assert run("scan", str(odd), code=6)["files"][0]["action"] == "allow"
    assert run("verify", str(odd), code=5)["sha256"] == sha256_file(odd)
    assert run("check", "a harbour", "--ref", str(odd))["not_checked"] == []


def test_several_files_are_scanned_in_one_call_and_a_missing_one_is_a_row(run: Run, media: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        make_clip(media / name, frames=6)
    said = run("scan", *(str(media / name) for name in ("a.mp4", "b.mp4", "gone.mp4")), code=1)
    assert [row["action"] for row in said["files"]] == ["allow", "allow", ""]
    assert said["files"][2]["problem"].endswith("Nothing has this name.")


def test_a_manifest_is_scanned_in_shards_and_a_longer_one_keeps_the_work_done(run: Run, media: Path) -> None:
    files = [str(media / f"{number}.png") for number in range(3)]
    for number, file in enumerate(files):
        Image.new("RGB", (64, 48), (90, 60 * number, 150)).save(file)
    listed = media.parent / "list.txt"

    def scan(shard: str, lines: list[str]) -> dict[str, Any]:
        listed.write_text("\n".join(lines))
        said = run("scan", "--manifest", str(listed), "--shard", shard, code=None)
        return {row["file"]: row for row in said["files"]}

    first, second = scan("1/2", files[:2]), scan("2/2", [*files, "", "gone.png"])
    rest = scan("1/2", [*files, "", "gone.png"])
    assert sorted([*second, *rest]) == sorted([*files, "gone.png"])
    assert [one["file"] for one in rest.values() if one["unchanged"]] == list(first)
    assert "Nothing has this name." in (second | rest)["gone.png"]["problem"]
    run("scan", "--shard", "1/2", code=2)


def test_an_error_of_one_file_is_its_row(
    run: Run, media: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a.mp4", "b.mp4"):
        make_clip(media / name, frames=6)
    judge = FileScanner.scan

    def scan(scanner: FileScanner, path: Path, name: str, progress: Any = None) -> FileReport:
        if name == "a.mp4":
            raise RuntimeError("a detector's bug")
        return judge(scanner, path, name, progress)

    monkeypatch.setattr(FileScanner, "scan", scan)
    rows = run("scan", str(media), code=1)["files"]
    assert rows[0]["problem"] == "Internal error: RuntimeError. This is a bug. Please report it."
    assert rows[1]["action"] == "allow"
    assert "a detector's bug" in caplog.text


def test_a_film_with_more_tracks_is_judged_and_each_unjudged_track_is_named(
    run: Run, say: Say, media: Path, folder: Path
) -> None:
    one = make_clip(folder / "one.mp4", frames=24, sound=hum(1.0))
    two = make_clip(folder / "two.mp4", frames=24, sound=hum(1.0))
    phrase = safety_card.card_phrase("violence")
    add_tracks(media / "a.mkv", one, two, subtitles=[[(0, 400, "A calm day"), (500, 900, phrase)]])
    (row,) = run("scan", str(media / "a.mkv"), code=3)["files"]
    assert (row["action"], row["category"]) == ("block", "violence")
    assert row["unscanned"] == ["A second video track was not judged.", SECOND_SOUND]
    assert row["findings"][0]["evidence"][0]["start_s"] == pytest.approx(0.5, abs=0.05)
    assert "A calm day" in row["texts"]
    assert any("(frames)" in cell for cell in row["coverage"]["partly"])
    assert f"\n  {SECOND_SOUND}\n" in say("scan", str(media / "a.mkv"), code=3).out
    add_tracks(media / "b.mkv", one, two, videos=1)
    (row,) = run("scan", str(media / "b.mkv"), "--fail-on", "incomplete", code=5)["files"]
    assert row["unscanned"] == [SECOND_SOUND]


def test_tags_and_chapter_titles_are_judged_and_bytes_after_the_end_named(
    run: Run, media: Path, folder: Path
) -> None:
    phrase = safety_card.card_phrase("violence")
    clip = make_clip(folder / "one.mp4", frames=12)
    add_tracks(media / "a.mp4", clip, tags={"comment": phrase})
    add_tracks(media / "b.mkv", clip, chapters=["Calm", phrase])
    add_tracks(media / "c.mkv", clip, tags={"title": "A calm day"})
    (media / "d.mp4").write_bytes(clip.read_bytes() * 2)
    after = f"{clip.stat().st_size:,} bytes after the end of the image or video were not judged."
    assert [
        (row["action"], [one["evidence"][0]["field"] for one in row["findings"]], row["unscanned"])
        for row in run("scan", str(media), code=None)["files"]
    ] == [
        ("block", ["tag comment"], []),
        ("block", ["tag chapter 2"], []),
        ("allow", [], []),
        ("allow", [], [after]),
    ]


def test_ctrl_c_keeps_finished_results(
    run: Run, media: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for frames, name in enumerate(("a.mp4", "b.mp4", "c.mp4"), 6):
        make_clip(media / name, frames=frames)
    real, seen = FileScanner.scan, []

    def scan(self: FileScanner, path: Path, name: str, progress: Any = None) -> FileReport:
        seen.append(name)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return real(self, path, name, progress)

    monkeypatch.setattr(FileScanner, "scan", scan)
    said = run("scan", str(media), "--html", "r.html", code=130)
    assert (said["interrupted"], said["summary"]["remaining"]) == (True, 2)
    assert "Files not scanned: 2." in (folder / "r.html").read_text()
    assert unchanged(run("scan", str(media), code=None)) == [True, False, False]
    assert seen[2:] == ["b.mp4", "c.mp4"]


def test_the_report_is_self_contained_and_contains_no_path(run: Run, media: Path, folder: Path) -> None:
    card = safety_card.draw_card("violence", 320, 192)
    make_clip(media / "card.mp4", frames=24, odd=dict.fromkeys(range(8, 14), card))
    run("scan", str(media / "card.mp4"), "--html", "r.html", code=3)
    text = (folder / "r.html").read_text()
    assert str(folder) not in text
    for part in (
        "Blocked: Violence",
        "data:image/webp;base64,",
        'class="peak"',
        "No manifest: ordinary tools remove it",
    ):
        assert part in text
    assert not list(folder.glob(".*.part"))
    error = run("scan", str(media), "--html", str(folder / "nowhere" / "r.html"), code=2)["error"]
    assert "does not exist" in error["message"]


def test_a_bucket_is_scanned_and_the_scan_resumes(run: Run, media: Path, s3: S3, folder: Path) -> None:
    import obstore

    from safelight.core.object_store import open_object_store

    url = s3.bucket()
    options = "".join(f'{key} = "{value}"\n' for key, value in s3.options.items())
    with (folder / "safelight.toml").open("a") as settings:
        settings.write(f"[storage.s3]\n{options}")
    clip = make_clip(folder / "a.mp4", frames=8).read_bytes()
    _, store = open_object_store(url, s3.options)
    obstore.put(store, "a.mp4", clip)
    obstore.put(store, "b.mp4", b"no film")
    first = [(row["file"], row["exit"]) for row in run("scan", url, code=None)["files"]]
    assert first == [(f"{url}/a.mp4", 6), (f"{url}/b.mp4", 1)]
    obstore.put(store, "c.mp4", clip)
    assert unchanged(run("scan", url, code=None)) == [True, True, False]
    assert not list((folder / "data" / "scratch").iterdir())


def test_a_full_disk_prevents_only_the_scan_cache(say: Say, media: Path) -> None:
    make_clip(media / "a.mp4", frames=6)
    # Writing there fails with "No space left on device".
    out, err = say("scan", str(media), "--json", "--cache-file", "/dev/full", code=6)
    assert json.loads(out)["summary"]["outcomes"] == {"allow": 1}
    assert "cannot be stored" in err


def test_a_clip_of_eleven_minutes_is_scanned_if_the_operator_allows_it(
    run: Run, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Mp4Writer(media / "long.mp4", VideoFormat(width=64, height=48, fps=Fraction(1, 20))) as writer:
        for frame in range(33):
            writer.add_frame(np.full((48, 64, 3), 100 + frame, np.uint8))
    problem = run("scan", str(media), code=1)["files"][0]["problem"]
    assert "at most 600 s" in problem
    assert "`scan.max_minutes`" in problem
    monkeypatch.setenv("SAFELIGHT_SCAN__MAX_MINUTES", "12")
    (row,) = run("scan", str(media), "--no-cache", code=None)["files"]
    assert row["action"]
    assert (row["scan"]["schedule"]["frames"], row["scan"]["facts"]["duration_s"]) == (33, 660)

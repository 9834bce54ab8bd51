from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from safelight.cli import main
from safelight.detectors import safety_card
from safelight.media.encode import Mp4Writer, VideoFormat
from safelight.moderation.file_scan import FileReport, FileScanner
from support.clips import hum, make_clip
from support.object_stores import S3
from support.track_clips import add_tracks


def scan(folder: Path, *arguments: str) -> tuple[int, dict[str, dict[str, object]]]:
    """Exit code and rows by file name, from a process of its own in a fresh folder."""
    done = subprocess.run(
        [sys.executable, "-m", "safelight", "scan", "--json", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    rows = json.loads(done.stdout)["files"]
    return done.returncode, {Path(row["file"]).name: row for row in rows}


@pytest.mark.slow
def test_every_file_of_a_folder_gets_its_own_verdict(tmp_path: Path) -> None:
    media, home = tmp_path / "media", tmp_path / "home"
    media.mkdir()
    home.mkdir()
    card = safety_card.draw_card("violence", 320, 192)
    make_clip(media / "card.mp4", frames=12, odd={6: card})
    make_clip(media / "calm.mp4", frames=12)
    Image.new("RGB", (64, 48), (90, 120, 150)).save(media / "calm.png")
    (media / "lie.mp4").write_text("hello, I am no film")
    code, rows = scan(home, str(media))
    assert code == 3
    assert (rows["card.mp4"]["action"], rows["card.mp4"]["category"]) == ("block", "violence")
    assert rows["lie.mp4"]["exit"] == 1
    assert "known type" in str(rows["lie.mp4"]["problem"])
    # Without a waiver, a file with unchecked categories never passes.
    assert rows["calm.mp4"]["exit"] == rows["calm.png"]["exit"] == 5
    code, rows = scan(home, str(media / "calm.mp4"), "--fail-on", "block")
    assert code == 0
    assert rows["calm.mp4"]["action"] == "hold"


class Desk:
    """The command in this process, with quick detectors only and a waiver, in a fresh folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.media = folder / "media"
        self.media.mkdir()
        self.config = folder / "safelight.toml"
        self.data = folder / "data"
        self.config.write_text(
            f'data = "{self.data}"\n[detectors]\nocr = false\nnudenet = false\nminilm = false\n'
        )
        self._capsys = capsys
        self.run(
            "waivers",
            "add",
            "tests",
            "--by",
            "a test",
            "--reason",
            "no model",
            "--category",
            "*",
            as_json=False,
        )

    def run(self, *arguments: str, as_json: bool = True) -> tuple[int, Any]:
        code = main(["--config", str(self.config), *arguments, *(["--json"] if as_json else [])])
        out = self._capsys.readouterr().out
        return code, json.loads(out) if as_json else out


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def test_a_folder_scan_resumes_and_a_damaged_file_does_not_stop_it(desk: Desk, tmp_path: Path) -> None:
    make_clip(desk.media / "a.mp4", frames=8)
    (desk.media / "b.mp4").write_text("hello, I am no film")
    make_clip(desk.media / "c.mp4", frames=8, odd={4: safety_card.draw_card("violence", 320, 192)})
    (desk.media / "notes.txt").write_text("not media")
    code, first = desk.run("scan", str(desk.media))
    assert code == 3
    assert [row["action"] for row in first["files"]] == ["allow", "", "block"]
    assert first["summary"]["outcomes"] == {"allow": 1, "not scanned": 1, "block": 1}
    assert (first["summary"]["unchanged"], first["summary"]["skipped"]) == (0, 1)
    assert first["summary"]["skipped_files"] == ["notes.txt"]
    (desk.media / "a.mp4").rename(desk.media / "z.mp4")
    _, second = desk.run("scan", str(desk.media))
    assert [(row["file"][-5:], row["unchanged"]) for row in second["files"]] == [
        ("b.mp4", True),
        ("c.mp4", True),
        ("z.mp4", True),
    ]
    assert second["files"][2]["exit"] == 6
    _, anew = desk.run("scan", str(desk.media), "--no-cache")
    assert anew["summary"]["unchanged"] == 0
    # Another waiver is another verdict: nothing that was kept holds.
    desk.run("waivers", "revoke", "tests", "--by", "a test")
    code, last = desk.run("scan", str(desk.media))
    assert last["summary"]["unchanged"] == 0
    assert last["files"][2]["exit"] == 5


def test_a_folder_scan_skips_nothing_silently(desk: Desk, tmp_path: Path) -> None:
    make_clip(desk.media / "unnamed", frames=8)
    (desk.media / "gone.mp4").symlink_to(tmp_path / "nothing.mp4")
    (desk.media / "disc.bin").write_bytes((b"G" + bytes(187)) * 3)
    code, said = desk.run("scan", str(desk.media), "--html", str(tmp_path / "r.html"))
    assert code == 1
    assert [(Path(row["file"]).name, row["exit"], row["problem"][:24]) for row in said["files"]] == [
        ("disc.bin", 1, "It is an MPEG transport "),
        ("gone.mp4", 1, "It is a link to nothing."),
        ("unnamed", 6, ""),
    ]
    assert "It is a link to nothing." in (tmp_path / "r.html").read_text()


def test_a_film_with_more_tracks_is_judged_and_each_unjudged_track_is_named(
    desk: Desk, tmp_path: Path
) -> None:
    one = make_clip(tmp_path / "one.mp4", frames=24, sound=hum(1.0))
    two = make_clip(tmp_path / "two.mp4", frames=24, sound=hum(1.0))
    phrase = safety_card.card_phrase("violence")
    add_tracks(desk.media / "a.mkv", one, two, subtitles=[[(0, 400, "A calm day"), (500, 900, phrase)]])
    code, said = desk.run("scan", str(desk.media / "a.mkv"))
    row = said["files"][0]
    assert (code, row["action"], row["category"]) == (3, "block", "violence")
    assert row["unscanned"] == [
        "A second video track was not judged.",
        "A second sound track was not judged.",
    ]
    assert row["findings"][0]["evidence"][0]["start_s"] == pytest.approx(0.5, abs=0.05)
    assert "A calm day" in row["texts"]
    assert any("(frames)" in cell for cell in row["coverage"]["partly"])
    _, text = desk.run("scan", str(desk.media / "a.mkv"), as_json=False)
    assert "\n  A second sound track was not judged.\n" in text


def test_a_film_with_a_second_sound_track_is_incomplete(desk: Desk, tmp_path: Path) -> None:
    one = make_clip(tmp_path / "one.mp4", frames=12, sound=hum(0.5))
    two = make_clip(tmp_path / "two.mp4", frames=12, sound=hum(0.5))
    add_tracks(desk.media / "a.mkv", one, two, videos=1)
    code, said = desk.run("scan", str(desk.media), "--fail-on", "incomplete")
    assert (code, said["files"][0]["unscanned"]) == (5, ["A second sound track was not judged."])


def test_tags_and_chapter_titles_are_judged_and_bytes_after_the_end_named(desk: Desk, tmp_path: Path) -> None:
    phrase = safety_card.card_phrase("violence")
    clip = make_clip(tmp_path / "one.mp4", frames=12)
    add_tracks(desk.media / "a.mp4", clip, tags={"comment": phrase})
    add_tracks(desk.media / "b.mkv", clip, chapters=["Calm", phrase])
    add_tracks(desk.media / "c.mkv", clip, tags={"title": "A calm day"})
    (desk.media / "d.mp4").write_bytes(clip.read_bytes() * 2)
    _, said = desk.run("scan", str(desk.media))
    found = [
        (row["action"], [one["evidence"][0]["field"] for one in row["findings"]]) for row in said["files"]
    ]
    assert found == [
        ("block", ["tag comment"]),
        ("block", ["tag chapter 2"]),
        ("allow", []),
        ("allow", []),
    ]
    size = clip.stat().st_size
    assert [row["unscanned"] for row in said["files"]] == [
        [],
        [],
        [],
        [f"{size:,} bytes after the end of the video were not judged."],
    ]


def test_a_file_name_forges_no_row_and_colours_no_terminal(desk: Desk, tmp_path: Path) -> None:
    name = "a.mp4: allow\nb.mp4: allow\x1b[32m\x9b31m\u202e.mp4"
    make_clip(tmp_path / "one.mp4", frames=6).rename(desk.media / name)
    (desk.media / "c\x1b]0;title\x07\n.mp4").write_text("no film")
    _, text = desk.run("scan", str(desk.media), as_json=False)
    assert not set(text) & set("\x1b\x07\x9b\u202e\r")
    assert [line for line in text.splitlines() if line.startswith("b.mp4")] == []
    assert len([line for line in text.splitlines() if line and not line.startswith(" ")]) == 3


def test_ctrl_c_keeps_finished_results(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        make_clip(desk.media / f"{name}.mp4", frames=6 + len(list(desk.media.iterdir())))
    real, seen = FileScanner.scan, []

    def scan(self: FileScanner, path: Path, name: str, progress: Any = None) -> FileReport:
        seen.append(name)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return real(self, path, name, progress)

    monkeypatch.setattr(FileScanner, "scan", scan)
    code, said = desk.run("scan", str(desk.media), "--html", str(tmp_path / "r.html"))
    assert (code, said["interrupted"], said["summary"]["remaining"]) == (130, True, 2)
    assert "Files not scanned: 2." in (tmp_path / "r.html").read_text()
    _, rest = desk.run("scan", str(desk.media))
    assert [row["unchanged"] for row in rest["files"]] == [True, False, False]
    assert seen[2:] == ["b.mp4", "c.mp4"]


def test_the_report_is_self_contained_and_contains_no_path(desk: Desk, tmp_path: Path) -> None:
    card = safety_card.draw_card("violence", 320, 192)
    make_clip(desk.media / "card.mp4", frames=24, odd=dict.fromkeys(range(8, 14), card))
    html = tmp_path / "r.html"
    code, _ = desk.run("scan", str(desk.media / "card.mp4"), "--html", str(html))
    assert code == 3
    text = html.read_text()
    assert str(tmp_path) not in text
    assert "Blocked: Violence" in text
    assert text.count("data:image/webp;base64,") >= 1
    assert 'class="peak"' in text
    assert "No manifest: ordinary tools remove it" in text
    assert not list(tmp_path.glob(".*.part"))
    code, said = desk.run("scan", str(desk.media), "--html", str(tmp_path / "nowhere" / "r.html"))
    assert code == 2
    assert "does not exist" in said["error"]["message"]


def test_a_bucket_is_scanned_and_the_scan_resumes(desk: Desk, s3: S3, tmp_path: Path) -> None:
    import obstore

    from safelight.object_store import open_object_store

    url = s3.bucket()
    options = "".join(f'{key} = "{value}"\n' for key, value in s3.options.items())
    desk.config.write_text(desk.config.read_text() + f"[storage.s3]\n{options}")
    clip = make_clip(tmp_path / "a.mp4", frames=8).read_bytes()
    _, store = open_object_store(url, s3.options)
    obstore.put(store, "a.mp4", clip)
    obstore.put(store, "b.mp4", b"no film")
    _, first = desk.run("scan", url)
    assert [(row["file"], row["exit"]) for row in first["files"]] == [
        (f"{url}/a.mp4", 6),
        (f"{url}/b.mp4", 1),
    ]
    obstore.put(store, "c.mp4", clip)
    _, second = desk.run("scan", url)
    assert [row["unchanged"] for row in second["files"]] == [True, True, False]
    assert not list((desk.data / "scratch").iterdir())


def test_a_full_disk_prevents_only_the_scan_cache(
    desk: Desk, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    make_clip(desk.media / "a.mp4", frames=6)
    # Writing there fails with "No space left on device".
    code = main(
        ["--config", str(desk.config), "scan", str(desk.media), "--json", "--cache-file", "/dev/full"]
    )
    done = capsys.readouterr()
    assert code == 6
    assert json.loads(done.out)["summary"]["outcomes"] == {"allow": 1}
    assert "cannot be stored" in done.err


def test_a_clip_of_eleven_minutes_is_scanned_if_the_operator_allows_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Mp4Writer(desk.media / "long.mp4", VideoFormat(width=64, height=48, fps=Fraction(1, 20))) as writer:
        for frame in range(33):
            writer.add_frame(np.full((48, 64, 3), 100 + frame, np.uint8))
    code, said = desk.run("scan", str(desk.media))
    assert code == 1
    assert "at most 600 s" in said["files"][0]["problem"]
    monkeypatch.setenv("SAFELIGHT_SCAN__MAX_MINUTES", "12")
    code, said = desk.run("scan", str(desk.media), "--no-cache")
    row = said["files"][0]
    assert row["action"]
    assert row["scan"]["schedule"]["frames"] == 33
    assert row["scan"]["facts"]["duration_s"] == 660

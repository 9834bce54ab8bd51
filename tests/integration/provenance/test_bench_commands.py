"""The commands of docs/benchmarks/provenance.md, in a small form."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from bench.provenance import forgery, public_queries, real_chains, removal

from safelight.provenance import watermark_service
from safelight.provenance.recovery import recovery
from support.optional_tools import leave_out

from .test_recovery import scene, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of one source and one of another, a foreign one, and the installation that seals them."""
    made = tmp_path_factory.mktemp("bench")
    for name in ("clips", "foreign"):
        (made / name).mkdir()
    for seed, name in enumerate(("clips/film--1", "clips/film--2", "clips/other", "foreign/street"), 1):
        write(made / f"{name}.mp4", scene(seed))
    return made


@pytest.fixture
def measure(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    for module in (forgery, public_queries, real_chains, removal):
        monkeypatch.setattr(module, "SECONDS", 1)
    # Searches for marks that were removed would use up the whole time of a real one.
    monkeypatch.setattr(watermark_service, "SEARCH_S", 0.6)
    monkeypatch.setattr(recovery, "KNOWN_S", 0.5)

    def run(module: ModuleType, *options: str) -> dict[str, Any]:
        """The report of a command, which is the last JSON document of its output."""
        name = module.__name__.rpartition(".")[2]
        kept = ["--work", str(folder / "work"), "--results", str(folder / f"{name}.jsonl")]
        monkeypatch.setattr(sys, "argv", [name, str(folder / "clips"), *options, *kept])
        module.main()
        found: dict[str, Any] = json.loads("{" + capsys.readouterr().out.rpartition("\n{\n")[2])
        return found

    return run


def test_marks_of_copies_in_other_containers_are_measured(measure: Any) -> None:
    found = measure(real_chains, "--count", "1", "--chains", "mkv-copy,webm-vp9")
    assert {name: row["from_here"]["right"] for name, row in found.items()} == {"mkv-copy": 1, "webm-vp9": 1}


@pytest.mark.browser
def test_a_browser_plays_a_clip_and_its_screen_is_recorded(
    measure: Any, chromium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("Xvfb") is None:
        leave_out("Xvfb", "install Debian's xvfb")
    monkeypatch.setattr(real_chains, "CHROMIUM", chromium)
    found = measure(real_chains, "--count", "1", "--chains", "screen")["screen"]
    assert found["sources"] == 1
    assert int(found["dropped_frames"].rpartition(" ")[2]) > 0


def test_forgeries_and_true_copies_are_measured(measure: Any, folder: Path) -> None:
    found = measure(forgery, str(folder / "foreign"), "--count", "2", "--copies", "CRF 43")
    assert {name: row["n"] for name, row in found.items()} == {
        "difference": 2,
        "residual": 2,
        "same scene": 2,
        "copy": 2,
    }
    assert found["difference"]["from_here"] == 0


def test_removals_of_a_mark_are_measured(measure: Any) -> None:
    names = ["overwrite", "average", "own-tiles", "filter-tones", "squeeze-43"]
    found = measure(removal, "--count", "1", "--attacks", ",".join(names))
    assert [name for name in found if name in removal.ATTACKS] == names
    assert all(found[name]["n"] == 1 and found[name]["psnr_db"] > 10 for name in names)


def test_an_attacker_with_public_queries_is_measured(measure: Any) -> None:
    found = measure(public_queries, "--count", "2", "--queries", "1")
    assert found["asked"] == found["useful"] == [1, 1]
    assert [one["source"] for one in found["clips"]] == ["film", "other"]

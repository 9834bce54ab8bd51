"""`safelight scan` on a Ray cluster of this machine, and its results as Parquet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from PIL import Image

from safelight.detectors import safety_card
from support import ray_nodes
from support.clips import make_clip
from support.commands import Run

from .test_scan import NO_FILM

pytestmark = pytest.mark.slow


@pytest.fixture
def files(run: Run, folder: Path) -> Path:
    """Files of an installation with quick detectors only and a waiver."""
    (folder / "safelight.toml").write_text("[detectors]\nocr = false\nnudenet = false\nminilm = false\n")
    run("waivers", "add", "tests", "--by", "a test", "--reason", "no model", "--category", "*")
    files = folder / "files"
    files.mkdir()
    make_clip(files / "card.mp4", frames=8, odd={4: safety_card.draw_card("violence", 320, 192)})
    (files / "lie.mp4").write_text(NO_FILM)
    for number in range(4):
        Image.new("RGB", (64, 48), (90, 40 * number, 150)).save(files / f"{number}.png")
    return files


@dataclass(frozen=True)
class Cluster:
    process: subprocess.Popen[str]
    address: str

    def kill_second(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("kill\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "killed\n"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    command = [sys.executable, ray_nodes.__file__]
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    # From another folder, as on other machines.
    with subprocess.Popen(command, cwd="/", stdin=pipe, stdout=pipe, stderr=quiet, text=True) as process:
        assert process.stdout is not None
        yield Cluster(process, process.stdout.readline().strip())


def scan(folder: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "safelight", "scan", "files", "--json", *arguments]
    pipe, env = subprocess.PIPE, {**os.environ, **variables}
    return subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True, env=env)


def rows_of(said: dict[str, Any]) -> list[dict[str, Any]]:
    times = {"wall_s", "scanned_at", "scan", "unchanged"}
    return [{name: value for name, value in row.items() if name not in times} for row in said["files"]]


def test_a_cluster_gives_the_rows_of_one_machine_also_when_a_machine_ends(
    run: Run, folder: Path, files: Path, cluster: Cluster
) -> None:
    alone = run("scan", "files", "--no-cache", code=3)
    results = folder / "results.jsonl"
    on_cluster = ("--ray", cluster.address, "--cache-file", str(results))
    with scan(folder, *on_cluster, "--parquet", "results.parquet") as scanning:
        while scanning.poll() is None and not results.exists():
            time.sleep(0.05)
        cluster.kill_second()
        out, err = scanning.communicate()
    assert scanning.returncode == 3, err
    assert rows_of(json.loads(out)) == rows_of(alone)
    table = pyarrow.parquet.read_table(folder / "results.parquet").to_pylist()
    assert [row["file"] for row in table] == [row["file"] for row in alone["files"]]
    assert table[4]["findings"][0]["category"] == "violence"
    assert json.loads(table[5]["row"])["problem"] == table[5]["problem"]
    with scan(folder, *on_cluster, SAFELIGHT_SCAN__MAX_MINUTES="7") as other:
        out, _ = other.communicate()
    assert other.returncode == 2
    assert "A machine of the cluster has something else: settings." in out


def test_without_a_cluster_the_command_says_so(folder: Path, files: Path) -> None:
    with scan(folder, "--ray", "127.0.0.1:1") as scanning:
        out, _ = scanning.communicate()
    assert scanning.returncode == 2
    assert "There is no Ray cluster at 127.0.0.1:1" in out

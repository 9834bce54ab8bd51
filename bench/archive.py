"""An archive on three Ray nodes of this machine, one of them killed: `python -m bench.archive`.

The clips (`--files`, of `--frames` each) have 320x180 pixels and 24 frames a second, and each is different.
They are scanned by one process, by Ray with one worker (the overhead of Ray per file), and by three nodes
with a worker each, one of which is killed when a third of the files is done.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from safelight.media.encode import Mp4Writer, VideoFormat


def make_files(folder: Path, count: int, frames: int) -> None:
    """Clips of a picture of noise under a moving camera, other noise in each clip."""
    folder.mkdir()
    form = VideoFormat(width=320, height=180, fps=24)
    for number in range(count):
        picture = np.random.default_rng(number).integers(0, 255, (23, 48, 3)).astype(np.uint8)
        large = np.kron(picture, np.ones((10, 10, 1), np.uint8))
        with Mp4Writer(folder / f"{number:05}.mp4", form) as writer:
            for frame in range(frames):
                writer.add_frame(np.ascontiguousarray(large[:180, 2 * frame : 320 + 2 * frame]))


def scan(home: Path, results: Path, *arguments: str, killed_at: int = 0, kill: Any = None) -> dict[str, Any]:
    """Wall seconds and rows of one scan; `kill` is called at `killed_at` files."""
    command = [sys.executable, "-m", "safelight", "scan", "files", "--json", "--cache-file", str(results)]
    began = time.monotonic()
    with (home / "out.json").open("wb") as out:
        running = subprocess.Popen([*command, *arguments], cwd=home, stdout=out)
        while running.poll() is None:
            time.sleep(0.2)
            if kill is not None and results.exists() and results.read_bytes().count(b"\n") >= killed_at:
                kill()
                kill = None
    wall_s = time.monotonic() - began
    rows = json.loads((home / "out.json").read_bytes())["files"]
    return {"wall_s": wall_s, "rows": rows}


def per_file(done: dict[str, Any]) -> str:
    return f"{done['wall_s'] / len(done['rows']) * 1000:.0f} ms per file"


def verdicts(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(row["file"], row["action"], row["sha256"], json.dumps(row["findings"])) for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--frames", type=int, default=24, help="of each clip, at most 80")
    options = parser.parse_args()
    count = options.files
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    with TemporaryDirectory() as folder:
        home = Path(folder)
        make_files(home / "files", count, options.frames)
        (home / "safelight.toml").write_text("")
        alone = scan(home, home / "alone.jsonl")
        print(f"one process: {per_file(alone)}")
        one = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        with_ray = scan(home, home / "ray.jsonl", "--ray", one.address)
        one.shutdown()
        share = with_ray["wall_s"] / alone["wall_s"]
        print(f"Ray, one worker: {per_file(with_ray)}, {share:.2f} of one process")
        three = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        others = [three.add_node(num_cpus=1) for _ in range(2)]
        results = home / "three.jsonl"
        killed = scan(
            home,
            results,
            "--ray",
            three.address,
            killed_at=count // 3,
            kill=lambda: three.remove_node(others[0], allow_graceful=False),
        )
        three.shutdown()
        stored = [json.loads(line)["identity"] for line in results.read_bytes().splitlines()]
        print(f"three nodes, one killed: {per_file(killed)}")
        print(
            f"files {count}, rows {len(killed['rows'])}, results stored {len(stored)}, each once: "
            f"{len(set(stored)) == len(stored) == count}"
        )
        same = verdicts(alone["rows"]) == verdicts(with_ray["rows"]) == verdicts(killed["rows"])
        print(f"findings and verdicts as in one process: {same}")


if __name__ == "__main__":
    main()

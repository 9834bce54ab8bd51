"""Busy pictures: what the scan of twelve kinds costs, and how `starter` decides about it under a waiver.

python -m bench.busy_pictures [--seconds 10] [--json]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from bench.bad_input import House
from support.busy_pictures import FPS, KINDS, write_busy_clip


def measure(house: House, clip: Path) -> dict[str, Any]:
    policy = house.container.pipeline.policy_loader.load(house.container.persistence.tenant)
    judged, report = house.container.pipeline.stages.scan_clip(clip, policy)
    sampling = report.sampling
    if sampling is None:
        raise SystemExit(f"{clip.name} was not sampled: {report.failure}")
    return {
        "kind": clip.stem,
        "frames": sampling.frames,
        "inspected": sampling.looked_at,
        "beyond_budget": sampling.extra,
        "not_inspected": sampling.unseen,
        "cpu_s": report.cpu_s,
        "wall_s": report.wall_s,
        "action": judged.verdict.action.value,
        "rule": judged.verdict.rule,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        house = House(work / "data", work, quick=False)
        for kind in KINDS:
            clip = write_busy_clip(
                work / f"{kind}.mp4", kind, frames=arguments.seconds * FPS, width=640, height=360
            )
            row = measure(house, clip)
            print(json.dumps(row) if arguments.json else "  ".join(map(str, row.values())), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

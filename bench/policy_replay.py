"""Replay a policy over many videos, and say how long it took and how much memory it needed.

    python bench/policy_replay.py [--videos 100000] [--findings 20] [--policy strict]

The records are made first, into a temporary file, by another process; the replay streams them.
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from safelight.policy.decisions import decide, required_coverage
from safelight.policy.documents import load
from safelight.policy.findings import (
    SHIPPED,
    Cell,
    Coverage,
    Finding,
    FrameRange,
    ImageBox,
    Modality,
    Stage,
    TextSpan,
    TimeRange,
    pack,
    pack_coverage,
)
from safelight.policy.replay import ReplayRecord, read_records, replay, write_record
from safelight.policy.verdicts import Context, WaiverTerms

WAIVERS = (WaiverTerms(id="waiver_bench", name="bench", categories=("*",)),)


def finding(random_: random.Random, category: str) -> Finding:
    """One of the kind detectors write: most scores are low, as they are in history."""
    modality = random_.choice(tuple(Modality))
    first = random_.randrange(200)
    last = first + random_.randrange(1, 12)
    start = first / 24
    box = ImageBox(x=random_.random() / 2, y=random_.random() / 2, w=0.2, h=0.3)
    evidence = {
        Modality.TEXT: TextSpan(field="prompt", start=first, end=last),
        Modality.IMAGE: box,
        Modality.FRAMES: FrameRange(
            first=first, last=last, start_s=start, end_s=last / 24, peak=first, box=box
        ),
        Modality.AUDIO: TimeRange(start_s=start, end_s=last / 24),
    }[modality]
    return Finding(
        category=category,
        score=random_.random() ** 3,
        modality=modality,
        detector="bench",
        version="1.0.0",
        reason="Made for a measurement.",
        evidence=(evidence,),
        attributes={"frames": last - first + 1, "role": "passing", "public_figure": random_.random() < 0.1},
    )


def coverages(random_: random.Random) -> list[Coverage]:
    """Sixty that differ in what ran, as an installation's do over the years."""
    starter = load("starter", SHIPPED)
    made = []
    for _ in range(60):
        cells: list[Cell] = []
        for cell in required_coverage(starter, SHIPPED, Stage.OUTPUT, {Modality.FRAMES, Modality.AUDIO}):
            available = random_.random() < 0.6
            fine = available and random_.random() < 0.98
            cells.append(msgspec.structs.replace(cell, available=available, ran=available, complete=fine))
        made.append(Coverage(cells=tuple(cells)))
    return made


def make(path: str, videos: int, findings: int) -> None:
    random_ = random.Random(20261120)
    categories = [spec.name for spec in SHIPPED]
    starter = load("starter", SHIPPED)
    covered = coverages(random_)
    pool = [finding(random_, random_.choice(categories)) for _ in range(20_000)]
    with Path(path).open("wb") as file:
        for number in range(videos):
            seen = tuple(random_.choices(pool, k=findings))
            coverage = random_.choice(covered)
            context = Context(stage=Stage.OUTPUT, waivers=WAIVERS)
            verdict = decide(
                starter, SHIPPED, findings=seen, coverage=coverage, context=context, subject_sha256="0" * 64
            )
            write_record(
                file,
                ReplayRecord(
                    id=f"video_{number:032x}",
                    stage=Stage.OUTPUT,
                    findings=pack(seen),
                    coverage=pack_coverage(coverage),
                    action=verdict.action.value,
                    rule=verdict.rule,
                    waivers=WAIVERS,
                ),
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=100_000)
    parser.add_argument("--findings", type=int, default=20)
    parser.add_argument("--policy", default="strict")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.records"
        maker = multiprocessing.get_context("spawn").Process(
            target=make, args=(str(path), asked.videos, asked.findings)
        )
        maker.start()
        maker.join()
        if maker.exitcode:
            return 1
        policy = load(asked.policy, SHIPPED)
        wall, cpu = time.perf_counter(), time.process_time()
        with path.open("rb") as file:
            report = replay(policy, SHIPPED, read_records(file))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        size = path.stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1024 if sys.platform != "darwin" else 1024**2
    )
    print(f"videos            {report.videos}")
    print(f"findings          {report.findings}")
    print(f"history           {size / 1e6:.0f} MB")
    print(f"policy            {report.policy} ({len(policy.rules)} rules); decided before by starter")
    print(f"verdicts changed  {report.changed}")
    print(f"wall              {wall:.1f} s (at most 20)")
    print(f"cpu               {cpu:.1f} s on one core, Python {platform.python_version()}")
    print(f"peak memory       {peak:.0f} MB (at most 300)")
    good = report.videos == asked.videos and wall <= 20 and peak <= 300
    print("good" if good else "NOT GOOD")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())

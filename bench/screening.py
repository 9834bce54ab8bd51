"""Screen prompts on one core, and say how long each took and how much memory it needs.

    python -m bench.screening [--rounds 5] [--data prompts.jsonl] [--names 100000] [--peers-python PATH]

Without `--data` one file of the committed examples is screened, prompts of about 60 tokens after them, and
one of 60,000 characters. `--names` says what that many names of an operator's own cost. `--peers-python` is a
Python with other screeners installed: they and Safelight judge the same prompts on the same core, the harmful
committed ones never fitted and the harmless ones of `--benign`, or of the committed where none are given.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.text.minilm.encoder import Encoder
from safelight.detectors.text.minilm.package import NOT_INSTALLED, find_weights
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.findings import Modality


def texts(data: Path | None) -> list[str]:
    raw = (
        data.read_text(encoding="utf-8")
        if data
        else (files("safelight_lab.training") / "data" / "prompts.jsonl").read_text(encoding="utf-8")
    )
    return [json.loads(line)["text"] for line in raw.splitlines() if line.strip()]


def quantile(ordered: list[float], part: float) -> float:
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)]


def measured(pipeline: TextPipeline, prompts: list[str], rounds: int) -> dict[str, Any]:
    """Milliseconds per prompt and prompts per second, after one round to warm up.

    By the clock, and by the processor's time, which others on the machine do not lengthen much.
    """
    for prompt in prompts[:50]:
        pipeline.screen({"prompt": prompt})
    times: list[float] = []
    worked: list[float] = []
    began = time.perf_counter()
    for _ in range(rounds):
        for prompt in prompts:
            busy = time.process_time()
            times.append(pipeline.screen({"prompt": prompt}).latency_ms)
            worked.append((time.process_time() - busy) * 1000)
    took = time.perf_counter() - began
    times.sort()
    total = sum(worked)
    worked.sort()
    return {
        "prompts": len(times),
        "p50_ms": round(quantile(times, 0.5), 2),
        "p99_ms": round(quantile(times, 0.99), 2),
        "per_second": round(len(times) / took, 1),
        "cpu_p50_ms": round(quantile(worked, 0.5), 2),
        "cpu_p99_ms": round(quantile(worked, 0.99), 2),
        "per_cpu_second": round(1000 * len(times) / max(total, 1e-9), 1),
    }


def side_by_side(pipeline: TextPipeline, python: str, benign: list[Path]) -> list[dict[str, Any]]:
    """Recall, false positives and speed of Safelight and of others, on the same prompts."""
    from bench.peers import measured as judged
    from safelight_lab.evaluation.label_mapping import alarmed
    from safelight_lab.training.training_data import Split, load_committed

    rows = [
        {"text": one.text, "label": "unsafe" if one.categories else "safe"}
        for one in load_committed()
        if one.split is Split.REPORT and not one.chinese and (one.categories or not benign)
    ]
    for path in benign:
        lines = path.read_text(encoding="utf-8").splitlines()
        rows += [{"text": json.loads(line)["text"], "label": "safe"} for line in lines if line.strip()]
    ours = judged(lambda text: alarmed(pipeline.screen({"prompt": text}).findings), rows)
    told = subprocess.run(
        [python, str(Path(__file__).with_name("peers.py"))],
        input="".join(json.dumps(row) + "\n" for row in rows),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [{"tool": "safelight", **ours}, *(json.loads(line) for line in told.splitlines())]


def sixty(prompts: list[str], tokens: Callable[[str], int]) -> list[str]:
    """Prompts put together, and cut after the last word that still makes 60 tokens."""
    made, words = [], list[str]()
    for prompt in prompts:
        words += prompt.split()
        if tokens(" ".join(words)) >= 60:
            while tokens(" ".join(words)) > 60:
                words.pop()
            made.append(" ".join(words))
            words = []
    return made


def by_outcome(pipeline: TextPipeline, prompts: list[str], rounds: int) -> dict[str, Any]:
    """Of the prompts in which nothing is found, and of those in which evidence has to be narrowed down."""
    from safelight_lab.evaluation.label_mapping import alarmed

    found = [bool(alarmed(pipeline.screen({"prompt": prompt}).findings)) for prompt in prompts]
    return {
        name: measured(
            pipeline, [one for one, hit in zip(prompts, found, strict=True) if hit is wanted], rounds
        )
        for name, wanted in (("nothing found", False), ("found", True))
    }


def own_names(count: int, prompts: list[str]) -> dict[str, Any]:
    """What importing, loading and looking for so many names takes, and how soon a removal holds."""
    from safelight.detectors.protocol import TextContent
    from safelight.detectors.text.entities import EntityKind
    from safelight.detectors.text.entity_detector import EntityDetector, EntityIndex
    from safelight.detectors.text.normalise import views
    from safelight.detectors.text.operator_lists import OperatorLists

    def looked(detector: EntityDetector, texts: list[str]) -> tuple[float, int]:
        began, found = time.perf_counter(), 0
        for text in texts:
            found += len(list(detector.inspect_text(TextContent(field="p", text=text, views=views(text)))))
        return (time.perf_counter() - began) * 1000 / len(texts), found

    with tempfile.TemporaryDirectory() as folder:
        own = OperatorLists(Path(folder) / "lists")
        source = Path(folder) / "names.txt"
        source.write_text("".join(f"holdings number {n} of the quay\n" for n in range(count)))
        steps: dict[str, Any] = {"memory_mb_before": rss_mb()}
        began = time.perf_counter()
        own.import_file(source, name="own", kind=EntityKind.BRAND)
        steps["import_s"] = round(time.perf_counter() - began, 2)
        began = time.perf_counter()
        detector = EntityDetector(EntityIndex.of(()), own)
        steps["start_s"] = round(time.perf_counter() - began, 2)
        steps["memory_mb_after"] = rss_mb()
        steps["ms_per_prompt"] = round(looked(detector, prompts)[0], 3)
        last = [f"the holdings number {count - 1} of the quay at dawn"]
        assert looked(detector, last)[1] == 1
        began = time.perf_counter()
        own.remove("own", f"holdings number {count - 1} of the quay")
        while looked(detector, last)[1]:
            time.sleep(0.01)
        steps["removal_holds_after_s"] = round(time.perf_counter() - began, 2)
    return steps


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--names", type=int, default=0)
    parser.add_argument("--peers-python")
    parser.add_argument("--benign", type=Path, action="append", default=[])
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as cache:
        before = rss_mb()
        began = time.perf_counter()
        catalogue = DetectorRegistry.discover({"minilm": {"cache_dir": cache}})
        detectors = catalogue.text_detectors()
        first = time.perf_counter() - began
        prompts = texts(given.data)
        figures: dict[str, Any] = {
            "python": platform.python_version(),
            "load": os.getloadavg()[0],
            "detectors": {detector.name: detector.version for detector in detectors},
            "missing": {missing.name: missing.sentence for missing in catalogue.missing},
            "cells": len(catalogue.cells((), Modality.TEXT)),
            "load_first_s": round(first, 2),
            "all": measured(TextPipeline(detectors, budget_s=30), prompts, given.rounds),
            "without minilm": measured(
                TextPipeline([one for one in detectors if one.name != "minilm"], budget_s=30),
                prompts,
                given.rounds,
            ),
            "memory_mb": {"before": before, "after": rss_mb()},
        }
        weights = find_weights()
        if weights is None:
            raise SystemExit(NOT_INSTALLED)
        reader = Encoder(weights, Path(cache))
        short = sixty(prompts, lambda text: sum(len(one.ids) for one in reader.windows(text)))
        figures["sixty tokens"] = measured(TextPipeline(detectors, budget_s=30), short, given.rounds)
        figures["sixty tokens by outcome"] = by_outcome(
            TextPipeline(detectors, budget_s=30), short, given.rounds
        )
        if given.peers_python:
            figures["side by side"] = side_by_side(
                TextPipeline(detectors, budget_s=30), given.peers_python, given.benign
            )
        if given.names:
            figures["own names"] = own_names(given.names, prompts)
        long = ((" ".join(prompts) + " ") * 60)[:60_000]
        report = TextPipeline(detectors, budget_s=60).screen({"prompt": long})
        figures["sixty thousand characters"] = {
            "ms": round(report.latency_ms),
            "by": {name: round(ms) for name, ms in report.detector_ms.items()},
        }
        figures["memory_mb"]["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        began = time.perf_counter()
        DetectorRegistry.discover({"minilm": {"cache_dir": cache}}).text_detectors()
        figures["load_cached_s"] = round(time.perf_counter() - began, 2)
    sys.stdout.write(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    return 0


def rss_mb() -> int:
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * resource.getpagesize() >> 20


if __name__ == "__main__":
    sys.exit(main())

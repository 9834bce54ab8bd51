"""Hate symbols: recall, and false alarms on look-alikes, at the threshold that ships.

python -m bench.symbols --data DIR [--side 512] [--json]
python -m bench.symbols --draw DIR [--photos DIR] [--count 400]     renderings of our own, which prove little

A line of `DIR/labels.jsonl` is such as {"file": "a.png", "label": "hate"}, or "benign".
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from safelight.detectors.image.symbols import MODEL
from safelight.detectors.image.symbols.detector import SymbolDetector
from safelight.detectors.protocol import Frame
from safelight.media.decode import fit_size

#: Rule ha-3 of `starter` holds from here on.
THRESHOLD = 0.7
HATE = frozenset({"hate", "symbol", "positive", "true", "1"})


def draw(folder: Path, photos_folder: Path | None, count: int) -> None:
    """Whole pictures with one symbol or look-alike each; of another seed than training, and the same hand."""
    from bench.symbol_drawings import ALIKE, CLASSES
    from bench.symbol_renderings import photographs, rendering

    rng = np.random.default_rng(99)
    photos = photographs(photos_folder)
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number in range(count):
        if number % 2:
            label, (name, drawing) = "hate", CLASSES[int(rng.choice((1, 1, 2, 5, 6, 7, 8, 9, 10)))]
        elif rng.random() < 0.3:
            label, (name, drawing) = "benign", CLASSES[int(rng.choice((3, 4)))]
        else:
            label, drawing = "benign", ALIKE[int(rng.integers(len(ALIKE)))]
            name = drawing.__name__
        scale = rng.uniform(25, 170)
        shift = (rng.uniform(-120, 120), rng.uniform(-80, 80))
        picture = rendering(rng, drawing(rng), photos, side=640, scale=scale, shift=shift)[80:560]
        tint = rng.uniform(0.7, 1.0, 3)
        Image.fromarray((picture[..., None] * tint * 255).astype(np.uint8)).save(folder / f"{number:04}.png")
        lines.append(json.dumps({"file": f"{number:04}.png", "label": label, "symbol": name}))
    (folder / "labels.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def measure(folder: Path, side: int | None) -> dict[str, Any]:
    detector = SymbolDetector(MODEL, min_score=0.0)
    rows = []
    spent = 0.0
    for line in (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        with Image.open(folder / row["file"]) as opened:
            opened = opened.convert("RGB")
            size = fit_size(*opened.size, side or detector.picture_side)
            pixels = np.asarray(opened.resize(size, Image.Resampling.BOX), np.uint8)
        began = time.process_time()
        height, width = pixels.shape[:2]
        frame = Frame(index=0, time_s=0, pixels=pixels, width=width, height=height)
        found = max(detector.inspect_frame(frame), key=lambda one: one.score, default=None)
        spent += time.process_time() - began
        score, kind = (found.score, str(found.attributes["kind"])) if found else (0.0, "")
        is_hate = str(row["label"]).casefold() in HATE
        rows.append((row["file"], is_hate, str(row.get("symbol", "")), score, kind))
    return {
        "pictures": len(rows),
        "cpu_s a picture": round(spent / max(len(rows), 1), 3),
        "threshold": THRESHOLD,
        "recall": _share(rows, True, THRESHOLD),
        "false alarms": _share(rows, False, THRESHOLD),
        "recall by symbol": _by(rows, True),
        "false alarms by look-alike": _by(rows, False),
        "curve": {
            f"{least:.2f}": [_share(rows, True, least), _share(rows, False, least)]
            for least in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97)
        },
        "wrong": [row for row in rows if (row[3] >= THRESHOLD) != row[1]][:60],
    }


def _share(rows: list[tuple[str, bool, str, float, str]], hate: bool, least: float) -> float | None:
    chosen = [row[3] >= least for row in rows if row[1] is hate]
    return round(sum(chosen) / len(chosen), 4) if chosen else None


def _by(rows: list[tuple[str, bool, str, float, str]], hate: bool) -> dict[str, str]:
    seen: dict[str, list[bool]] = defaultdict(list)
    for _, is_hate, symbol, score, _ in rows:
        if is_hate is hate:
            seen[symbol].append(score >= THRESHOLD)
    return {name: f"{sum(hits)} of {len(hits)}" for name, hits in sorted(seen.items())}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--draw", type=Path)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--side", type=int, help="Longest side; frames have less than pictures.")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.draw is not None:
        draw(asked.draw, asked.photos, asked.count)
    folder = asked.data or asked.draw
    if folder is None or not (folder / "labels.jsonl").is_file():
        print("Name a folder with labels.jsonl: --data DIR", file=sys.stderr)
        return 2
    told = measure(folder, asked.side)
    if asked.json:
        print(json.dumps(told, indent=1))
    else:
        for name, value in told.items():
            print(f"{name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

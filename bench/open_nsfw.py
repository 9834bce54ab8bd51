"""Scores of OpenNSFW on harmless pictures, and its time per picture.

    python -m bench.open_nsfw MEDIA --half fitting|reporting

MEDIA is the folder that `bench.nudity` describes. There is no picture of nudity here and none is sought, so
the share of nudity that the model finds is not measured.
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

from bench.nudity import HARMLESS, photographs, pictures, share
from safelight.detectors.image.open_nsfw import OpenNsfwDetector, find_model_file

_MOST = 1200
_THRESHOLDS = (0.2, 0.3, 0.5, 0.8)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("media", type=Path)
    parser.add_argument("--half", choices=tuple(HARMLESS), required=True)
    asked = parser.parse_args()
    path = find_model_file()
    if path is None:
        raise SystemExit("The OpenNSFW model is not installed.")
    detector = OpenNsfwDetector(path)
    known: set[str] = set()
    named = [
        (package, itertools.islice(pictures(asked.media, folders, known, 320), _MOST))
        for package, folders in HARMLESS[asked.half].items()
    ]
    print(f"| source | pictures | {' | '.join(f'from {value}' for value in _THRESHOLDS)} |")
    print("| --- " * (len(_THRESHOLDS) + 2) + "|")
    every: list[float] = []
    began = time.process_time()
    for package, shown in [*named, ("photographs of people", photographs(asked.media, asked.half))]:
        scores = [detector.score(pixels) for _, pixels in shown]
        if scores and package != "photographs of people":
            every += scores
        if scores:
            print(_row(package, scores), flush=True)
    print(_row("all without the last", every))
    milliseconds = (time.process_time() - began) / max(len(every), 1) * 1000
    print(f"\n{milliseconds:.1f} ms of CPU per picture, with decoding")
    return 0


def _row(name: str, scores: list[float]) -> str:
    counts = (share(sum(score >= value for score in scores), len(scores)) for value in _THRESHOLDS)
    return f"| {name} | {len(scores)} | {' | '.join(counts)} |"


if __name__ == "__main__":
    raise SystemExit(main())

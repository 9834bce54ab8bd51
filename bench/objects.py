"""Things that `objects` names in harmless pictures, and in pictures whose file is named after such a thing.

    python -m bench.objects MEDIA --half fitting|reporting

MEDIA is the folder that `bench.nudity` describes. A picture whose name has a word of `NAMED` is counted apart
and printed, because only an eye can say whether it shows the thing. Photographs of weapons are not at hand.
"""

from __future__ import annotations

import argparse
import itertools
import re
import sys
import time
from pathlib import Path

from bench.nudity import HARMLESS, pictures, share
from safelight.detectors.image.objects.detector import MIN_PROBABILITY, THINGS, ObjectDetector
from safelight.detectors.models.catalogue import OBJECTS, find_model

_MOST = 1200
_LONGEST_PX = 480
NAMED = re.compile(
    r"(?<![a-z])(gun|pistol|rifle|revolver|ak47|m16|9mm|tank|cannon|missile|rocket|syringe)", re.IGNORECASE
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("media", type=Path)
    parser.add_argument("--half", choices=tuple(HARMLESS), required=True)
    asked = parser.parse_args()
    folder = find_model(OBJECTS, None)
    if folder is None:
        raise SystemExit(f"The networks are not installed: safelight models pull {OBJECTS} --shared")
    detector = ObjectDetector(folder)
    known: set[str] = set()
    print(f"| source | pictures | {' | '.join(THINGS)} |")
    print("| --- " * (len(THINGS) + 2) + "|")
    total, counts, named = 0, dict.fromkeys(THINGS, 0), []
    spent_s = 0.0
    for package, folders in HARMLESS[asked.half].items():
        shown = 0
        found = dict.fromkeys(THINGS, 0)
        for name, pixels in itertools.islice(pictures(asked.media, folders, known, _LONGEST_PX), _MOST):
            began = time.process_time()
            things = detector.find_things(pixels)
            spent_s += time.process_time() - began
            if NAMED.search(Path(name).name):
                named.append((name, things))
                continue
            shown += 1
            for thing, certainty in things.items():
                if certainty > MIN_PROBABILITY:
                    found[thing] += 1
                    print(f"{thing} {certainty:.2f}: {name}", file=sys.stderr)
        if shown:
            print(f"| {package} | {shown} | {' | '.join(map(str, found.values()))} |", flush=True)
        total += shown
        counts = {thing: counts[thing] + found[thing] for thing in THINGS}
    print(f"| all | {total} | {' | '.join(share(count, total) for count in counts.values())} |")
    for name, things in named:
        print(name, ", ".join(f"{thing} {certainty:.2f}" for thing, certainty in things.items()))
    print(f"\n{1000 * spent_s / max(total + len(named), 1):.1f} ms of CPU per picture")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""How unlike faces are, on every pair of pictures in a folder per person.

    python -m bench.likeness DIR    needs the extra `likeness`

Prints what a threshold would have got wrong, and every pair.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

from safelight.detectors.likeness.face_embedder import DlibFaceEmbedder
from safelight.detectors.likeness.matching import Template, distance
from safelight.detectors.protocol import Keyframe
from safelight.media.sandbox.sandbox import Sandbox
from safelight.screening.scanning.service import Scanner, ScannerOptions

FACES = (0.40, 0.45, 0.50, 0.55, 0.60, 0.65, 0.70)
#: Of the same person or not, how far apart, and the two files.
Pair = tuple[bool, float, str, str]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    given = parser.parse_args()
    sandbox = Sandbox()
    found, pairs = faces(given.data, sandbox)
    sandbox.close()
    print(json.dumps({**found, **told(pairs)}, indent=1))
    for alike, apart, one, other in sorted(pairs, key=lambda pair: (not pair[0], pair[1])):
        print(f"{'same     ' if alike else 'different'} {apart:.3f}  {one}  {other}")


def told(pairs: Sequence[Pair]) -> dict[str, Any]:
    """What each threshold would have got wrong."""
    same = sorted(apart for alike, apart, *_ in pairs if alike)
    different = sorted(apart for alike, apart, *_ in pairs if not alike)
    return {
        "same": {"pairs": len(same), "least": same[:1], "most": same[-1:]},
        "different": {"pairs": len(different), "least": different[:1], "most": different[-1:]},
        "thresholds": {
            f"{limit:.2f}": {
                "false matches": sum(apart <= limit for apart in different),
                "false non-matches": sum(apart > limit for apart in same),
            }
            for limit in FACES
        },
    }


def faces(data: Path, sandbox: Sandbox) -> tuple[dict[str, Any], list[Pair]]:
    """Every pair of pictures in which one face was found."""
    describer, scanner = DlibFaceEmbedder(), Scanner(sandbox, (), ScannerOptions(warm_children=0))
    found: dict[str, Template] = {}
    seconds: list[float] = []
    unseen: list[str] = []
    for path in sorted(data.glob("*/*")):
        name = f"{path.parent.name}/{path.stem}"
        with tempfile.TemporaryDirectory() as folder:
            (look, *_) = scanner.scan_image(path, keyframes=Path(folder)).keyframes
            still = Keyframe(
                frame=0, start_s=0, end_s=0, path=Path(look.path), width=look.width, height=look.height
            )
            began = time.perf_counter()
            tracks = describer.find_tracks([still], {}, moving=False)
            seconds.append(time.perf_counter() - began)
        if len(tracks) == 1:
            found[name] = tracks[0].templates[0]
        else:
            unseen.append(f"{name}: {len(tracks)} faces")
    drawn = _drawn(describer)
    describer.close()
    apart = [distance(*two) for two in combinations(drawn, 2)]
    facts = {
        "pictures": len(found),
        "people": len({name.partition("/")[0] for name in found}),
        "not described": unseen,
        "seconds a picture, after the first": round(sum(seconds[1:]) / max(len(seconds) - 1, 1), 2),
        "drawn": {
            "faces": len(drawn),
            "pairs": len(apart),
            "false matches": {f"{limit:.2f}": sum(one <= limit for one in apart) for limit in FACES},
        },
    }
    return facts, [
        (_alike(one, other), distance(found[one], found[other]), one, other)
        for one, other in combinations(found, 2)
    ]


def _alike(one: str, other: str) -> bool:
    return one.partition("/")[0] == other.partition("/")[0]


def _drawn(describer: DlibFaceEmbedder) -> list[Template]:
    """Drawn people, no two of them drawn alike, as far as they are taken for faces."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    from support.synthetic_faces import Looks, portrait

    skins, hairs = ((140, 100, 78), (232, 190, 168)), ((60, 40, 30), (220, 200, 120))
    found = []
    for skin, hair, wide, tall in product(skins, hairs, (0.18, 0.21, 0.25), (0.29, 0.33)):
        pixels = portrait(Looks(skin=skin, hair=hair, wide=wide, tall=tall, apart=0.45, mouth=0.3))
        with tempfile.NamedTemporaryFile() as file:
            file.write(pixels.tobytes())
            file.flush()
            height, width = pixels.shape[:2]
            still = Keyframe(frame=0, start_s=0, end_s=0, path=Path(file.name), width=width, height=height)
            tracks = describer.find_tracks([still], {}, moving=False)
        found += [track.templates[0] for track in tracks[:1]]
    return found


if __name__ == "__main__":
    main()

"""How unlike faces are, on every pair of pictures in a folder per person: `python -m bench.likeness DIR`.

Prints what a threshold would have got wrong, and every pair. Needs the extra `likeness`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from itertools import combinations, product
from pathlib import Path

from safelight.detectors.likeness.describer import DlibDescriber
from safelight.detectors.likeness.comparing import Template, distance
from safelight.detectors.protocol import Still
from safelight.media.sandbox import Sandbox
from safelight.scanning.service import Scanner, ScanSettings

THRESHOLDS = (0.40, 0.45, 0.50, 0.55, 0.60, 0.65, 0.70)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    data: Path = parser.parse_args().data
    sandbox, describer = Sandbox(), DlibDescriber()
    scanner = Scanner(sandbox, (), ScanSettings(warm=0))
    found: dict[str, Template] = {}
    seconds: list[float] = []
    unseen: list[str] = []
    for path in sorted(data.glob("*/*")):
        name = f"{path.parent.name}/{path.stem}"
        with tempfile.TemporaryDirectory() as folder:
            (look, *_) = scanner.scan_picture(path, looks=Path(folder)).looks
            still = Still(
                frame=0, start_s=0, end_s=0, path=Path(look.path), width=look.width, height=look.height
            )
            began = time.perf_counter()
            tracks = describer.tracks([still], {}, moving=False)
            seconds.append(time.perf_counter() - began)
        if len(tracks) == 1:
            found[name] = tracks[0].templates[0]
        else:
            unseen.append(f"{name}: {len(tracks)} faces")
    drawn = _drawn(describer)
    describer.close()
    sandbox.close()
    pairs = [
        (one.partition("/")[0] == other.partition("/")[0], distance(found[one], found[other]), one, other)
        for one, other in combinations(found, 2)
    ]
    same = sorted(apart for alike, apart, *_ in pairs if alike)
    different = sorted(apart for alike, apart, *_ in pairs if not alike)
    print(
        json.dumps(
            {
                "pictures": len(found),
                "people": len({name.partition("/")[0] for name in found}),
                "not described": unseen,
                "seconds a picture, after the first": round(sum(seconds[1:]) / max(len(seconds) - 1, 1), 2),
                "same": {"pairs": len(same), "least": same[:1], "most": same[-1:]},
                "different": {"pairs": len(different), "least": different[:1], "most": different[-1:]},
                "drawn": {
                    "faces": len(drawn),
                    "pairs": len(apart := [distance(*two) for two in combinations(drawn, 2)]),
                    "false matches": {
                        f"{limit:.2f}": sum(one <= limit for one in apart) for limit in THRESHOLDS
                    },
                },
                "thresholds": {
                    f"{limit:.2f}": {
                        "false matches": sum(apart <= limit for apart in different),
                        "false non-matches": sum(apart > limit for apart in same),
                    }
                    for limit in THRESHOLDS
                },
            },
            indent=1,
        )
    )
    for alike, apart, one, other in sorted(pairs, key=lambda pair: (not pair[0], pair[1])):
        print(f"{'same     ' if alike else 'different'} {apart:.3f}  {one}  {other}")


def _drawn(describer: DlibDescriber) -> list[Template]:
    """Drawn people, no two of them drawn alike, as far as they are taken for faces."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    from drawn_faces import Looks, portrait

    skins, hairs = ((140, 100, 78), (232, 190, 168)), ((60, 40, 30), (220, 200, 120))
    found = []
    for skin, hair, wide, tall in product(skins, hairs, (0.18, 0.21, 0.25), (0.29, 0.33)):
        pixels = portrait(Looks(skin=skin, hair=hair, wide=wide, tall=tall, apart=0.45, mouth=0.3))
        with tempfile.NamedTemporaryFile() as file:
            file.write(pixels.tobytes())
            file.flush()
            height, width = pixels.shape[:2]
            still = Still(frame=0, start_s=0, end_s=0, path=Path(file.name), width=width, height=height)
            tracks = describer.tracks([still], {}, moving=False)
        found += [track.templates[0] for track in tracks[:1]]
    return found


if __name__ == "__main__":
    main()

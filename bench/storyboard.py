"""How fast the storyboard generator is: wall and processor time of whole orders, child start included.

python bench/storyboard.py [--seconds 4] [--size 1280x720] [--repeat 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path

from safelight.providers.protocol import GenerationRequest
from safelight_storyboard import create

PROMPTS = {
    "beach": "A woman in a red coat walks along a beach at golden hour",
    "mountains": "Misty mountains at dawn, slow pan",
    "forest": "A hiker walks through a pine forest, golden hour",
    "city": 'A city at night in the rain, a neon sign that says "OPEN"',
    "lake": "A sailboat on a calm lake at dusk",
    "room": "A woman reads in a quiet room, rain outside",
    "snow": "Snow falls in the mountains, a dog runs, night",
    "title card": "A dragon over a snowy forest at night",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    width, height = (int(v) for v in given.size.split("x"))
    generator = create({})
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder) / "out.mp4"
        for name, prompt in PROMPTS.items():
            order = GenerationRequest(
                key=name, model="storyboard", prompt=prompt, seconds=given.seconds, width=width, height=height
            )
            walls, processors = [], []
            for _ in range(given.repeat):
                before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
                generator.render(order, into, lambda _percent: None)
                walls.append(time.perf_counter() - start)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                processors.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            rows.append(
                {
                    "scene": name,
                    "wall_s": round(statistics.median(walls), 2),
                    "cpu_s": round(statistics.median(processors), 2),
                    "times_real_time": round(given.seconds / statistics.median(processors), 2),
                    "kilobytes": into.stat().st_size // 1000,
                }
            )
    if given.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print("  ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()

"""What the storyboard draws of 30 fixed prompts, for a person who judges the frames.

python -m bench.storyboard_subjects --out DIR [--prompts FILE]

Writes one contact sheet per prompt with six frames of its clip, and prints what the generator lists as not
drawn. Whether the subject is drawn, only listed, or wrong, is judged from the sheets.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import av
import cv2
import numpy as np

from safelight.providers.protocol import GenerationRequest
from safelight_storyboard import create

PROMPTS = Path(__file__).with_name("storyboard_subjects.jsonl")
SECONDS, WIDTH, HEIGHT = 4, 640, 360
SHOWN = 6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--prompts", type=Path, default=PROMPTS)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    generator = create({})
    rows = [json.loads(line) for line in given.prompts.read_text("utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        for row in rows:
            request = GenerationRequest(
                key=row["id"],
                model="storyboard",
                prompt=row["prompt"],
                seconds=SECONDS,
                width=WIDTH,
                height=HEIGHT,
            )
            result = generator.render(request, clip, lambda _percent: None)
            cv2.imwrite(str(given.out / f"{row['id']}.png"), contact_sheet(clip))
            listed = ", ".join(result.not_drawn)
            print(f"{row['id']}  {row['prompt']}  not drawn: {listed or '-'}", flush=True)
    print(f"{len(rows)} sheets in {given.out}", file=sys.stderr)


def contact_sheet(clip: Path) -> np.ndarray:
    """Six frames of a clip, three in a row, as BGR."""
    with av.open(str(clip)) as file:
        frames = [frame.to_ndarray(format="bgr24") for frame in file.decode(video=0)]
    chosen = [frames[round((index + 0.5) / SHOWN * (len(frames) - 1))] for index in range(SHOWN)]
    return np.concatenate(
        [np.concatenate(chosen[start : start + 3], axis=1) for start in (0, 3)],
        axis=0,
    )


if __name__ == "__main__":
    main()

"""Makes pairs of enlarged crops, one of each pair marked, for a reader who does not know which.

python -m bench.provenance.pairs CLIPS FOLDER --key FILE [--count 20] [--enlarged 2] [--delivered]

CLIPS is a folder as `safelight eval provenance` takes it. FOLDER gets one PNG for each pair: the same crop of
one frame, enlarged, marked on the left or on the right. The frames are not encoded; with `--delivered`, both
are encoded as a gateway delivers them, which is what a viewer gets. FILE gets the answers, so keep it from
the reader.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from safelight.provenance.watermark.clip_marking import WatermarkEmbedder, choose_strength
from safelight.provenance.watermark.pattern import WatermarkPattern
from safelight_lab.evaluation.provenance_eval import EvaluatedClip, find_clips, read_luma
from safelight_lab.evaluation.watermark_attacks import LumaClip, deliver

Luma = npt.NDArray[np.uint8]

#: Of the picture of a crop, in pixels: two of them side by side fit a screen.
WIDTH, HEIGHT = 680, 440
GAP = 16
#: Every n-th frame gives the strength, as in the evaluation.
SAMPLED = 6
#: Frames that are encoded before the one that is shown.
ENCODED = 36


def make_pair(
    clip: EvaluatedClip, generator: random.Random, enlarged: int, delivered: bool
) -> tuple[Luma, dict[str, object]]:
    """The picture of a pair, and its answer."""
    plain = read_luma(clip.path)
    pattern = WatermarkPattern.from_seed(secrets.token_bytes(32))
    content_id = secrets.randbits(64)
    factor = choose_strength(pattern, content_id, plain.frames[::SAMPLED]).factor
    marker = WatermarkEmbedder(pattern, content_id, factor=factor)
    number = generator.randrange(len(plain.frames))
    frame = plain.frames[number]
    height, width = HEIGHT // enlarged, WIDTH // enlarged
    top = generator.randrange(frame.shape[0] - height)
    left = generator.randrange(frame.shape[1] - width)
    side = generator.choice(("left", "right"))
    if delivered:
        # The encoder needs the frames before it; all of the clip would take a minute of CPU time.
        first = max(number - ENCODED, 0)
        part = slice(first, number + 1)
        original = LumaClip(frames=plain.frames[part], times=plain.times[part], fps=plain.fps)
        marked = tuple(marker.mark(*one) for one in zip(original.frames, original.times, strict=True))
        frames = [
            deliver(copy).frames[-1]
            for copy in (LumaClip(frames=marked, times=original.times, fps=plain.fps), original)
        ]
    else:
        frames = [marker.mark(frame, plain.times[number]), frame]
    pair = [_enlarge(one[top : top + height, left : left + width]) for one in frames]
    ordered = pair if side == "left" else pair[::-1]
    white = np.full((HEIGHT, GAP), 255, np.uint8)
    answer = {"marked": side, "clip": clip.path.name, "frame": number, "top": top, "left": left}
    return np.hstack([ordered[0], white, ordered[1]]), answer


def _enlarge(crop: Luma) -> Luma:
    return np.asarray(cv2.resize(crop, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--enlarged", type=int, default=2, choices=(1, 2, 4))
    parser.add_argument("--delivered", action="store_true")
    asked = parser.parse_args()
    generator = random.Random(secrets.randbits(64))
    clips = find_clips(asked.clips)
    generator.shuffle(clips)
    asked.folder.mkdir(parents=True, exist_ok=True)
    answers = {}
    for number in range(asked.count):
        picture, answer = make_pair(clips[number % len(clips)], generator, asked.enlarged, asked.delivered)
        name = f"{number + 1:02d}.png"
        cv2.imwrite(str(asked.folder / name), picture)
        answers[name] = answer
    asked.key.write_text(json.dumps(answers, indent=1), "utf-8")


if __name__ == "__main__":
    main()

"""What a watermarked seal costs beside a plain transcode, in processor time of one core.

python -m bench.provenance.speed CLIP... [--presets veryfast,medium] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.seal import FACTS, Near
from safelight.media.encode import Mp4Writer, VideoFormat
from safelight.media.probe import ACCEPTED_CLIP_LIMITS, open_container
from safelight.provenance import manifest, worker
from safelight.provenance.keys import KeyStore
from safelight.provenance.watermark.clip_marking import CRF, WatermarkEmbedder, mark_in_child
from safelight.provenance.watermark.pattern import WatermarkPattern

SEED = b"speed"


def timed(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return round(time.process_time() - started, 3)


def transcode(source: Path, into: Path, preset: str) -> int:
    """Decode and encode, and nothing else. Returns the number of frames."""
    with open_container(source, ACCEPTED_CLIP_LIMITS, as_played=True) as container:
        stream = container.streams.video[0]
        shape = VideoFormat(
            width=stream.width, height=stream.height, fps=25, timestamped=True, crf=CRF, preset=preset
        )
        count = 0
        with Mp4Writer(into, shape) as writer:
            for frame in container.decode(stream):
                writer.add_picture(frame, time_s=frame.time)
                count += 1
    return count


def marking_rate(source: Path) -> float:
    """Frames per second that are marked, without decoding and encoding."""
    marker = WatermarkEmbedder(WatermarkPattern.from_seed(SEED), 1, factor=1.0)
    with open_container(source, ACCEPTED_CLIP_LIMITS) as container:
        frames = [
            np.ascontiguousarray(frame.to_ndarray(format="gray"))
            for _number, frame in zip(range(96), container.decode(video=0), strict=False)
        ]
    marker.mark(frames[0], 0.0)
    return len(frames) / timed(lambda: [marker.mark(one, number / 24) for number, one in enumerate(frames)])


def measure(source: Path, preset: str, folder: Path) -> dict[str, Any]:
    plain, marked = folder / "plain.mp4", folder / "marked.mp4"
    keys = KeyStore.own(folder / "keys", organization="Bench")
    near: Any = Near(keys.signing().sign_claim)
    order = {
        "manifest": json.dumps(manifest.build(FACTS, version="bench")),
        "chain": keys.signing().chain_pem,
        "anchors": keys.anchors_pem,
        "source": str(marked),
        "into": str(folder / "sealed.mp4"),
        "ingredients": [],
        "seed": SEED,
        "content_id": 1,
    }
    mark = {
        "source": str(source),
        "into": str(marked),
        "seed": SEED,
        "content_id": 1,
        "is_retry": False,
        "preset": preset,
    }
    plain_s = timed(lambda: transcode(source, plain, preset))
    mark_s = timed(lambda: mark_in_child(mark, None))
    answers: list[Any] = []
    sign_s = timed(lambda: answers.append(worker.seal(order, near)))
    return {
        "clip": source.stem,
        "preset": preset,
        "plain_s": plain_s,
        "mark_and_encode_s": mark_s,
        "sign_fingerprint_and_read_back_s": sign_s,
        "ratio": round((mark_s + sign_s) / plain_s, 2),
        "size_ratio": round(marked.stat().st_size / plain.stat().st_size, 2),
        "read_back": answers[0]["content_id"] == 1,
        "marked_per_s": round(marking_rate(source)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--presets", default="veryfast,medium")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for clip in asked.clips:
        for preset in asked.presets.split(","):
            with tempfile.TemporaryDirectory() as folder:
                row = measure(clip, preset, Path(folder))
            print(json.dumps(row) if asked.json else row, flush=True)


if __name__ == "__main__":
    main()

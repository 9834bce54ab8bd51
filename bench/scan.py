"""What looking costs: a clip's scan beside bare decode in the same run, memory, and reference pictures.

python -m bench.scan [--seconds 10] [--json]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from safelight.media.child import Link
from safelight.media.encode import Writer
from safelight.media.probe import VideoLimits
from safelight.media.sandbox import Limits, Sandbox
from safelight.media.walk import Walk
from safelight.scanning.service import Scanner, ScanSettings

SPECS: list[tuple[str, dict[str, Any]]] = [
    ("nudenet", {}),
    ("ocr", {}),
    ("card-picture", {}),
    ("card-sound", {}),
]
FPS, RATE = 24, 48_000
AT_ONCE, ROUNDS = 5, 8


def landscape(width: int, height: int) -> Image.Image:
    """A picture with the texture of a photograph: smooth shapes, edges, grain, and a sign with words."""
    rng = np.random.default_rng(11)
    coarse = Image.fromarray(rng.integers(30, 220, (9, 16, 3), dtype=np.uint8))
    picture = coarse.resize((width, height), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(3))
    pen = ImageDraw.Draw(picture)
    for _ in range(40):
        x, y, size = rng.integers(0, width), rng.integers(0, height), rng.integers(height // 30, height // 6)
        colour = tuple(int(value) for value in rng.integers(20, 235, 3))
        pen.ellipse((x, y, x + size, y + size // 2), fill=colour)
    pen.rectangle(
        (width // 3, height // 4, width // 3 + height // 2, height // 4 + height // 9), fill="white"
    )
    pen.text(
        (width // 3 + 10, height // 4 + 4),
        "OPEN TODAY",
        fill="black",
        font=ImageFont.load_default(height // 14),
    )
    grain = rng.normal(0, 4, (height, width, 1))
    return Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))


def make_clip(path: Path, seconds: int, *, moving: bool) -> None:
    """720p with sound: the camera pans over a landscape, or stands still while one thing crosses it."""
    wide = np.asarray(landscape(1280 + 6 * FPS * seconds, 720))
    sound: npt.NDArray[np.float32] = (
        np.random.default_rng(3).normal(0, 0.03, RATE * seconds).astype(np.float32)
    )
    with Writer(path, width=1280, height=720, fps=FPS, crf=21, audio_rate=RATE) as writer:
        for frame in range(FPS * seconds):
            left = 6 * frame if moving else 0
            pixels = wide[:, left : left + 1280].copy()
            if not moving:
                pixels[500:540, 4 * frame : 4 * frame + 40] = (220, 60, 40)
            writer.add_frame(pixels)
        writer.add_audio(sound)


def bare_decode(argument: str, _link: Link) -> dict[str, float]:
    """In a child: every frame decoded and nothing else."""
    began, cpu = time.perf_counter(), time.process_time()
    frames = sum(1 for _ in Walk(Path(argument), VideoLimits()).frames())
    return {
        "frames": frames,
        "wall_s": time.perf_counter() - began,
        "cpu_s": time.process_time() - cpu,
    }


def peak_memory(argument: Any, link: Link) -> dict[str, Any]:
    """In a child: the scan, with the CPU time and the most memory it took, start-up included."""
    import msgspec

    from safelight.scanning.child import scan_video

    answer = msgspec.to_builtins(scan_video(argument, link))
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"answer": answer, "cpu_s": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}


def clip_figures(sandbox: Sandbox, path: Path, seconds: int) -> dict[str, Any]:
    import msgspec

    from safelight.scanning.child import Detectors, VideoTask

    decoded = sandbox.run("bench.scan:bare_decode", str(path))
    task = VideoTask(path=str(path), detectors=Detectors(specs=tuple(SPECS)), limits=VideoLimits())
    began = time.perf_counter()
    scanned = sandbox.run("bench.scan:peak_memory", msgspec.to_builtins(task))
    wall = time.perf_counter() - began
    answer = scanned["answer"]
    return {
        "frames": decoded["frames"],
        "bare_decode_fps": round(decoded["frames"] / decoded["wall_s"], 1),
        "scan_fps": round(decoded["frames"] / wall, 1),
        "scan_wall_s": round(wall, 2),
        "cpu_s_per_video_s": round(scanned["cpu_s"] / seconds, 2),
        "bare_decode_cpu_s_per_video_s": round(decoded["cpu_s"] / seconds, 3),
        "peak_mb": round(scanned["peak_mb"]),
        "looked_at": answer["schedule"]["looked_at"],
        "why": answer["schedule"]["why"],
        "detector_cpu_s": {run["name"]: run["cpu_s"] for run in answer["runs"]},
    }


def picture_figures(sandbox: Sandbox, folder: Path) -> dict[str, Any]:
    """1080p references, several at a time, in the two warm children."""
    scanner = Scanner(sandbox, SPECS, ScanSettings())
    began = time.perf_counter()
    scanner.start()
    started = time.perf_counter() - began
    figures: dict[str, Any] = {"start_s": round(started, 2), "at_once": AT_ONCE}
    # They give memory back after a second without a call.
    time.sleep(2.5)
    children = [
        child for child in psutil.Process().children() if "safelight.media.child" in " ".join(child.cmdline())
    ]
    figures["warm_children_pss_mb"] = [round(child.memory_full_info().pss / 2**20) for child in children]
    picture = landscape(1920, 1080)
    for kind, options in (("png", {}), ("jpg", {"quality": 90})):
        path = folder / f"reference.{kind}"
        picture.save(path, **options)
        taken: list[float] = []
        lock = threading.Lock()

        def one(path: Path = path, taken: list[float] = taken, lock: threading.Lock = lock) -> None:
            start = time.perf_counter()
            scanner.scan_picture(path, field="input_reference")
            with lock:
                taken.append(time.perf_counter() - start)

        one()
        alone = taken.pop()
        with ThreadPoolExecutor(AT_ONCE) as threads:
            for _ in range(ROUNDS):
                for call in [threads.submit(one) for _ in range(AT_ONCE)]:
                    call.result()
        figures[kind] = {
            "alone_s": round(alone, 3),
            "p50_s": round(statistics.median(taken), 3),
            "max_s": round(max(taken), 3),
            "calls": len(taken),
        }
    scanner.close()
    return figures


def measure(seconds: int) -> dict[str, Any]:
    sandbox = Sandbox(Limits(wall_s=1200, cpu_s=2400))
    found: dict[str, Any] = {"seconds": seconds}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in ("still", "moving"):
            path = folder / f"{kind}.mp4"
            make_clip(path, seconds, moving=kind == "moving")
            found[kind] = clip_figures(sandbox, path, seconds)
        found["references"] = picture_figures(sandbox, folder)
    sandbox.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.seconds)
    print(json.dumps(found) if arguments.json else json.dumps(found, indent=2))


if __name__ == "__main__":
    main()

"""What looking costs: a clip's scan beside bare decode, memory, reference pictures, a whole tiny job.

python -m bench.scan [--seconds 10] [--only clips|swings|references|job|film] [--hours 2] [--json]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from bench import film
from bench.footage import photographed, write
from safelight.media.decode import VideoDecoder
from safelight.media.encode import AudioFormat, Mp4Writer, VideoFormat
from safelight.media.probe import VideoLimits
from safelight.media.sandbox.child_main import ChildChannel
from safelight.media.sandbox.confinement import Limits
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.sandbox import Sandbox
from safelight.provenance import worker
from safelight.screening import delivery
from safelight.screening.scanning.service import Scanner, ScannerOptions

SPECS: list[tuple[str, dict[str, Any]]] = [
    ("nudenet", {}),
    ("ocr", {}),
    ("safety-card-image", {}),
    ("safety-card-audio", {}),
]
#: What the calls of a whole job import besides.
MODULES = ("c2pa", worker.__name__, delivery.__name__)
FPS, RATE = 30, 48_000
AT_ONCE, ROUNDS = 5, 8
CLIPS = ("still", "moving", "noise", "grain")


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


def make_clip(path: Path, seconds: int, *, kind: str) -> None:
    """720p with sound. `still`: one small thing crosses the picture; `moving`: the camera pans all the time.

    `noise`: every frame another coarse pattern; `grain`: every pixel of every frame at random.
    """
    wide = np.asarray(landscape(1280 + 6 * FPS * seconds, 720))
    rng = np.random.default_rng(3)
    sound: npt.NDArray[np.float32] = rng.normal(0, 0.03, RATE * seconds).astype(np.float32)
    with Mp4Writer(
        path, VideoFormat(width=1280, height=720, fps=FPS, crf=21), AudioFormat(rate=RATE)
    ) as writer:
        for frame in range(FPS * seconds):
            left = 6 * frame if kind == "moving" else 0
            pixels = wide[:, left : left + 1280].copy()
            if kind == "still":
                pixels[500:540, 4 * frame : 4 * frame + 40] = (220, 60, 40)
            elif kind == "noise":
                blocks = rng.integers(0, 256, (45, 80, 3), dtype=np.uint8)
                pixels = np.repeat(np.repeat(blocks, 16, axis=0), 16, axis=1)
            elif kind == "grain":
                pixels = rng.integers(0, 256, (720, 1280, 3), dtype=np.uint8)
            writer.add_frame(pixels)
        writer.add_audio(sound)


def bare_decode(argument: str, _link: ChildChannel) -> dict[str, float]:
    """In a child: every frame decoded and nothing else."""
    began, cpu = time.perf_counter(), time.process_time()
    limits = VideoLimits(duration_s=30_000, frames=1_000_000)
    frames = sum(1 for _ in VideoDecoder(Path(argument), limits).frames())
    return {
        "frames": frames,
        "wall_s": time.perf_counter() - began,
        "cpu_s": time.process_time() - cpu,
    }


def bare_decode_s(path: Path) -> float:
    """CPU seconds that decoding a whole clip takes, in a child of its own."""
    with closing(Sandbox(Limits(wall_s=600, cpu_s=600))) as sandbox:
        decoded: float = sandbox.run(EntryPoint("bench.scan", "bare_decode"), str(path), reads=[path])[
            "cpu_s"
        ]
    return decoded


def peak_memory(argument: Any, link: ChildChannel) -> dict[str, Any]:
    """In a child: the scan, with the CPU time and the most memory it took, start-up included."""
    import msgspec

    from safelight.screening.scanning.worker import scan_video

    answer = msgspec.to_builtins(scan_video(argument, link))
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"answer": answer, "cpu_s": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}


def clip_figures(
    sandbox: Sandbox, path: Path, seconds: float, specs: list[tuple[str, dict[str, Any]]]
) -> dict[str, Any]:
    """What one scan costs in a process that has the models already, as in the gateway."""
    import msgspec

    from safelight.screening.scanning.tasks import DetectorSet, VideoScanTask

    decoded = sandbox.run(EntryPoint("bench.scan", "bare_decode"), str(path), reads=[path])
    limits = VideoLimits(duration_s=30_000, frames=1_000_000)
    task = VideoScanTask(
        path=str(path), detectors=DetectorSet(specs=tuple(specs)), limits=limits, budget_s=30_000
    )
    began = time.perf_counter()
    scanned = sandbox.run(EntryPoint("bench.scan", "peak_memory"), msgspec.to_builtins(task), reads=[path])
    wall = time.perf_counter() - began
    answer = scanned["answer"]
    schedule = answer["sampling"] or {"looked_at": 0, "why": {}, "unseen": 0, "unseen_from": None}
    return {
        "frames": decoded["frames"],
        "bare_decode_fps": round(decoded["frames"] / decoded["wall_s"], 1),
        "scan_fps": round(decoded["frames"] / wall, 1),
        "scan_wall_s": round(wall, 2),
        "cpu_s_per_video_s": round(scanned["cpu_s"] / seconds, 3),
        "bare_decode_cpu_s_per_video_s": round(decoded["cpu_s"] / seconds, 3),
        "peak_mb": round(scanned["peak_mb"]),
        "looked_at": schedule["looked_at"],
        "why": schedule["why"],
        "unseen": schedule["unseen"],
        "unseen_from": schedule["unseen_from"],
        "incomplete": [run["note"] for run in answer["runs"] if not run["complete"]],
        "detector_cpu_s": {run["name"]: run["cpu_s"] for run in answer["runs"]},
    }


def all_clip_figures(folder: Path, seconds: int) -> dict[str, Any]:
    """Every kind of clip, with the reading of text and without, each in a fork of its own."""
    figures: dict[str, Any] = {}
    for name, specs in (
        ("whole stack", SPECS),
        ("without text", [spec for spec in SPECS if spec[0] != "ocr"]),
    ):
        sandbox = Sandbox(Limits(wall_s=1200, cpu_s=2400))
        scanner = Scanner(sandbox, specs, ScannerOptions(modules=(*MODULES, "bench.scan")))
        scanner.start()
        for kind in CLIPS:
            path = folder / f"{kind}.mp4"
            if not path.is_file():
                make_clip(path, seconds, kind=kind)
            figures.setdefault(kind, {})[name] = clip_figures(sandbox, path, seconds, specs)
            print(kind, name, figures[kind][name], file=sys.stderr, flush=True)
        figures["forked"] = sandbox.fork_server_ready
        scanner.close()
        sandbox.close()
    return figures


def swing_figures(folder: Path, seconds: int) -> dict[str, Any]:
    """Photographs under a camera that swings at up to 480 pixels a second, mirrored at their edges."""
    found: dict[str, Any] = {}
    sandbox = Sandbox(Limits(wall_s=1200, cpu_s=2400))
    scanner = Scanner(sandbox, SPECS, ScannerOptions(modules=(*MODULES, "bench.scan")))
    scanner.start()
    for base in photographed():
        if base.name.endswith("/fast"):
            path = write(folder / "swing.mp4", base.frames(seconds * FPS))
            found[base.name] = clip_figures(sandbox, path, seconds, SPECS)
            print(base.name, found[base.name], file=sys.stderr, flush=True)
    scanner.close()
    sandbox.close()
    return found


def picture_figures(sandbox: Sandbox, folder: Path) -> dict[str, Any]:
    """1080p references, several at a time, each in a fork: the quick look, and the whole one."""
    scanner = Scanner(sandbox, SPECS, ScannerOptions(modules=MODULES))
    began = time.perf_counter()
    scanner.start()
    started = time.perf_counter() - began
    figures: dict[str, Any] = {"start_s": round(started, 2), "at_once": AT_ONCE}
    figures["forked"] = sandbox.fork_server_ready
    kept = psutil.Process().children()
    figures["kept_pss_mb"] = [round(child.memory_full_info().pss / 2**20) for child in kept]
    figures["kept_rss_mb"] = [round(child.memory_info().rss / 2**20) for child in kept]
    picture = landscape(1920, 1080)
    looks: list[tuple[str, dict[str, Any], bool]] = [
        (kind, options, quick)
        for kind, options in (("png", {}), ("jpg", {"quality": 90}))
        for quick in (True, False)
    ]
    for kind, options, quick in looks:
        path = folder / f"reference.{kind}"
        picture.save(path, **options)
        taken: list[float] = []
        lock = threading.Lock()

        def one(
            path: Path = path,
            quick: bool = quick,
            taken: list[float] = taken,
            lock: threading.Lock = lock,
        ) -> None:
            start = time.perf_counter()
            scanner.scan_image(path, field="input_reference", quick=quick)
            with lock:
                taken.append(time.perf_counter() - start)

        spent = children_cpu_s()
        one()
        alone = taken.pop()
        with ThreadPoolExecutor(AT_ONCE) as threads:
            for _ in range(ROUNDS):
                for call in [threads.submit(one) for _ in range(AT_ONCE)]:
                    call.result()
        figures[f"{kind} quick" if quick else kind] = {
            "cpu_s": round((children_cpu_s() - spent) / (len(taken) + 1), 3),
            "alone_s": round(alone, 3),
            "p50_s": round(statistics.median(taken), 3),
            "max_s": round(max(taken), 3),
            "calls": len(taken),
        }
    scanner.close()
    return figures


def children_cpu_s() -> float:
    """Processor time of every child so far, those of children among them."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    own = sum(one.user + one.system + one.children_user + one.children_system for one in running)
    return float(ended.ru_utime + ended.ru_stime + own)


def job_figures(folder: Path, runs: int = 5) -> dict[str, Any]:
    """Scan, seal and stills of a tiny clip, one after the other: what each costs in children."""
    import datetime as dt

    from safelight.policy.findings import Coverage, Stage
    from safelight.policy.verdicts import Action, Verdict
    from safelight.provenance.keys import KeyStore
    from safelight.provenance.manifest import SealFacts, SourceType
    from safelight.provenance.sealing import Sealer
    from safelight.screening.delivery import DeliveryStage
    from safelight.testing.clips import tiny_clip

    clip = folder / "tiny.mp4"
    clip.write_bytes(tiny_clip())
    keys = KeyStore.own(folder / "keys", organization="Bench")
    facts = SealFacts(
        video_id="video_bench",
        generator="bench",
        model="bench-1",
        source_type=SourceType.ALGORITHMIC,
        generated_at=dt.datetime.now(dt.UTC),
        verdict=Verdict(
            action=Action.ALLOW,
            stage=Stage.OUTPUT,
            subject_sha256="0" * 64,
            policy="starter",
            policy_sha256="0" * 64,
        ),
        coverage=Coverage(),
        badge=False,
        reviewed=False,
    )
    figures: dict[str, Any] = {"bytes": clip.stat().st_size}
    for kind in ("cold", "forked"):
        sandbox = Sandbox()
        scanner = Scanner(sandbox, SPECS, ScannerOptions(modules=MODULES))
        if kind == "forked":
            scanner.start()
            assert sandbox.fork_server_ready, sandbox.fork_server_problem
        sealer = Sealer(sandbox=sandbox, keys=keys)
        delivery = DeliveryStage(sandbox=sandbox, scanner=scanner)
        parts: dict[str, Callable[[], object]] = {
            "scan": partial(scanner.scan_video, clip),
            "seal": partial(sealer.seal, clip, folder / "sealed.mp4", facts),
            "previews": partial(delivery.draw_previews, clip, folder),
        }
        figures[kind] = {}
        for name, work in parts.items():
            spent, began = children_cpu_s(), time.perf_counter()
            for _ in range(runs):
                work()
            figures[kind][name] = {
                "cpu_s": round((children_cpu_s() - spent) / runs, 3),
                "wall_s": round((time.perf_counter() - began) / runs, 3),
            }
        figures[kind]["together_cpu_s"] = round(sum(one["cpu_s"] for one in figures[kind].values()), 3)
        scanner.close()
        sandbox.close()
    return figures


def measure(seconds: int, only: str, hours: float) -> dict[str, Any]:
    found: dict[str, Any] = {"seconds": seconds, "fps": FPS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if only in ("", "clips"):
            found["clips"] = all_clip_figures(folder, seconds)
        if only in ("", "references"):
            sandbox = Sandbox(Limits(wall_s=1200, cpu_s=2400))
            found["references"] = picture_figures(sandbox, folder)
            sandbox.close()
        if only in ("", "job"):
            found["tiny_job"] = job_figures(folder)
        if only == "swings":
            found["swings"] = swing_figures(folder, seconds)
        if only == "film":
            found["film"] = film.figures(folder, minutes=60 * hours, fps=24, cpu_s=4 * 3600)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--only", choices=("clips", "swings", "references", "job", "film"), default="")
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.seconds, arguments.only, arguments.hours)
    print(json.dumps(found) if arguments.json else json.dumps(found, indent=2))


if __name__ == "__main__":
    main()

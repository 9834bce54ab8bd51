"""Memory over a long film with sound, and what it costs: peak and present RSS at minutes of the film.

Ten minutes of a film are drawn, encoded as H.264 and AAC, and looped as they are. There are cuts; three
quarters of the shots are locked off and empty, in some a thing moves, a tenth pans; light grain, some words,
room tone, and lines spoken by espeak-ng.

python -m bench.film [--minutes 120] [--fps 24] [--cpu-s 3600] [--keep FOLDER] [--json]
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import psutil
from PIL import Image, ImageDraw, ImageFont

from safelight.media.encode import AudioFormat, Mp4Writer, VideoFormat
from safelight.media.probe import VideoLimits
from safelight.media.sandbox.child_main import ChildChannel
from safelight.media.sandbox.confinement import Limits
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.process import CallHooks
from safelight.media.sandbox.sandbox import Sandbox
from safelight.testing.speech import synthesize

Pixels = npt.NDArray[np.uint8]
Samples = npt.NDArray[np.float32]

SPECS: list[tuple[str, dict[str, Any]]] = [
    (name, {}) for name in ("nudenet", "ocr", "safety-card-image", "flicker", "safety-card-audio", "vad")
]
WIDTH, HEIGHT, RATE, LOOP_S = 320, 180, 48_000, 600
MINUTES = (1, 2, 5, 10, 30, 60, 90, 120)
LINES = (
    "We leave before the sun is up.",
    "Nobody has seen the captain since last night.",
    "There is a light on the other side of the lake.",
    "I told you not to open that letter.",
    "The train will be here in ten minutes.",
)
WORDS = ("HARBOUR 9", "NORTH GATE", "Three years later", "CLOSED TODAY", "Room 214")


def shots(rng: np.random.Generator) -> list[tuple[float, str, str]]:
    """Lengths in seconds, what moves, and words in the picture; ten minutes of them."""
    made: list[tuple[float, str, str]] = []
    left = float(LOOP_S)
    while left > 0:
        length = min(float(rng.uniform(2.5, 9.0)), left)
        words = str(rng.choice(WORDS)) if rng.random() < 0.2 else ""
        moves = str(rng.choice(("nothing", "thing", "camera"), p=(0.75, 0.15, 0.10)))
        made.append((length, moves, words))
        left -= length
    return made


def scenery(rng: np.random.Generator, words: str) -> Pixels:
    """A wide picture with soft shapes, edges and fine detail."""
    wide = 2 * WIDTH
    coarse = rng.integers(20, 230, (6, 14, 3), dtype=np.uint8)
    base = cv2.resize(coarse, (wide, HEIGHT), interpolation=cv2.INTER_CUBIC)
    page = Image.fromarray(base.astype(np.uint8))
    pen = ImageDraw.Draw(page)
    for _ in range(25):
        x, y, size = (
            int(rng.integers(0, wide)),
            int(rng.integers(0, HEIGHT)),
            int(rng.integers(6, HEIGHT // 3)),
        )
        colour = tuple(int(value) for value in rng.integers(20, 235, 3))
        pen.ellipse((x, y, x + size, y + size // 2), fill=colour)
    if words:
        pen.rectangle((40, 60, 40 + 11 * len(words), 86), fill="white")
        pen.text((44, 62), words, fill="black", font=ImageFont.load_default(18))
    fine = rng.normal(0, 6, (HEIGHT, wide, 1))
    return np.clip(np.asarray(page) + fine, 0, 255).astype(np.uint8)


def sound(rng: np.random.Generator) -> Samples:
    """Room tone and a low chord, and a line spoken every half minute or so."""
    count = RATE * LOOP_S
    moments = np.arange(count, dtype=np.float32) / RATE
    made = rng.normal(0, 0.004, count).astype(np.float32)
    for pitch in (110.0, 164.8, 220.0):
        made += (0.02 * np.sin(2 * np.pi * pitch * moments) * (0.5 + 0.5 * np.sin(moments / 7))).astype(
            np.float32
        )
    at = 5.0
    while at < LOOP_S - 10:
        line = 0.5 * synthesize(str(rng.choice(LINES))).at(RATE)
        begin = round(at * RATE)
        made[begin : begin + line.size] += line
        at += float(rng.uniform(12, 50))
    return np.asarray(np.clip(made, -1, 1), np.float32)


def ten_minutes(path: Path, fps: int) -> None:
    rng = np.random.default_rng(7)
    grain = rng.normal(0, 1, (24, HEIGHT, WIDTH, 1)).round().astype(np.int16)
    frames = [0]
    with Mp4Writer(
        path, VideoFormat(width=WIDTH, height=HEIGHT, fps=fps, crf=24), AudioFormat(rate=RATE, channels=2)
    ) as writer:
        for length, moves, words in shots(rng):
            wide = scenery(rng, words)
            colour = rng.integers(30, 230, 3)
            for number in range(round(length * fps)):
                if frames[0] >= LOOP_S * fps:
                    break
                left = min(2 * number, WIDTH) if moves == "camera" else 30
                picture = wide[:, left : left + WIDTH].astype(np.int16)
                if moves == "thing":
                    across = (20 + 2 * number) % (WIDTH - 24)
                    picture[100:124, across : across + 24] = colour
                picture += grain[int(rng.integers(0, 24))]
                writer.add_frame(np.clip(picture, 0, 255).astype(np.uint8))
                frames[0] += 1
        writer.add_audio(sound(rng))


def looped(source: Path, into: Path, minutes: float) -> None:
    """The ten minutes again and again, packets as they are."""
    import av

    with av.open(str(into), "w", format="matroska") as out, av.open(str(source)) as first:
        streams = {
            stream.type: out.add_stream_from_template(stream)
            for stream in (first.streams.video[0], first.streams.audio[0])
        }
        for turn in range(-(-round(minutes * 60) // LOOP_S)):
            with av.open(str(source)) as again:
                for packet in again.demux():
                    if packet.dts is None or packet.pts is None or packet.time_base is None:
                        continue
                    shift = round(turn * LOOP_S / packet.time_base)
                    if (packet.pts + shift) * packet.time_base >= minutes * 60:
                        continue
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = streams[packet.stream.type]
                    out.mux(packet)


class Watched(ChildChannel):
    """A link that writes down how much memory is used when the scan reports that it has come so far."""

    def __init__(self, link: ChildChannel, fps: int) -> None:
        self._link = link
        self._fps = fps
        self._left = list(MINUTES)
        self._own = psutil.Process()
        self.told: list[dict[str, float]] = []

    def progress(self, value: Any) -> None:
        minute = value["frame"] / self._fps / 60
        while self._left and minute >= self._left[0]:
            self._left.pop(0)
            self.told.append(self.now(minute))
            self._link.progress(self.told[-1])

    def now(self, minute: float) -> dict[str, float]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "minute": round(minute, 1),
            "rss_mb": round(self._own.memory_info().rss / 2**20),
            "peak_mb": round(peak_kb() / 1024),
            "cpu_s": round(used.ru_utime + used.ru_stime),
        }


def peak_kb() -> int:
    """The most memory this process had; `ru_maxrss` is also that of the process that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def scan(argument: dict[str, Any], link: ChildChannel) -> dict[str, Any]:
    """In a child: the scan, with memory at minutes of the film, after the picture, and at the end."""
    import msgspec

    from safelight.screening.scanning.worker import scan_video

    watched = Watched(link, argument["fps"])
    began = time.perf_counter()
    answer = scan_video(argument["task"], watched)
    end = watched.now(argument["minutes"])
    size = len(msgspec.msgpack.encode(answer))
    return {
        "at": watched.told,
        "after_the_sound": end,
        "wall_s": round(time.perf_counter() - began),
        "answer_bytes": size,
        "findings": len(answer.findings),
        "texts": len(answer.texts),
        "speech_s": answer.audio.speech_s if answer.audio else None,
        "speech_files": len(answer.audio.files) if answer.audio else 0,
        "looked_at": answer.sampling.looked_at if answer.sampling else 0,
        "why": answer.sampling.why if answer.sampling else {},
        "incomplete": [run.note for run in answer.runs if not run.complete],
        "detector_cpu_s": {run.name: run.cpu_s for run in answer.runs},
    }


def figures(folder: Path, *, minutes: float, fps: int, cpu_s: int) -> dict[str, Any]:
    import msgspec

    from safelight.screening.scanning.tasks import DetectorSet, VideoScanTask

    master, film = folder / f"ten-minutes-{fps}.mp4", folder / f"film-{minutes:g}-{fps}.mkv"
    if not master.is_file():
        ten_minutes(master, fps)
    if not film.is_file():
        looped(master, film, minutes)
    out = folder / "out"
    out.mkdir(exist_ok=True)
    task = VideoScanTask(
        path=str(film),
        detectors=DetectorSet(specs=tuple(SPECS)),
        limits=VideoLimits(duration_s=minutes * 60 + 60, frames=1_000_000),
        budget_s=100_000,
        previews=str(out),
        keyframes=str(out),
        speech=str(out),
    )
    sandbox = Sandbox(Limits(wall_s=100_000, cpu_s=cpu_s))
    try:
        found: dict[str, Any] = sandbox.run(
            EntryPoint("bench.film", "scan"),
            {"task": msgspec.to_builtins(task), "fps": fps, "minutes": minutes},
            reads=[film],
            writes=[out],
            hooks=CallHooks(progress=lambda value: print(json.dumps(value), file=sys.stderr, flush=True)),
        )
    finally:
        sandbox.close()
    return {"minutes": minutes, "fps": fps, "bytes": film.stat().st_size, **found}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--fps", type=int, default=24)
    parser.add_argument("--cpu-s", type=int, default=7200, help="The scan is ended when it has used so much.")
    parser.add_argument("--keep", type=Path, help="Where the film is made and kept.")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = given.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        found = figures(folder, minutes=given.minutes, fps=given.fps, cpu_s=given.cpu_s)
    print(json.dumps(found) if given.json else json.dumps(found, indent=2))


if __name__ == "__main__":
    main()

"""Real chains: a browser plays delivered clips and its screen is recorded; FFmpeg writes WebM and MKV.

    python -m bench.provenance.real_chains CLIPS --work FOLDER --results FILE [--count 20] [--chains NAMES]

CLIPS is a folder as `safelight eval provenance` takes it. Each clip is sealed by an installation in FOLDER;
every copy goes through the whole recovery with the registry of all clips. FFmpeg is that of PyAV. `screen`
needs Xvfb and Chromium: it shows the clip in a page at 0.55 to 1.05 of its size, on a screen of
1600 by 900, and records all of that screen. Finished rows are kept, so a stopped run goes on.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from bench.provenance import installation, pictures
from bench.provenance.installation import Installation, Results, SealedClip, describe_recovery, share
from safelight_lab.evaluation.provenance_eval import find_clips

CHROMIUM = "/usr/bin/chromium"
SCREEN = (1600, 900)
SECONDS = 4
#: Codec, its options, and the ending of the file; without a codec, the packets are copied.
CONTAINERS: dict[str, tuple[str, dict[str, str], str]] = {
    "mkv-copy": ("", {}, "mkv"),
    "mkv-h264": ("libx264", {"crf": "26", "preset": "veryfast"}, "mkv"),
    "webm-vp9": (
        "libvpx-vp9",
        {"crf": "36", "b": "0", "deadline": "realtime", "cpu-used": "8"},
        "webm",
    ),
}
PAGE = """<!doctype html><meta charset=utf-8><style>
body {{ margin: 40px; background: #f2f2ee; font: 18px sans-serif }}
video {{ width: {width}px; display: block }}
</style><p>A page with a video</p><video muted src="{source}"></video><p>Comments (3)</p>
<script>
const video = document.querySelector("video");
video.onended = () => {{
  const quality = video.getVideoPlaybackQuality();
  document.title = "ended " + quality.droppedVideoFrames + " " + quality.totalVideoFrames;
}};
</script>"""


@contextlib.contextmanager
def virtual_screen() -> Iterator[str]:
    """The name of an X display."""
    read, write = os.pipe()
    size = f"{SCREEN[0]}x{SCREEN[1]}x24"
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", size, "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as found:
        display = f":{found.readline().strip()}"
    try:
        yield display
    finally:
        server.terminate()
        server.wait()


def grab(display: str, into: Path) -> None:
    """Record the whole screen."""
    source = {"framerate": "30", "video_size": f"{SCREEN[0]}x{SCREEN[1]}"}
    with av.open(display, format="x11grab", options=source) as screen, av.open(str(into), "w") as written:
        encoding = {"preset": "ultrafast", "crf": "23"}
        stream = written.add_stream("libx264", rate=30, width=SCREEN[0], height=SCREEN[1], options=encoding)
        stream.pix_fmt, first, shown = "yuv420p", None, -1
        for frame in screen.decode(video=0):
            first = frame.time if first is None else first
            number = round((frame.time - first) * 30)
            if number > (SECONDS + 1) * 30:
                break
            if number > shown:
                picture, shown = frame.reformat(format="yuv420p"), number
                picture.pts, picture.time_base = number, Fraction(1, 30)
                written.mux(stream.encode(picture))
        written.mux(stream.encode())


def copy_packets(source: Path, into: Path) -> None:
    """The same pictures in another container."""
    with av.open(str(source)) as found, av.open(str(into), "w") as written:
        stream = written.add_stream_from_template(found.streams.video[0])
        for packet in found.demux(found.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                written.mux(packet)


def record_screen(sealed: SealedClip, into: Path, random: np.random.Generator) -> dict[str, Any]:
    """Play the clip in Chromium and record the screen. Returns scale and dropped frames."""
    from playwright.sync_api import sync_playwright

    capture = cv2.VideoCapture(str(sealed.path))
    width, height = (int(capture.get(one)) for one in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    capture.release()
    scale = min(random.uniform(0.55, 1.05), (SCREEN[1] - 160) / height)
    page_file = into.with_suffix(".html")
    page_file.write_text(
        PAGE.format(width=round(width * scale), source=sealed.path.resolve().as_uri()), "utf-8"
    )
    with virtual_screen() as display, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            headless=False,
            env={**os.environ, "DISPLAY": display},
            args=[
                "--kiosk",
                "--no-sandbox",
                "--disable-gpu",
                "--autoplay-policy=no-user-gesture-required",
                f"--window-size={SCREEN[0]},{SCREEN[1]}",
            ],
        )
        try:
            page = browser.new_page(viewport={"width": SCREEN[0], "height": SCREEN[1]})
            page.goto(page_file.resolve().as_uri())
            page.wait_for_function("document.querySelector('video').readyState >= 4")
            with ThreadPoolExecutor(1) as threads:
                recorded = threads.submit(grab, display, into)
                page.evaluate("document.querySelector('video').play()")
                page.wait_for_function("document.title.startsWith('ended')", timeout=60_000)
                dropped, total = map(int, page.title().split()[1:])
                recorded.result(timeout=120)
        finally:
            browser.close()
    return {"scale": round(scale, 2), "dropped_frames": dropped, "frames": total}


def run_chain(name: str, sealed: SealedClip, into: Path) -> dict[str, Any]:
    """Make the copy of one chain. Returns facts about it."""
    if name == "screen":
        random = np.random.default_rng(list(f"{sealed.clip.sha256}{name}".encode()))
        return record_screen(sealed, into, random)
    codec, options, _ending = CONTAINERS[name]
    if codec:
        pictures.transcode(sealed.path, into, codec, options)
    else:
        copy_packets(sealed.path, into)
    return {}


def measure(name: str, house: Installation, sealed: SealedClip) -> dict[str, Any]:
    ending = CONTAINERS[name][2] if name in CONTAINERS else "mp4"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"copy.{ending}"
        facts = run_chain(name, sealed, copy)
        started = time.monotonic()
        found = house.recovery.recover(copy)
        return {
            "chain": name,
            "clip": sealed.clip.sha256,
            "source": sealed.clip.source,
            "kind": sealed.clip.kind,
            "mark": sealed.seal.mark.state.value,
            **facts,
            **describe_recovery(found, sealed),
            "recovery_s": round(time.monotonic() - started, 1),
        }


def report(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in dict.fromkeys(row["chain"] for row in rows):
        part = [row for row in rows if row["chain"] == name]
        found[name] = {
            "from_here": share(part, "right"),
            "sources": len({row["source"] for row in part}),
            "not_found": sorted(f"{row['source']} ({row['ground']})" for row in part if not row["right"]),
        }
        if name == "screen":
            shown = sum(row["frames"] for row in part)
            found[name]["dropped_frames"] = f"{sum(row['dropped_frames'] for row in part)} of {shown}"
    return found


def one_of_each_source(sealed: Sequence[SealedClip], count: int) -> list[SealedClip]:
    """Clips of different sources first, and their kinds in turn, so that a stopped run has all kinds."""
    first = list({one.clip.source: one for one in reversed(sealed)}.values())[::-1]
    kinds = dict.fromkeys(one.clip.kind for one in sealed)
    turns = zip_longest(*([one for one in first if one.clip.kind == kind] for kind in kinds))
    mixed = [one for turn in turns for one in turn if one is not None]
    return [*mixed, *(one for one in sealed if one not in first)][:count]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--chains", default=",".join((*CONTAINERS, "screen")))
    asked = parser.parse_args()
    clips = find_clips(asked.clips)
    results = Results(asked.results, installation.measured_code(sys.modules[__name__], pictures))
    house = Installation(asked.work)
    try:
        everything = [house.seal(one) for one in clips]
        rows = [
            results.measure(f"{name} {sealed.clip.sha256}", lambda n=name, s=sealed: measure(n, house, s))  # type: ignore[misc]
            for sealed in one_of_each_source(everything, asked.count)
            for name in asked.chains.split(",")
        ]
    finally:
        house.close()
    print(json.dumps(report(rows), indent=1))


if __name__ == "__main__":
    main()

"""Compares the hashes that a browser computes on the page for intimate pictures with those of `pdqhash`.

    pip install pdqhash
    python -m bench.browser_hashes /usr/bin/chromium --headless --no-sandbox
    python -m bench.browser_hashes /usr/bin/firefox-esr --headless

The browser needs no driver: it opens a page that fetches the test files, hashes them with the modules of the
console, and sends the hashes back. Pictures and clips are made by this command, always the same.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pdqhash  # type: ignore[import-not-found]
from PIL import Image, ImageDraw, ImageFilter

from safelight.media.encode import Mp4Writer, VideoFormat

Pixels = npt.NDArray[np.uint8]
#: The number of frames keeps the times at which the page hashes away from the border between two frames.
PICTURES, CLIPS, FPS, CLIP_FRAMES = 100, 20, 24, 76
#: Frames of a clip that the page hashes: `FRAMES` in media_hashes.js.
HASHED_FRAMES = 12
TIMEOUT_S = 600
STATIC = Path(__file__).parents[1] / "src" / "safelight" / "console" / "static"
PAGE = """<!doctype html><meta charset="utf-8"><script type="module">
import { hashFile } from "/media_hashes.js";
const names = await (await fetch("/names")).json();
const found = {};
for (const name of names) {
  const blob = await (await fetch(`/files/${name}`)).blob();
  const file = new File([blob], name, { type: blob.type });
  try { found[name] = await hashFile(file, 0); } catch (error) { found[name] = String(error); }
}
await fetch("/found", { method: "POST", body: JSON.stringify(found) });
</script>"""
TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".mp4": "video/mp4", ".js": "text/javascript"}


def draw(seed: int, width: int, height: int) -> Pixels:
    """A picture of soft colours, shapes and lines, as varied as photographs are in their large structures."""
    random = np.random.default_rng(seed)
    soft = random.integers(0, 255, (random.integers(3, 9), random.integers(3, 12), 3)).astype(np.uint8)
    picture = Image.fromarray(soft).resize((width, height), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    for _ in range(int(random.integers(4, 16))):
        x, y = random.integers(0, width), random.integers(0, height)
        size = int(random.integers(width // 20, width // 3))
        shape = [pen.ellipse, pen.rectangle][int(random.integers(2))]
        shape(
            [int(x), int(y), int(x) + size, int(y) + size // 2],
            fill=tuple(random.integers(0, 255, 3).tolist()),
        )
    picture = picture.filter(ImageFilter.GaussianBlur(float(random.uniform(0, 3))))
    noise = random.normal(0, random.uniform(0, 8), (height, width, 3))
    return np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8)


def make_files(folder: Path) -> None:
    for number in range(PICTURES):
        random = np.random.default_rng(10_000 + number)
        width, height = int(random.integers(160, 1921)), int(random.integers(160, 1201))
        name = f"{number:03}.png" if number % 4 == 0 else f"{number:03}.jpg"
        Image.fromarray(draw(number, width, height)).save(folder / name, quality=int(random.integers(60, 96)))
    for number in range(CLIPS):
        whole = draw(20_000 + number, 960, 540)
        with Mp4Writer(
            folder / f"clip{number:02}.mp4", VideoFormat(width=640, height=360, fps=FPS, crf=23), None
        ) as writer:
            for frame in range(CLIP_FRAMES):
                x, y = frame * 320 // CLIP_FRAMES, frame * 180 // CLIP_FRAMES
                writer.add_frame(np.ascontiguousarray(whole[y : y + 360, x : x + 640]))


def reference(path: Path) -> list[list[npt.NDArray[np.uint8]]]:
    """The hashes of `pdqhash` of a picture, or of the frames of a clip that the page hashes: each with the
    frame before and after, because browsers differ by one frame in where they seek to.
    """
    if path.suffix != ".mp4":
        return [[pdqhash.compute(np.asarray(Image.open(path).convert("RGB")))[0]]]
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    hashes = [pdqhash.compute(np.ascontiguousarray(frame))[0] for frame in frames]
    places = [int(len(frames) * (number + 0.5) / HASHED_FRAMES) for number in range(HASHED_FRAMES)]
    return [hashes[max(place - 1, 0) : place + 2] for place in places]


def distance(hexadecimal: str, bits: npt.NDArray[np.uint8]) -> int:
    ours = np.unpackbits(np.frombuffer(bytes.fromhex(hexadecimal), np.uint8))
    return int((ours != bits).sum())


def run_browser(command: list[str], folder: Path) -> dict[str, Any]:
    """The hashes that the browser sends back, by name of the file."""
    found: dict[str, Any] = {}
    done = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            if self.path == "/":
                self._answer(PAGE.encode(), "text/html")
            elif self.path == "/names":
                self._answer(
                    json.dumps(sorted(one.name for one in folder.iterdir())).encode(), "application/json"
                )
            else:
                path = (folder if self.path.startswith("/files/") else STATIC) / name
                known = path.is_file()
                self._answer(
                    path.read_bytes() if known else b"", TYPES.get(path.suffix, ""), 200 if known else 404
                )

        def do_POST(self) -> None:
            found.update(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self._answer(b"", "text/plain")
            done.set()

        def _answer(self, body: bytes, media_type: str, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("content-type", media_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, tempfile.TemporaryDirectory() as profile:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        flag = ["--profile", profile] if "firefox" in command[0] else [f"--user-data-dir={profile}"]
        # With `--headless` Chromium ends after the page has loaded unless it is given a port for a debugger.
        more = [] if "firefox" in command[0] else ["--remote-debugging-port=0"]
        address = f"http://127.0.0.1:{server.server_port}/"
        with subprocess.Popen([*command, *flag, *more, address], stderr=subprocess.DEVNULL) as browser:
            arrived = done.wait(TIMEOUT_S)
            browser.terminate()
        server.shutdown()
    if not arrived:
        raise SystemExit("The browser sent no hashes.")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("browser", nargs=argparse.REMAINDER, help="The command that starts the browser.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_files(folder)
        found = run_browser(parser.parse_args().browser, folder)
        for kind, suffixes in (("pictures", (".png", ".jpg")), ("clips", (".mp4",))):
            worst: list[int] = []
            unread = 0
            for path in sorted(one for one in folder.iterdir() if one.suffix in suffixes):
                if isinstance(found[path.name], str):
                    unread += 1
                    continue
                known = reference(path)
                pairs = zip(found[path.name], known, strict=True)
                frames = [min(distance(one["hash"], bits) for bits in near) for one, near in pairs]
                worst.append(max(frames))
            within = sum(one <= 10 for one in worst)
            print(
                f"{kind}: {within} of {len(worst) + unread} within 10 bits, "
                f"median {np.median(worst or [0]):.0f}, worst {max(worst, default=0)}, not read {unread}"
            )


if __name__ == "__main__":
    main()

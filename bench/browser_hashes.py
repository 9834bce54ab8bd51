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

from safelight.detectors.image.pdq import MIN_QUALITY

Pixels = npt.NDArray[np.uint8]
#: The number of frames keeps the times at which the page hashes away from the border between two frames.
PICTURES, CLIPS, FPS, CLIP_FRAMES = 100, 20, 24, 76
#: Size of a clip, and whether the file says that its colours are stored by BT.709. In turn.
CLIP_KINDS = (((640, 360), False), ((640, 360), True), ((1280, 720), False), ((1280, 720), True))
#: Frames of a clip that the page hashes: `FRAMES` in media_hashes.js.
HASHED_FRAMES = 12
FIRST_CLIP_SEED = 30_000
#: The value of BT.709 for matrix, primaries and transfer.
BT709 = 1
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
    made, seed = 0, FIRST_CLIP_SEED
    while made < CLIPS:
        (width, height), is_tagged = CLIP_KINDS[made % len(CLIP_KINDS)]
        whole = draw(seed, width * 3 // 2, height * 3 // 2)
        seed += 1
        places = [(n * height // 2 // CLIP_FRAMES, n * width // 2 // CLIP_FRAMES) for n in range(CLIP_FRAMES)]
        frames = [np.ascontiguousarray(whole[y : y + height, x : x + width]) for y, x in places]
        if min(pdqhash.compute(frames[place])[1] for place in hashed_places(CLIP_FRAMES)) < MIN_QUALITY:
            continue
        encode_clip(folder / f"clip{made:02}.mp4", frames, is_tagged=is_tagged)
        made += 1


def encode_clip(path: Path, frames: list[Pixels], *, is_tagged: bool) -> None:
    height, width, _ = frames[0].shape
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "23", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        if is_tagged:
            for name in ("colorspace", "color_primaries", "color_trc"):
                setattr(stream.codec_context, name, BT709)
        for pixels in frames:
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            if is_tagged:
                frame = frame.reformat(format="yuv420p", dst_colorspace=BT709)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def hashed_places(frames: int) -> list[int]:
    """The frames of a clip that the page hashes."""
    return [int(frames * (number + 0.5) / HASHED_FRAMES) for number in range(HASHED_FRAMES)]


def reference(path: Path) -> list[list[npt.NDArray[np.uint8]]]:
    """The hashes of `pdqhash` of a picture, or of the frames of a clip that the page hashes: each with the
    frame before and after, because browsers differ by one frame in where they seek to.
    """
    if path.suffix != ".mp4":
        return [[pdqhash.compute(np.asarray(Image.open(path).convert("RGB")))[0]]]
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    hashes = [pdqhash.compute(np.ascontiguousarray(frame))[0] for frame in frames]
    return [hashes[max(place - 1, 0) : place + 2] for place in hashed_places(len(frames))]


def worst_frame(found: list[dict[str, Any]], known: list[list[npt.NDArray[np.uint8]]]) -> int:
    """The largest distance of a frame. Of the hashes that the page makes of a frame, the nearest counts, as
    a server compares with all.
    """
    kinds = len(found) // len(known)
    return max(
        min(
            distance(found[place + kind * len(known)]["hash"], bits) for kind in range(kinds) for bits in near
        )
        for place, near in enumerate(known)
    )


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
                worst.append(worst_frame(found[path.name], reference(path)))
            within = sum(one <= 10 for one in worst)
            print(
                f"{kind}: {within} of {len(worst) + unread} within 10 bits, "
                f"median {np.median(worst or [0]):.0f}, worst {max(worst, default=0)}, not read {unread}"
            )


if __name__ == "__main__":
    main()

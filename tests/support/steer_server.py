"""`packages/steer` as its users run it: its server over a tiny pipeline with random weights, in its own
environment.

    with steer_server(folder) as server: ...
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from .optional_tools import ROOT, leave_out

START_S = 120
PYTHON = Path(os.environ.get("SAFELIGHT_TEST_STEER", ROOT / ".venvs" / "steer" / "bin" / "python"))
#: Saves the pipeline, a concept, and a watch that stops every generation that it reads.
_PREPARE = """
import json, sys
from pathlib import Path
import tiny_pipelines, torch
from safelight_steer.latent_head import LatentHead, save_watch
from safelight_steer.sequential_test import Boundary
from safelight_steer.watcher import Watch

folder = Path(sys.argv[1])
tiny_pipelines.build("wan").save_pretrained(folder / "wan")
concept = {"phrases": ["red paint splash"], "near_misses": ["red ball"], "anchor": "blue water splash"}
(folder / "concepts.json").write_text(json.dumps({"violence/graphic": concept}))
head = LatentHead(torch.zeros(32), torch.tensor(10.0), channel_axis=1)
boundary = Boundary.fixed(0.4)
save_watch(folder / "watch", Watch(name="violence/graphic", detector=head, boundary=boundary))
"""


@contextmanager
def steer_server(folder: Path) -> Iterator[str]:
    """The address of the server, when it has loaded its model."""
    if not PYTHON.exists():
        leave_out("the environment .venvs/steer", "make test-steer, or set SAFELIGHT_TEST_STEER")
    package = ROOT / "packages" / "steer"
    path = os.pathsep.join(map(str, (package / "src", package / "tests")))
    # Two threads on a busy machine make a step of the tiny model many times slower.
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    subprocess.run([PYTHON, "-c", _PREPARE, folder], env=environment, check=True, timeout=START_S)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = [
        *("serve", folder / "wan", "--port", str(port), "--size", "32x32", "--seconds", "1", "--fps", "8"),
        *("--steps", "8", "--guidance-scale", "4", "--name", "tiny-wan"),
        *("--concepts", folder / "concepts.json", "--watch", folder / "watch"),
    ]
    with (folder / "steer.log").open("w") as log:
        process = subprocess.Popen(
            [PYTHON, "-m", "safelight_steer.server.cli", *arguments], env=environment, stdout=log, stderr=log
        )
    try:
        _wait(f"http://127.0.0.1:{port}/readyz", process, folder / "steer.log")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(address).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise RuntimeError(f"the steer server did not start:\n{log.read_text()[-4000:]}")

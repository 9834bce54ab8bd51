"""How long sealing and verifying take for 4 s of 720p: in this process, and in a sandboxed child as shipped.

python bench/seal.py [--runs 10] [--json]
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np

from safelight.media.sandbox.entrypoints import NOOP
from safelight.media.sandbox.sandbox import Sandbox
from safelight.policy.findings import Coverage, Stage
from safelight.policy.verdicts import Action, Verdict
from safelight.provenance import manifest, worker
from safelight.provenance.keys import KeyStore
from safelight.provenance.manifest import SealFacts, SourceType
from safelight.provenance.sealing import Sealer
from safelight.provenance.verification import Verifier

FACTS = SealFacts(
    video_id="video_" + "0" * 32,
    generator="bench",
    model="bench-1",
    source_type=SourceType.TRAINED,
    generated_at=dt.datetime(2026, 11, 20, tzinfo=dt.UTC),
    verdict=Verdict(
        action=Action.ALLOW,
        stage=Stage.OUTPUT,
        subject_sha256="a" * 64,
        policy="starter",
        policy_sha256="b" * 64,
    ),
    coverage=Coverage(),
)


class Near:
    """What a child's link does, without the pipe."""

    def __init__(self, sign: Callable[[bytes], bytes]) -> None:
        self.sign = sign


def make_video(path: Path) -> None:
    """4 s of 720p at 24 frames a second: smooth colours that move, and a little noise."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:720, 0:1280]
    noise = rng.integers(0, 40, (720, 1280), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": "20", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for frame in range(96):
            moving = np.roll(noise, frame * 5, axis=1)
            planes = [(x // 8 + frame * 2) % 256, (y // 4 + frame) % 256, moving + 60]
            pixels = np.stack(planes, axis=-1).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def timed(runs: int, work: Callable[[], object]) -> dict[str, float]:
    work()
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1000)
    return {"median_ms": round(statistics.median(taken), 1), "max_ms": round(max(taken), 1)}


def measure(runs: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain, sealed = folder / "plain.mp4", folder / "sealed.mp4"
        make_video(plain)
        keys = KeyStore.own(folder / "keys", organization="Bench")
        sandbox = Sandbox()
        sealer, verifier = Sealer(sandbox=sandbox, keys=keys), Verifier(sandbox=sandbox, keys=keys)
        seal = sealer.seal(plain, sealed, FACTS)
        near: Any = Near(keys.signing().sign_claim)
        order = {
            "manifest": json.dumps(manifest.build(FACTS, version="bench")),
            "chain": keys.signing().chain_pem,
            "anchors": keys.anchors_pem,
            "source": str(plain),
            "into": str(folder / "near.mp4"),
            "seed": None,
        }
        question = {"path": str(sealed), "anchors": [("own", keys.anchors_pem)], "manifest": None}
        found = {
            "bytes": plain.stat().st_size,
            "added_bytes": sealed.stat().st_size - plain.stat().st_size,
            "manifest_bytes": len(seal.manifest),
            "seal_in_process": timed(runs, lambda: worker.seal(order, near)),
            "seal_in_child": timed(runs, lambda: sealer.seal(plain, sealed, FACTS)),
            "verify_in_process": timed(runs, lambda: worker.read(question, near)),
            "verify_in_child": timed(runs, lambda: verifier.verify(sealed)),
            "empty_child": timed(runs, lambda: sandbox.run(NOOP)),
        }
        sandbox.close()
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.runs)
    if arguments.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:18} {value}")


if __name__ == "__main__":
    main()

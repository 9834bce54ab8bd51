"""An unchanged LiteLLM with the guardrails of `examples/litellm`. `python -m bench.litellm`.

A test-card prompt is stopped before the upstream gets it, and a test-card clip when it is fetched. Then the
same requests are timed with and without the guardrails. Figures go to docs/benchmarks/peers.md.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import yaml

from safelight.detectors import safety_card
from safelight.media.encode import Mp4Writer, VideoFormat
from safelight.testing.upstream import ScriptedUpstream

from .gateway import Running, gateway, quantile
from .proxies import PROMPT, started, wait_for

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "litellm"
MODEL = "veo-3.1"
CARD_PROMPT = "A fight SAFELIGHT-TEST:violence in a bar"
#: The upstream answers a prompt with this word with a clip that has a test card.
CARD_CLIP = "A tram that meets a surprise"
_KEY = "sk-bench"
_SETTINGS = "[limits]\nchecks_per_hour = 1000000\n"


def write_clip(path: Path, *, seconds: int, card: bool = False) -> Path:
    """A calm scene at 1280x720 and 24 frames per second, with a test card in the middle."""
    down, across = np.mgrid[0:720, 0:1280]
    with Mp4Writer(path, VideoFormat(width=1280, height=720, fps=24, crf=30)) as writer:
        for frame in range(seconds * 24):
            pixels = np.stack([across // 16 + 60, down // 8 + 60, 0 * down + 120], axis=-1).astype(np.uint8)
            pixels[360:400, frame * 4 : frame * 4 + 40] = (200, 180, 90)
            if card and frame == seconds * 12:
                pixels = safety_card.draw_card("violence/graphic", 1280, 720)
            writer.add_frame(pixels)
    return path


def config(upstream: str, *, guarded: bool) -> str:
    """The example's configuration, with the scripted upstream in place of the provider."""
    document = yaml.safe_load((EXAMPLE / "config.yaml").read_text())
    parameters = {"model": "openai/scripted-1", "api_base": upstream, "api_key": "unused"}
    document["model_list"] = [{"model_name": MODEL, "litellm_params": parameters}]
    if not guarded:
        del document["guardrails"]
    return yaml.safe_dump(document)


@contextmanager
def proxy(
    python: Path, folder: Path, upstream: str, guard: Mapping[str, str] | None
) -> Iterator[httpx.Client]:
    """LiteLLM's proxy with one worker, and a client of it. `guard`: the variables of the guardrails."""
    folder.mkdir()
    (folder / "config.yaml").write_text(config(upstream, guarded=guard is not None))
    (folder / "safelight_clips.py").write_bytes((EXAMPLE / "safelight_clips.py").read_bytes())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(python.with_name("litellm")), "--config", str(folder / "config.yaml"), "--port", str(port)]
    with started(
        [*command, "--host", "127.0.0.1", "--num_workers", "1"],
        folder / "litellm.log",
        LITELLM_LOG="ERROR",
        LITELLM_LOCAL_MODEL_COST_MAP="true",
        LITELLM_MASTER_KEY=_KEY,
        **(guard or {}),
    ):
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/health/liveliness")
        with httpx.Client(base_url=address, headers={"authorization": f"Bearer {_KEY}"}, timeout=300) as made:
            yield made


def guard_variables(running: Running) -> dict[str, str]:
    return {
        "SAFELIGHT_ADDRESS": running.address,
        "SAFELIGHT_URL": f"{running.address}/v1",
        "SAFELIGHT_API_KEY": running.key,
    }


def create(client: httpx.Client, prompt: str) -> httpx.Response:
    return client.post("/v1/videos", json={"model": MODEL, "prompt": prompt})


def fetch(client: httpx.Client, video_id: str) -> httpx.Response:
    """The clip of a video, once it has finished."""
    while client.get(f"/v1/videos/{video_id}").json()["status"] != "completed":
        time.sleep(0.05)
    return client.get(f"/v1/videos/{video_id}/content")


def stops(client: httpx.Client, upstream: ScriptedUpstream) -> dict[str, Any]:
    """What becomes of a harmless request, a test-card prompt and a test-card clip."""
    harmless = fetch(client, create(client, PROMPT).json()["id"])
    harmless.raise_for_status()
    sent = len(upstream.counts["orders"])
    prompt = create(client, CARD_PROMPT)
    sent_after = len(upstream.counts["orders"])
    clip = fetch(client, create(client, CARD_CLIP).json()["id"])
    return {
        "harmless clip": [harmless.status_code, len(harmless.content)],
        "card prompt": [prompt.status_code, prompt.json()["error"]["message"]],
        "submitted for the card prompt": sent_after - sent,
        "card clip": [clip.status_code, clip.json()["error"]["message"]],
    }


def timings(client: httpx.Client, repeats: int) -> dict[str, Any]:
    """Milliseconds of a create and of a fetch, one client, median and 95th percentile."""
    taken: dict[str, list[float]] = {"create": [], "fetch": []}
    for number in range(repeats):
        began = time.perf_counter()
        made = create(client, f"{PROMPT}, take {number}")
        taken["create"].append((time.perf_counter() - began) * 1000)
        made.raise_for_status()
        fetch(client, made.json()["id"])
        began = time.perf_counter()
        client.get(f"/v1/videos/{made.json()['id']}/content").raise_for_status()
        taken["fetch"].append((time.perf_counter() - began) * 1000)
    return {
        name: {"p50_ms": round(quantile(values, 0.5)), "p95_ms": round(quantile(values, 0.95))}
        for name, values in taken.items()
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, default=Path(".venvs/litellm/bin/python"))
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    version = "import importlib.metadata as m; print(m.version('litellm'))"
    found = subprocess.run([options.python, "-c", version], capture_output=True, text=True, check=True)
    report: dict[str, Any] = {"litellm": found.stdout.strip(), "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = write_clip(folder / "plain.mp4", seconds=options.seconds)
        card = write_clip(folder / "card.mp4", seconds=options.seconds, card=True)
        orders = [{"when": CARD_CLIP, "polls": 0, "clip": str(card)}]
        script = {"orders": orders, "otherwise": {"polls": 0, "clip": str(clip)}}
        with (
            ScriptedUpstream(script) as upstream,
            gateway(folder / "gateway", settings=_SETTINGS) as running,
        ):
            with proxy(options.python, folder / "bare", upstream.url, None) as client:
                report["without guardrails"] = timings(client, options.repeats)
            guard = guard_variables(running)
            with proxy(options.python, folder / "guarded", upstream.url, guard) as client:
                report["stops"] = stops(client, upstream)
                report["with guardrails"] = timings(client, options.repeats)
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Time to ready, idle memory, screening, blocks with a large reference, and the processor time of a request.

`python -m bench.serving`; `--only-requests` measures only the last one. `--idle` measures the processor time
of a gateway without requests, and how soon a video starts after it. `--peak` measures its memory at rest and
the highest while storyboard videos are made and scanned, with spoken lines (needs espeak-ng) and without.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from PIL import Image

from safelight.detectors.safety_card import draw_card

from .gateway import Running, gateway, quantile

_PROMPT = (
    "A slow dolly through a sunlit kitchen, a grandmother and her grandson bake bread together, flour in the "
    "air, warm afternoon light through lace curtains, shallow depth of field, gentle piano, 35 mm film"
)
#: A prompt that is held.
_HELD = "A letter on a desk with the card number 4111 1111 1111 1111"

_UNLIMITED = "[limits]\nchecks_per_hour = 1000000\n"


def reference() -> bytes:
    """A 1080p photograph-like picture with a printed test card in it, as JPEG."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(40, 200, (68, 120, 3), dtype=np.uint8)
    scene = np.asarray(Image.fromarray(coarse).resize((1920, 1080), Image.Resampling.BICUBIC)).copy()
    card = draw_card("violence", 640, 360)
    scene[300:660, 800:1440] = card
    data = io.BytesIO()
    Image.fromarray(scene).save(data, "JPEG", quality=92)
    return data.getvalue()


def blocked(running: Running, count: int, at_once: int) -> dict[str, Any]:
    """Milliseconds for a 400 on a create with a 1080p reference, `at_once` at a time."""
    picture = reference()
    headers = {"Authorization": f"Bearer {running.key}"}

    def one(_: int) -> tuple[float, str]:
        began = time.perf_counter()
        answer = client.post(
            "/v1/videos",
            data={"prompt": "a quiet room"},
            files={"input_reference": ("room.jpg", picture, "image/jpeg")},
            headers=headers,
        )
        code = (answer.json().get("error") or {}).get("code") or answer.json().get("status", "")
        return (time.perf_counter() - began) * 1000, code

    with httpx.Client(base_url=running.address, timeout=60) as client, ThreadPoolExecutor(at_once) as threads:
        list(threads.map(one, range(at_once)))
        results = list(threads.map(one, range(count)))
    times = [ms for ms, _code in results]
    return {
        "requests": count,
        "at_once": at_once,
        "sentinel_block": sum(code == "sentinel_block" for _ms, code in results),
        "p50_ms": round(quantile(times, 0.5)),
        "p99_ms": round(quantile(times, 0.99)),
        "max_ms": round(max(times)),
    }


def screened(running: Running, count: int) -> dict[str, Any]:
    """Milliseconds for a 400 on words alone, one at a time, through HTTP."""
    headers = {"Authorization": f"Bearer {running.key}"}
    times = []
    with httpx.Client(base_url=running.address, timeout=60) as client:
        for number in range(count):
            began = time.perf_counter()
            answer = client.post(
                "/v1/videos",
                json={"prompt": f"{_PROMPT}, take {number}. SAFELIGHT-TEST:violence"},
                headers=headers,
            )
            times.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 400, answer.text
    return {
        "requests": count,
        "p50_ms": round(quantile(times, 0.5), 1),
        "p99_ms": round(quantile(times, 0.99), 1),
    }


def _ask(http: httpx.Client, process: psutil.Process, path: str, times: int) -> dict[str, float]:
    """Processor time of the gateway for one GET, and how long it takes."""
    taken: list[float] = []
    for _ in range(20):
        http.get(path).raise_for_status()
    before = process.cpu_times()
    for _ in range(times):
        began = time.perf_counter()
        http.get(path)
        taken.append((time.perf_counter() - began) * 1000)
    after = process.cpu_times()
    spent = after.user + after.system - before.user - before.system
    return {
        "cpu_ms": round(spent * 1000 / times, 2),
        "p50_ms": round(quantile(taken, 0.5), 1),
        "p95_ms": round(quantile(taken, 0.95), 1),
    }


def requests(running: Running, times: int, clients: int) -> dict[str, Any]:
    """Processor time of the gateway per request, one client at a time, and checks of several clients at once.

    The videos of the list are held, so that nothing else uses the processor.
    """
    # The models are loaded in the first seconds.
    time.sleep(12)
    process = psutil.Process(running.pid)
    headers = {"Authorization": f"Bearer {running.key}"}
    numbers = itertools.count()

    def check() -> float:
        began = time.perf_counter()
        answer = http.post("/v1/videos/check", json={"prompt": f"{_PROMPT}, take {next(numbers)}"})
        assert answer.status_code == 200, answer.text
        return (time.perf_counter() - began) * 1000

    with (
        httpx.Client(base_url=running.address, headers=headers, timeout=60, trust_env=False) as http,
        ThreadPoolExecutor(clients) as threads,
    ):
        videos = [http.post("/v1/videos", json={"prompt": _HELD}).json()["id"] for _ in range(20)]
        report: dict[str, Any] = {
            "retrieve": _ask(http, process, f"/v1/videos/{videos[0]}", times),
            "list of 20": _ask(http, process, "/v1/videos", times),
            "models": _ask(http, process, "/v1/models", times),
        }
        for name, at_once in (("check", 1), (f"check, {clients} clients", clients)):
            for _ in range(10):
                check()
            before = process.cpu_times()
            taken = list(threads.map(lambda _: check(), range(times))) if at_once > 1 else []
            taken = taken or [check() for _ in range(times)]
            after = process.cpu_times()
            spent = after.user + after.system - before.user - before.system
            report[name] = {
                "cpu_ms": round(spent * 1000 / times, 2),
                "p50_ms": round(quantile(taken, 0.5), 1),
                "p99_ms": round(quantile(taken, 0.99), 1),
                "max_ms": round(max(taken), 1),
            }
    return report


def idle(running: Running, seconds: float) -> dict[str, float]:
    """The share of one core that a gateway without requests takes, in percent."""
    # The models are loaded, and the warm children started, in the first seconds. The durable engine looks for
    # schedules once a second in the first minute, and every 30 s after it.
    time.sleep(70)
    process = psutil.Process(running.pid)
    before = process.cpu_times()
    time.sleep(seconds)
    after = process.cpu_times()
    spent = after.user + after.system - before.user - before.system
    return {"seconds": seconds, "percent_of_a_core": round(100 * spent / seconds, 2)}


def starts(running: Running, count: int) -> dict[str, Any]:
    """From a create to the first step and to the delivery of a storyboard video, after ten idle seconds."""
    begun, delivered = [], []
    headers = {"Authorization": f"Bearer {running.key}"}
    with httpx.Client(base_url=running.address, headers=headers, timeout=60, trust_env=False) as http:
        for number in range(count):
            time.sleep(10)
            began = time.perf_counter()
            video = http.post(
                "/v1/videos", json={"prompt": f"a quiet lake, take {number}", "seconds": "4"}
            ).json()
            first = 0.0
            while video["status"] in ("queued", "in_progress"):
                if not first and video["status"] == "in_progress":
                    first = time.perf_counter() - began
                time.sleep(0.01 if not first else 0.1)
                video = http.get(f"/v1/videos/{video['id']}").json()
            assert video["status"] == "completed", video
            begun.append(first * 1000)
            delivered.append(time.perf_counter() - began)
    return {
        "videos": count,
        "first_step_ms": {"median": round(quantile(begun, 0.5)), "max": round(max(begun))},
        "delivered_s": {"median": round(quantile(delivered, 0.5), 2), "max": round(max(delivered), 2)},
    }


def peak(running: Running, said: Sequence[str]) -> int:
    """The highest memory while videos with these spoken lines are made and scanned at once, MiB."""
    highest, is_done = [0.0], threading.Event()

    def watch() -> None:
        while not is_done.wait(0.1):
            # A child may end while it is read.
            with suppress(psutil.Error):
                highest.append(running.proportional_mb())

    headers = {"Authorization": f"Bearer {running.key}"}
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with httpx.Client(base_url=running.address, headers=headers, timeout=60, trust_env=False) as http:
            waiting = [
                http.post(
                    "/v1/videos", json={"prompt": f"a quiet lake, take {number}{line}", "seconds": "8"}
                ).json()["id"]
                for number, line in enumerate(said)
            ]
            while any(
                http.get(f"/v1/videos/{one}").json()["status"] in ("queued", "in_progress") for one in waiting
            ):
                time.sleep(0.5)
            records = [http.get(f"/v1/videos/{one}").json() for one in waiting]
    finally:
        is_done.set()
        watcher.join()
    for record in records:
        assert record["status"] == "completed", record
    return round(max(highest))


def memory(running: Running) -> dict[str, Any]:
    """Memory at rest, and the highest while two videos are made and scanned, shared memory divided."""
    # The models are loaded, and the warm children started, in the first seconds.
    time.sleep(20)
    line = "The train to the coast leaves in ten minutes from the second platform"
    return {
        "idle_mb": round(running.memory_mb()),
        "idle_proportional_mb": round(running.proportional_mb()),
        "peak_without_speech_mb": peak(running, ["", ""]),
        "peak_with_speech_mb": peak(running, [f'. A woman says: "{line}"', f'. A man says: "{line}"']),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--only-requests", action="store_true")
    parser.add_argument("--idle", action="store_true")
    parser.add_argument("--peak", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        if options.peak:
            with gateway(Path(folder) / "peak") as running:
                print(json.dumps(memory(running), indent=2))
            return 0
        if options.idle:
            with gateway(Path(folder) / "idle") as running:
                report = {"idle": idle(running, 40), "starts": starts(running, 4)}
            print(json.dumps(report, indent=2))
            return 0
        with gateway(Path(folder) / "requests", settings=_UNLIMITED) as running:
            report["requests"] = requests(running, options.requests, options.clients)
        if options.only_requests:
            print(json.dumps(report, indent=2))
            return 0
        first = Path(folder) / "first"
        with gateway(first) as running:
            report["ready_first_s"] = round(running.ready_s, 2)
        with gateway(first) as running:
            report["ready_again_s"] = round(running.ready_s, 2)
            time.sleep(12)
            report["idle_gateway_mb"] = round(running.own_memory_mb())
            report["idle_with_warm_children_mb"] = round(running.memory_mb())
            if sys.platform == "linux":
                report["idle_with_warm_children_proportional_mb"] = round(running.proportional_mb())
            report["screening_through_http"] = screened(running, options.requests)
            report["block_with_1080p_reference"] = blocked(running, options.requests, 5)
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())

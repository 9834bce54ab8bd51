"""How long videos wait for each other: twenty creates at once, and an upstream that never finishes.

`python -m bench.queueing`. Figures are of one run each, beside one video alone in the same run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from .gateway import Running, gateway, quantile

_ENDED = {"completed", "failed"}
#: The stuck upstream is another server, so that its limit and its pause are its own.
_UPSTREAMS = {"working": {"polls": 2}, "stuck": {"ends": "never"}}


def settings(upstreams: dict[str, str], stuck: int) -> str:
    lines = ["[limits]", "videos_per_day = 1000000", "seconds_per_day = 10000000"]
    lines += ["[generators.storyboard]", 'kind = "storyboard"']
    for name, url in upstreams.items():
        lines += [f"[generators.{name}]", 'kind = "videos_api"', f'url = "{url}"', 'billing = "own"']
        lines += [f'models = ["{name}-1"]', f"max_concurrent = {max(32, stuck)}"]
    return "\n".join(lines)


@contextmanager
def upstream(folder: Path, name: str) -> Iterator[str]:
    """A scripted upstream in a process of its own, until the block ends."""
    scenario = folder / f"{name}.json"
    scenario.write_text(json.dumps({"otherwise": _UPSTREAMS[name]}))
    process = subprocess.Popen(
        [sys.executable, "-m", "safelight.testing.upstream", "--scenario", scenario],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait()


class Client:
    """Creates videos at once and polls them to their end."""

    def __init__(self, running: Running) -> None:
        self.http = httpx.Client(
            base_url=running.address, headers={"Authorization": f"Bearer {running.key}"}, timeout=120
        )

    def create(self, models: list[str | None]) -> list[str]:
        def one(numbered: tuple[int, str | None]) -> str:
            number, model = numbered
            fields = {"prompt": f"a quiet lake at dawn, take {number}"} | ({"model": model} if model else {})
            answer = self.http.post("/v1/videos", json=fields)
            answer.raise_for_status()
            return str(answer.json()["id"])

        with ThreadPoolExecutor(len(models)) as threads:
            return list(threads.map(one, enumerate(models)))

    def finish(self, models: list[str | None]) -> dict[str, Any]:
        """Seconds from the creates to the end of each video."""
        began = time.monotonic()
        left, ends, times = set(self.create(models)), [], []
        while left:
            for video in sorted(left):
                answer = self.http.get(f"/v1/videos/{video}").json()
                if answer["status"] in _ENDED:
                    left.discard(video)
                    ends.append((answer.get("error") or {}).get("code") or answer["status"])
                    times.append(time.monotonic() - began)
            time.sleep(0.2)
        return {
            "videos": len(models),
            "first_s": round(min(times), 1),
            "median_s": round(quantile(times, 0.5), 1),
            "last_s": round(max(times), 1),
            "ends": {end: ends.count(end) for end in sorted(set(ends))},
        }


class BusySlots:
    """How many child processes of the gateway work during a block, as a share of the slots."""

    def __init__(self, running: Running, slots: int) -> None:
        self._process = psutil.Process(running.pid)
        self._slots = slots
        self._ended = threading.Event()
        self._shares: list[float] = []

    def __enter__(self) -> BusySlots:
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def share(self) -> float:
        """The mean of all samples, at most 1."""
        return sum(self._shares) / max(1, len(self._shares))

    def _sample(self) -> None:
        while not self._ended.wait(0.5):
            working = 0
            for child in self._process.children(recursive=True):
                try:
                    working += child.status() == psutil.STATUS_RUNNING
                except psutil.NoSuchProcess:
                    continue
            self._shares.append(min(1.0, working / self._slots))


def size(running: Running) -> dict[str, Any]:
    return {
        "own_memory_mb": round(running.own_memory_mb()),
        "threads": psutil.Process(running.pid).num_threads(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--creates", type=int, default=20)
    parser.add_argument("--others", type=int, default=10)
    parser.add_argument("--stuck", type=int, default=100)
    options = parser.parse_args()
    others: list[str | None] = [*[None] * options.others, *["working-1"] * options.others]
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        urls = {each: stack.enter_context(upstream(folder, each)) for each in _UPSTREAMS}
        running = stack.enter_context(gateway(folder / "g", settings=settings(urls, options.stuck)))
        client = Client(running)
        client.finish([None, "working-1"])
        report["one_alone"] = client.finish([None])
        report["creates_at_once"] = client.finish([None] * options.creates)
        with BusySlots(running, 2) as busy:
            report["remote_and_local_together"] = client.finish(others)
        report["remote_and_local_together"]["slots_busy"] = round(busy.share(), 2)
        report["before_the_stuck"] = size(running)
        client.create(["stuck-1"] * options.stuck)
        time.sleep(10)
        report["with_the_stuck"] = size(running)
        report["remote_and_local_beside_the_stuck"] = client.finish(others)
        report["after_the_others"] = size(running)
        alone, beside = report["remote_and_local_together"], report["remote_and_local_beside_the_stuck"]
        report["beside_the_stuck_to_without"] = round(beside["last_s"] / alone["last_s"], 2)
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Two gateways on one Postgres, 500 polling clients and 5 creates a second. `python -m bench.load`.

`--clients 10 --rate 0.5 --seconds 7200` shows whether their memory grows: it is noted every five minutes.

The upstream is the scripted one, with one tiny clip. After the last
create everything is drained, and every video that was accepted is asked for: none may be lost. Figures go to
docs/benchmarks/load.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from .chaos import fresh_database, scripted_upstream
from .gateway import Running, gateway, quantile

ENDED = {"completed", "failed"}
MEMORY_EVERY_S = 300.0


def settings(folder: Path, *, database: str, upstream: str, name: str, at_once: int) -> str:
    return "\n".join(
        [
            "[storage]",
            f'database = "{database}"',
            f'blobs = "{(folder / "blobs").as_uri()}"',
            f'key_dir = "{folder / "keys"}"',
            "[audit]",
            f'checkpoint_dir = "{folder / "checkpoints"}"',
            "[worker]",
            f'name = "{name}"',
            "[generation]",
            'default_generator = "upstream"',
            f"max_concurrent = {at_once}",
            "[limits]",
            "videos_per_day = 1000000",
            "seconds_per_day = 10000000",
            # Text reading is most of a scan's cost; what is tried here is everything around it.
            "[detectors]",
            "ocr = false",
            "[generators.upstream]",
            'kind = "videos_api"',
            f'url = "{upstream}"',
            'billing = "own"',
            'models = ["scripted-1"]',
        ]
    )


class Load:
    def __init__(self, gateways: list[Running], *, clients: int, rate: float, seconds: float) -> None:
        self.gateways = gateways
        self.clients = clients
        self.rate = rate
        self.seconds = seconds
        self.videos: list[str] = []
        self.waiting: asyncio.Queue[str] = asyncio.Queue()
        self.polls: list[float] = []
        self.creates: list[float] = []
        self.trouble: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self.drained = asyncio.Event()
        #: Minutes since the start, and MiB of the gateways: their own, and with their children, what they
        #: share counted once.
        self.memory: list[tuple[int, list[int], list[int]]] = []

    async def run(self) -> None:
        limits = httpx.Limits(max_connections=self.clients + 50, max_keepalive_connections=self.clients + 50)
        headers = {"Authorization": f"Bearer {self.gateways[0].key}"}
        async with httpx.AsyncClient(limits=limits, headers=headers, timeout=60) as http:
            pollers = [asyncio.create_task(self._poll(http, n)) for n in range(self.clients)]
            pollers.append(asyncio.create_task(self._watch_memory()))
            began = time.monotonic()
            sending: list[asyncio.Task[None]] = []
            for number in range(int(self.rate * self.seconds)):
                await asyncio.sleep(max(0.0, began + number / self.rate - time.monotonic()))
                sending.append(asyncio.create_task(self._create(http, number)))
            await asyncio.gather(*sending)
            self.created_s = time.monotonic() - began
            while (
                sum(self.ends.values()) < len(self.videos) and time.monotonic() - began < self.seconds + 1800
            ):
                await asyncio.sleep(1)
            self.drained_s = time.monotonic() - began
            self.drained.set()
            for poller in pollers:
                poller.cancel()
            for ended in await asyncio.gather(*pollers, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended
            for video in self.videos:
                answer = await http.get(f"{self.gateways[0].address}/v1/videos/{video}")
                if answer.status_code != 200:
                    self.trouble[f"lost: {answer.status_code}"] += 1

    async def _watch_memory(self) -> None:
        began = time.monotonic()
        while True:
            await asyncio.sleep(min(MEMORY_EVERY_S, self.seconds / 2))
            own = [round(one.own_memory_mb()) for one in self.gateways]
            together = [round(one.proportional_mb()) for one in self.gateways]
            self.memory.append((round((time.monotonic() - began) / 60), own, together))
            print(self.memory[-1], file=sys.stderr, flush=True)

    async def _create(self, http: httpx.AsyncClient, number: int) -> None:
        place = self.gateways[number % len(self.gateways)].address
        began = time.perf_counter()
        order = {"prompt": f"a quiet lake, take {number}", "model": "scripted-1"}
        for attempt in range(3):
            try:
                # With one key for all tries, as the official SDKs do it.
                answer = await http.post(
                    f"{place}/v1/videos", json=order, headers={"Idempotency-Key": f"order-{number}"}
                )
                break
            except httpx.HTTPError as error:
                self.trouble[f"create {type(error).__name__}"] += 1
                if attempt == 2:
                    return
        self.creates.append((time.perf_counter() - began) * 1000)
        if answer.status_code == 200:
            self.videos.append(answer.json()["id"])
            self.waiting.put_nowait(answer.json()["id"])
        else:
            self.trouble[f"create {answer.status_code}"] += 1

    async def _poll(self, http: httpx.AsyncClient, number: int) -> None:
        """One client: takes a new video if there is one, else looks at the newest; always polls."""
        await asyncio.sleep(number / self.clients)
        mine: str | None = None
        while not self.drained.is_set():
            if mine is None and not self.waiting.empty():
                mine = self.waiting.get_nowait()
            target = mine or (self.videos[-1] if self.videos else None)
            if target is None:
                await asyncio.sleep(0.2)
                continue
            place = self.gateways[number % len(self.gateways)].address
            began = time.perf_counter()
            try:
                answer = await http.get(f"{place}/v1/videos/{target}")
            except httpx.HTTPError as error:
                self.trouble[f"poll {type(error).__name__}"] += 1
                await asyncio.sleep(1)
                continue
            self.polls.append((time.perf_counter() - began) * 1000)
            pause = 1.0
            if answer.status_code == 200:
                pause = float(answer.headers.get("openai-poll-after-ms", "1000")) / 1000
                status = answer.json()["status"]
                if mine is not None and status in ENDED:
                    error = answer.json().get("error") or {}
                    self.ends[f"{status} {error.get('code', '')}".strip()] += 1
                    if error:
                        print(error, file=sys.stderr)
                    mine = None
            else:
                self.trouble[f"poll {answer.status_code}"] += 1
            await asyncio.sleep(pause)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--rate", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=300.0)
    options = parser.parse_args()
    server = os.environ.get("SAFELIGHT_TEST_POSTGRES")
    if not server:
        print("left out: set SAFELIGHT_TEST_POSTGRES", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        database = fresh_database(server)
        url = stack.enter_context(scripted_upstream(folder, {"polls": 1}))
        gateways = [
            stack.enter_context(
                gateway(
                    folder / f"g{n}",
                    settings=settings(folder, database=database, upstream=url, name=f"g{n}", at_once=16),
                    waive=n == 0,
                )
            )
            for n in range(2)
        ]
        load = Load(gateways, clients=options.clients, rate=options.rate, seconds=options.seconds)
        asyncio.run(load.run())
        report: dict[str, Any] = {
            "clients": options.clients,
            "creates_per_s": options.rate,
            "accepted": len(load.videos),
            "ended": dict(load.ends),
            "trouble": dict(load.trouble),
            "created_in_s": round(load.created_s),
            "drained_after_s": round(load.drained_s),
            "polls": len(load.polls),
            "poll_p50_ms": round(quantile(load.polls, 0.5), 1),
            "poll_p95_ms": round(quantile(load.polls, 0.95), 1),
            "create_p50_ms": round(quantile(load.creates, 0.5), 1),
            "create_p95_ms": round(quantile(load.creates, 0.95), 1),
            "memory_mb": [round(one.memory_mb()) for one in gateways],
            "memory_by_minute": load.memory,
        }
        print(json.dumps(report, indent=2))
        lost = len(load.videos) - sum(load.ends.values())
        return 1 if lost or load.trouble else 0


if __name__ == "__main__":
    sys.exit(main())

"""What asking after a video costs the gateway: processor time, and wall time. `python -m bench.polls`.

A finished video and one that is held, one client, one at a time, on SQLite and, where SAFELIGHT_TEST_POSTGRES
is set, on PostgreSQL. Processor time is the gateway's own, so that a busy machine does not blur it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from .chaos import fresh_database
from .gateway import Running, gateway, quantile

HELD = "A letter on a desk with the card number 4111 1111 1111 1111"


def ask(http: httpx.Client, process: psutil.Process, path: str, times: int) -> dict[str, float]:
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


def measure(here: Running, times: int) -> dict[str, Any]:
    process = psutil.Process(here.pid)
    headers = {"authorization": f"Bearer {here.key}"}
    with httpx.Client(base_url=here.address, headers=headers, timeout=60, trust_env=False) as http:
        made = {
            "finished": http.post("/v1/videos", json={"prompt": "a quiet lake", "seconds": "4"}).json()["id"],
            "held": http.post("/v1/videos", json={"prompt": HELD, "seconds": "4"}).json()["id"],
        }
        while http.get(f"/v1/videos/{made['finished']}").json()["status"] != "completed":
            time.sleep(1)
        return {
            **{name: ask(http, process, f"/v1/videos/{video}", times) for name, video in made.items()},
            "nothing but the key": ask(http, process, "/v1/models", times),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=300)
    options = parser.parse_args()
    server = os.environ.get("SAFELIGHT_TEST_POSTGRES")
    report: dict[str, Any] = {"times": options.times}
    for name in ("sqlite", *(("postgres",) if server else ())):
        with tempfile.TemporaryDirectory() as folder:
            chosen = f'[storage]\ndatabase = "{fresh_database(str(server))}"\n' if name == "postgres" else ""
            with gateway(Path(folder) / "gateway", settings=chosen) as here:
                report[name] = measure(here, options.times)
    print(json.dumps(report, indent=2))
    if not server:
        print("left out: PostgreSQL (SAFELIGHT_TEST_POSTGRES)", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

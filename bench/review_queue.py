"""The review queue with 100,000 open cases, by HTTP: `python -m bench.review_queue`.

One reviewer, then 20 at once, on SQLite and, if SAFELIGHT_TEST_POSTGRES is set, on PostgreSQL. Each reads the
first page of the queue, takes the next case and skips it, so that the following one is another case. On
PostgreSQL the added rows are analyzed first. A server does that by itself, but up to some minutes later.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import httpx
import psycopg

from safelight.accounts import Accounts, KeyScope
from safelight.core.ids import new_id
from safelight.policy.findings import Category, severity_of
from safelight.store.database import Database
from safelight.store.tables import cases, tenants, videos
from safelight.videos.case_rows.priority import rank_at

from .chaos import fresh_database
from .gateway import gateway, quantile

_ROWS_PER_TRANSACTION = 5000
#: SQLite has one gateway process. Several share a PostgreSQL, one on each core here.
_GATEWAYS = {"sqlite": 1, "postgres": 2}
_DUE_S = {"hold": 900.0, "report": 48 * 3600.0, "appeal": 48 * 3600.0}


def rows(count: int, now: float) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Videos and their cases: three kinds, every category, opened during the last two days."""
    chance = random.Random(17)
    for number in range(count):
        video, kind = new_id("video"), chance.choice(("hold", "report", "appeal"))
        opened_at = now - chance.random() * 2 * 86_400
        category = chance.choice(list(Category)).value
        severity, reach = severity_of(category), chance.choice((1, 1, 1, 1, 2, 5, 30))
        due_at = opened_at + _DUE_S[kind]
        yield (
            {
                "id": video,
                # Not held, so that the sweeper does not end them during the measurement.
                "state": "delivered",
                "stage": "delivery",
                "created_at": opened_at,
                "updated_at": opened_at,
                "principal_id": f"key_{number % 500}",
                "model": "storyboard",
                "generator": "storyboard",
                "prompt": f"scene {number}",
                "seconds": 4,
                "width": 1280,
                "height": 720,
                "request": b'{"pending":false}',
                "request_sha256": "0" * 64,
            },
            {
                "id": new_id("case"),
                "video_id": video,
                "account": f"key_{number % 500}",
                "kind": kind,
                "stage": "output",
                "category": category,
                "rule": "vi-3",
                "reason": "Possible graphic violence in pictures.",
                "state": "open",
                "dedup_key": f"{kind}:{video}",
                "opened_at": opened_at,
                "due_at": due_at,
                "severity": severity,
                "reach": reach,
                "rank_at": rank_at(due_at=due_at, severity=severity, reach=reach),
            },
        )


def seed(database: Database, tenant: str, count: int) -> float:
    """Add open cases. Returns the seconds that it took."""
    began = time.perf_counter()
    remaining = rows(count, time.time())
    while block := list(islice(remaining, _ROWS_PER_TRANSACTION)):
        with database.transaction(tenant) as tx:
            tx.insert_all(videos, [video for video, _ in block])
            tx.insert_all(cases, [case for _, case in block])
    return time.perf_counter() - began


def analyze(url: str) -> None:
    """Collect the statistics of PostgreSQL about the new rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")


def work(address: str, key: str, times: int) -> dict[str, list[float]]:
    """What one reviewer does; the time of each request in milliseconds."""
    taken: dict[str, list[float]] = {"queue": [], "next": []}
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=address, headers=headers, timeout=60, trust_env=False) as http:
        for _ in range(times):
            began = time.perf_counter()
            http.get("/v1/reviews?limit=30").raise_for_status()
            taken["queue"].append((time.perf_counter() - began) * 1000)
            began = time.perf_counter()
            case = http.post("/v1/reviews/next").raise_for_status().json()["id"]
            taken["next"].append((time.perf_counter() - began) * 1000)
            http.post(f"/v1/reviews/{case}/skip", json={"reason": "Bench."}).raise_for_status()
    return taken


def measure(addresses: list[str], keys: list[str], times: int) -> dict[str, Any]:
    for address in addresses:
        work(address, keys[0], 5)
    with ThreadPoolExecutor(len(keys)) as threads:
        done = list(threads.map(lambda key, address: work(address, key, times), keys, cycle(addresses)))
    result = {}
    for name in ("queue", "next"):
        values = [value for one in done for value in one[name]]
        result[name] = {
            "n": len(values),
            "p50_ms": round(quantile(values, 0.5), 1),
            "p95_ms": round(quantile(values, 0.95), 1),
            "max_ms": round(max(values), 1),
        }
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=50, help="rounds of each reviewer")
    options = parser.parse_args()
    server = os.environ.get("SAFELIGHT_TEST_POSTGRES")
    for name in ("sqlite", *(("postgres",) if server else ())):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            url = fresh_database(str(server)) if name == "postgres" else f"sqlite:///{root / 'bench.sqlite3'}"
            settings = f'[storage]\ndatabase = "{url}"\nkey_dir = "{root / "keys"}"\n'
            with (
                ExitStack() as started,
                closing(Database(url)) as database,
            ):
                addresses = [
                    started.enter_context(
                        gateway(root / f"gateway-{number}", settings=settings, waive=False)
                    ).address
                    for number in range(_GATEWAYS[name])
                ]
                with database.across_tenants("bench", readonly=True) as tx:
                    (tenant,) = [row.id for row in tx.select(tenants)]
                accounts = Accounts(database)
                scopes = frozenset({KeyScope.REVIEW})
                keys = [accounts.create_key(tenant, f"reviewer {n}", scopes=scopes)[1] for n in range(20)]
                seeded_s = round(seed(database, tenant, options.cases), 1)
                if name == "postgres":
                    analyze(url)
                report = {
                    "database": name,
                    "cases": options.cases,
                    "seeded_s": seeded_s,
                    "1 reviewer": measure(addresses, keys[:1], options.times * 4),
                    "20 reviewers": measure(addresses, keys, options.times),
                    "load average": round(os.getloadavg()[0], 1),
                }
                print(json.dumps(report, indent=2), flush=True)
    if not server:
        print("left out: PostgreSQL (SAFELIGHT_TEST_POSTGRES)", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

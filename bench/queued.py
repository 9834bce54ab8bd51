"""The cost of one more video while many of one tenant wait: `python -m bench.queued`.

On SQLite and, if SAFELIGHT_TEST_POSTGRES is set, on PostgreSQL, with 1,000, 10,000 and 100,000 that wait. No
step runs. `enqueue` stores the run of a new video in the engine's database, `place` is what a client gets
that asks for it; `places` reads all waiting videos, which happens at most in a twentieth of the time.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from dbos import DBOS
from dbos._dbos import _get_dbos_instance
from sqlalchemy import insert, select

from safelight.app.container import load
from safelight.core.ids import new_id
from safelight.store import tables
from safelight.store.database import Database
from safelight.videos import mappers
from safelight.videos.queue import DurableQueue
from safelight.videos.queue_places import QueuePlaces

from .chaos import fresh_database
from .gateway import quantile
from .review_queue import analyze, rows

_WAITING = (1_000, 10_000, 100_000)
_TIMES = 200
_AT_ONCE = 5_000


def add_videos(database: Database, tenant: str, count: int) -> list[str]:
    """Add videos that wait. Returns their ids."""
    made = [{**video, "id": new_id("video"), "state": "queued"} for video, _ in rows(count, time.time())]
    for start in range(0, count, _AT_ONCE):
        with database.transaction(tenant) as tx:
            tx.insert_all(tables.videos, made[start : start + _AT_ONCE])
    return [str(each["id"]) for each in made]


def add_runs(videos: list[str]) -> None:
    """Put the videos into the engine's queue, as copies of the run that waits there."""
    system = _get_dbos_instance()._sys_db  # noqa: SLF001
    table = system.tables.workflow_status
    with system.engine.begin() as connection:
        waiting = select(table).where(table.c.status == "ENQUEUED").limit(1)
        one = dict(connection.execute(waiting).mappings().one())
        remaining = iter(videos)
        while block := list(islice(remaining, _AT_ONCE)):
            connection.execute(insert(table), [{**one, "workflow_uuid": f"{video}.1"} for video in block])


def timed(call: Callable[[], object]) -> float:
    """The milliseconds of a call."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def measure(database: Database, queue: DurableQueue, places: QueuePlaces, tenant: str) -> dict[str, Any]:
    """Add videos one by one."""
    enqueued, placed = [], []
    for video_id in add_videos(database, tenant, _TIMES):
        queue.enqueue(tenant, video_id, 1)
        enqueued.append(timed(queue.parts[0].run_all))
        with database.read_transaction(tenant) as tx:
            row = tx.one(tables.videos, tables.videos.c.id == video_id)
        video = mappers.video(row)
        placed.append(timed(lambda: places.status(video)))  # noqa: B023 - called at once
    report = {
        f"{name}_{label}_ms": round(quantile(values, share), 2)
        for name, values in (("enqueue", enqueued), ("place", placed))
        for label, share in (("p50", 0.5), ("p95", 0.95))
    }
    return {**report, "places_ms": round(timed(places._read), 1)}  # noqa: SLF001


def main() -> int:
    server = os.environ.get("SAFELIGHT_TEST_POSTGRES")
    held = threading.Event()
    for name in ("sqlite", *(("postgres",) if server else ())):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            url = fresh_database(str(server)) if name == "postgres" else ""
            config = root / "safelight.toml"
            engine = "" if name == "sqlite" else f'[storage]\ndatabase = "{url}"\n'
            config.write_text(f'data = "{root / "data"}"\n{engine}[generation]\nmax_concurrent = 1\n')
            container = load(config)
            tenant, database = container.persistence.tenant, container.persistence.database
            queue, places = container.pipeline.queue, container.pipeline.queue_places
            queue.start(lambda *_: not held.wait())
            # The first one occupies the only thread, the second one waits and is copied.
            for video_id in add_videos(database, tenant, 2):
                queue.enqueue(tenant, video_id, 1)
                queue.parts[0].run_all()
                time.sleep(1)
            there = 2
            for waiting in _WAITING:
                add_runs(add_videos(database, tenant, waiting - there))
                if name == "postgres":
                    analyze(url)
                report = measure(database, queue, places, tenant)
                there = waiting + _TIMES
                print(json.dumps({"database": name, "waiting": waiting, **report}), flush=True)
            held.set()
            queue.stop(10)
            DBOS.destroy(workflow_completion_timeout_sec=10, destroy_registry=True)
            container.persistence.close()
            held.clear()
    if not server:
        print("left out: PostgreSQL (SAFELIGHT_TEST_POSTGRES)", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

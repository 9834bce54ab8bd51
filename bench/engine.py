"""What the durable engine (DBOS) costs and does if only its public functions are used.

`python -m bench.engine PART`. `idle`: processor time of a process whose queue is empty, and the time from an
enqueue to the start, by the engine's own polling interval. `crash`: a paid request as a workflow of steps,
killed after each of them; how often the provider was asked. `waiting`: many workflows that wait for the
places of one provider, as a partitioned queue. On SQLite; `--postgres` uses `SAFELIGHT_TEST_POSTGRES`. The
judgement is in docs/engine.md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID

from .chaos import fresh_database

_IDLE_S = 20.0
_STARTS = 20
#: The steps of a paid request, in their order.
STEPS = ("intend", "submit", "store id", "wait", "fetch")
_PLACES = 8


def launch(url: str, *, listens: bool = True) -> None:
    """Launch the engine in this process, which then lasts until it ends."""
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    DBOS(
        config=DBOSConfig(
            name="bench",
            system_database_url=url,
            executor_id="one",
            application_version="1",
            log_level="ERROR",
        )
    )
    DBOS.listen_queues(["videos"] if listens else [])


def idle_percent() -> float:
    """The share of a core that this process takes while nothing is asked of it."""
    time.sleep(3)
    used, began = time.process_time(), time.monotonic()
    time.sleep(_IDLE_S)
    return round(100 * (time.process_time() - used) / (time.monotonic() - began), 2)


def idle(url: str, results: Any, interval_s: float) -> None:
    """`interval_s` 0: the engine listens to no queue."""
    launch(url, listens=interval_s > 0)
    delays: list[float] = []

    @DBOS.workflow(name="carry")
    def carry(asked_at: float) -> None:
        delays.append(time.time() - asked_at)

    DBOS.launch()
    DBOS.register_queue("videos", worker_concurrency=4, polling_interval_sec=interval_s or 1.0)
    found: dict[str, Any] = {"interval_s": interval_s, "idle_percent": idle_percent()}
    if interval_s:
        for _ in range(_STARTS):
            DBOS.enqueue_workflow("videos", carry, time.time())
            time.sleep(0.35)
        time.sleep(2 * interval_s)
        found["start_ms_median"] = round(1000 * sorted(delays)[len(delays) // 2])
    results.put(found)


def crash(url: str, results: Any, folder: str, die_after: str) -> None:
    """Run, or continue, one paid request. The process is killed when the work of `die_after` is done."""
    launch(url)
    asked = Path(folder) / "asked"

    def step(name: str) -> None:
        if name == "submit":
            with asked.open("a") as file:
                file.write("x")
        if name == die_after and not (marker := Path(folder) / name).exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    @DBOS.workflow(name="carry")
    def carry() -> None:
        for name in STEPS:
            DBOS.run_step({"name": name}, step, name)

    DBOS.launch()
    DBOS.register_queue("videos", polling_interval_sec=0.1)
    with SetWorkflowID("one"):
        handle = DBOS.enqueue_workflow("videos", carry)
    handle.get_result()
    results.put({"killed_after": die_after, "submissions": len(asked.read_text())})


def waiting(url: str, results: Any, workflows: int) -> None:
    """Fill the places of a provider and let the other workflows wait."""
    launch(url)
    ends = threading.Event()

    @DBOS.workflow(name="carry")
    def carry() -> None:
        ends.wait()

    DBOS.launch()
    DBOS.register_queue("videos", partition_concurrency=_PLACES, polling_interval_sec=0.1)
    began = time.monotonic()
    for _ in range(workflows):
        with SetEnqueueOptions(queue_partition_key="provider"):
            DBOS.enqueue_workflow("videos", carry)
    enqueued_s = time.monotonic() - began
    percent = idle_percent()
    running = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
    results.put(
        {
            "waiting": workflows,
            "running": len(running),
            "threads": threading.active_count(),
            "enqueue_ms": round(1000 * enqueued_s / workflows, 2),
            "waiting_percent": percent,
        }
    )


def _run(target: Callable[..., None], url: str, *arguments: Any) -> dict[str, Any]:
    """The result of a child, which is started again after each kill."""
    spawn = multiprocessing.get_context("spawn")
    results = spawn.Queue()
    while True:
        child = spawn.Process(target=_child, args=(target, url, results, *arguments))
        child.start()
        child.join()
        if child.exitcode == 0:
            found: dict[str, Any] = results.get()
            return found
        if child.exitcode != -signal.SIGKILL:
            raise RuntimeError(f"{target.__name__} ended with {child.exitcode}")


def _child(target: Callable[..., None], url: str, results: Any, *arguments: Any) -> None:
    target(url, results, *arguments)
    results.close()
    results.join_thread()
    # A step cannot be stopped.
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["idle", "crash", "waiting"])
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--intervals", type=float, nargs="+", default=[0.0, 0.1, 0.25, 0.5])
    parser.add_argument("--waiting", type=int, nargs="+", default=[10, 1000, 5000])
    options = parser.parse_args()
    parts: dict[str, tuple[Callable[..., None], Sequence[Any]]] = {
        "idle": (idle, options.intervals),
        "crash": (crash, STEPS),
        "waiting": (waiting, options.waiting),
    }
    target, arguments = parts[options.part]
    for argument in arguments:
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/engine.sqlite3"
            if options.postgres:
                url = fresh_database(os.environ["SAFELIGHT_TEST_POSTGRES"])
            before = (folder,) if target is crash else ()
            print(json.dumps(_run(target, url, *before, argument)), flush=True)


if __name__ == "__main__":
    main()

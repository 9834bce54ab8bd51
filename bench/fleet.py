"""The cost of a scan in a fleet, by the number of scan processes. `python -m bench.fleet --jobs 100`.

On PostgreSQL, with one process of the role `work` and one or more of the role `scan`. Jobs of the embedded
generator are written first. Measured is the processor time of each process and its children until the last
job is delivered, less what it takes to start. Needs `SAFELIGHT_TEST_POSTGRES`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from safelight.app.container import load
from safelight.store import tables

from .chaos import fresh_database, order_all, settings_file, unfinished
from .gateway import processor_s

_START_S = 15.0
#: Nothing is sent there.
_NO_UPSTREAM = "http://127.0.0.1:9/v1"


def measure(server: str, *, jobs: int, scanners: int) -> dict[str, float]:
    """Processor seconds per clip of the processes that scan and of the one that works, and the time."""
    out, database = Path(tempfile.mkdtemp(prefix="safelight-fleet-")), fresh_database(server)
    roles = ["work", *["scan"] * scanners]
    made = [
        settings_file(
            out, name=f"w{n}", upstream=_NO_UPSTREAM, database=database, shared=out / "shared", role=role
        )
        for n, role in enumerate(roles)
    ]
    front = settings_file(out, name="front", upstream=_NO_UPSTREAM, database=database, shared=out / "shared")
    container = load(front)
    started = [
        subprocess.Popen([sys.executable, "-m", "bench.chaos_worker", str(path)], stdout=subprocess.PIPE)
        for path in made
    ]
    try:
        for each in started:
            assert each.stdout is not None
            each.stdout.readline()
        time.sleep(_START_S)
        before, began = [processor_s(each.pid) for each in started], time.monotonic()
        order_all(container, jobs, any_paid=False)
        while unfinished(container):
            time.sleep(0.5)
        used = [processor_s(each.pid) - earlier for each, earlier in zip(started, before, strict=True)]
        with container.persistence.database.read_transaction(container.persistence.tenant) as tx:
            delivered = tx.count(tables.videos, tables.videos.c.state == "delivered")
        assert delivered == jobs, f"{delivered} of {jobs} were delivered"
        return {
            "scanners": scanners,
            "scan_s_per_clip": round(sum(used[1:]) / jobs, 3),
            "work_s_per_clip": round(used[0] / jobs, 3),
            "seconds": round(time.monotonic() - began, 1),
        }
    finally:
        for each in started:
            each.kill()
            each.wait()
        container.persistence.database.close()
        shutil.rmtree(out, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--scanners", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    server = os.environ["SAFELIGHT_TEST_POSTGRES"]
    for scanners in options.scanners:
        print(json.dumps(measure(server, jobs=options.jobs, scanners=scanners)), flush=True)


if __name__ == "__main__":
    main()

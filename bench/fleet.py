"""What a clip costs a fleet, by the number of scan processes. `python -m bench.fleet --jobs 40`.

On PostgreSQL, with one process of the role `work` and one or more of the role `scan`, and the detectors of a
new installation. A scripted upstream returns the same clip for each job: 720p, with sound, under a moving
camera. Measured is the processor time of each process and its children, after two clips for each scan process
have loaded the models. Needs `SAFELIGHT_TEST_POSTGRES`.
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
from collections import Counter
from pathlib import Path

from safelight.app.container import Container, load
from safelight.store import tables
from safelight.testing.upstream import ScriptedUpstream

from .chaos import fresh_database, order_all, settings_file, unfinished, waive
from .gateway import processor_s
from .scan import make_clip

_WARM_UP = 2


def carry(container: Container, jobs: int) -> None:
    """Order videos from the upstream, and wait until the fleet has delivered them all."""
    ids = order_all(container, jobs, ("scripted-1",))
    while unfinished(container):
        time.sleep(0.5)
    with container.persistence.database.read_transaction(container.persistence.tenant) as tx:
        is_delivered = (tables.videos.c.id.in_(ids), tables.videos.c.state == "delivered")
        delivered = tx.count(tables.videos, *is_delivered)
    assert delivered == jobs, f"{delivered} of {jobs} were delivered"


def stored_bytes(container: Container, folder: Path) -> Counter[str]:
    """Bytes of the database, of the fingerprints in it, and of the files that are kept."""
    with container.persistence.database.raw_connection(readonly=True) as connection:
        size, prints = connection.exec_driver_sql(
            "SELECT pg_database_size(current_database()), pg_total_relation_size('seal_fingerprints')"
        ).one()
    files = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return Counter(database=int(size), fingerprints=int(prints), files=files)


def measure(server: str, upstream: str, *, jobs: int, scanners: int) -> dict[str, float]:
    """Processor seconds per clip of the processes that scan and of the one that works, and the time."""
    out, database = Path(tempfile.mkdtemp(prefix="safelight-fleet-")), fresh_database(server)
    roles = ["work", *["scan"] * scanners]
    names = {f"w{n}": role for n, role in enumerate(roles)}
    files = [
        settings_file(
            out,
            name=name,
            upstream=upstream,
            database=database,
            shared=out / "shared",
            role=role,
            ocr=True,
        )
        for name, role in {**names, "front": ""}.items()
    ]
    container = load(files[-1])
    waive(container)
    started = [
        subprocess.Popen([sys.executable, "-m", "bench.chaos_worker", str(path)], stdout=subprocess.PIPE)
        for path in files[:-1]
    ]
    try:
        for each in started:
            assert each.stdout is not None
            each.stdout.readline()
        carry(container, _WARM_UP * scanners)
        kept = stored_bytes(container, out / "shared" / "blobs")
        before, began = [processor_s(each.pid) for each in started], time.monotonic()
        carry(container, jobs)
        used = [processor_s(each.pid) - earlier for each, earlier in zip(started, before, strict=True)]
        seconds = time.monotonic() - began
        kept = stored_bytes(container, out / "shared" / "blobs") - kept
        return {
            "scanners": scanners,
            "scan_s_per_clip": round(sum(used[1:]) / jobs, 3),
            "work_s_per_clip": round(used[0] / jobs, 3),
            "seconds": round(seconds, 1),
            **{f"{name}_kb_per_clip": round(size / jobs / 1024, 1) for name, size in kept.items()},
        }
    finally:
        for each in started:
            each.kill()
            each.wait()
        container.persistence.database.close()
        shutil.rmtree(out, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=40)
    parser.add_argument("--scanners", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=int, default=4, help="of the clip")
    options = parser.parse_args()
    server = os.environ["SAFELIGHT_TEST_POSTGRES"]
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        make_clip(clip, options.seconds, kind="moving")
        with ScriptedUpstream({"otherwise": {"polls": 1, "clip": str(clip)}}) as upstream:
            for scanners in options.scanners:
                found = measure(server, upstream.url, jobs=options.jobs, scanners=scanners)
                print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()

"""A fleet under every fault: `python -m bench.chaos_fleet --real 100 --scripted 400`. Needs Linux and root.

Four processes, two with the role `work` and two with `scan`, each in a network namespace of its own. They
reach, over a bridge, a PostgreSQL cluster, a bucket and a paid upstream that belong to this run. Faults come
one after another: SIGKILL, SIGSTOP, the network of one process cut, a clock set ahead by an hour and back,
a bucket that answers 503, PostgreSQL restarted without a shutdown. This process writes the jobs, as one with
the role `web` does. Figures go to docs/benchmarks/chaos.md.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
from moto.server import DomainDispatcherApplication, create_backend_app
from sqlalchemy.exc import DBAPIError
from werkzeug.serving import make_server

from bench.chaos import (
    BOUNDARIES,
    FLEET,
    Tally,
    Worker,
    judge,
    order_all,
    read_counts,
    scripted_upstream,
    settings_file,
    unfinished,
    waive,
)
from bench.chaos_worker import LEASE_LOST, SCRIPTED
from safelight.app.container import Container, load
from safelight.cli.demo import operator
from safelight.policy.findings import Stage

NETWORK, HOST = "10.77.0", "10.77.0.1"
BRIDGE = "sfchaos"
POSTGRES = Path("/usr/lib/postgresql/15/bin")
#: Faults of one process, and of what all share.
OF_ONE, OF_ALL = ("kill", "stop", "cut", "clock"), ("bucket", "database")
#: Seconds of a fault; of PostgreSQL, a fifth. The lock of a process that is cut off ends after about 30.
FAULT_S = (3.0, 45.0)
PAUSE_S = (2.0, 8.0)
END_S = 9000.0
#: Seconds between two lines of progress.
TOLD_S = 60.0


def command(*words: str) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def network(count: int) -> Iterator[list[str]]:
    """The names of network namespaces that reach this host over a bridge."""
    names = [f"{BRIDGE}{number}" for number in range(count)]

    def remove() -> None:
        for name in (*names, BRIDGE):
            deleted = ["ip", "link", "del", BRIDGE] if name == BRIDGE else ["ip", "netns", "del", name]
            subprocess.run(deleted, check=False, stderr=subprocess.DEVNULL)

    remove()
    try:
        command("ip", "link", "add", BRIDGE, "type", "bridge")
        command("ip", "addr", "add", f"{HOST}/24", "dev", BRIDGE)
        command("ip", "link", "set", BRIDGE, "up")
        for number, name in enumerate(names):
            command("ip", "netns", "add", name)
            command("ip", "link", "add", f"{name}v", "type", "veth", "peer", "name", "eth0", "netns", name)
            command("ip", "link", "set", f"{name}v", "master", BRIDGE, "up")
            command("ip", "-n", name, "addr", "add", f"{NETWORK}.{number + 10}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                command("ip", "-n", name, "link", "set", device, "up")
        yield names
    finally:
        remove()


class Cluster:
    """A PostgreSQL cluster of this run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.create_server((HOST, 0)) as free:
            port = free.getsockname()[1]
        folder.mkdir()
        shutil.chown(folder, "postgres")
        self._call("initdb", "-A", "trust", "-E", "UTF8", "--no-sync")
        settings = {
            "listen_addresses": HOST,
            "port": port,
            "unix_socket_directories": folder,
            "max_connections": 300,
        }
        with (folder / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        with (folder / "pg_hba.conf").open("a") as file:
            file.write(f"host all all {NETWORK}.0/24 trust\n")
        self.start()
        self.url = f"postgresql://postgres@{HOST}:{port}/postgres"

    def start(self) -> None:
        self._call("pg_ctl", "-w", "-l", str(self._folder / "log"), "start")

    def end(self) -> None:
        """End it at once, as when the machine loses power."""
        self._call("pg_ctl", "-w", "-m", "immediate", "stop")

    def _call(self, program: str, *words: str) -> None:
        command("runuser", "-u", "postgres", "--", str(POSTGRES / program), "-D", str(self._folder), *words)


class Bucket:
    """An S3 server in this process, which answers 503 while `fails` is set."""

    def __init__(self) -> None:
        self.fails = threading.Event()
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server(HOST, 0, self._answer, threaded=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        endpoint = f"http://{HOST}:{self._server.port}"
        httpx.put(f"{endpoint}/fleet").raise_for_status()
        self.settings = {
            "url": "s3://fleet/blobs",
            "endpoint": endpoint,
            "region": "us-east-1",
            "access_key_id": "test",
            "secret_access_key": "test",
            "allow_http": "true",
        }

    def _answer(self, environ: Mapping[str, Any], start_response: Any) -> Iterable[bytes]:
        if self.fails.is_set():
            start_response("503 Slow Down", [("content-type", "application/xml")])
            return [b"<Error><Code>SlowDown</Code></Error>"]
        return self._app(environ, start_response)  # type: ignore[no-any-return]

    def close(self) -> None:
        self._server.shutdown()


@dataclass(kw_only=True)
class Fault:
    kind: str
    #: The position of the process; None for a fault of what all share.
    target: int | None
    began: float
    ends: float
    #: The runs that the process had when the fault began.
    runs: set[str]
    #: Jobs left at the first look after a fault of what all share; None before it.
    left: int | None = None


class Fleet:
    """The processes and what they share, with one fault at a time."""

    def __init__(self, crew: list[Worker], names: list[str], cluster: Cluster, bucket: Bucket) -> None:
        self._crew, self._names = crew, names
        self._cluster, self._bucket = cluster, bucket
        #: Seconds from the begin of a fault until the runs of the process moved on; of what all share, from
        #: its end until a video ended.
        self.recovered: dict[str, list[float]] = defaultdict(list)
        self.counts: Counter[str] = Counter()
        #: How processes ended: a fault, a boundary, a lost lease, or another exit status.
        self.ended: Counter[str] = Counter()
        self._waiting: list[Fault] = []
        #: Undoes the fault of now.
        self._over = ExitStack()

    def start_dead(self, boundaries: list[str], *, down: int | None) -> None:
        """Start each process again that has ended, but for the one that is kept down."""
        for number, worker in enumerate(self._crew):
            if worker.alive() or number == down:
                continue
            if worker.process is not None:
                status = worker.process.returncode
                killed = worker.plan.partition(":")[0] if status == -signal.SIGKILL else ""
                self.ended[killed or ("lease lost" if status == LEASE_LOST else f"status {status}")] += 1
            worker.start(boundaries.pop() if boundaries else "", 1e9)

    def begin(self, kind: str, target: int, seconds: float, database: str) -> Fault:
        worker, now = self._crew[target], time.monotonic()
        fault = Fault(
            kind=kind,
            target=target if kind in OF_ONE else None,
            began=now,
            ends=now + seconds,
            runs=self._runs(database, worker) if kind in OF_ONE else set(),
        )
        self._over.enter_context(self._inflict(kind, worker, f"{self._names[target]}v"))
        self.counts[kind] += 1
        # With its clock wrong, a process goes on.
        if fault.runs and kind != "clock":
            self._waiting.append(fault)
        return fault

    def end(self, fault: Fault) -> None:
        self._over.close()
        fault.ends = time.monotonic()
        if fault.target is None:
            self._waiting.append(fault)

    @contextmanager
    def _inflict(self, kind: str, worker: Worker, link: str) -> Iterator[None]:
        if kind == "kill":
            if worker.alive():
                worker.kill()
                worker.plan = "kill"
            yield
        elif kind == "stop":
            self._signal(worker, signal.SIGSTOP)
            yield
            self._signal(worker, signal.SIGCONT)
        elif kind == "clock":
            self._signal(worker, signal.SIGUSR1)
            yield
            self._signal(worker, signal.SIGUSR2)
        elif kind == "cut":
            command("ip", "link", "set", link, "down")
            yield
            command("ip", "link", "set", link, "up")
        elif kind == "bucket":
            self._bucket.fails.set()
            yield
            self._bucket.fails.clear()
        else:
            self._cluster.end()
            yield
            self._cluster.start()

    def watch(self, database: str, left: int) -> None:
        """Note which faults are over: the runs of the process moved on, or a job ended since."""
        now = time.monotonic()
        for fault in list(self._waiting):
            if fault.target is None:
                if fault.left is None:
                    fault.left = left
                if left == fault.left:
                    continue
                self.recovered[fault.kind].append(now - fault.ends)
            elif fault.runs & self._runs(database, self._crew[fault.target]):
                continue
            else:
                self.recovered[fault.kind].append(now - fault.began)
            self._waiting.remove(fault)

    def close(self) -> None:
        self._over.close()
        for worker in self._crew:
            self._signal(worker, signal.SIGCONT)
            worker.kill()

    @staticmethod
    def _signal(worker: Worker, number: signal.Signals) -> None:
        if worker.process is not None and worker.alive():
            worker.process.send_signal(number)

    @staticmethod
    def _runs(database: str, worker: Worker) -> set[str]:
        """The runs that this process executes, as the engine's table says."""
        query = "SELECT workflow_uuid FROM dbos.workflow_status WHERE executor_id = %s AND status = 'PENDING'"
        with psycopg.connect(database, autocommit=True) as connection:
            return {str(row[0]) for row in connection.execute(query, (worker.settings.stem,))}


def run(*, real: int, scripted: int, each: int, seed: int, out: Path) -> dict[str, Any]:
    """`each`: how often each kind of fault comes."""
    chance, tally = random.Random(seed), Tally()
    began = time.monotonic()
    with ExitStack() as stack:
        names = stack.enter_context(network(len(FLEET)))
        cluster = Cluster(out / "postgres")
        stack.callback(cluster.end)
        bucket = Bucket()
        stack.callback(bucket.close)
        rule = {"polls": 1, "charge": 0.4, "clip": "asked"}
        upstream = stack.enter_context(ExitStack())
        url = upstream.enter_context(scripted_upstream(out, rule, host=HOST))
        with psycopg.connect(cluster.url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE fleet")
        database = f"{cluster.url.rsplit('/', 1)[0]}/fleet"
        *settings, front = (
            settings_file(
                out,
                name=name,
                upstream=url,
                database=database,
                shared=out / "shared",
                role=role,
                bucket=bucket.settings,
            )
            for name, role in [*((f"w{n}", role) for n, role in enumerate(FLEET)), ("front", "")]
        )
        container = load(front)
        stack.callback(container.persistence.database.close)
        waive(container)
        ids = order_all(container, real) + order_all(container, scripted, when=SCRIPTED)
        crew = [
            Worker(path, within=("ip", "netns", "exec", name))
            for path, name in zip(settings, names, strict=True)
        ]
        fleet = Fleet(crew, names, cluster, bucket)
        stack.callback(fleet.close)
        _disturb(container, fleet, database, chance, each=each)
        fleet.close()
        upstream.close()
        tally.kills = fleet.ended.copy()
        tally.kills["random"] = sum(fleet.counts[kind] for kind in ("kill", "stop", "cut", "database"))
        judge(container, ids, read_counts(out), tally)
        _find_unscanned(container, ids, tally)
    return {
        "real": real,
        "scripted": scripted,
        "faults": dict(+fleet.counts),
        "ended": dict(fleet.ended),
        "ends": dict(tally.ends),
        "recovered_s": {
            kind: {"median": round(statistics.median(seen), 1), "most": round(max(seen), 1), "of": len(seen)}
            for kind, seen in fleet.recovered.items()
        },
        "problems": tally.problems,
        "seconds": round(time.monotonic() - began),
    }


def _disturb(container: Container, fleet: Fleet, database: str, chance: random.Random, *, each: int) -> None:
    """Run the fleet until each job has ended, with one fault after another."""
    faults = list((*OF_ONE, *OF_ALL) * each)
    boundaries = [f"{name}:{count}" for name in BOUNDARIES for count in (1, 2)]
    chance.shuffle(faults)
    chance.shuffle(boundaries)
    fault: Fault | None = None
    limit = time.monotonic() + END_S
    next_at = tell_at = time.monotonic()
    jobs = left = unfinished(container)
    while time.monotonic() < limit:
        kept_down = fault.target if fault is not None and fault.kind == "kill" else None
        fleet.start_dead(boundaries, down=kept_down)
        now = time.monotonic()
        if fault is not None and now >= fault.ends:
            fleet.end(fault)
            fault, next_at = None, now + chance.uniform(*PAUSE_S)
        # Once a job has ended, the tables of the engine exist.
        elif fault is None and faults and now >= next_at and left < jobs:
            target = chance.randrange(len(FLEET))
            kind = faults.pop()
            seconds = chance.uniform(*FAULT_S) / (5 if kind == "database" else 1)
            fault = fleet.begin(kind, target, seconds, database)
        if fault is None or fault.kind != "database":
            try:
                left = unfinished(container)
                fleet.watch(database, left)
                if now >= tell_at:
                    tell_at = now + TOLD_S
                    print(f"{left} jobs left, {len(faults)} faults to come", file=sys.stderr, flush=True)
            except (DBAPIError, psycopg.Error):
                # Connections of before the restart.
                left = 1
            if not left and fault is None:
                return
        time.sleep(0.5)


def _find_unscanned(container: Container, ids: Iterable[str], tally: Tally) -> None:
    who = operator(container)
    for video_id in ids:
        record = container.videos.record(who, video_id)
        scanned = any(one.stage is Stage.OUTPUT for one in record.stages)
        if record.video.state.value == "delivered" and not scanned:
            tally.problems.append(f"{video_id} was delivered without a scan")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", type=int, default=100)
    parser.add_argument("--scripted", type=int, default=400)
    parser.add_argument("--each", type=int, default=5, help="how often each kind of fault comes")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ.setdefault(name, "test")
    # A line for each request to the bucket.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="safelight-fleet-") as folder:
        # The server of the database runs under another user.
        Path(folder).chmod(0o755)
        found = run(
            real=options.real,
            scripted=options.scripted,
            each=options.each,
            seed=options.seed,
            out=Path(folder),
        )
    print(json.dumps(found, indent=2))
    return 1 if found["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())

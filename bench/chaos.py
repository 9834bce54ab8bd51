"""Kill workers at every boundary and at random moments, and count what is lost. `make chaos`.

Jobs are written as the front door writes them; workers are other processes, killed with SIGKILL and started
again until every job has ended. Half of the jobs go to `storyboard`, half to a paid scripted upstream in a
process of its own that counts every order it was sent. Figures go to docs/benchmarks/chaos.md.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safelight.accounts.audit import verify
from safelight.app.container import Container, load
from safelight.cli.demo import operator
from safelight.policy.waivers import EVERYTHING, NewWaiver
from safelight.store import tables
from safelight.videos.requests.request import CreateRequest

BOUNDARIES = ("intended", "submitted", "fetched", "made", "stored", "scanned", "sealed", "moved")
#: The processes on PostgreSQL, each with one role.
FLEET = ("work", "work", "scan", "scan")
#: Small clips, so that thousands are made in an hour; `storyboard` draws no smaller ones.
SIZES = {"storyboard": "640x360", "scripted-1": "320x180"}
MODELS = tuple(SIZES)
_COUNTS = "counts.json"
ENDED = {"delivered", "held", "blocked", "failed", "rejected"}


@dataclass
class Tally:
    kills: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0


def settings_file(
    folder: Path,
    *,
    name: str,
    upstream: str,
    database: str | None,
    shared: Path | None,
    role: str = "",
    ocr: bool = False,
    bucket: Mapping[str, str] | None = None,
) -> Path:
    """A settings file for one process; on Postgres the processes share keys and files, or the `bucket`: its
    URL and the options to reach it.

    One that scans only knows no upstream.
    """
    lines = [
        f'data = "{folder / name}"',
        "[generation]",
        'default_generator = "storyboard"',
        "max_concurrent = 4",
        # Thousands of jobs wait for longer than the half hour that a video has otherwise.
        "deadline_s = 14400.0",
        "[limits]",
        "videos_per_day = 100000",
        "seconds_per_day = 1000000",
        # Text reading is most of a scan's cost and has no part in what is tried here.
        "[detectors]",
        f"ocr = {str(ocr).lower()}",
        "[worker]",
        f'name = "{name}"',
        *(["[server]", f'roles = ["{role}"]'] if role else []),
        "[generators.storyboard]",
        'kind = "storyboard"',
    ]
    if role != "scan":
        lines += [
            "[generators.paid]",
            'kind = "videos_api"',
            f'url = "{upstream}"',
            'billing = "paid"',
            'models = ["scripted-1"]',
            "seconds = [1, 4]",
        ]
    storage, audit = ["[storage]"], ["[audit]", "checkpoint_interval_s = 2.0"]
    if database and shared:
        storage += [f'database = "{database}"', f'key_dir = "{shared / "keys"}"']
        storage += [f'blobs = "{bucket["url"] if bucket else (shared / "blobs").as_uri()}"']
        audit += [f'checkpoint_dir = "{shared / "checkpoints"}"']
    if bucket:
        storage += ["[storage.s3]", *(f'{key} = "{value}"' for key, value in bucket.items() if key != "url")]
    path = folder / f"{name}.toml"
    path.write_text("\n".join(lines + storage + audit) + "\n")
    return path


class Worker:
    """One worker process, started again after each death."""

    def __init__(self, settings: Path, *, within: tuple[str, ...] = ()) -> None:
        """`within`: a command that starts another one, such as `ip netns exec NAME`."""
        self.settings = settings
        self._within = within
        self.process: subprocess.Popen[str] | None = None
        self.plan = ""
        self.die_after = 0.0

    def start(self, plan: str, lifetime_s: float) -> None:
        self.plan = plan
        environment = {**os.environ, "CHAOS_DIE_AT": plan}
        self.process = subprocess.Popen(
            [*self._within, sys.executable, "-m", "bench.chaos_worker", str(self.settings)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.die_after = time.monotonic() + lifetime_s

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


def waive(container: Container) -> None:
    """Without a waiver, checks that no model makes here hold every video."""
    container.persistence.waivers.add(
        NewWaiver(
            name="chaos",
            decided_by="bench",
            reason="measuring crashes",
            categories=(EVERYTHING,),
        ),
        taxonomy=container.core.taxonomy,
    )


def order_all(
    container: Container, jobs: int, models: tuple[str, ...] = MODELS, *, when: str = "in the morning"
) -> list[str]:
    """Jobs as the front door writes them; nobody carries them until a worker sweeps."""
    who = operator(container)
    videos = container.videos
    videos = type(videos)(**{**videos.__dict__, "enqueue": lambda *_: None})
    ids = []
    for number in range(jobs):
        model = models[number % len(models)]
        request = CreateRequest(
            prompt=f"a quiet lake {when}, take {number}", model=model, seconds="1", size=SIZES[model]
        )
        ids.append(videos.create(who, request).id)
    return ids


def unfinished(container: Container) -> int:
    """How many jobs have not ended, in one look."""
    videos = tables.videos
    with container.persistence.database.read_transaction(container.persistence.tenant) as tx:
        return tx.count(videos, videos.c.state.not_in(ENDED))


@contextmanager
def scripted_upstream(folder: Path, rule: Mapping[str, Any], *, host: str = "127.0.0.1") -> Iterator[str]:
    """The URL of a scripted upstream in a process of its own, which does the same with every job."""
    scenario = folder / "scenario.json"
    scenario.write_text(json.dumps({"otherwise": rule}))
    files = ("--scenario", scenario, "--counts", folder / _COUNTS)
    process = subprocess.Popen(
        [sys.executable, "-m", "safelight.testing.upstream", "--host", host, *files],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait()


def read_counts(folder: Path) -> dict[str, Any]:
    """What the scripted upstream was sent."""
    counts: dict[str, Any] = json.loads((folder / _COUNTS).read_text())
    return counts


def run(*, jobs: int, roles: tuple[str, ...], database: str | None, seed: int, out: Path) -> Tally:
    """`roles`: one for each worker; an empty one is all of them."""
    chance = random.Random(seed)
    tally = Tally()
    began = time.monotonic()
    with scripted_upstream(out, {"polls": 1, "charge": 0.4, "clip": "asked"}) as url:
        container, ids = _carry(jobs, roles, database, url, chance, tally, out)
    judge(container, ids, read_counts(out), tally)
    tally.seconds = time.monotonic() - began
    return tally


def _carry(
    jobs: int,
    roles: tuple[str, ...],
    database: str | None,
    url: str,
    chance: random.Random,
    tally: Tally,
    out: Path,
) -> tuple[Container, list[str]]:
    """Kill workers until every job has ended. Returns the ids of the jobs."""
    shared = out / "shared"
    made = [
        settings_file(out, name=f"w{n}", upstream=url, database=database, shared=shared, role=role)
        for n, role in enumerate(roles)
    ]
    front = settings_file(
        out, name="w0" if database is None else "front", upstream=url, database=database, shared=shared
    )
    container = load(front)
    waive(container)
    ids = order_all(container, jobs)
    crew = [Worker(path) for path in made]
    # Each boundary at its first and some later occurrence, then moments at random.
    plans = [f"{name}:{n}" for name in BOUNDARIES for n in (1, 2, 3)] + ["random"] * (len(BOUNDARIES) * 3)
    chance.shuffle(plans)
    try:
        limit = time.monotonic() + 3600
        while time.monotonic() < limit:
            for worker in crew:
                if not worker.alive():
                    if worker.process is not None:
                        tally.kills[worker.plan.partition(":")[0] or "end"] += 1
                    plan = plans.pop() if plans else ""
                    at_random = plan == "random"
                    worker.start("" if at_random else plan, chance.uniform(3.0, 14.0) if at_random else 1e9)
                    if at_random:
                        worker.plan = "random"
                elif time.monotonic() > worker.die_after:
                    worker.kill()
            if not unfinished(container):
                break
            time.sleep(0.5)
    finally:
        for worker in crew:
            worker.kill()
    return container, ids


def judge(container: Container, ids: list[str], counts: dict[str, Any], tally: Tally) -> None:
    """What must hold after all that."""
    who = operator(container)
    unknown = 0
    for video_id in ids:
        record = container.videos.record(who, video_id)
        video = record.video
        kind = "paid" if video.generator == "paid" else "storyboard"
        end = video.state.value if video.state.value != "failed" else f"failed/{video.error_code}"
        tally.ends[f"{kind} {end}"] += 1
        if kind == "storyboard" and video.state.value not in ("delivered", "blocked"):
            tally.problems.append(f"{video_id} (storyboard) ended {end}: {video.error_message}")
        if kind == "paid" and video.state.value != "delivered":
            if video.error_code == "submit_unknown":
                unknown += 1
            else:
                tally.problems.append(f"{video_id} (paid) ended {end}: {video.error_message}")
    sent: Counter[str] = Counter()
    for key, received in counts["received_by_key"].items():
        sent[key.rpartition("-")[0]] += received
    tally.problems += [f"the upstream was sent {n} orders for {job}" for job, n in sent.items() if n > 1]
    tally.ends["orders the upstream was sent"] = sum(sent.values())
    doubtful = tally.kills["intended"] + tally.kills["submitted"] + tally.kills["random"]
    if unknown > doubtful * 4:
        tally.problems.append(f"{unknown} ended in submit_unknown after {doubtful} kills that could cause it")
    verify_log(container, tally)


def verify_log(container: Container, tally: Tally) -> None:
    """The audit log must be intact up to its last entry."""
    container.persistence.audit_checkpoint_writer.write()
    found = verify(
        container.persistence.database,
        container.persistence.audit_checkpoints,
        container.persistence.audit_checkpoint_key,
    )
    if not found.ok:
        tally.problems += [f"audit log: {problem}" for problem in found.problems]
    tally.ends["log entries"] = found.entries


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=["sqlite", "postgres"])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    failed = False
    report = {}
    for store in ("sqlite", "postgres"):
        if options.only not in (None, store):
            continue
        server = os.environ.get("SAFELIGHT_TEST_POSTGRES")
        if store == "postgres" and not server:
            print("postgres: left out; set SAFELIGHT_TEST_POSTGRES", file=sys.stderr)
            continue
        out = Path(tempfile.mkdtemp(prefix="safelight-chaos-"))
        database = fresh_database(server) if store == "postgres" and server else None
        tally = run(
            jobs=options.jobs,
            roles=FLEET if database else ("",),
            database=database,
            seed=options.seed,
            out=out,
        )
        shutil.rmtree(out, ignore_errors=True)
        failed = failed or bool(tally.problems)
        report[store] = {
            "jobs": options.jobs,
            "kills": dict(tally.kills),
            "ends": dict(tally.ends),
            "problems": tally.problems,
            "seconds": round(tally.seconds),
        }
        if not options.json:
            print(f"{store}: {options.jobs} jobs in {tally.seconds:.0f} s")
            print(f"  kills: {sum(tally.kills.values())} {dict(tally.kills)}")
            print(f"  ends:  {dict(tally.ends)}")
            for problem in tally.problems:
                print(f"  PROBLEM {problem}")
    if options.json:
        print(json.dumps(report, indent=2))
    return 1 if failed else 0


def fresh_database(server: str) -> str:
    """The URL of a new database, which is deleted when this process ends."""
    import psycopg

    name = f"chaos_{os.getpid()}_{int(time.time())}"

    def execute(statement: str) -> None:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    execute(f'CREATE DATABASE "{name}"')
    atexit.register(execute, f'DROP DATABASE "{name}" WITH (FORCE)')
    return f"{server.rsplit('/', 1)[0]}/{name}"


if __name__ == "__main__":
    sys.exit(main())

"""Stop the gateway by SIGTERM under load, again and again, and count what is lost. `make chaos`.

Every round sends requests, stops the gateway at a random moment, and checks the exit status and the last
checkpoint of the audit log. At the end every video must have ended, no paid request may have been sent twice,
and no step that was finished may have run again.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx

from bench.chaos import Tally, judge, read_counts, scripted_upstream, settings_file, unfinished
from safelight.accounts.audit import verify
from safelight.app.container import Container, load

REQUESTS_PER_ROUND = 6
GRACE_S = 10.0
END_S = 1800.0


class GatewayProcess:
    """`safelight serve` with one settings file; started again after each stop."""

    def __init__(self, settings: Path, log: Path) -> None:
        self._command = [sys.executable, "-m", "safelight", "--config", str(settings)]
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self.address = ""

    def call(self, *arguments: str) -> str:
        """Run another command on the same installation. Returns its output."""
        done = subprocess.run([*self._command, *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    def start(self) -> None:
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [*self._command, "serve", "--port", "0", "--json"],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        text = ""
        for line in self._process.stdout:
            text += line
            try:
                self.address = json.loads(text)["address"]
            except json.JSONDecodeError:
                continue
            return
        raise RuntimeError(f"The gateway did not start; see {self._log}.")

    def kill(self) -> None:
        """Send SIGKILL, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> tuple[int, float]:
        """Send SIGTERM. Returns the exit status, and how many seconds the stop took."""
        assert self._process is not None
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(GRACE_S * 3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        return status, time.monotonic() - began


def send_requests(client: httpx.Client, first: int) -> list[str]:
    ids = []
    for number in range(first, first + REQUESTS_PER_ROUND):
        model = "scripted-1" if number % 2 else "storyboard"
        body = {"prompt": f"a quiet lake, take {number}", "model": model, "seconds": "1", "size": "640x360"}
        ids.append(str(client.post("/v1/videos", json=body).raise_for_status().json()["id"]))
    return ids


def check_log(container: Container, tally: Tally, number: int) -> None:
    """After a stop, the last checkpoint must cover the last entry of the log."""
    parts = container.persistence
    found = verify(parts.database, parts.audit_checkpoints, parts.audit_checkpoint_key)
    tally.problems += [f"stop {number}: {problem}" for problem in found.problems]
    if found.last_signed_seq != found.entries:
        tally.problems.append(
            f"stop {number}: the checkpoint is at entry {found.last_signed_seq} of {found.entries}"
        )


def check_repeats(container: Container, ids: list[str], tally: Tally) -> None:
    """A step that was finished before a stop must not run again."""
    who = container.persistence.tenant
    for video_id in ids:
        snapshot = container.pipeline.context.videos.snapshot(who, video_id)
        stages = Counter(record.stage.value for record in snapshot.stages)
        done = sum(attempt.outcome == "done" for attempt in snapshot.attempts)
        if max(stages.values(), default=0) > 1 or done > 1:
            tally.problems.append(f"{video_id} repeated a step: {dict(stages)}, {done} finished attempts")


def run(*, stops: int, seed: int, out: Path) -> Tally:
    chance, tally, began = random.Random(seed), Tally(), time.monotonic()
    with scripted_upstream(out, {"polls": 2, "charge": 0.4, "clip": "asked"}) as url:
        settings = settings_file(out, name="w0", upstream=url, database=None, shared=None)
        gateway, ids, slowest = GatewayProcess(settings, out / "gateway.log"), [], 0.0
        gateway.call(
            "waivers", "add", "chaos", "--by", "bench", "--reason", "measuring stops", "--category", "*"
        )
        key = json.loads(gateway.call("keys", "create", "chaos", "--json"))["key"]
        headers = {"authorization": f"Bearer {key}"}
        for number in range(1, stops + 1):
            gateway.start()
            with httpx.Client(base_url=gateway.address, headers=headers, timeout=60) as client:
                ids += send_requests(client, len(ids))
            time.sleep(chance.uniform(0.0, 8.0))
            status, seconds = gateway.stop()
            slowest = max(slowest, seconds)
            tally.ends[f"stops with status {status}"] += 1
            if status != 0:
                tally.problems.append(f"stop {number} ended with status {status} after {seconds:.1f} s")
            check_log(load(settings), tally, number)
        gateway.start()
        give_up = time.monotonic() + END_S
        container = load(settings)
        while unfinished(container) and time.monotonic() < give_up:
            time.sleep(1.0)
        gateway.stop()
    check_repeats(container, ids, tally)
    judge(container, ids, read_counts(out), tally)
    log = (out / "gateway.log").read_text()
    tally.ends["stops that handed steps back"] = log.count("handed back")
    tally.ends["slowest stop in s"] = round(slowest)
    tally.seconds = time.monotonic() - began
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stops", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    out = Path(tempfile.mkdtemp(prefix="safelight-stops-"))
    tally = run(stops=options.stops, seed=options.seed, out=out)
    print(f"{options.stops} stops in {tally.seconds:.0f} s: {dict(tally.ends)}")
    for problem in tally.problems:
        print(f"  PROBLEM {problem}")
    if not tally.problems:
        shutil.rmtree(out, ignore_errors=True)
    return 1 if tally.problems else 0


if __name__ == "__main__":
    sys.exit(main())

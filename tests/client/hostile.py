"""Jobs against a server that misbehaves, from `scenarios.json`, which the clients of all languages share.

As a program it prints the table of outcomes: python tests/client/hostile.py --jobs 1000
With `--node FOLDER` also those of the client for Node, which is installed in that folder.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import safelight_client as sc
from safelight.testing.upstream import ScriptedUpstream

SCENARIOS: dict[str, Any] = json.loads(Path(__file__).with_name("scenarios.json").read_text("utf-8"))
SERVERS: dict[str, dict[str, bool]] = SCENARIOS["servers"]
#: Creates of one round of faults that a busy server refuses before it accepts one.
REFUSED = next(f["rule"]["submit"]["times"] for f in SCENARIOS["faults"] if f["name"] == "busy")
RETRIES = sc.RetryPolicy(first_s=0.01, max_s=0.05, poll_s=0.01, max_poll_s=0.02, vanished_after_s=0.1)
#: Only jobs that hang wait this long; a busy machine must not make others wait as long.
DEADLINE_S = 6.0
AT_ONCE = 16


def jobs(count: int) -> dict[str, dict[str, Any]]:
    """The fault of each job, by its prompt."""
    faults = SCENARIOS["faults"]
    return {f"Scene {n:05}, a tram at dusk": faults[n % len(faults)] for n in range(count)}


def upstream(server: str, count: int) -> ScriptedUpstream:
    """The server: every job has a rule of its own."""
    rules = [{"when": prompt, **fault["rule"]} for prompt, fault in jobs(count).items()]
    return ScriptedUpstream({"orders": rules, **SERVERS[server]})


def expected(server: str, count: int) -> dict[str, str]:
    """The outcome that each job must have."""
    return {prompt: fault.get(server, fault["outcome"]) for prompt, fault in jobs(count).items()}


def outcome_of(error: sc.ClientError) -> str:
    if error.explanation.is_block:
        return "blocked"
    names: list[tuple[type[sc.ClientError], str]] = [
        (sc.SubmitUnknown, "submit_unknown"),
        (sc.DeadlinePassed, "deadline_passed"),
        (sc.VideoVanished, "vanished"),
        (sc.VideoFailed, "failed"),
        (sc.DownloadFailed, "download_failed"),
        (sc.InvalidResponse, "invalid_response"),
        (sc.ApiError, "rejected"),
        (sc.ConnectionFailed, "no_connection"),
    ]
    return next(name for kind, name in names if isinstance(error, kind))


def run_sync(url: str, server: str, count: int, folder: Path) -> dict[str, str]:
    with (
        sc.Client(url, honours_keys=SERVERS[server]["idempotent"], retries=RETRIES) as client,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):

        def one(prompt: str) -> str:
            try:
                video = client.wait(client.create(prompt), deadline_s=DEADLINE_S)
                client.download(video, folder / f"{video.id}.mp4")
            except sc.ClientError as error:
                return outcome_of(error)
            return "completed"

        prompts = list(jobs(count))
        return dict(zip(prompts, pool.map(one, prompts), strict=True))


def run_async(url: str, server: str, count: int, folder: Path) -> dict[str, str]:
    async def everything() -> dict[str, str]:
        slots = asyncio.Semaphore(AT_ONCE)
        honours = SERVERS[server]["idempotent"]
        async with sc.AsyncClient(url, honours_keys=honours, retries=RETRIES) as client:

            async def one(prompt: str) -> str:
                async with slots:
                    try:
                        video = await client.wait(await client.create(prompt), deadline_s=DEADLINE_S)
                        await client.download(video, folder / f"{video.id}.mp4")
                    except sc.ClientError as error:
                        return outcome_of(error)
                    return "completed"

            prompts = list(jobs(count))
            return dict(zip(prompts, await asyncio.gather(*map(one, prompts)), strict=True))

    return asyncio.run(everything())


def run_node(app: Path, servers: dict[str, str], count: int, folder: Path) -> dict[str, dict[str, str]]:
    """The outcomes by server. `servers`: their addresses; `app`: where the client is installed."""
    given: dict[str, dict[str, Any]] = {}
    for server, url in servers.items():
        (folder / server).mkdir()
        given[server] = {
            "url": url,
            "honoursKeys": SERVERS[server]["idempotent"],
            "prompts": list(jobs(count)),
            "folder": str(folder / server),
            "deadlineS": DEADLINE_S,
        }
    program = shutil.copy(Path(__file__).with_name("node_jobs.mjs"), app)
    done = subprocess.run(
        ["node", program], input=json.dumps(given), capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    return found


RUNS: dict[str, Callable[[str, str, int, Path], dict[str, str]]] = {"sync": run_sync, "async": run_async}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--node", type=Path, help="folder in which @safelight/client is installed")
    options = parser.parse_args()
    count = options.jobs
    runs = dict(RUNS)
    if options.node is not None:
        runs["node"] = lambda url, server, count, folder: run_node(
            options.node, {server: url}, count, folder
        )[server]
    for server in SERVERS:
        for name, run in runs.items():
            with upstream(server, count) as hostile, tempfile.TemporaryDirectory() as folder:
                began = time.monotonic()
                found = run(hostile.url, server, count, Path(folder))
                took = time.monotonic() - began
                counts = hostile.counts
            line = {
                "server": server,
                "client": name,
                "jobs": count,
                "seconds": round(took, 1),
                "unexpected": sum(found[p] != wanted for p, wanted in expected(server, count).items()),
                "created_twice": sum(n > 1 for n in counts["accepted_by_prompt"].values()),
                "outcomes": dict(sorted(Counter(found.values()).items())),
            }
            print(json.dumps(line))  # noqa: T201


if __name__ == "__main__":
    main()

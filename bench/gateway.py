"""A gateway started for a measurement, in a process of its own and on an empty data directory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, kw_only=True)
class Running:
    address: str
    key: str
    pid: int
    #: Seconds from the start of the process to the first answered request.
    ready_s: float

    def memory_mb(self) -> float:
        """Resident memory of the gateway and all its children, MiB."""
        return _total(self.pid, lambda part: part.memory_info().rss) / 2**20

    def proportional_mb(self) -> float:
        """The same, with what processes share counted once. Linux only."""
        return _total(self.pid, lambda part: part.memory_full_info().pss) / 2**20

    def own_memory_mb(self) -> float:
        return psutil.Process(self.pid).memory_info().rss / 2**20


def processor_s(pid: int) -> float:
    """Processor seconds of a process, its children, and those of its children that have ended."""
    return _total(pid, lambda part: sum(part.cpu_times()[:4]))


def _total(pid: int, figure: Callable[[psutil.Process], float]) -> float:
    """Of a process and all its children, but for those that end meanwhile."""
    process = psutil.Process(pid)
    total = figure(process)
    for part in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            total += figure(part)
    return total


@contextmanager
def gateway(folder: Path, *, settings: str = "", waive: bool = True) -> Iterator[Running]:
    """`safelight serve` with these settings, until the block ends."""
    fresh = waive and not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "safelight.toml"
    config.write_text(f'data = "{folder / "data"}"\n[server]\nport = 0\n{settings}')
    command = [sys.executable, "-m", "safelight", "--config", str(config)]
    environment = {**os.environ, "SAFELIGHT_LOG__LEVEL": "warning"}
    key = json.loads(
        subprocess.run(
            [*command, "keys", "create", "bench", "--json"], check=True, capture_output=True, env=environment
        ).stdout
    )["key"]
    waiver = [
        "waivers",
        "add",
        "bench",
        "--by",
        "bench",
        "--reason",
        "bench",
        "--category",
        "*",
        "--json",
    ]
    if fresh:
        subprocess.run([*command, *waiver], check=True, capture_output=True, env=environment)
    began = time.monotonic()
    process = subprocess.Popen(
        [*command, "serve", "--json"],
        stdout=subprocess.PIPE,
        stderr=(folder / "stderr").open("wb"),
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    text = ""
    try:
        for line in process.stdout:
            text += line
            if line.startswith("}"):
                break
        else:
            raise RuntimeError((folder / "stderr").read_text())
        if "address" not in json.loads(text):
            raise RuntimeError(text)
        yield Running(
            address=json.loads(text)["address"],
            key=key,
            pid=process.pid,
            ready_s=time.monotonic() - began,
        )
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def quantile(values: list[float], part: float) -> float:
    """The value below which `part` of the sorted values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]

"""The gateway as its users run it: a process of its own, with the real parts, on a free port."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue

START_S = 120


@dataclass(frozen=True, kw_only=True)
class Running:
    """The address of the gateway and a key for it."""

    address: str
    #: A one-time link.
    login: str
    key: str
    #: Where verbs of the same installation are called.
    folder: Path
    #: What it writes while it runs: a line for each request.
    log: Path
    process: subprocess.Popen[str]


def safelight(*arguments: str, folder: Path) -> str:
    """One verb, to its end; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "safelight", *arguments],
        cwd=folder,
        env=_environment(folder),
        capture_output=True,
        text=True,
        timeout=START_S,
    )
    if done.returncode:
        raise RuntimeError(f"safelight {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    """`safelight serve` on a data directory in `folder`, with a waiver for what no installed model sees."""
    safelight(
        *("waivers", "add", "tests", "--by", "the tests", "--reason", "no model sees it"),
        *("--category", "*", "--loopback-only"),
        folder=folder,
    )
    key = json.loads(safelight("keys", "create", "tests", "--json", folder=folder))["key"]
    with started(folder, key) as gateway:
        yield gateway


@contextmanager
def started(folder: Path, key: str, *, port: int = 0, **settings: str) -> Iterator[Running]:
    """`safelight serve` on the data directory in `folder`. `settings` are environment variables."""
    with (folder / "gateway.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "safelight", "serve", "--port", str(port), "--json", "--verbose"],
            cwd=folder,
            env=_environment(folder) | settings,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        told = json.loads(_first_object(process, folder))
        yield Running(
            address=told["address"],
            login=told["login"],
            key=key,
            folder=folder,
            log=folder / "gateway.log",
            process=process,
        )
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def _environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "SAFELIGHT_DATA": str(folder / "data"),
        "PYTHONUNBUFFERED": "1",
        # On a busy machine the check of a reference picture can take longer than the default.
        "SAFELIGHT_SCAN__REFERENCE_TIMEOUT_S": "30",
    }


def _first_object(process: subprocess.Popen[str], folder: Path) -> str:
    """The JSON it prints once it answers; it may be spread over lines."""
    lines: Queue[str] = Queue()

    def read() -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    text = ""
    while True:
        try:
            line = lines.get(timeout=START_S)
        except Empty:
            line = ""
        if not line:
            raise RuntimeError(f"the gateway did not start:\n{(folder / 'gateway.log').read_text()[-4000:]}")
        text += line
        try:
            json.loads(text)
        except ValueError:
            continue
        return text

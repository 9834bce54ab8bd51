"""The gateway as its users run it: a process of its own, on a free port.

It runs without the storyboard's drawing, and unless a test is about them, without models of pictures, speech
and meaning. `whole=True` has these models.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue

from safelight.cli import main

from .house import SLOW_DETECTORS

START_S = 120
#: The folder of an installed generator that takes what the storyboard takes and draws nothing.
QUICK_STORYBOARD = Path(__file__).parent / "quick_storyboard"
_QUICK_DRAWING = {
    "PYTHONPATH": str(QUICK_STORYBOARD),
    "SAFELIGHT_GENERATORS__STORYBOARD__KIND": "quick-storyboard",
}
_QUICK_CHECKS = {"SAFELIGHT_DETECTORS": json.dumps(dict.fromkeys((*SLOW_DETECTORS, "acts"), False))}


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
    """One verb, to its end; what it printed. In this process, which has imported what it needs."""
    printed, said, here, environment = io.StringIO(), io.StringIO(), Path.cwd(), dict(os.environ)
    try:
        os.chdir(folder)
        os.environ.update(_environment(folder))
        # In a thread of its own: a verb may run an event loop, and tests with a browser have one already.
        with redirect_stdout(printed), redirect_stderr(said), ThreadPoolExecutor(1) as thread:
            code = thread.submit(main, arguments).result(START_S)
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(environment)
    if code:
        raise RuntimeError(f"safelight {' '.join(arguments)} ended with {code}:\n{said.getvalue()}")
    return printed.getvalue()


@contextmanager
def running(folder: Path, *, whole: bool = False) -> Iterator[Running]:
    """`safelight serve` on a data directory in `folder`, with a waiver for what no installed model sees."""
    safelight(
        *("waivers", "add", "tests", "--by", "the tests", "--reason", "no model sees it"),
        *("--category", "*", "--loopback-only"),
        folder=folder,
    )
    key = json.loads(safelight("keys", "create", "tests", "--json", folder=folder))["key"]
    with started(folder, key, whole=whole) as gateway:
        yield gateway


@contextmanager
def started(
    folder: Path, key: str, *, port: int = 0, whole: bool = False, **settings: str
) -> Iterator[Running]:
    """`safelight serve` on the data directory in `folder`. `settings` are environment variables."""
    with (folder / "gateway.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "safelight", "serve", "--port", str(port), "--json", "--verbose"],
            cwd=folder,
            env=_environment(folder) | _QUICK_DRAWING | ({} if whole else _QUICK_CHECKS) | settings,
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
        # On a busy machine the checks of a request can take longer than the defaults.
        "SAFELIGHT_SCAN__REFERENCE_TIMEOUT_S": "30",
        "SAFELIGHT_SCAN__TEXT_TIMEOUT_S": "20",
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

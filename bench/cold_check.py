"""CPU seconds (user and system) of `safelight check` in a process of its own: median, least and most.

    python -m bench.cold_check [--runs 5] [--gateway]

The working folder is empty, or that of a running gateway, whose CPU seconds are not counted. The models are
those of the environment (`safelight models list`).
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

PROMPT = "a dog"
SAFELIGHT = Path(sys.executable).parent / "safelight"


def measure(folder: Path) -> float:
    """CPU seconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([SAFELIGHT, "check", PROMPT], check=True, cwd=folder, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


@contextmanager
def gateway(folder: Path) -> Iterator[None]:
    """A gateway in the folder, from when it inspects texts for commands."""
    command = [SAFELIGHT, "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as process:
        try:
            while not any((folder / "data" / "run").glob("*.sock")):
                if process.poll() is not None:
                    raise RuntimeError("the gateway ended")
                time.sleep(0.1)
            yield
        finally:
            process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--gateway", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with gateway(folder) if given.gateway else nullcontext():
            measure(folder)
            found = sorted(measure(folder) for _ in range(given.runs))
    print(f"median {statistics.median(found):.2f} s, {found[0]:.2f} to {found[-1]:.2f} s, {given.runs} runs")


if __name__ == "__main__":
    main()

"""The built wheel into an empty environment, cold, and its first answers. `python -m bench.install`.

Builds the wheel, makes an environment, and times `pip install safelight-*.whl` with an empty cache of pip's,
then `safelight check` and `safelight explain-error`, each in a new process. What pip downloads comes from the
index that is configured: its speed is in the figure.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
REFUSAL = '{"error": {"code": "moderation_blocked", "message": "Your request was blocked."}}'


def timed(*command: str | Path, environment: Mapping[str, str], folder: Path) -> tuple[dict[str, float], str]:
    """Seconds, of which on the processor, and standard output. The exit code may say that it was blocked."""
    began, before = time.monotonic(), os.times()
    done = subprocess.run(
        command, env=dict(environment), cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode in (1, 2):
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return {"wall": round(time.monotonic() - began, 1), "cpu": round(spent, 1)}, done.stdout


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", name, str(ROOT)]
        subprocess.run(build, check=True, capture_output=True)
        (wheel,) = folder.glob("*.whl")
        place = folder / "venv"
        environment = {
            key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}
        } | {"PIP_CACHE_DIR": str(folder / "cache"), "SAFELIGHT_DATA": str(folder / "data")}
        python, program = place / "bin" / "python", place / "bin" / "safelight"
        steps: dict[str, dict[str, float]] = {}

        def step(what: str, *command: str | Path) -> str:
            steps[what], said = timed(*command, environment=environment, folder=folder)
            return said

        step("environment", sys.executable, "-m", "venv", place)
        step("pip install", python, "-m", "pip", "--disable-pip-version-check", "-q", "install", wheel)
        checked = json.loads(step("check", program, "check", "a tram crosses a bridge at dusk", "--json"))
        decoded = json.loads(step("decode", program, "explain-error", REFUSAL, "--json"))
        step("check again", program, "check", "a tram crosses a bridge at dusk", "--json")
        step("decode again", program, "explain-error", REFUSAL, "--json")
        size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
        cold = [steps[what] for what in ("environment", "pip install", "check", "decode")]
        report: dict[str, Any] = {
            "seconds": steps,
            "cold_s": {kind: round(sum(one[kind] for one in cold), 1) for kind in ("wall", "cpu")},
            "load": round(os.getloadavg()[0], 1),
            "wheel_mb": round(wheel.stat().st_size / 2**20, 1),
            "environment_mb": round(size / 2**20),
            "check": checked["action"],
            "decode": decoded["rule"],
        }
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())

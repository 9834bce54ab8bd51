"""The gateway against its own description: schemathesis over /openapi.json, with a key and then without.

python -m bench.openapi [--seconds 300] [--schemathesis COMMAND] [--seed N] [--out FOLDER] [--json]

Needs schemathesis 4 (`python -m venv there && there/bin/pip install schemathesis`), which is no part of the
project's own environment: name its command where it is not on the path. Ends with 1 where anything failed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from .gateway import Running, gateway

SCOPES = ("videos:read", "videos:write", "checks", "review", "admin")
#: Left out; docs/benchmarks/openapi.md says why.
ROUTES_LEFT_OUT = ("/v1/videos/sync", "/v1/videos/{video_id}/events")
CHECKS_LEFT_OUT = ("positive_data_acceptance", "object_level_authorization")
#: Few videos are really rendered; after that the day's limit answers, which is described too.
SETTINGS = """
[detectors]
ocr = false
[limits]
videos_per_day = 30
checks_per_hour = 1000000
end_user_checks_per_hour = 1000000
reports_per_hour = 1000000
"""
REQUEST_TIMEOUT_S = 30


def key_for(folder: Path) -> str:
    """A key that may do all that is described; the vault's cases have no route of their own."""
    scopes = [part for scope in SCOPES for part in ("--scope", scope)]
    config = str(folder / "safelight.toml")
    command = [sys.executable, "-m", "safelight", "--config", config, "keys", "create", "all", *scopes]
    made = subprocess.run([*command, "--json"], check=True, capture_output=True)
    key: str = json.loads(made.stdout)["key"]
    return key


def run(
    command: str, server: Running, out: Path, *, key: str | None, seconds: int, seed: int | None
) -> dict[str, Any]:
    """One run to its end. Its reports lie in `out`; what it printed in `out/output.txt`."""
    out.mkdir(parents=True, exist_ok=True)
    arguments = [command, "run", f"{server.address}/openapi.json", "--no-color", "--continue-on-failure"]
    arguments += ["--max-time", str(seconds), "--request-timeout", str(REQUEST_TIMEOUT_S)]
    arguments += ["--generation-database", "none", "--exclude-checks", ",".join(CHECKS_LEFT_OUT)]
    arguments += [part for route in ROUTES_LEFT_OUT for part in ("--exclude-path", route)]
    arguments += ["--report-ndjson-path", str(out / "events.ndjson")]
    arguments += ["--report-json-path", str(out / "report.json")]
    if key is not None:
        arguments += ["-H", f"Authorization: Bearer {key}"]
    if seed is not None:
        arguments += ["--seed", str(seed)]
    with (out / "output.txt").open("wb") as output:
        subprocess.run(arguments, check=False, stdout=output, stderr=subprocess.STDOUT, cwd=out)
    return summary(out / "report.json", out / "events.ndjson")


def summary(report: Path, events: Path) -> dict[str, Any]:
    """What came of a run: operations, cases, answers by status, and each failure."""
    told = json.loads(report.read_text())
    statuses = answers(events)
    return {
        "operations": told["operations"]["tested"],
        "of": told["operations"]["total"],
        "cases": told["test_cases"]["generated"],
        "requests": sum(statuses.values()),
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "failures": told["failures"],
        "errors": told["errors"],
        "seed": told["seed"],
        "seconds": round(told["running_time"]),
    }


def answers(events: Path) -> Counter[int]:
    """Answers by status, from the events of a run; 0 where none came."""
    found: Counter[int] = Counter()
    with events.open() as lines:
        for line in lines:
            recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
            for each in recorder.get("interactions", {}).values():
                answer = each.get("response")
                found[answer["status_code"] if answer else 0] += 1
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=int, default=300, help="for each of the two runs")
    parser.add_argument("--schemathesis", default="schemathesis", metavar="COMMAND")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--out", type=Path, help="keep the reports here")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    command = shutil.which(asked.schemathesis)
    if command is None:
        parser.error(f"{asked.schemathesis} is not here; see the head of this file")
    with tempfile.TemporaryDirectory(prefix="safelight-openapi-") as scratch:
        out = (asked.out or Path(scratch) / "out").resolve()
        with gateway(Path(scratch) / "gateway", settings=SETTINGS) as server:
            keys = {"with a key": key_for(Path(scratch) / "gateway"), "without": None}
            found = {
                name: run(
                    command,
                    server,
                    out / name.replace(" ", "-"),
                    key=key,
                    seconds=asked.seconds,
                    seed=asked.seed,
                )
                for name, key in keys.items()
            }
    if asked.json:
        print(json.dumps(found, indent=2))
    else:
        for name, each in found.items():
            print(f"{name}: {each['operations']} of {each['of']} operations, {each['requests']} requests")
            print(f"  answers {each['statuses']}")
            for failure in each["failures"] + each["errors"]:
                print(f"  {failure}")
    return int(any(each["failures"] or each["errors"] for each in found.values()))


if __name__ == "__main__":
    raise SystemExit(main())

"""`make bench`: every measurement in turn. `python -m bench NAME ...` runs some of them."""

from __future__ import annotations

import subprocess
import sys

#: Module and what it tells, in the order they run. `load` needs PostgreSQL and takes ten minutes or more.
MEASUREMENTS = {
    "serving": "time to ready, idle memory, screening through HTTP, a block with a 1080p reference",
    "screening": "what words cost, one core",
    "scan": "frames per second of the scan beside bare decode",
    "seal": "sealing and verifying",
    "storyboard": "rendering",
    "policy_replay": "a policy over 100,000 videos",
    "pages": "weight and paint of pages",
    "decode": "refusals read right",
    "trace_request": "calls between packages and database transactions of one request",
    "install": "the wheel into an empty environment, cold, then check and decode",
    "triggers": "finding the words that cause a refusal, beside delta debugging; simulated",
    "review_queue": "first page and next case of 100,000 open cases, by HTTP",
    "load": "two gateways on PostgreSQL, 500 clients, 5 creates a second",
}


def main() -> int:
    wanted = sys.argv[1:] or list(MEASUREMENTS)
    unknown = [name for name in wanted if name not in MEASUREMENTS]
    if unknown:
        print(
            f"No such measurement: {', '.join(unknown)}. Known: {', '.join(MEASUREMENTS)}.", file=sys.stderr
        )
        return 2
    failed = []
    for name in wanted:
        print(f"\n== {name}: {MEASUREMENTS[name]}", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nFailed: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

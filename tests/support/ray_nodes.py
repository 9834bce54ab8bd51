"""A Ray cluster of two nodes with one CPU each on this machine, as a program: it writes the address, ends the
second node at the line `kill`, and all at the end of its input. Not in the process of a test, because Ray
leaves files open.
"""

from __future__ import annotations

import os
import sys


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Otherwise workers wait for all other tests on a busy machine.
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)
    say(cluster.address)
    for line in sys.stdin:
        if line.strip() == "kill":
            cluster.remove_node(second, allow_graceful=False)
            say("killed")
    cluster.shutdown()


if __name__ == "__main__":
    main()

"""`python -m safelight.testing.upstream --scenario F --port 0 --counts FILE`"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from .hosted_routes import BASE_PATHS
from .server import ScriptedUpstream


def main() -> int:
    """Serves until SIGINT or SIGTERM. The first line on stdout is `{"url": ...}`."""
    parser = argparse.ArgumentParser(prog="python -m safelight.testing.upstream", description=main.__doc__)
    parser.add_argument("--scenario", type=Path, help="YAML or JSON file; without one every request succeeds")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--counts", type=Path, help="file that always has the current counts")
    parser.add_argument("--dialect", choices=sorted(BASE_PATHS), default="videos_api")
    options = parser.parse_args()
    try:
        upstream = ScriptedUpstream(
            options.scenario,
            host=options.host,
            port=options.port,
            counts_file=options.counts,
            dialect=options.dialect,
        )
    except (ValueError, OSError) as error:
        parser.error(str(error))

    def started() -> None:
        sys.stdout.write(json.dumps({"url": upstream.url}) + "\n")
        sys.stdout.flush()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: upstream.stop())
    asyncio.run(upstream.serve(started))
    return 0


if __name__ == "__main__":
    sys.exit(main())

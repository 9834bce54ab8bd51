"""The import is fast and brings nothing but the standard library."""

from __future__ import annotations

import json
import os
import subprocess
import sys

MAX_IMPORT_CPU_S = 0.06
#: What the client itself may add to `import httpx` until the first request.
MAX_FIRST_USE_CPU_S = 0.05
PROGRAM = """
import json, sys, time
began = time.process_time()
import safelight_client
took = time.process_time() - began
heavy = [m for m in ("httpx", "numpy", "safelight", "asyncio", "pydantic") if m in sys.modules]
import httpx
began = time.process_time()
safelight_client.Client("http://127.0.0.1:1/v1")
print(json.dumps({"cpu_s": took, "heavy": heavy, "first_use_s": time.process_time() - began}))
"""


def test_the_import_needs_little_time_and_loads_neither_httpx_nor_server_modules() -> None:
    # With compiled modules, as an installation has them; the first run compiles them here.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    found = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, check=True
            ).stdout
        )
        for _ in range(4)
    ]
    assert found[0]["heavy"] == []
    assert min(each["cpu_s"] for each in found) <= MAX_IMPORT_CPU_S
    assert min(each["first_use_s"] for each in found) <= MAX_FIRST_USE_CPU_S

"""A JSON log: every line of it is JSON, whatever writes it, and a traceback is whole in one of them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.gateway_process import START_S, safelight, started

WRITERS = """
import asyncio, gc, logging, os, subprocess, sys, threading, time, warnings
from dbos._logger import init_logger
from safelight.cli.server_process import set_up_logging
from safelight.app.settings.models import LogSettings

release = set_up_logging(LogSettings(format="json"))
init_logger()
print("first\\nscreen", file=sys.stderr)
print("an early plugin", flush=True)
release()
warnings.warn("an old function")
def fail(depth):
    if depth:
        fail(depth - 1)
    raise ValueError("deep\\n" + "x" * 9000)
thread = threading.Thread(target=fail, args=(30,), name="worker")
thread.start()
thread.join()
os.write(2, b"native code \\xff\\n")
time.sleep(0.5)
print("a plugin\\nprints", flush=True)
time.sleep(0.5)
subprocess.run([sys.executable, "-c", "raise KeyError('child')"])
logging.getLogger("dbos").error("the engine\\nfailed")
logging.getLogger("wrong").error("%d", "no number")
async def start():
    asyncio.create_task(end())
    await asyncio.sleep(0.01)
    gc.collect()
async def end():
    raise LookupError("task")
asyncio.run(start())
raise RuntimeError("the main thread")
"""


def lines(text: str) -> list[dict[str, Any]]:
    """The lines of a log, each of which is a JSON object."""
    found = [json.loads(line) for line in text.splitlines()]
    assert all(isinstance(line, dict) for line in found)
    return found


def test_every_line_on_standard_error_is_json_and_a_traceback_is_whole() -> None:
    done = subprocess.run([sys.executable, "-c", WRITERS], capture_output=True, text=True, timeout=60)
    found = lines(done.stderr)
    by_logger = {line["logger"]: line for line in found if line["logger"] != "stderr"}
    assert "an old function" in by_logger["py.warnings"]["event"]
    assert by_logger["dbos"]["event"] == "the engine\nfailed"
    assert by_logger["asyncio"]["exc_info"].endswith("LookupError: task")
    ended = by_logger["safelight.cli.server_process"]
    assert ended["event"] == "The thread worker ended with an error."
    assert ended["exc_info"].startswith("Traceback (most recent call last):\n")
    assert ended["exc_info"].endswith("ValueError: deep\n" + "x" * 9000)
    other = "\n".join(line["event"] for line in found if line["logger"] == "stderr")
    for text in (
        "first\nscreen",
        "an early plugin",
        "native code \\xff",
        "KeyError: 'child'",
        "RuntimeError: the main thread",
    ):
        assert text in other
    assert "--- Logging error ---" in other
    assert done.stdout == "", "logs of containers have standard output too"
    levels = {line["event"]: line["level"] for line in found if line["logger"] == "stderr"}
    assert levels["a plugin\nprints"] == "info"
    assert {level for text, level in levels.items() if "Traceback" in text} == {"error"}


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_every_line_of_a_served_gateway_with_a_json_log_is_json(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    """Standard output and standard error together, as a container has them."""
    environment = os.environ | {"SAFELIGHT_DATA": str(tmp_path / "data"), "SAFELIGHT_LOG__FORMAT": "json"}
    command = [sys.executable, "-m", "safelight", "serve", "--port", "0", *options]
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=tmp_path)
        try:
            give_up = time.monotonic() + START_S
            while not (address := re.search(r"http://[\d.:]+", (tmp_path / "log").read_text())):
                assert time.monotonic() < give_up
                assert process.poll() is None
                time.sleep(0.05)
            assert httpx.get(f"{address[0]}/v1/videos").status_code == 401
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    found = lines((tmp_path / "log").read_text())
    assert any("Stopping." in line.get("event", "") for line in found)
    assert any("/login?token=" in str(line) for line in found)


def test_an_error_of_the_start_is_a_line_of_a_json_log(tmp_path: Path) -> None:
    key = json.loads(safelight("keys", "create", "tests", "--json", folder=tmp_path))["key"]
    with started(tmp_path, key, SAFELIGHT_LOG__FORMAT="json") as gateway:
        port = gateway.address.rpartition(":")[2]
        second = subprocess.run(
            [sys.executable, "-m", "safelight", "serve", "--port", port],
            cwd=tmp_path,
            env={"SAFELIGHT_DATA": str(tmp_path / "other"), "SAFELIGHT_LOG__FORMAT": "json"},
            capture_output=True,
            text=True,
            timeout=60,
        )
    (line,) = lines(second.stderr)
    assert f"Port {port} on 127.0.0.1 is used by another program." in line["event"]
    assert line["level"] == "error"
    assert second.returncode != 0

"""Safelight beside LiteLLM's proxy and the bare upstream: retrieve and create. `make bench-peers`.

All are asked over HTTP by the same clients, one after the other, with the same scripted upstream, whose
videos never finish. LiteLLM has an environment of its own and runs twice, without and with its own content
filter. With `SAFELIGHT_TEST_POSTGRES`, Safelight runs a second time as two processes of the role `web` and
one of `work`. Figures go to docs/benchmarks/peers.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx
import uvloop

from .chaos import fresh_database
from .gateway import Running, gateway, processor_s, quantile

PROMPT = (
    "A slow dolly through a sunlit kitchen, a grandmother and her grandson bake bread together, flour in the "
    "air, warm afternoon light through lace curtains, shallow depth of field, gentle piano, 35 mm film"
)
#: LiteLLM's filter must refuse this, and all others must take it.
FILTERED = "A postcard with the address somebody@example.com on a table"
MODEL = "scripted-1"
CLIENTS = (1, 8, 32)
_KEY = "sk-bench"
_SETTINGS = """
[limits]
videos_per_day = 1000000
seconds_per_day = 10000000
checks_per_hour = 10000000
[generation]
default_generator = "upstream"
[generators.upstream]
kind = "videos_api"
url = "{url}/v1"
billing = "own"
models = ["scripted-1"]
"""
_LITELLM = """
model_list:
  - model_name: scripted-1
    litellm_params: {{model: openai/scripted-1, api_base: "{url}/v1", api_key: unused}}
general_settings: {{master_key: sk-bench}}
litellm_settings: {{telemetry: false}}
"""
_FILTER = """
guardrails:
  - guardrail_name: content-filter
    litellm_params:
      guardrail: litellm_content_filter
      mode: pre_call
      default_on: true
      patterns:
        - {pattern_type: prebuilt, pattern_name: email, action: BLOCK}
        - {pattern_type: prebuilt, pattern_name: us_phone, action: BLOCK}
        - {pattern_type: prebuilt, pattern_name: credit_card, action: BLOCK}
        - {pattern_type: prebuilt, pattern_name: us_ssn, action: BLOCK}
      categories:
        - {category: harmful_violence, enabled: true, action: BLOCK}
        - {category: harmful_self_harm, enabled: true, action: BLOCK}
        - {category: harmful_child_safety, enabled: true, action: BLOCK}
        - {category: harmful_illegal_weapons, enabled: true, action: BLOCK}
        - {category: bias_racial, enabled: true, action: BLOCK}
        - {category: bias_gender, enabled: true, action: BLOCK}
        - {category: bias_religious, enabled: true, action: BLOCK}
        - {category: bias_sexual_orientation, enabled: true, action: BLOCK}
        - {category: denied_insults, enabled: true, action: BLOCK}
"""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A server that speaks OpenAI's `/v1/videos`."""

    address: str
    key: str
    #: Another process of the same server, which gets every second connection.
    second_address: str = ""
    #: The processes whose processor time is reported.
    pids: tuple[int, ...] = ()

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """One request as bytes."""
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: {urlsplit(self.address).netloc}\r\n"
            f"authorization: Bearer {self.key}\r\n"
        )
        if body:
            head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        return f"{head}\r\n".encode() + body

    def create(self, prompt: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.key}"}
        body = {"model": MODEL, "prompt": prompt}
        return httpx.post(f"{self.address}/v1/videos", json=body, headers=headers, timeout=60)


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    """Send one request on an open connection. Returns the status."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, found, rest = head.partition(b"\r\ncontent-length:")
    if not found:
        raise RuntimeError(f"The response has no length: {head[:200]!r}")
    await reader.readexactly(int(rest.split(b"\r\n", 1)[0]))
    return int(head.split(b" ", 2)[1])


async def load(target: Target, make: Callable[[int], bytes], clients: int, seconds: float) -> dict[str, Any]:
    """`clients` connections that each send the next request after the last response, for `seconds`."""
    places = [urlsplit(one) for one in (target.address, target.second_address) if one]
    taken: list[float] = []
    failed: list[int] = []
    numbers = iter(range(1_000_000_000))
    ends = time.perf_counter() + seconds

    async def client(place: SplitResult) -> None:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        while time.perf_counter() < ends:
            began = time.perf_counter()
            status = await exchange(reader, writer, make(next(numbers)))
            taken.append((time.perf_counter() - began) * 1000)
            if status != 200:
                failed.append(status)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(client(places[n % len(places)]) for n in range(clients)))
    return {
        "requests": len(taken),
        "per_s": round(len(taken) / (time.perf_counter() - began)),
        "p50_ms": round(quantile(taken, 0.5), 1),
        "p99_ms": round(quantile(taken, 0.99), 1),
        **({"failed": len(failed)} if failed else {}),
    }


def measure(target: Target, seconds: float) -> dict[str, Any]:
    answer = target.create(PROMPT)
    answer.raise_for_status()
    retrieve = target.request("GET", f"/v1/videos/{answer.json()['id']}")

    def create(number: int) -> bytes:
        body = {"model": MODEL, "prompt": f"{PROMPT}, take {number}"}
        return target.request("POST", "/v1/videos", json.dumps(body).encode())

    def check(number: int) -> bytes:
        body = {"input": f"{PROMPT}, shot {number}"}
        return target.request("POST", "/v1/moderations", json.dumps(body).encode())

    report: dict[str, Any] = {"filtered_prompt_status": target.create(FILTERED).status_code}
    makers: dict[str, Callable[[int], bytes]] = {"retrieve": lambda _: retrieve, "create": create}
    if target.pids:
        # What of the processor time of a create is the check of its prompt.
        makers["check"] = check
    for name, make in makers.items():
        uvloop.run(load(target, make, 8, 1.0))
        report[name] = {clients: with_processor(target, make, clients, seconds) for clients in CLIENTS}
    return report


def with_processor(
    target: Target, make: Callable[[int], bytes], clients: int, seconds: float
) -> dict[str, Any]:
    """The same load, with the processor milliseconds per request of each process and its children."""
    before = [processor_s(pid) for pid in target.pids]
    found = uvloop.run(load(target, make, clients, seconds))
    used = [processor_s(pid) - earlier for pid, earlier in zip(target.pids, before, strict=True)]
    if used:
        found["processor_ms"] = [round(1000 * one / found["requests"], 1) for one in used]
    return found


@contextmanager
def started(command: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, **environment}
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextmanager
def upstream(folder: Path) -> Iterator[str]:
    scenario = folder / "scenario.json"
    scenario.write_text(json.dumps({"otherwise": {"ends": "never"}}))
    command = [sys.executable, "-m", "safelight.testing.upstream", "--scenario", str(scenario)]
    with started(command, folder / "upstream.log") as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"].removesuffix("/v1")


def loaded(first: Running, *others: Running) -> Target:
    """The models are loaded in the first seconds."""
    time.sleep(10)
    second = others[0].address if others else ""
    pids = tuple(one.pid for one in (first, *others))
    return Target(address=first.address, key=first.key, second_address=second, pids=pids)


@contextmanager
def two_web_processes(folder: Path, url: str, server: str) -> Iterator[Target]:
    """Two processes of the role `web`, and one of `work` that submits."""
    storage = (
        f'[storage]\ndatabase = "{fresh_database(server)}"\nkey_dir = "{folder / "keys"}"\n'
        f'blobs = "{(folder / "blobs").as_uri()}"\n'
    )
    with ExitStack() as stack:
        running: list[Running] = []
        for name, role in (("web-1", "web"), ("web-2", "web"), ("work-1", "work")):
            settings = f'roles = ["{role}"]\n{_SETTINGS.format(url=url)}{storage}[worker]\nname = "{name}"\n'
            # The waiver is for the tenant, which they share.
            one = gateway(folder / name, settings=settings, waive=not running)
            running.append(stack.enter_context(one))
        yield loaded(*running)


@contextmanager
def litellm(python: Path, folder: Path, url: str, *, filtered: bool) -> Iterator[Target]:
    """LiteLLM's proxy with one worker."""
    config = folder / "litellm.yaml"
    config.write_text(_LITELLM.format(url=url) + (_FILTER if filtered else ""))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(python.with_name("litellm")), "--config", str(config), "--host", "127.0.0.1"]
    log = folder / "litellm.log"
    with started(
        [*command, "--port", str(port), "--num_workers", "1"],
        log,
        LITELLM_LOG="ERROR",
        LITELLM_LOCAL_MODEL_COST_MAP="true",
    ):
        target = Target(address=f"http://127.0.0.1:{port}", key=_KEY)
        wait_for(f"{target.address}/health/liveliness")
        yield target


def wait_for(url: str) -> None:
    give_up = time.monotonic() + 120
    while time.monotonic() < give_up:
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise RuntimeError(f"{url} did not answer.")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, default=Path(".venvs/litellm/bin/python"))
    parser.add_argument("--seconds", type=float, default=4.0)
    options = parser.parse_args()
    version = "import importlib.metadata as m; print(m.version('litellm'))"
    found = subprocess.run([options.python, "-c", version], capture_output=True, text=True, check=True)
    report: dict[str, Any] = {"litellm": found.stdout.strip(), "seconds": options.seconds}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        url = stack.enter_context(upstream(folder))
        report["bare upstream"] = measure(Target(address=url, key="unused"), options.seconds)
        for label, filtered in (("LiteLLM", False), ("LiteLLM with its content filter", True)):
            with litellm(options.python, folder, url, filtered=filtered) as target:
                report[label] = measure(target, options.seconds)
        with gateway(folder / "gateway", settings=_SETTINGS.format(url=url)) as running:
            report["Safelight"] = measure(loaded(running), options.seconds)
        if server := os.environ.get("SAFELIGHT_TEST_POSTGRES"):
            with two_web_processes(folder, url, server) as target:
                report["Safelight, two web processes"] = measure(target, options.seconds)
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())

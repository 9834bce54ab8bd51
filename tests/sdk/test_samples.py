"""The programs that people copy from articles about Sora 2 need one correction each besides the address."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from safelight.testing.upstream import ScriptedUpstream
from support.gateway_process import Running, running
from support.optional_tools import leave_out

from .conftest import HERE, find_sdk

SETTINGS = """
[generation]
default_generator = "wan"
[generators.wan]
kind = "videos_api"
url = "{url}"
billing = "own"
models = ["wan-2.2"]
sizes = ["1280x720"]
aliases = {{ "sora-2" = "wan-2.2" }}
"""
#: The correction of each program: the arguments of its only create.
PYTHON = ("duration=duration, resolution=resolution", "seconds=str(duration), size=resolution")
NODE = ("duration, resolution });", "seconds: String(duration), size: resolution });")


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream({"otherwise": {"polls": 0}}) as started:
        yield started


@pytest.fixture(scope="module")
def gateway(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "safelight.toml").write_text(SETTINGS.format(url=upstream.url), "utf-8")
    with running(folder) as started:
        yield started


def run(sdk: str, code: str, gateway: Running) -> dict[str, Any]:
    found = find_sdk(sdk)
    if found is None:
        leave_out(f"the SDK environment {sdk}", "run `make sdks`")
        raise AssertionError
    program = str(found._command[0])
    command = [program, "--input-type=module", "-e"] if sdk == "node" else [program, "-c"]
    done = subprocess.run(
        [*command, code, f"{gateway.address}/v1", gateway.key, "0.2"],
        cwd=HERE / "node",
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def corrected(code: str, correction: tuple[str, str]) -> str:
    assert code.count(correction[0]) == 1
    return code.replace(*correction)


@pytest.mark.sdk
@pytest.mark.parametrize("sdk", ["openai2", "openai3"])
def test_the_program_in_python_works_after_one_correction(
    sdk: str, gateway: Running, upstream: ScriptedUpstream
) -> None:
    code = (HERE / "sample_generator.py").read_text("utf-8")
    sent = upstream.counts["received"]
    # The SDK itself refuses fields that it does not know: nothing is sent.
    assert "duration" in run(sdk, code, gateway)["last_error"]
    assert upstream.counts["received"] == sent
    made = run(sdk, corrected(code, PYTHON), gateway)
    assert (made["status"], made["url"]) == ("completed", f"/v1/videos/{made['id']}/content")
    assert upstream.counts["received"] == sent + 1


@pytest.mark.sdk
def test_the_program_in_typescript_works_after_one_correction(
    gateway: Running, upstream: ScriptedUpstream
) -> None:
    code = (HERE / "node" / "sample_generator.mjs").read_text("utf-8")
    sent = upstream.counts["received"]
    refused = run("node", code, gateway)
    assert all(f"'{name}' is not accepted" in refused["error"] for name in ("duration", "resolution"))
    fields = refused["body"]["safelight"]["corrected_request"]
    assert (fields["model"], fields["seconds"], fields["size"]) == ("sora-2", "4", "1280x720")
    assert upstream.counts["received"] == sent
    made = run("node", corrected(code, NODE), gateway)
    assert (made["success"], made["videoUrl"]) == (True, f"/v1/videos/{made['videoId']}/content")
    assert upstream.counts["received"] == sent + 1


def test_the_program_that_sends_http_itself_works_after_one_correction(
    gateway: Running, upstream: ScriptedUpstream
) -> None:
    def send(path: str, fields: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {gateway.key}"}
        url = f"{gateway.address}/v1{path}"
        with httpx.Client(timeout=60, trust_env=False) as client:
            result: dict[str, Any] = client.post(url, headers=headers, json=fields).json()
        return result

    prompt = "A dancer performing a graceful leap in a sunlit studio"
    refused = send("/videos/generations", {"model": "sora-2", "prompt": prompt, "duration": 4})["error"]
    assert "POST /v1/videos." in refused["message"]
    made = send("/videos", refused["safelight"]["corrected_request"])
    assert (made["status"], made["model"], made["seconds"]) == ("queued", "wan-2.2", "4")

"""The examples as they stand, each run against a live gateway with a scripted upstream behind it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
import pytest

from safelight.accounts import webhooks as signing
from safelight.testing.upstream import ScriptedUpstream
from support.gateway_process import Running, running, safelight
from support.optional_tools import leave_out

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
HARMLESS = "A tram crosses a bridge at dusk, light rain"
CARD = "A fight SAFELIGHT-TEST:violence in a bar"
SCRIPT = {
    "orders": [
        {"when": "kite", "ends": "refused"},
        {"when": "breakdown", "ends": "failed"},
        {"when": "silence", "submit": {"do": "lose_answer"}},
    ],
    "otherwise": {"polls": 0},
}


@dataclass(frozen=True, kw_only=True)
class Stage:
    gateway: Running
    upstream: ScriptedUpstream

    @property
    def variables(self) -> dict[str, str]:
        return {
            **os.environ,
            "SAFELIGHT_URL": f"{self.gateway.address}/v1",
            "SAFELIGHT_API_KEY": self.gateway.key,
        }

    def orders(self, prompt: str) -> int:
        return int(self.upstream.counts["accepted_by_prompt"].get(prompt, 0))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("gateway")
    with ScriptedUpstream(SCRIPT) as upstream:
        safelight("init", "--yes", "--upstream", upstream.url, folder=folder)
        with running(folder) as gateway:
            yield Stage(gateway=gateway, upstream=upstream)


def run(stage: Stage, *command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=stage.variables, capture_output=True, text=True, timeout=240
    )


def verified(file: Path) -> bool:
    """It is the sealed file, not the upstream's."""
    return b"c2pa" in file.read_bytes()


def test_every_example_is_listed_and_every_link_has_a_target() -> None:
    listed = set(
        re.findall(r"\]\(((?:python|typescript|curl|litellm)/[^)]+)\)", (EXAMPLES / "README.md").read_text())
    )
    there = {
        path.relative_to(EXAMPLES).as_posix()
        for pattern in ("python/*.py", "typescript/*.ts", "curl/*.sh", "litellm/*.py")
        for path in EXAMPLES.glob(pattern)
    }
    assert listed == there


def test_create_and_poll_saves_a_file_or_prints_the_reason_of_a_block(
    stage: Stage, openai_python: Path, tmp_path: Path
) -> None:
    script = EXAMPLES / "python" / "create_and_poll.py"
    done = run(stage, openai_python, "-W", "error", script, HARMLESS, "tram.mp4", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert verified(tmp_path / "tram.mp4")
    done = run(stage, openai_python, script, CARD, "a.mp4", folder=tmp_path)
    assert (done.returncode, done.stderr.partition(": ")[0]) == (1, "sentinel_block")


@pytest.fixture(params=["python", "typescript"])
def handle_blocks(request: pytest.FixtureRequest) -> list[str | Path]:
    """The command that runs the example of that language."""
    if request.param == "python":
        python: Path = ROOT / ".venvs" / "openai3" / "bin" / "python"
        if not python.exists():
            leave_out("the SDK environment openai3", "make sdks")
        return [python, EXAMPLES / "python" / "handle_blocks.py"]
    return [*node(), built()]


def node() -> list[str]:
    found = shutil.which("node")
    if found is None:
        leave_out("Node", "install Node 20 or later")
    return [found]


@cache
def built() -> Path:
    """The TypeScript example, compiled under `strict` where it finds its packages, once for each process."""
    folder = EXAMPLES / "typescript"
    compiler = folder / "node_modules" / "typescript" / "bin" / "tsc"
    into = folder / "node_modules" / ".cache" / f"tests-{os.getpid()}"
    if not compiler.exists():
        leave_out("the packages of examples/typescript", "make sdks")
    done = subprocess.run(
        [*node(), compiler, "-p", folder, "--outDir", into],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout
    return into / "handle_blocks.js"


def test_handle_blocks_saves_an_allowed_video_and_does_not_resend_a_blocked_prompt(
    stage: Stage, handle_blocks: list[str | Path], tmp_path: Path
) -> None:
    done = run(stage, *handle_blocks, HARMLESS, "tram.mp4", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["end"] == "made"
    assert verified(tmp_path / "tram.mp4")
    done = run(stage, *handle_blocks, CARD, "a.mp4", folder=tmp_path)
    assert done.returncode == 3, done.stderr
    told = json.loads(done.stdout)
    assert (told["end"], told["code"], told["charged"]) == ("blocked", "sentinel_block", "no")
    assert told.get("next_step") or told.get("nextStep")
    assert stage.orders(CARD) == 0
    assert not (tmp_path / "a.mp4").exists()


def test_handle_blocks_retries_a_blocked_output_at_most_once(
    stage: Stage, handle_blocks: list[str | Path], tmp_path: Path
) -> None:
    prompt = f"A kite over a field, seen by {Path(handle_blocks[-1]).suffix[1:]}"
    done = run(stage, *handle_blocks, prompt, "a.mp4", folder=tmp_path)
    assert done.returncode == 3, done.stderr
    told = json.loads(done.stdout)
    assert told["code"] == "moderation_blocked"
    assert stage.orders(prompt) in (1, 2)


def test_handle_blocks_retries_an_upstream_error_a_few_times(
    stage: Stage, handle_blocks: list[str | Path], tmp_path: Path
) -> None:
    prompt = f"A breakdown van in the snow, seen by {Path(handle_blocks[-1]).suffix[1:]}"
    done = run(stage, *handle_blocks, prompt, "a.mp4", folder=tmp_path)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["code"] == "upstream_error"
    assert stage.orders(prompt) == 3


def test_a_batch_continues_after_a_failed_row_and_after_an_interruption(
    stage: Stage, openai_python: Path, tmp_path: Path
) -> None:
    name = openai_python.parents[1].name
    rows = [{"id": str(n), "prompt": f"{HARMLESS}, take {n} of {name}"} for n in range(4)]
    rows.append({"id": "card", "prompt": CARD})
    (tmp_path / "prompts.jsonl").write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    command = (openai_python, EXAMPLES / "python" / "batch.py", "prompts.jsonl", "results.jsonl", "clips")
    done = run(stage, *command, "--at-once", "2", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"left_out": 0, "made": 4, "refused": 1}
    results = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert {one["id"] for one in results} == {row["id"] for row in rows}
    assert all(verified(tmp_path / "clips" / one["file"]) for one in results if one["end"] == "made")
    again = run(stage, *command, folder=tmp_path)
    assert json.loads(again.stdout) == {"left_out": 5}
    assert all(stage.orders(row["prompt"]) == 1 for row in rows[:4])


def test_a_video_is_made_with_curl_alone(stage: Stage, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        leave_out("curl", "install curl")
    script = EXAMPLES / "curl" / "first_video.sh"
    done = run(stage, "sh", script, HARMLESS, "tram.mp4", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert verified(tmp_path / "tram.mp4")
    blocked = run(stage, "sh", script, CARD, "a.mp4", folder=tmp_path)
    assert blocked.returncode == 1
    assert '"sentinel_block"' in blocked.stderr


SECRET = signing.new_secret()
BODY = b'{"object":"event","id":"evt_1","type":"video.completed","created_at":1,"data":{"id":"video_1"}}'


@pytest.fixture
def receiver() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The receiver as a process of its own, and its address."""
    process = subprocess.Popen(
        [sys.executable, EXAMPLES / "python" / "webhook_receiver.py", "--port", "0"],
        env={**os.environ, "WEBHOOK_SECRET": f"{signing.new_secret()} {SECRET}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process, process.stdout.readline().strip()
    process.terminate()
    process.communicate()


def test_the_receiver_accepts_only_signed_messages(
    receiver: tuple[subprocess.Popen[str], str],
) -> None:
    process, address = receiver
    now = int(time.time())

    def sent(body: bytes, headers: dict[str, str]) -> int:
        return httpx.post(address, content=body, headers=headers, timeout=60, trust_env=False).status_code

    good = signing.signed_headers([signing.new_secret(), SECRET], "evt_1", now, BODY)
    assert sent(BODY, good) == 204
    assert sent(BODY, good) == 204
    assert sent(BODY.replace(b"video_1", b"video_2"), good) == 400
    assert sent(BODY, signing.signed_headers([signing.new_secret()], "evt_2", now, BODY)) == 400
    assert sent(BODY, signing.signed_headers([SECRET], "evt_3", now - 600, BODY)) == 400
    assert sent(BODY, {}) == 400
    assert sent(b"x" * ((1 << 20) + 1), {}) == 413
    other = signing.signed_headers([SECRET], "evt_4", now, BODY)
    assert sent(BODY, other) == 204
    process.terminate()
    said, _ = process.communicate(timeout=10)
    assert said.splitlines() == ["video.completed video_1"] * 2


def test_the_express_receiver_accepts_only_signed_messages() -> None:
    process = subprocess.Popen(
        [*node(), built().with_name("webhook_express.js"), "0"],
        env={**os.environ, "WEBHOOK_SECRET": SECRET},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        good = signing.signed_headers([signing.new_secret(), SECRET], "evt_1", int(time.time()), BODY)
        statuses = [
            httpx.post(address, content=body, headers=headers, timeout=60, trust_env=False).status_code
            for body, headers in ((BODY, good), (BODY, good), (BODY + b" ", good), (BODY, {}))
        ]
    finally:
        process.terminate()
        said, _ = process.communicate(timeout=10)
    assert statuses == [204, 204, 400, 400]
    assert said.splitlines() == ["video.completed video_1"]

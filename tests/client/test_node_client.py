"""The client for Node, packed as for a registry and installed into an empty folder: as the Python client."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import api_document
import calls
import error_rules
import hostile
import pytest
from fixed_server import FixedServer
from test_money import FORMS

import safelight_client as sc
from safelight.accounts import webhooks as signing
from safelight.testing.upstream import ScriptedUpstream
from support.gateway_process import running
from support.optional_tools import ROOT, leave_out

HERE = Path(__file__).parent
CLIENT = ROOT / "clients" / "node"
EXAMPLES = re.findall(r"^```ts\n(.*?)^```$", (CLIENT / "README.md").read_text("utf-8"), re.M | re.S)
JOBS = len(hostile.SCENARIOS["faults"])
NOW = 1_763_632_800


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the packed client is installed, and nothing else."""
    if shutil.which("npm") is None or not (CLIENT / "node_modules" / "typescript").is_dir():
        leave_out("the client for Node", "install Node.js 20 and npm, and run `make sdks`")
    folder = tmp_path_factory.mktemp("node")
    # A copy, so that nothing is built in the repository, with the table that both clients share.
    rules = Path("python", "src", "safelight_client", "error_rules.json")
    (folder / rules).parent.mkdir(parents=True)
    shutil.copy(CLIENT.parent / rules, folder / rules)
    source = folder / "node"
    unwanted = shutil.ignore_patterns("node_modules", "dist", "api_types.ts", "*.tgz", "error_rules.json")
    shutil.copytree(CLIENT, source, ignore=unwanted)
    (source / "node_modules").symlink_to(CLIENT / "node_modules")
    _run("npm", "pack", "--silent", folder=source)
    app = folder / "app"
    app.mkdir()
    (app / "package.json").write_text('{"private": true, "type": "module"}')
    install = ("npm", "install", "--silent", "--offline", "--no-audit", "--no-fund")
    _run(*install, next(source.glob("*.tgz")), folder=app)
    return app


def _run(*command: str | Path, folder: Path, **variables: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _run_node(app: Path, program: str, given: Any) -> Any:
    """The object that a program of this folder prints for an object as its input."""
    shutil.copy(HERE / program, app)
    done = subprocess.run(
        ["node", program], cwd=app, input=json.dumps(given), capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_types_state_nothing_that_the_api_does_not_have() -> None:
    """A new field of the API is allowed: the types let pass fields that they do not name."""
    given = json.loads(api_document.DOCUMENT.read_text("utf-8"))
    assert list(_missing(given, api_document.document(), "")) == [], "run tests/client/api_document.py"


def _missing(given: Any, current: Any, place: str) -> Iterator[str]:
    """The places in `given` that `current` does not have, or has with another value."""
    if isinstance(given, dict) and isinstance(current, dict):
        for name, value in given.items():
            if name in current:
                yield from _missing(value, current[name], f"{place}/{name}")
            else:
                yield f"{place}/{name}"
    elif isinstance(given, list) and isinstance(current, list):
        yield from (f"{place}: {value}" for value in given if value not in current)
    elif given != current:
        yield place


def test_the_package_has_no_dependencies_and_its_lock_no_addresses() -> None:
    package = json.loads((CLIENT / "package.json").read_text("utf-8"))
    assert "dependencies" not in package
    lock = json.loads((CLIENT / "package-lock.json").read_text("utf-8"))["packages"]
    assert all("integrity" in row and "resolved" not in row for name, row in lock.items() if name)


def test_the_examples_of_its_page_are_typed_and_run(app: Path, tmp_path: Path) -> None:
    assert len(EXAMPLES) == 2
    names = [f"example{number}" for number in range(len(EXAMPLES))]
    for name, example in zip(names, EXAMPLES, strict=True):
        (app / f"{name}.ts").write_text(example, "utf-8")
    modules = CLIENT / "node_modules"
    compiler = modules / "typescript" / "bin" / "tsc"
    options = ["--strict", "--target", "es2022", "--lib", "es2023", "--module", "nodenext"]
    types = ["--typeRoots", modules / "@types", "--types", "node", "--skipLibCheck"]
    _run("node", compiler, *options, *types, *(f"{name}.ts" for name in names), folder=app)
    for name in names:
        with ScriptedUpstream({"otherwise": {"polls": 0}}) as upstream:
            _run("node", app / f"{name}.js", folder=tmp_path, SAFELIGHT_URL=upstream.url)
        video = tmp_path / "tram.mp4"
        assert video.stat().st_size > 0
        video.unlink()


def test_a_gateway_makes_one_video_for_a_key_and_explains_a_block(app: Path, tmp_path: Path) -> None:
    openai = ROOT / "tests" / "sdk" / "node" / "node_modules" / "openai"
    if not openai.is_dir():
        leave_out("the SDK for JavaScript", "install Node.js 20 and run `make sdks`")
    (app / "node_modules" / "openai").symlink_to(openai)
    with running(tmp_path) as gateway:
        found = _run_node(app, "node_gateway.mjs", {"url": f"{gateway.address}/v1", "key": gateway.key})
    block = ["sentinel_block", "prompt", "no", "change_prompt", False]
    assert found == {
        "isSame": True,
        "honoursKeys": True,
        "video": ["A paper boat\non a pond", "640x360", {"scene": "1"}],
        "block": ["ContentBlocked", *block],
        "sdkBlock": block,
        "sdkLost": ["transient", "", "unknown", "unknown", "unknown", True],
    }


def test_each_job_has_its_outcome_and_nothing_is_created_twice(app: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        upstreams = {name: stack.enter_context(hostile.upstream(name, JOBS)) for name in hostile.SERVERS}
        servers = {name: upstream.url for name, upstream in upstreams.items()}
        outcomes = hostile.run_node(app, servers, JOBS, tmp_path)
        counts = {name: upstream.counts for name, upstream in upstreams.items()}
    assert outcomes == {name: hostile.expected(name, JOBS) for name in hostile.SERVERS}
    for name, traits in hostile.SERVERS.items():
        assert max(counts[name]["accepted_by_prompt"].values()) == 1
        if not traits["idempotent"]:
            # At most one create per job was ever sent, but for those that the server refused: it was busy.
            assert counts[name]["received"] == JOBS + hostile.REFUSED
            assert sorted(counts[name]["received_by_key"].values())[-2:] == [1, 1 + hostile.REFUSED]
        files = Counter(path.suffix for path in (tmp_path / name).iterdir())
        assert files[".mp4"] == Counter(outcomes[name].values())["completed"]
        assert files.keys() <= {".mp4", ".unknown"}


@pytest.fixture(scope="module")
def python_results(fixed: FixedServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The results of the shared calls with the Python client, by their names."""
    found = {}
    for call in calls.CALLS:
        folder = tmp_path_factory.mktemp("python")
        address = calls.serve(fixed, call)
        result = calls.run(call, address, calls.prepare(call, folder))
        found[call["name"]] = {**result, **calls.observed(call, fixed, address, folder)}
    return found


@pytest.mark.parametrize("call", calls.CALLS, ids=lambda call: call["name"].replace(" ", "-"))
def test_a_shared_call_has_its_result(call: dict[str, Any], python_results: dict[str, Any]) -> None:
    found = python_results[call["name"]]
    assert {name: found.get(name) for name in call["expect"]} == call["expect"]


def test_shared_calls_have_the_results_of_the_python_client(
    app: Path, fixed: FixedServer, python_results: dict[str, Any], tmp_path: Path
) -> None:
    steps: list[dict[str, Any]] = []
    folders: list[Path] = []
    for number, call in enumerate(calls.CALLS):
        folders.append(tmp_path / str(number))
        folders[-1].mkdir()
        address = calls.serve(fixed, call)
        steps.append({"call": call, "address": address, "path": str(calls.prepare(call, folders[-1]))})
    given = {"calls": steps, "bodies": [], "webhooks": []}
    found = _run_node(app, "node_calls.mjs", given)["calls"]
    requests = list(fixed.requests)
    results = {}
    for step, result, folder in zip(steps, found, folders, strict=True):
        fixed.requests[:] = requests
        results[step["call"]["name"]] = {
            **result,
            **calls.observed(step["call"], fixed, step["address"], folder),
        }
    spelled = json.loads(json.dumps(results).replace("idempotencyKey", "idempotency_key"))
    assert _without_keys(spelled) == _without_keys(python_results)


def test_what_was_never_sent_costs_nothing(app: Path, fixed: FixedServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    # A port without a server, and one where the server does not speak TLS.
    addresses = [f"http://127.0.0.1:{port}/v1", fixed.url.replace("http:", "https:")]
    steps = [{"call": {"do": "create"}, "address": address} for address in addresses]
    found = _run_node(app, "node_calls.mjs", {"calls": steps, "bodies": [], "webhooks": []})["calls"]
    assert [(row["error"], row["charged"], row["retry"]) for row in found] == [
        ("ConnectionFailed", "no", "same")
    ] * 2


def test_a_create_that_waited_for_a_connection_and_lost_its_answer_is_not_sent_again(app: Path) -> None:
    found = _run_node(app, "node_queue.mjs", {})
    assert found == {"creates": [True], "lost": ["SubmitUnknown", "unknown"]}


def test_an_aborted_call_ends_at_once_and_states_what_may_be_charged(app: Path) -> None:
    scenario = {
        "orders": [
            {"when": "silent", "submit": "hang"},
            {"when": "busy", "submit": {"status": 429, "retry_after": 60}},
            {"when": "endless", "ends": "never"},
        ],
        "otherwise": {"polls": 0},
    }
    with ScriptedUpstream(scenario) as upstream:
        found = _run_node(app, "node_abort.mjs", {"url": upstream.url})
        counts = upstream.counts
    ended = {"name": "AbortError", "cause": "enough", "hasKey": False, "hasVideo": False, "outcomes": []}
    assert found == {
        "before": ended,
        "create": {**ended, "hasKey": True},
        "refused": ended,
        "wait": {**ended, "hasVideo": True},
        "watch": {**ended, "hasVideo": True},
        "download": ended,
        "generate": {**ended, "hasVideo": True, "outcomes": ["interrupted"]},
        "after": "in_progress",
        "sdk": [True, "completed", True],
    }
    # Not that of the call that was aborted before it began.
    assert counts["received"] == 5


def test_retries_of_the_gateway_are_refused_beside_those_of_a_plan(app: Path, fixed: FixedServer) -> None:
    program = (
        'import { Client } from "@safelight/client";'
        f'const client = new Client("{fixed.url}");'
        'const given = [{ safelight: { retry: true } }, { "safelight[retry][same]": "true" }];'
        "for (const fields of given)"
        '  await client.generate("a boat", {}, fields).catch((error) => console.log(error.message));'
    )
    before = len(fixed.requests)
    said = _run("node", "--input-type=module", "--eval", program, folder=app).splitlines()
    assert [line.partition(" cannot")[0] for line in said] == ["safelight.retry"] * 2
    assert len(fixed.requests) == before


def _without_keys(results: dict[str, Any]) -> dict[str, Any]:
    """The results without the random keys in their next steps."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "KEY", json.dumps(results))
    found: dict[str, Any] = json.loads(text)
    return found


def test_an_answer_means_the_same_as_for_the_server(app: Path) -> None:
    rows = error_rules.read_answers()
    found = _run_node(app, "node_readings.mjs", rows)
    different = [
        (row["name"], mine, row["means"])
        for row, mine in zip(rows, found, strict=True)
        if mine != row["means"]
    ]
    assert different == []


def test_the_package_ships_the_table_of_the_python_client(app: Path) -> None:
    table = app / "node_modules" / "@safelight" / "client" / "error_rules.json"
    assert table.read_bytes() == error_rules.TABLE.read_bytes()


def test_errors_have_the_meanings_of_the_python_client(app: Path) -> None:
    texts = error_rules.read_texts()
    bodies: list[dict[str, Any]] = [{"error": {"code": "x", "message": text}} for text in texts]
    bodies += [{"id": "v", "status": "failed", "error": {"message": text}} for text in texts]
    bodies += [row["body"] for row in error_rules.read_answers() if isinstance(row["body"], dict)]
    bodies += [{"error": {"code": code}} for code in hostile_codes()]
    bodies += [{"error": {"code": code, "safelight": {"request_id": "r"}}} for code in hostile_codes()]
    found = _run_node(app, "node_calls.mjs", {"calls": [], "bodies": bodies, "webhooks": []})
    wanted = [calls.explained(sc.explain(body)) for body in bodies]
    different = [
        (body, mine, python)
        for body, mine, python in zip(bodies, found["explanations"], wanted, strict=True)
        if mine != python
    ]
    assert different == []


def hostile_codes() -> list[str]:
    """The codes of the table, and words that every object of JavaScript has as its properties."""
    from safelight_client.error_rules import load_table

    return [*load_table()["codes"], "constructor", "__proto__", "moderation_blocked", "server_error"]


def test_money_has_the_form_of_the_python_client(app: Path) -> None:
    forms = [(amount, text) for amount, currency, text in FORMS if currency == "USD"]
    module = app / "node_modules" / "@safelight" / "client" / "dist" / "money.js"
    program = (
        f'import {{ formatMoney }} from "{module}";'
        f"console.log(JSON.stringify({json.dumps([amount for amount, _ in forms])}.map(formatMoney)));"
    )
    said = json.loads(_run("node", "--input-type=module", "--eval", program, folder=app))
    assert said == [text for _, text in forms]


def test_webhooks_are_accepted_only_with_a_valid_signature(app: Path) -> None:
    secret, other = signing.new_secret(), signing.new_secret()
    body = '{"id":"evt_1","type":"video.completed","data":{"id":"video_1"}}'

    def message(**changes: Any) -> dict[str, Any]:
        headers = signing.signed_headers([secret], "evt_1", NOW, body.encode())
        return {"body": body, "headers": headers, "secret": secret, "now": NOW, **changes}

    accepted = [message(), message(secret=[other, secret]), message(now=NOW + 299)]
    refused = [
        message(body=body + " "),
        message(secret=other),
        message(now=NOW + 301),
        message(now=NOW - 301),
        message(headers={}),
    ]
    unusable = [
        message(secret=""),
        message(secret=[]),
        message(secret="whsec_AAAA"),
        message(secret="whsec_?"),
    ]
    given = {"calls": [], "bodies": [], "webhooks": [*accepted, *refused, *unusable]}
    found = _run_node(app, "node_calls.mjs", given)["webhooks"]
    assert [row.get("id") for row in found[:3]] == ["evt_1"] * 3
    assert [row["error"] for row in found[3:8]] == ["SignatureInvalid"] * 5
    assert [row["error"] for row in found[8:]] == ["TypeError"] * 4
    assert secret not in json.dumps(found)

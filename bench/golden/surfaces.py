"""Other surfaces: pages, OpenAPI, metrics, audit log, events, mails, MCP, settings."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter
from typing import Any
from urllib.parse import urljoin, urlsplit

from .commands import LANGUAGES
from .dom_text import dom_text, links
from .installation import Installation
from .masks import mask_text, mask_value, masked_json
from .player import Player
from .recording import Blocks

MAX_PAGES = 150
#: Of one path with different queries, such as the cells of the coverage table.
MAX_QUERIES = 3
#: Addresses that no link of another page leads to.
STARTS = [
    "/",
    "/videos",
    "/advice",
    "/attempts",
    "/templates",
    "/library",
    "/verify",
    "/report",
    "/report/intimate",
    "/explain-error",
    "/review",
    "/review/quality",
    "/review/standings",
    "/compliance",
    "/compliance/accounts",
    "/compliance/ledger",
    "/compliance/access",
    "/coverage",
    "/policy",
    "/settings",
    "/settings/people",
    "/account",
    "/account/standing",
    "/account/statements",
    "/consents",
    "/nothing",
]
PUBLIC = [
    "/login",
    "/verify",
    "/report",
    "/report/intimate",
    "/explain-error",
    "/access",
    "/consent",
    "/invitation",
    "/appeal",
    "/nothing",
]
#: What chains an entry of the audit log to the one before.
_CHAIN = frozenset({"at", "hash", "seq"})
#: A download, a change, or a page that is never the same.
_LEFT_OUT = re.compile(r"^/(v1|static|logout|metrics|openapi)|/export|/frames$|^/login")


def openapi(player: Player) -> Blocks:
    """The document, one block for each operation and each schema."""
    document = player.client("none").get("/openapi.json").json()
    found: Blocks = {}
    for path, operations in sorted(document.pop("paths").items()):
        for method, operation in sorted(operations.items()):
            found[f"{method.upper()} {path}"] = masked_json(operation)
    for kind, entries in sorted(document.pop("components", {}).items()):
        for name, entry in sorted(entries.items()):
            found[f"{kind} {name}"] = masked_json(entry)
    return {"document": masked_json(document), **found}


def pages(player: Player) -> Blocks:
    """Every page that links lead to, as text, in all languages, for the operator and for nobody."""
    found: Blocks = {}
    operator = player.client("operator")
    addresses = _crawl(player)
    for language in LANGUAGES:
        operator.post("/language", data={"language": language})
        for address in addresses:
            found[f"{_shown(player, address)} ({language})"] = _page(player, "operator", address)
    for address in PUBLIC:
        found[f"{address} (not signed in)"] = _page(player, "none", address)
    return found


def _crawl(player: Player) -> list[str]:
    """The first address of each kind: addresses that differ in ids only are one."""
    operator = player.client("operator")
    waiting, known = list(STARTS), set(STARTS)
    found: list[str] = []
    paths: Counter[str] = Counter()
    while waiting and len(found) < MAX_PAGES:
        address = waiting.pop(0)
        found.append(address)
        answer = operator.get(address, headers={"accept": "text/html"}, follow_redirects=True)
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        for link in links(answer.text):
            parts = urlsplit(urljoin(str(answer.url), link))
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            kind = _shown(player, target)
            if urljoin(str(answer.url), link).startswith(player.here.address) and kind not in known:
                known.add(kind)
                paths[parts.path] += 1
                if not _LEFT_OUT.search(parts.path) and paths[parts.path] <= MAX_QUERIES:
                    waiting.append(target)
    return found


def _shown(player: Player, address: str) -> str:
    return mask_text(address, player.here.places)


def _page(player: Player, actor: str, address: str) -> str:
    answer = player.client(actor).get(address, headers={"accept": "text/html"})
    lines = [f"-> {answer.status_code}"]
    if "location" in answer.headers:
        lines.append(f"location: {mask_text(answer.headers['location'], player.here.places)}")
    if "text/html" in answer.headers.get("content-type", ""):
        # The head with the menu is the same on every page: it is recorded with the first.
        text = dom_text(answer.text)
        _, heading, rest = text.partition("\n<h1>\n")
        lines.append(mask_text(text if address == "/" or not heading else rest, player.here.places))
    return "\n".join(lines)


def metrics(player: Player) -> Blocks:
    """Names, kinds, descriptions and labels, without values."""
    text = player.client("key").get("/metrics").text
    described = [line for line in text.splitlines() if line.startswith("# ")]
    labels = {re.sub(r'"[^"]*"', '""', line.rpartition(" ")[0]) for line in text.splitlines() if "{" in line}
    return {"metrics": "\n".join([*sorted(described), *sorted(labels)])}


def audit(here: Installation) -> Blocks:
    """All entries of the audit log in order, without their numbers."""
    answer = here.run("audit", "show", "--limit", "10000", "--json")
    read = json.loads(answer.out)
    entries = read if isinstance(read, list) else next(v for v in read.values() if isinstance(v, list))
    kept = [{name: value for name, value in entry.items() if name not in _CHAIN} for entry in entries]
    lines = [json.dumps(mask_value(entry, here.places), ensure_ascii=False, sort_keys=True) for entry in kept]
    return {"entries": "\n".join(lines)}


def events(here: Installation) -> Blocks:
    """Webhook bodies by event, and their headers. Several senders work at once, so they are sorted."""
    _wait_until_quiet(here.webhooks.events)
    found: dict[str, set[str]] = {}
    for headers, body in here.webhooks.events:
        kept = {
            name: value
            for name, value in headers.items()
            if name.startswith("webhook") or name == "content-type"
        }
        text = f"{masked_json(dict.fromkeys(kept, ''))}\n{masked_json(body, here.places)}"
        found.setdefault(str(body.get("type")), set()).add(text)
    return {name: "\n".join(sorted(bodies)) for name, bodies in sorted(found.items())}


def mails(here: Installation) -> Blocks:
    """Mails by recipient and subject."""
    _wait_until_quiet(here.mails.mails)
    found: dict[str, list[str]] = {}
    for recipient, subject, text in here.mails.mails:
        found.setdefault(f"{recipient}: {mask_text(subject, here.places)}", []).append(
            mask_text(text, here.places)
        )
    return {name: "\n".join(sorted(bodies)) for name, bodies in sorted(found.items())}


def _wait_until_quiet(
    received: list[object] | list[tuple[dict[str, str], object]] | list[tuple[str, str, str]],
) -> None:
    ends = time.monotonic() + 30
    count = -1
    while count != len(received) and time.monotonic() < ends:
        count = len(received)
        time.sleep(3)


def mcp(here: Installation) -> Blocks:
    """The tools of `safelight mcp`, and what two of them answer."""
    requests: list[dict[str, Any]] = [
        {
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "golden", "version": "1"},
            },
        },
        {"method": "tools/list", "params": {}},
        _call("check", {"prompt": "A fight SAFELIGHT-TEST:violence in a bar"}),
        _call("explain_error", {"error": "SAFETY.OUTPUT.VIDEO", "provider": "runway"}),
        _call("status", {"video_id": "nothing"}),
        _call("check", {"golden": 1}),
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "safelight", "--config", str(here.settings), "mcp"],
        env=here.environment,
        cwd=here.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    found: Blocks = {}
    for number, request in enumerate(requests, 1):
        process.stdin.write(json.dumps({"jsonrpc": "2.0", "id": number, **request}) + "\n")
        process.stdin.flush()
        while (line := process.stdout.readline()) and json.loads(line).get("id") != number:
            continue
        found[f"{number} {request['method']}"] = masked_json(json.loads(line or "null"), here.places)
        if number == 1:
            process.stdin.write('{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')
    process.stdin.close()
    process.wait(30)
    return {**found, "exit code": str(process.returncode)}


def _call(name: str, arguments: dict[str, object]) -> dict[str, Any]:
    return {"method": "tools/call", "params": {"name": name, "arguments": arguments}}


def settings(here: Installation) -> Blocks:
    """The settings file that `init` writes, and what a start says if every environment variable is wrong."""
    folder = here.folder / "fresh"
    folder.mkdir()
    target = folder / "safelight.toml"
    here.run("--config", str(target), "init", "--yes", "--data", str(folder / "data"), settings=False)
    text = target.read_text(encoding="utf-8")
    names = _environment_names(text)
    wrong = here.run("version", extra=dict.fromkeys(names, "[[]]"), settings=False)
    start = here.run("doctor", extra=dict.fromkeys(names, "[[]]"), settings=False)
    return {
        "file of init": mask_text(text, here.places),
        "environment names": "\n".join(names),
        "version with wrong values": mask_text(f"{wrong.code}\n{wrong.out}{wrong.err}", here.places),
        "doctor with wrong values": mask_text(f"{start.code}\n{start.out}{start.err}", here.places),
    }


def _environment_names(text: str) -> list[str]:
    """The environment variable of each setting in a settings file, those in comments included."""
    section, found = "", []
    for line in text.splitlines():
        if heading := re.match(r"(?:# ?)?\[([a-z_.]+)\]$", line.strip()):
            section = heading[1].replace(".", "__") + "__"
        elif key := re.match(r"(?:# ?)?([a-z][a-z0-9_]*) =(?: |$)", line.strip()):
            found.append(f"SAFELIGHT_{section}{key[1]}".upper())
    return sorted(set(found))

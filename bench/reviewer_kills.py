"""Reviewers while the gateway is killed: `python -m bench.reviewer_kills --cases 500`.

20 reviewers decide appeals through the API; one in five decisions is about a case that another reviewer may
have open. The gateway is killed with SIGKILL every 6 to 20 s and started again. At the end each case has
one decision, which was carried out once, and the audit log verifies; otherwise the command exits with 1. On
SQLite, or on PostgreSQL if SAFELIGHT_TEST_POSTGRES is set.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from bench.chaos import fresh_database, waive
from bench.chaos_stops import GatewayProcess
from safelight.accounts import KeyScope
from safelight.accounts.audit import verify
from safelight.app.container import Container, load
from safelight.store.tables import cases, decisions, pending_decisions, statements

REVIEWERS = 20
#: Seconds between two kills, and until a reviewer asks again when no case is free.
PAUSE_S, IDLE_S = (6.0, 20.0), 3.0
#: Reviewers whose queue is empty this often in a row stop.
IDLE_TIMES = 3
END_S = 1800.0
_SETTINGS = """data = "{folder}/data"
[storage]
database = "{database}"
[limits]
reports_per_hour = 1000000
videos_per_day = 1000000
[review]
exposure_budget = 1000000
"""


def appeal_one(gateway: GatewayProcess, key: str, number: int) -> None:
    """Request a video that the test card blocks, and appeal."""
    with _client(gateway, key) as http:
        prompt = f"SAFELIGHT-TEST:violence by the sea, take {number}"
        body = {"prompt": prompt, "model": "storyboard", "seconds": "1"}
        refused = http.post("/v1/videos", json=body).json()["error"]["moderation_details"]["video_id"]
        text = {"text": f"It is a test, number {number}."}
        http.post(f"/v1/videos/{refused}/appeal", json=text).raise_for_status()


def decide_all(gateway: GatewayProcess, key: str, chance: random.Random, seen: Counter[str]) -> None:
    """Decide cases until none is free. Requests that a kill ended are sent again, as a client would."""
    idle, end = 0, time.monotonic() + END_S
    while idle < IDLE_TIMES and time.monotonic() < end:
        try:
            with _client(gateway, key) as http:
                case = http.post("/v1/reviews/next")
                if not (case.is_success and case.content and case.json().get("id")):
                    idle += 1
                    time.sleep(IDLE_S)
                    continue
                idle, target = 0, case.json()["id"]
                others = http.get("/v1/reviews", params={"limit": 30}).raise_for_status().json()["data"]
                if others and chance.random() < 0.2:
                    target = chance.choice(others)["id"]
                action = "overturn" if chance.random() < 0.04 else "uphold"
                answer = {"action": action, "reason": "Seen.", "facts": "It shows the test card."}
                seen[str(http.post(f"/v1/reviews/{target}/decision", json=answer).status_code)] += 1
        except (httpx.HTTPError, json.JSONDecodeError, KeyError) as error:
            seen[type(error).__name__] += 1
            time.sleep(0.3)


def _client(gateway: GatewayProcess, key: str) -> httpx.Client:
    return httpx.Client(base_url=gateway.address, headers={"authorization": f"Bearer {key}"}, timeout=60)


def run(*, count: int, seed: int, out: Path, server: str | None) -> dict[str, Any]:
    settings, chance, seen = out / "safelight.toml", random.Random(seed), Counter[str]()
    database = fresh_database(server) if server else f"sqlite:///{out}/safelight.sqlite3"
    settings.write_text(_SETTINGS.format(folder=out, database=database))
    container = load(settings)
    # A video that an appeal releases would be held otherwise.
    waive(container)
    tenant, accounts = container.persistence.tenant, container.persistence.accounts
    creator = accounts.create_key(tenant, "creator")[1]
    scopes = frozenset({KeyScope.REVIEW})
    keys = [accounts.create_key(tenant, f"reviewer {n}", scopes=scopes)[1] for n in range(REVIEWERS)]
    gateway, kills = GatewayProcess(settings, out / "log"), 0
    gateway.start()
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda number: appeal_one(gateway, creator, number), range(count)))
        began = time.monotonic()
        threads = [
            threading.Thread(target=decide_all, args=(gateway, key, random.Random(seed + number), seen))
            for number, key in enumerate(keys)
        ]
        for one in threads:
            one.start()
        while any(one.is_alive() for one in threads):
            time.sleep(chance.uniform(*PAUSE_S))
            gateway.kill()
            gateway.start()
            kills += 1
        seconds = time.monotonic() - began
        _wait_until_carried_out(container)
    finally:
        gateway.kill()
    return {
        "database": "PostgreSQL" if server else "SQLite",
        "kills": kills,
        "seconds": round(seconds),
        "answers": dict(seen),
        **_judge(container, count),
    }


def _wait_until_carried_out(container: Container) -> None:
    end = time.monotonic() + END_S
    database, tenant = container.persistence.database, container.persistence.tenant
    while time.monotonic() < end:
        with database.read_transaction(tenant) as tx:
            if not tx.count(pending_decisions):
                return
        time.sleep(1.0)


def _judge(container: Container, count: int) -> dict[str, Any]:
    parts = container.persistence
    with parts.database.read_transaction(parts.tenant) as tx:
        made = Counter(row.case_id for row in tx.select(decisions))
        states = Counter(row.state for row in tx.select(cases))
        answered = Counter(row.case_id for row in tx.select(statements, statements.c.source == "appeal"))
    log = verify(parts.database, parts.audit_checkpoints, parts.audit_checkpoint_key)
    problems = [
        *log.problems,
        *(f"{case} has {number} decisions" for case, number in made.items() if number != 1),
        *(f"{case} has {number} statements" for case, number in answered.items() if number != 1),
    ]
    if (len(made), len(answered), states) != (count, count, Counter(decided=count)):
        problems.append(f"{count} cases, {len(made)} decided, {len(answered)} answered: {dict(states)}")
    return {
        "cases": dict(states),
        "decisions": made.total(),
        "log entries": log.entries,
        "problems": problems,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="safelight-reviewers-") as folder:
        server = os.environ.get("SAFELIGHT_TEST_POSTGRES")
        found = run(count=options.cases, seed=options.seed, out=Path(folder), server=server)
    print(json.dumps(found, indent=2))
    return 1 if found["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())

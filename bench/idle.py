"""The share of a core that an idle gateway takes whose database has many delivered videos.

`python -m bench.idle --videos 100000`. One real video is generated, and its rows are copied. With
`--database URL`, the empty PostgreSQL database at this address is filled and used.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
from sqlalchemy import Connection, Table, Text, UniqueConstraint, text

from safelight.store.database import Database
from safelight.store.tables import metadata

from .gateway import gateway
from .serving import idle

#: The log has entries in a sequence, which copies would break. Findings, seals and
#: fingerprints are large, and no background part of the default settings reads them.
_NOT_COPIED = {
    *("audit_log", "audit_log_contents", "idempotency_keys", "quota_usage"),
    *("findings", "seals", "seal_fingerprints"),
}
#: Copies in one transaction: SQLite keeps them in memory.
_AT_ONCE = 5000


def generate(folder: Path, settings: str) -> str:
    """Have one video delivered. Returns its id."""
    with gateway(folder, settings=settings) as running:
        headers = {"Authorization": f"Bearer {running.key}"}
        with httpx.Client(base_url=running.address, headers=headers, timeout=60, trust_env=False) as http:
            video = http.post("/v1/videos", json={"prompt": "a quiet lake", "seconds": "4"}).json()
            while video["status"] in ("queued", "in_progress"):
                time.sleep(0.2)
                video = http.get(f"/v1/videos/{video['id']}").json()
    assert video["status"] == "completed", video
    return str(video["id"])


def copy_rows(database: Database, video: str, times: int) -> dict[str, int]:
    """Copy all rows of a video, with its messages as delivered. Returns the number of new rows by table."""
    made: Counter[str] = Counter()
    for first in range(1, times + 1, _AT_ONCE):
        bounds = {"video": video, "first": first, "last": min(times, first + _AT_ONCE - 1)}
        with database.raw_connection() as connection:
            for table in metadata.sorted_tables:
                for statement in _copy(connection, table):
                    made[table.name] += connection.execute(text(statement), bounds).rowcount
    return made


def _copy(connection: Connection, table: Table) -> Iterator[str]:
    columns = set(table.columns.keys())
    owner = next((name for name in ("video_id", "subject") if name in columns), "id")
    if table.name in _NOT_COPIED or (owner == "id" and table.name != "videos"):
        return
    unique = {column.name for column in table.primary_key}
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            unique |= {column.name for column in constraint.columns}
    made = {
        name: f"{name} || '-' || n.copy"
        if name == owner or (name in unique and isinstance(column.type, Text) and name != "tenant_id")
        else name
        for name, column in table.columns.items()
    }
    if "created_at" in columns:
        made["created_at"] = "created_at - n.copy"
    if table.name == "outbox":
        # Otherwise the gateway would send them, and not be idle.
        made["delivered_at"] = "COALESCE(delivered_at, created_at)"
    numbers = (
        "WITH RECURSIVE n(copy) AS (SELECT :first UNION ALL SELECT copy + 1 FROM n WHERE copy < :last) "
        if connection.dialect.name == "sqlite"
        else "WITH n AS (SELECT generate_series(CAST(:first AS BIGINT), CAST(:last AS BIGINT)) AS copy) "
    )
    yield (
        f"{numbers if connection.dialect.name != 'sqlite' else ''}"
        f"INSERT INTO {table.name} ({', '.join(made)}) "
        f"{numbers if connection.dialect.name == 'sqlite' else ''}"
        f"SELECT {', '.join(made.values())} FROM {table.name}, n WHERE {owner} = :video"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--database", default="")
    options = parser.parse_args()
    storage = f'[storage]\ndatabase = "{options.database}"\n' if options.database else ""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "idle"
        video = generate(folder, storage)
        database = Database(options.database or f"sqlite:///{folder / 'data' / 'db.sqlite3'}")
        rows = copy_rows(database, video, options.videos)
        if not database.is_sqlite:
            # What its autovacuum does. SQLite makes its plans without statistics.
            with database.raw_connection() as connection:
                connection.exec_driver_sql("ANALYZE")
        database.close()
        with gateway(folder, settings=storage) as running:
            found = idle(running, options.seconds)
    print(json.dumps({"rows": {table: count for table, count in rows.items() if count}, **found}, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

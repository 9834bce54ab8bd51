"""The backup of docs/operations.md, made while the gateway runs, and its restore in another place."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from safelight.testing.upstream import ScriptedUpstream
from support.gateway_process import Running, safelight, started
from support.object_stores import S3, copy_bucket

from .test_killed_with_paid_clips import PAID, kill
from .test_stop import WAIT_S, client, create, create_key, outcome, settings, submissions, wait_for

DATABASE = "SAFELIGHT_STORAGE__DATABASE"


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream({"otherwise": PAID}) as server:
        yield server


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True, timeout=WAIT_S)


def copy_files(data: Path, copy: Path, *names: str) -> None:
    for name in names:
        run("cp", "-a", data / name, copy)


def entries(folder: Path) -> list[dict[str, Any]]:
    printed = safelight("audit", "show", "--last", "10000", "--json", folder=folder)
    found: list[dict[str, Any]] = json.loads(printed)["entries"]
    return found


def download(gateway: Running, video_id: str) -> bytes:
    with client(gateway) as web:
        return web.get(f"/v1/videos/{video_id}/content").raise_for_status().content


def check_drill(
    here: Path,
    there: Path,
    upstream: ScriptedUpstream,
    *,
    back_up_database: Callable[[], None],
    restore_database: Callable[[], None],
    copy_blobs: Callable[[Path, Path], None] = lambda data, copy: copy_files(data, copy, "blobs"),
) -> None:
    """What was delivered before the backup is there again, what a provider was paid for goes on, and the log
    is that of the backup. After `restore_database`, commands and gateways use the restored database.
    """
    copy = here / "copy"
    copy.mkdir(mode=0o700)
    key = create_key(here)
    with started(here, key, **settings(upstream)) as gateway:
        delivered = create(gateway, "scripted-1")
        assert outcome(gateway, delivered)["status"] == "completed"
        content = download(gateway, delivered)
        upstream.play({"otherwise": {**PAID, "content": {"do": "hang", "times": 1}}})
        unfinished = create(gateway, "scripted-1")
        wait_for(lambda: upstream.counts["fetches"] == 2)
        safelight("audit", "checkpoint", folder=here)
        copy_files(here / "data", copy, "checkpoints")
        back_up_database()
        copy_blobs(here / "data", copy)
        copy_files(here / "data", copy, "keys")
        upstream.play({"otherwise": PAID})
        later = create(gateway, "scripted-1")
        assert outcome(gateway, later)["status"] == "completed"
        safelight("audit", "checkpoint", folder=here)
        kill(gateway)

    (there / "data").mkdir(parents=True, mode=0o700)
    copy_files(copy, there / "data", "keys")
    restore_database()
    copy_blobs(copy, there / "data")
    head = entries(there)[-1]
    copy_files(here / "data", there / "data", "checkpoints")
    with pytest.raises(RuntimeError, match="ended with 3"):
        safelight("audit", "verify", folder=there)
    run("rm", "-r", there / "data" / "checkpoints")
    copy_files(copy, there / "data", "checkpoints")
    safelight("audit", "verify", folder=there)

    before = submissions(upstream)
    with started(there, key, **settings(upstream)) as gateway, client(gateway) as web:
        assert download(gateway, delivered) == content
        assert web.get(f"/v1/videos/{later}").status_code == 404
        assert outcome(gateway, unfinished)["status"] == "completed"
    assert submissions(upstream) == before
    assert [one["hash"] for one in entries(there) if one["seq"] == head["seq"]] == [head["hash"]]
    safelight("audit", "verify", folder=there)


def test_a_backup_of_sqlite_that_was_made_while_it_ran_is_restored_elsewhere_with_the_same_log(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()

    def back_up() -> None:
        for name in ("db", "engine"):
            source, copy = here / "data" / f"{name}.sqlite3", here / "copy" / f"{name}.copy"
            # What the command `.backup` of the shell sqlite3 does.
            with closing(sqlite3.connect(source)) as database, closing(sqlite3.connect(copy)) as target:
                database.backup(target)

    def restore() -> None:
        for name in ("db", "engine"):
            run("cp", here / "copy" / f"{name}.copy", there / "data" / f"{name}.sqlite3")

    check_drill(here, there, upstream, back_up_database=back_up, restore_database=restore)


@pytest.mark.postgres
@pytest.mark.parametrize("empty_database_url", ["postgres"], indirect=True)
@pytest.mark.parametrize("in_bucket", [False, True], ids=["folder", "bucket"])
def test_a_backup_of_postgresql_that_was_made_while_it_ran_is_restored_elsewhere_with_the_same_log(
    tmp_path: Path,
    upstream: ScriptedUpstream,
    postgres_url: str,
    empty_database_url: str,
    in_bucket: bool,
    s3: S3,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    monkeypatch.setenv(DATABASE, postgres_url)
    dump = here / "copy" / "db.dump"

    def back_up() -> None:
        run("pg_dump", "--format=custom", f"--file={dump}", postgres_url)

    def restore() -> None:
        run("pg_restore", f"--dbname={empty_database_url}", dump)
        monkeypatch.setenv(DATABASE, empty_database_url)

    if not in_bucket:
        check_drill(here, there, upstream, back_up_database=back_up, restore_database=restore)
        return
    buckets = [s3.bucket() for _ in range(3)]
    monkeypatch.setenv("SAFELIGHT_STORAGE__S3", json.dumps(s3.options))
    monkeypatch.setenv("SAFELIGHT_STORAGE__BLOBS", buckets[0])

    def copy_blobs(_data: Path, _copy: Path) -> None:
        # From here to the copy, and then from the copy to the bucket of the restored installation.
        assert copy_bucket(s3, buckets.pop(0), buckets[0]) > 0
        if len(buckets) == 1:
            monkeypatch.setenv("SAFELIGHT_STORAGE__BLOBS", buckets[0])

    check_drill(
        here,
        there,
        upstream,
        back_up_database=back_up,
        restore_database=restore,
        copy_blobs=copy_blobs,
    )
    assert not any(file.is_file() for file in (there / "data" / "blobs").rglob("*"))

"""The stay-down lists: the frames of videos that people removed as intimate pictures. Each counts for one
tenant.

The database has the hashes; the detectors read the files that are written from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select

from safelight.detectors.image.hash_lists import RESERVED_PREFIX, HashKind, HashList, HashLists, HashTable
from safelight.policy.findings import Category
from safelight.store.database import Database, Transaction
from safelight.store.tables import stay_down_hashes

NAME_PREFIX = f"{RESERVED_PREFIX}stay-down-"


def add_hashes(tx: Transaction, video_id: str, hashes: Iterable[str]) -> None:
    """Block the files of this tenant that show these frames of a removed video."""
    listed = dict.fromkeys(hashes)
    for hashed in listed:
        tx.insert(stay_down_hashes, video_id=video_id, hash=hashed, created_at=tx.now())
    if listed:
        content = {"hashes": len(listed)}
        tx.append_audit("stay_down.added", subject=video_id, actor="notices", content=content)


def delete_hashes(tx: Transaction, video_id: str, *, actor: str) -> None:
    """The removal of the video was wrong."""
    if deleted := tx.delete(stay_down_hashes, stay_down_hashes.c.video_id == video_id):
        tx.append_audit("stay_down.deleted", subject=video_id, actor=actor, content={"hashes": deleted})


class StayDownLists:
    """Writes the files of the lists. The hashes are read only if rows or files changed."""

    def __init__(self, database: Database, lists: HashLists) -> None:
        self._database, self._lists = database, lists
        self._seen: tuple[list[tuple[Any, ...]], tuple[HashList, ...]] | None = None

    def write(self) -> None:
        """Write the files that differ from the database."""
        of, files = stay_down_hashes.c, self._lists.all()
        with self._database.across_tenants("hashes of removed videos", readonly=True) as tx:
            now = tx.now()
            counted = select(of.tenant_id, func.count(), func.max(of.created_at)).group_by(of.tenant_id)
            found = tx.execute(counted.where(*tx.tenant_condition(stay_down_hashes)))
            counts = sorted(tuple(row) for row in found)
            if self._seen == (counts, files):
                return
            rows = tx.select(stay_down_hashes)
        wanted: defaultdict[str, set[bytes]] = defaultdict(set)
        for row in rows:
            wanted[row.tenant_id].add(bytes.fromhex(row.hash))
        known = {one.name: one for one in files if one.name.startswith(NAME_PREFIX)}
        for tenant, hashes in wanted.items():
            name, table = (
                NAME_PREFIX + tenant.replace("_", "-"),
                HashTable(by_kind={HashKind.PDQ: frozenset(hashes)}),
            )
            listed = known.pop(name, None)
            if listed is None or listed.hashes().get(HashKind.PDQ) != hashes:
                self._lists.put(name, Category.NCII.value, table, at=now, tenant=tenant)
        for name in known:
            self._lists.remove(name)
        self._seen = (counts, self._lists.all())

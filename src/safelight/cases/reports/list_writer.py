"""Writes the hash lists of reports, which the detectors read, from the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from safelight.detectors.image.hash_lists import HashKind, HashList, HashLists, HashTable
from safelight.store.database import Database
from safelight.store.tables import notice_hashes

from .reported_hashes import CATEGORY, NAME_PREFIXES, lists_of

#: Hashes end with time, which changes no row, so all are read at least this often.
_REREAD_S = 60.0


class ListWriter:
    """Reads all hashes only if rows or files changed since the last time."""

    def __init__(self, database: Database, lists: HashLists) -> None:
        self._database, self._lists = database, lists
        self._rows: list[tuple[Any, ...]] = []
        self._files: tuple[HashList, ...] = ()
        self._reread_at = 0.0

    def write(self) -> bool:
        """Write the files that differ from the database. Returns whether one was written or removed."""
        of, files = notice_hashes.c, self._lists.all()
        with self._database.across_tenants("reported hashes", readonly=True) as tx:
            now = tx.now()
            counts = select(
                of.state, of.tenant_only, func.count(), func.max(of.created_at), func.max(of.decided_at)
            ).group_by(of.state, of.tenant_only)
            rows = sorted(tuple(row) for row in tx.execute(counts.where(*tx.tenant_condition(notice_hashes))))
            if rows == self._rows and files is self._files and now < self._reread_at:
                return False
            wanted = lists_of(tx.select(notice_hashes), now)
        known = {one.name: one for one in files if one.name.startswith(NAME_PREFIXES)}
        changed = False
        for name, (scope, hashes) in wanted.items():
            if name in known and known[name].hashes().get(HashKind.PDQ) == hashes:
                continue
            table = HashTable(by_kind={HashKind.PDQ: hashes})
            self._lists.put(name, CATEGORY, table, at=now, scope=scope)
            changed = True
        for name in known.keys() - wanted.keys():
            self._lists.remove(name)
            changed = True
        self._rows, self._files, self._reread_at = rows, self._lists.all(), now + _REREAD_S
        return changed

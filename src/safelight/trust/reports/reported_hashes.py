"""The two hash lists that come from reports: one that holds, and one that blocks. Neither can be queried.

The database has the hashes; the files that the detectors read are written from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from safelight.detectors.image.hash_lists import HashKind, HashLists, HashTable
from safelight.errors import NotFound
from safelight.ids import new_id
from safelight.policy.findings import Finding, Match
from safelight.store.database import Database
from safelight.store.tables import notice_hashes
from safelight.store.transaction import Transaction

from .models import HashState

#: The names of the lists, and the category of both: intimate pictures without consent.
LISTS = {HashState.HOLDS: "reported", HashState.BLOCKS: "stay-down"}
CATEGORY = "ncii"


def add_hashes(tx: Transaction, notice_id: str, hashes: Iterable[str], *, state: HashState) -> None:
    for hashed in hashes:
        tx.insert(
            notice_hashes,
            id=new_id("hash"),
            notice_id=notice_id,
            hash=hashed,
            state=state.value,
            created_at=tx.now(),
        )


def confirm_hashes(tx: Transaction, notice_id: str) -> int:
    """A person confirmed a match of this notice: its hashes block from now on."""
    return _settle(tx, [notice_hashes.c.notice_id == notice_id], HashState.BLOCKS)


def settle_matches(tx: Transaction, findings: Sequence[Finding], *, confirmed: bool) -> int:
    """A person decided about a file that was held because it matched: the hashes of these findings block from
    now on, or do nothing any more.
    """
    entries = {
        one.entry
        for finding in findings
        for one in finding.evidence
        if isinstance(one, Match) and one.list == LISTS[HashState.HOLDS]
    }
    state = HashState.BLOCKS if confirmed else HashState.DROPPED
    return sum(_settle(tx, [notice_hashes.c.hash.startswith(entry)], state) for entry in entries)


def _settle(tx: Transaction, where: list[object], state: HashState) -> int:
    return tx.update(
        notice_hashes,
        *where,  # type: ignore[arg-type]
        notice_hashes.c.state == HashState.HOLDS.value,
        state=state.value,
        decided_at=tx.now(),
    )


def write_lists(database: Database, lists: HashLists) -> bool:
    """Write the files from the database if they differ. Returns whether one was written or removed."""
    with database.across_tenants("reported hashes", readonly=True) as tx:
        rows = tx.select(
            notice_hashes,
            notice_hashes.c.state.in_([state.value for state in LISTS]),
            columns=[notice_hashes.c.hash, notice_hashes.c.state],
        )
        now = tx.now()
    blocking = {bytes.fromhex(row.hash) for row in rows if row.state == HashState.BLOCKS.value}
    holding = {bytes.fromhex(row.hash) for row in rows} - blocking
    changed = False
    for state, wanted in ((HashState.BLOCKS, blocking), (HashState.HOLDS, holding)):
        name = LISTS[state]
        try:
            known = set(lists.get(name).hashes().get(HashKind.PDQ))
        except NotFound:
            known = set()
        if known == wanted:
            continue
        if wanted:
            table = HashTable(by_kind={HashKind.PDQ: frozenset(wanted)})
            lists.put(name, CATEGORY, table, at=now, confirmed=state is HashState.BLOCKS)
        else:
            lists.remove(name)
        changed = True
    return changed

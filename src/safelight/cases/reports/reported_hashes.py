"""The hash lists that come from reports. One that holds is for all tenants; the others are for one tenant
each. None can be queried.

The database has the hashes; `list_writer` writes the files that the detectors read from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Row, or_

from safelight.cases.reviews.reported_holds import matched_entries
from safelight.core.ids import new_id
from safelight.detectors.image.hash_lists import (
    RESERVED_PREFIX,
    ListScope,
    digest_of,
)
from safelight.detectors.image.pdq import BYTES, MAX_DISTANCE_BITS, distances
from safelight.policy.findings import Finding
from safelight.store.database import Database, Transaction
from safelight.store.tables import notice_hashes, notices

from .models import HashState

#: The names of the lists begin with these words. The category of all is that of intimate pictures.
_HOLDING, _BLOCKING = f"{RESERVED_PREFIX}reported", f"{RESERVED_PREFIX}stay-down"
NAME_PREFIXES = (_HOLDING, _BLOCKING)
CATEGORY = "ncii"
#: How long a hash holds files if no person decides about a match.
HOLD_S = 90 * 86400.0


def add_hashes(
    tx: Transaction,
    notice_id: str,
    hashes: Iterable[str],
    *,
    state: HashState,
    tenant_only: bool,
    video_id: str | None = None,
) -> None:
    """`video_id` is the video of this tenant that the hashes matched, or from whose frames they are."""
    of = {"tenant_only": tenant_only, "video_id": video_id}
    for hashed in hashes:
        _insert(tx, notice_id, digest_of(bytes.fromhex(hashed)), state, hash=hashed, **of)


def settle_matches(tx: Transaction, video_id: str, findings: Sequence[Finding], *, confirmed: bool) -> None:
    """A person decided about a file that these hashes matched.

    The matched hashes block files of this tenant from now on, or hold no files of any tenant any more.
    """
    for entry in sorted(matched_entries(findings)):
        _insert(tx, video_id, entry, HashState.BLOCKS if confirmed else HashState.DROPPED, tenant_only=True)


def end_hashes_of_report(tx: Transaction, case_id: str, video_id: str) -> None:
    """A person kept a reported video: the hashes of its notices hold nothing any more.

    Those that matched the video are known to be harmless. The others show something that no person looked
    at, so they may be reported again. Those that matched another video wait for the decision about it.
    """
    sent = {row.notice_id for row in tx.select(notices, notices.c.case_id == case_id)}
    of = notice_hashes.c
    _end(tx, sent, of.video_id == video_id, state=HashState.DROPPED)
    _end(tx, sent, of.video_id.is_(None), state=HashState.ENDED)


def end_hashes_of_hold(tx: Transaction, findings: Sequence[Finding]) -> None:
    """A person approved a video that these hashes held: the other hashes of their notices in this tenant end
    too, as in `end_hashes_of_report`.
    """
    of, entries = notice_hashes.c, matched_entries(findings)
    sent = {row.notice_id for row in tx.select(notice_hashes, of.entry.in_(entries))}
    _end(tx, sent, of.video_id.is_(None), of.entry.not_in(entries), state=HashState.ENDED)


def _end(tx: Transaction, notice_ids: Set[str], *which: ColumnElement[bool], state: HashState) -> None:
    of = notice_hashes.c
    mine = (of.notice_id.in_(notice_ids), of.state == HashState.HOLDS.value)
    tx.update(notice_hashes, *mine, *which, state=state.value, decided_at=tx.now())


def are_over(whole: Transaction, entries: Set[str]) -> bool:
    """Whether none of these reported hashes holds or blocks files any more, because a person decided so."""
    rows = whole.select(notice_hashes, notice_hashes.c.entry.in_(entries))
    # A hash is also dropped together with one of the same notice that is near to it.
    of_notices = {row.notice_id for row in rows}
    rows = whole.select(
        notice_hashes, or_(notice_hashes.c.notice_id.in_(of_notices), notice_hashes.c.entry.in_(entries))
    )
    return not any(entries & {digest_of(one) for one in hashes} for _, hashes in lists_of(rows, 0.0).values())


def drop_hashes_of_video(tx: Transaction, video_id: str) -> None:
    """The removal of a video was wrong: the hashes that matched it, and those of its frames, do nothing any
    more. Other hashes of the same notices can show another picture, and stay.
    """
    of = notice_hashes.c
    for mine in (of.notice_id == video_id, of.video_id == video_id):
        tx.update(notice_hashes, mine, state=HashState.DROPPED.value, decided_at=tx.now())


def read_harmless(database: Database) -> npt.NDArray[np.uint8]:
    """The reported hashes of which a person decided that a match is harmless, (n, 32)."""
    with database.across_tenants("hashes of harmless pictures", readonly=True) as tx:
        dropped = tx.select(
            notice_hashes,
            notice_hashes.c.state == HashState.DROPPED.value,
            columns=[notice_hashes.c.entry],
        )
        entries = sorted({row.entry for row in dropped})
        rows = tx.select(
            notice_hashes,
            notice_hashes.c.entry.in_(entries),
            notice_hashes.c.hash.is_not(None),
            columns=[notice_hashes.c.hash],
        )
    found = sorted({bytes.fromhex(row.hash) for row in rows})
    return np.frombuffer(b"".join(found), np.uint8).reshape(-1, BYTES)


def _insert(tx: Transaction, notice_id: str, entry: str, state: HashState, **values: Any) -> None:
    now = tx.now()
    tx.insert(
        notice_hashes,
        id=new_id("hash"),
        notice_id=notice_id,
        entry=entry,
        state=state.value,
        created_at=now,
        decided_at=None if state is HashState.HOLDS else now,
        **values,
    )


def find_dropped(rows: Iterable[Row[Any]]) -> frozenset[str]:
    """The ids of the rows that hold nothing any more, because a match was harmless. Pure.

    A match names one hash. Its notice has more that are near to it: that of the same frame with the other
    colour weighting, and those of neighbouring frames. Hashes of other notices stay. Otherwise a person
    could remove them with a picture that is similar to one of a victim.
    """
    rows = list(rows)
    decided = {row.entry for row in rows if row.state == HashState.DROPPED.value}
    harmless: dict[str, set[bytes]] = {}
    for row in rows:
        if row.entry in decided and row.hash is not None:
            harmless.setdefault(row.notice_id, set()).add(bytes.fromhex(row.hash))
    tables = {
        notice: np.frombuffer(b"".join(sorted(own)), np.uint8).reshape(-1, BYTES)
        for notice, own in harmless.items()
    }
    return frozenset(
        row.id
        for row in rows
        if row.state == HashState.HOLDS.value
        and (row.entry in decided or _is_near(row.hash, tables.get(row.notice_id)))
    )


def _is_near(hashed: str, known: npt.NDArray[np.uint8] | None) -> bool:
    if known is None:
        return False
    one = np.frombuffer(bytes.fromhex(hashed), np.uint8)
    return bool(distances(known, one).min() <= MAX_DISTANCE_BITS)


def lists_of(rows: Iterable[Row[Any]], now: float) -> dict[str, tuple[ListScope, frozenset[bytes]]]:
    """The name, the scope and the hashes of each list that is not empty. Pure."""
    rows = list(rows)
    hashes = {row.entry: bytes.fromhex(row.hash) for row in rows if row.hash is not None}
    dropped = find_dropped(rows)
    found: dict[str, tuple[ListScope, set[bytes]]] = {}
    for row in rows:
        blocks = row.state == HashState.BLOCKS.value
        holds = row.state == HashState.HOLDS.value and row.id not in dropped and row.created_at > now - HOLD_S
        if row.entry in hashes and (blocks or holds):
            tenant = row.tenant_id if row.tenant_only else None
            name = (_BLOCKING if blocks else _HOLDING) + (f"-{tenant.replace('_', '-')}" if tenant else "")
            scope = ListScope(confirmed=blocks, tenant=tenant)
            found.setdefault(name, (scope, set()))[1].add(hashes[row.entry])
    return {name: (scope, frozenset(one)) for name, (scope, one) in found.items()}

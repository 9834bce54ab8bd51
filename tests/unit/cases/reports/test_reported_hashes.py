"""Which reported hashes hold files after a person decided about a match."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any, cast

from safelight.cases.reports.models import HashState
from safelight.cases.reports.reported_hashes import find_dropped, lists_of

NOW = 1_000.0
_ids = count()


@dataclass
class HashRow:
    notice_id: str
    hash: str | None
    entry: str
    state: str = HashState.HOLDS.value
    tenant_id: str = "tenant_1"
    tenant_only: bool = False
    created_at: float = NOW

    def __post_init__(self) -> None:
        self.id = f"hash_{next(_ids)}"


def reported(notice: str, bits: int, **values: Any) -> HashRow:
    """A hash with this number of ones."""
    text = f"{(1 << bits) - 1:064x}"
    return HashRow(notice, text, text[-8:] + str(bits), **values)


def approval_of(row: HashRow) -> HashRow:
    return HashRow("video_1", None, row.entry, HashState.DROPPED.value, tenant_id="tenant_2")


def held(rows: list[HashRow]) -> set[str]:
    lists = lists_of(cast(Any, rows), NOW + 1)
    return {each.hex() for scope, hashes in lists.values() if not scope.confirmed for each in hashes}


def test_an_approval_drops_the_twin_of_a_frame_and_keeps_what_is_further_away() -> None:
    frame, twin, other = (reported("report_1", bits) for bits in (10, 41, 42))
    assert held([frame, twin, other]) == {frame.hash, twin.hash, other.hash}
    assert held([frame, twin, other, approval_of(frame)]) == {other.hash}


def test_an_approval_drops_no_near_hash_of_another_notice() -> None:
    frame, victims = reported("report_1", 10), reported("report_2", 11)
    assert held([frame, victims, approval_of(frame)]) == {victims.hash}
    same = reported("report_2", 10)
    assert held([frame, same, victims, approval_of(frame)]) == set()


def test_an_approval_drops_no_hash_that_blocks() -> None:
    frame = reported("report_1", 10)
    blocking = reported("report_1", 11, state=HashState.BLOCKS.value, tenant_only=True)
    rows = [frame, blocking, approval_of(frame)]
    assert find_dropped(cast(Any, rows)) == {frame.id}
    (hashes,) = (each for scope, each in lists_of(cast(Any, rows), NOW + 1).values() if scope.confirmed)
    assert {each.hex() for each in hashes} == {blocking.hash}

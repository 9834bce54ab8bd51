from __future__ import annotations

from pathlib import Path

import pytest

from safelight.detectors.image.hash_lists import NAME, HashKind, HashLists, HashTable
from safelight.policy.findings import Modality
from safelight.screening.known_content import KnownContent
from safelight.screening.scanning.report import DetectorRun, ScanReport

#: What a scan says that found no list, and one that compared every frame.
IDLE = ScanReport(runs=(DetectorRun(name=NAME, idle=True, note="No hash list is imported."),))
COMPARED = ScanReport(runs=(DetectorRun(name=NAME, ran=True, complete=True),))


@pytest.fixture
def lists(tmp_path: Path) -> HashLists:
    (tmp_path / "film").write_bytes(b"film")
    (tmp_path / "lists").mkdir()
    return HashLists(tmp_path / "lists")


def add(lists: HashLists, name: str) -> None:
    lists.put(name, "ncii", HashTable(by_kind={HashKind.PDQ: frozenset({bytes(32)})}), at=0.0)


def gaps(lists: HashLists, report: ScanReport, known: frozenset[str]) -> list[str]:
    content = KnownContent(lists=lists)
    film = lists.folder.parent / "film"
    matched = content.match(film, "ab" * 32, report, Modality.FRAMES, known=known)
    return [cell.category for cell in matched.cells]


def test_a_list_that_appears_during_a_scan_is_no_gap(lists: HashLists) -> None:
    known = KnownContent(lists=lists).lists_for_frames()
    add(lists, "new")
    assert gaps(lists, IDLE, known) == []
    assert gaps(lists, IDLE, KnownContent(lists=lists).lists_for_frames()) == ["ncii"]


def test_a_list_that_ends_during_a_scan_is_no_gap(lists: HashLists) -> None:
    add(lists, "old")
    known = KnownContent(lists=lists).lists_for_frames()
    lists.remove("old")
    assert gaps(lists, IDLE, known) == []


def test_a_list_that_was_not_compared_is_a_gap(lists: HashLists) -> None:
    add(lists, "old")
    known = KnownContent(lists=lists).lists_for_frames()
    assert gaps(lists, COMPARED, known) == []
    assert gaps(lists, IDLE, known) == ["ncii"]
    assert gaps(lists, ScanReport(), known) == ["ncii"]

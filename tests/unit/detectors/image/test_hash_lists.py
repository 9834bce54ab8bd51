from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.core.errors import InvalidField, NotFound
from safelight.detectors.image.hash_files import parse_hash_file
from safelight.detectors.image.hash_lists import HashKind, HashLists, HashTable
from safelight.policy.findings import Match, Modality
from support.rows import each_row

A, B, C = "ab" * 32, "cd" * 32, "0f" * 32
MD5 = "12" * 16


def written(folder: Path, text: str, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_kind_of_a_hash_is_that_of_its_column_its_length_or_the_given_one(tmp_path: Path) -> None:
    a, b = bytes.fromhex(A), bytes.fromhex(B)
    found = parse_hash_file(written(tmp_path, f"# from an exchange\n{A},100\n{MD5}\n\n{B}\n"))
    assert found.hashes.get(HashKind.PDQ) == {a, b}
    assert found.hashes.get(HashKind.MD5) == {bytes.fromhex(MD5)}
    found = parse_hash_file(written(tmp_path, f"id,sha256\n1,{A}\n2,{B}\n"))
    assert found.hashes.get(HashKind.SHA256) == {a, b}
    found = parse_hash_file(written(tmp_path, f"{A}\n"), kind=HashKind.SHA256)
    assert found.hashes.get(HashKind.SHA256) == {a}


def test_rows_of_low_quality_repeated_and_broken_rows_are_counted(tmp_path: Path) -> None:
    found = parse_hash_file(
        written(tmp_path, f"hash,quality\n{A},100\n{B},49\n{A},80\nzz,100\n{C[:10]},60\n")
    )
    assert found.hashes.get(HashKind.PDQ) == {bytes.fromhex(A)}
    assert (found.low_quality, found.duplicates) == (1, 1)
    assert [problem.split(":")[0] for problem in found.problems] == ["row 5", "row 6"]


def test_threat_exchange_updates_descriptors_and_indicators(tmp_path: Path) -> None:
    updates = [
        {"id": "1", "indicator": A, "type": "HASH_PDQ", "should_delete": False},
        {"id": "2", "indicator": B, "type": "HASH_PDQ", "should_delete": True},
        {"id": "3", "indicator": MD5, "type": "HASH_MD5"},
        {"id": "4", "indicator": "x" * 32, "type": "HASH_TMK"},
    ]
    found = parse_hash_file(written(tmp_path, json.dumps({"threat_updates": updates}), "a.json"))
    assert found.hashes.get(HashKind.PDQ) == {bytes.fromhex(A)}
    assert found.withdrawn.get(HashKind.PDQ) == {bytes.fromhex(B)}
    assert found.hashes.get(HashKind.MD5) == {bytes.fromhex(MD5)}
    assert len(found.problems) == 1
    descriptors = {
        "data": [
            {"id": "9", "raw_indicator": C, "type": "HASH_PDQ", "status": "MALICIOUS"},
            {"id": "8", "indicator": {"id": "7", "indicator": A, "type": "HASH_PDQ"}},
        ]
    }
    found = parse_hash_file(written(tmp_path, json.dumps(descriptors), "b.json"))
    assert found.hashes.get(HashKind.PDQ) == {bytes.fromhex(A), bytes.fromhex(C)}
    signals = [{"signal_type": "pdq", "signal_value": B}, A]
    found = parse_hash_file(written(tmp_path, json.dumps(signals), "c.json"))
    assert found.hashes.get(HashKind.PDQ) == {bytes.fromhex(A), bytes.fromhex(B)}


@pytest.mark.parametrize("text", ['{"a": 1}', "{", "[{"])
def test_a_file_without_hashes_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidField, match="not a list of hashes"):
        parse_hash_file(written(tmp_path, text))


@given(st.text(max_size=300))
def test_any_text_is_parsed_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "list"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        parse_hash_file(path)
    except InvalidField:
        pass


def of(**kinds: set[str]) -> HashTable:
    return HashTable(
        by_kind={
            HashKind(name): frozenset(bytes.fromhex(one) for one in some) for name, some in kinds.items()
        }
    )


def test_a_list_is_read_back_and_changes_apply_at_once(tmp_path: Path) -> None:
    lists = HashLists(tmp_path / "hashes")
    assert lists.all() == ()
    lists.put("one", "extremism", of(pdq={A, B}, md5={MD5}), at=5.0)
    [one] = lists.all()
    assert (one.name, one.category, one.counts[HashKind.PDQ], one.counts[HashKind.MD5]) == (
        *("one", "extremism"),
        *(2, 1),
    )
    assert one.contains(HashKind.MD5, bytes.fromhex(MD5))
    assert not one.contains(HashKind.MD5, bytes(16))
    assert not one.contains(HashKind.SHA256, bytes.fromhex(A))
    assert len(one.hashes()) == 3
    lists.put("one", "extremism", of(pdq={C}), at=6.0)
    assert lists.all()[0].counts[HashKind.PDQ] == 1
    assert lists.remove("one") == 1
    assert lists.all() == ()
    with pytest.raises(NotFound):
        lists.remove("one")
    with pytest.raises(InvalidField):
        lists.put("../one", "extremism", of(), at=1.0)


@each_row
def test_thirty_one_bits_match_and_thirty_two_do_not(tmp_path: Path, bits: int, near: bool) -> None:
    lists = HashLists(tmp_path)
    known = np.unpackbits(np.frombuffer(bytes.fromhex(A), np.uint8))
    known[:bits] ^= 1
    made = lists.put("one", "extremism", of(pdq={A, C}), at=5.0)
    found = made.nearest(np.packbits(known))
    assert found == ((bits, A[:12]) if near else None)


def test_a_whole_file_is_found_by_sha256_and_by_md5(tmp_path: Path) -> None:
    path = tmp_path / "clip"
    path.write_bytes(b"drawn by ourselves")
    sha256 = hashlib.sha256(b"drawn by ourselves").hexdigest()
    md5 = hashlib.md5(b"drawn by ourselves").hexdigest()
    lists = HashLists(tmp_path / "hashes")
    assert lists.find_file(path, sha256, modality=Modality.FRAMES) == ()
    lists.put("exact", "extremism", of(sha256={sha256}), at=1.0)
    lists.put("old", "sexual/minors", of(md5={md5, MD5}), at=1.0)
    found = lists.find_file(path, sha256, modality=Modality.FRAMES, source="input_reference")
    assert {(one.category, one.attributes["kind"], one.attributes["source"]) for one in found} == {
        ("extremism", "hash", "input_reference"),
        ("sexual/minors", "hash", "input_reference"),
    }
    assert {part.list for one in found for part in one.evidence if isinstance(part, Match)} == {
        "exact",
        "old",
    }

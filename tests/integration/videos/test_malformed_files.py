"""A sample of `python -m bench.bad_input`, whose figures are in docs/benchmarks/scanning-bad-input.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.bad_input import House, deliver_odd, scan_bombs, scan_mutated, summary, whole_mutated
from bench.mutations import bases, boxes, mutated
from bench.odd_clips import recipes


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    (tmp_path / "files" / "good").mkdir(parents=True)
    made = House(tmp_path / "data", tmp_path / "files", quick=True)
    yield made
    made.close()


@pytest.fixture
def good(tmp_path: Path) -> list[Path]:
    (tmp_path / "files" / "good").mkdir(parents=True, exist_ok=True)
    return bases(tmp_path / "files" / "good")


def test_the_same_seed_makes_the_same_files(good: list[Path]) -> None:
    assert list(mutated(good, 64, 1)) == list(mutated(good, 64, 1))
    assert [one.data for one in mutated(good, 64, 1)] != [one.data for one in mutated(good, 64, 2)]
    assert {b"moov", b"stbl", b"stts", b"mdat"} <= {box.kind for box in boxes(good[0].read_bytes())}
    assert len(recipes()) == 200


@pytest.mark.slow
def test_damaged_files_end_with_a_reason_and_harmless_damage_is_delivered(
    house: House, good: list[Path], tmp_path: Path
) -> None:
    found = summary(scan_mutated(house, good, tmp_path / "files", 40, 11))
    assert found["crashed"] == found["identical, not delivered"] == found["without a reason"] == []
    assert found["decoder complains, delivered"] == []
    assert found["words"]["delivered"] >= 8
    assert found["words"]["ended"] >= 16
    whole = summary(whole_mutated(house, good, tmp_path / "files", 6, 11))
    assert whole["crashed"] == whole["without a reason"] == []


@pytest.mark.slow
def test_odd_but_valid_files_are_delivered(house: House, tmp_path: Path) -> None:
    outcomes = deliver_odd(house, tmp_path / "files", 40)
    assert [one for one in outcomes if one.word != "delivered"] == []


@pytest.mark.slow
def test_a_decompression_bomb_fails_quickly_with_a_reason(
    house: House, good: list[Path], tmp_path: Path
) -> None:
    for outcome, took in scan_bombs(house, good[1], tmp_path / "files"):
        assert outcome.word in ("delivered", "ended"), outcome
        assert outcome.word == "delivered" or outcome.why, outcome
        assert took < 60, outcome

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from safelight.core.errors import ConfigurationError
from safelight.provenance.watermark_keys import MAX_SEARCHED_EPOCHS, WatermarkKeys


@pytest.fixture
def keys(tmp_path: Path) -> WatermarkKeys:
    return WatermarkKeys(tmp_path / "watermark")


def test_the_first_key_is_created_when_a_file_is_marked_and_not_when_one_is_read(
    keys: WatermarkKeys, tmp_path: Path
) -> None:
    assert keys.searched() == ()
    assert not (tmp_path / "watermark").exists()
    first = keys.current()
    assert first.number == 1
    assert keys.current() == first
    assert WatermarkKeys(tmp_path / "watermark").current() == first


def test_only_the_owner_can_read_a_key(keys: WatermarkKeys, tmp_path: Path) -> None:
    keys.current()
    path = tmp_path / "watermark" / "epoch-1.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="can be read by other users"):
        keys.current()


def test_after_a_rotation_new_files_get_the_new_epoch_and_old_marks_are_still_searched(
    keys: WatermarkKeys,
) -> None:
    old = keys.current()
    assert keys.rotate() == 2
    assert keys.current().number == 2
    assert keys.current().seed != old.seed
    assert keys.searched() == (keys.current(), old)


def test_at_most_three_epochs_are_searched_the_newest_first(keys: WatermarkKeys) -> None:
    for _ in range(MAX_SEARCHED_EPOCHS + 9):
        keys.rotate()
    assert [one.number for one in keys.searched()] == [12, 11, 10]


def test_an_epoch_whose_key_was_moved_away_is_not_searched_and_an_older_one_takes_its_place(
    keys: WatermarkKeys, tmp_path: Path
) -> None:
    for _ in range(4):
        keys.rotate()
    (tmp_path / "watermark" / "epoch-3.key").rename(tmp_path / "epoch-3.key")
    assert [one.number for one in keys.searched()] == [4, 2, 1]
    assert keys.rotate() == 5


@pytest.mark.parametrize("content", ["", "ab", "not hexadecimal", "ü" * 64])
def test_a_damaged_key_is_named_with_its_remedy(keys: WatermarkKeys, tmp_path: Path, content: str) -> None:
    keys.current()
    (tmp_path / "watermark" / "epoch-1.key").write_text(content, "utf-8")
    with pytest.raises(ConfigurationError, match=r"epoch-1\.key is damaged"):
        keys.searched()


def test_a_folder_in_which_no_key_can_be_created_is_named_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ConfigurationError, match=r"cannot be created in .* sealing\.seal"):
        WatermarkKeys(tmp_path / "file" / "watermark").current()

from __future__ import annotations

from pathlib import Path

import pytest

from safelight.core.errors import InvalidField, NotFound
from safelight.detectors.list_folder import ListFolder
from support.rows import each_row


@pytest.fixture
def lists(tmp_path: Path) -> ListFolder:
    return ListFolder(tmp_path / "lists", suffix=".list", noun="word list")


def test_no_folder_holds_no_lists(lists: ListFolder) -> None:
    assert lists.stamp() == ()
    assert lists.names() == ()
    with pytest.raises(NotFound, match="no word list 'a'; there are: none"):
        lists.existing("a")


def test_a_list_is_written_whole_and_found_by_name(lists: ListFolder) -> None:
    lists.write("b", b"one")
    lists.write("a-b", [b"o", b"ne"])
    lists.write("a", b"one")
    assert lists.names() == ("a", "a-b", "b")
    assert lists.existing("a-b").read_bytes() == b"one"
    assert {path.name for path in lists.folder.iterdir()} == {"a.list", "a-b.list", "b.list"}
    with pytest.raises(NotFound, match="there are: a, a-b, b"):
        lists.existing("c")


def test_the_stamp_changes_with_every_change(lists: ListFolder) -> None:
    stamps = [lists.stamp()]
    lists.write("a", b"one")
    stamps.append(lists.stamp())
    lists.write("a", b"more")
    stamps.append(lists.stamp())
    lists.path("a").unlink()
    assert len(set(stamps)) == 3
    assert lists.stamp() == stamps[0]


def test_other_files_and_unfinished_ones_are_no_lists(lists: ListFolder) -> None:
    lists.write("a", b"one")
    (lists.folder / "readme.txt").write_bytes(b"")
    (lists.folder / ".b.list").write_bytes(b"")
    (lists.folder / ".0123.part").write_bytes(b"")
    assert lists.names() == ("a",)


@each_row
def test_an_invalid_name_is_rejected(lists: ListFolder, name: str) -> None:
    with pytest.raises(InvalidField, match="not a valid name for a word list") as caught:
        lists.write(name, b"")
    assert caught.value.param == "name"

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from safelight.core.errors import ConfigurationError, InvalidMedia, NotFound, SafelightError, TooLarge
from safelight.screening.scanning.sources import LocalFile, Shard, UnreadableEntry, find_source
from support.object_stores import S3


def test_a_folder_lists_its_media_in_order_and_counts_other_files(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.MP4", "a.png", "notes.txt", "deep/c.webm"):
        (tmp_path / name).touch()
    source = find_source([str(tmp_path)], s3={}, max_bytes=100)
    assert [file.name for file in source.files] == ["a.png", "b.MP4", "deep/c.webm"]
    assert (source.skipped, source.is_collection) == (("notes.txt",), True)


def test_each_file_is_in_one_shard_and_stays_there_when_others_come(tmp_path: Path) -> None:
    def shards() -> list[set[str]]:
        source = find_source([str(tmp_path)], s3={}, max_bytes=100)
        return [{one.name for one in Shard(number, 3).select(source).files} for number in (1, 2, 3)]

    names = {f"{number}.mp4" for number in range(20)}
    for name in names:
        (tmp_path / name).touch()
    before = shards()
    assert all(before)
    assert sorted(name for shard in before for name in shard) == sorted(names)
    (tmp_path / "0-new.mp4").touch()
    assert [shard - {"0-new.mp4"} for shard in shards()] == before


def test_a_shard_that_does_not_exist_is_refused() -> None:
    assert Shard.parse("8/8") == Shard(8, 8)
    for text in ("0/3", "4/3", "2", "2/", "-1/3", "a/b", "1/0", "1/2/3"):
        with pytest.raises(ConfigurationError, match="such as 2/8"):
            Shard.parse(text)


@pytest.mark.parametrize(
    "content",
    [
        b"\0\0\0\x20ftypisom" + bytes(16),
        (b"G" + bytes(187)) * 3,
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(16),
        b"\x00\x00\x01\xba" + bytes(16),
        b"ID3\x04" + bytes(16),
    ],
    ids=["mp4", "ts", "wmv", "mpg", "mp3"],
)
def test_media_are_recognized_by_their_content_if_their_names_are_not_those_of_media(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "export").write_bytes(content)
    (tmp_path / "module.ts").write_text("export const answer = 42;\n")
    source = find_source([str(tmp_path)], s3={}, max_bytes=100)
    assert ([file.name for file in source.files], source.skipped) == (["export"], ("module.ts",))


def test_entries_that_are_no_files_are_listed_with_the_reason(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "clips", tmp_path / "elsewhere"
    for path in (folder, elsewhere):
        path.mkdir()
    (elsewhere / "a.mp4").touch()
    (folder / "a-link.mp4").symlink_to(elsewhere / "a.mp4")
    (folder / "b-dangling.mp4").symlink_to(folder / "gone.mp4")
    (folder / "c-folder").symlink_to(elsewhere)
    (folder / "d-loop.mp4").symlink_to(folder / "d-loop.mp4")
    os.mkfifo(folder / "e-pipe.mp4")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "f-socket"))
        files = find_source([str(folder)], s3={}, max_bytes=100).files
    problems = {file.name: file.problem for file in files if isinstance(file, UnreadableEntry)}
    assert [file.name for file in files if isinstance(file, LocalFile)] == ["a-link.mp4"]
    assert list(problems) == ["b-dangling.mp4", "c-folder", "d-loop.mp4", "e-pipe.mp4", "f-socket"]
    for said, problem in zip(
        ("link to nothing", "link to a folder", "cannot be opened", "a pipe", "a socket"),
        problems.values(),
        strict=True,
    ):
        assert said in problem
    with pytest.raises(InvalidMedia, match="pipe"), files[4].download(tmp_path):
        pass


def test_names_that_are_not_utf_8_can_be_printed(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.mp4")).touch()
    [file] = find_source([str(tmp_path)], s3={}, max_bytes=100).files
    assert (file.name, file.location) == ("caf\ufffd.mp4", f"{tmp_path}/caf\ufffd.mp4")
    assert file.identity().startswith("sha256:")


def test_several_paths_are_one_source_in_which_each_file_is_once(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.mp4").write_bytes(b"x")
    places = [str(tmp_path / name) for name in ("one", "two/a.mp4", "one/a.mp4", "gone.mp4")]
    source = find_source(places, s3={}, max_bytes=100)
    assert [file.name for file in source.files] == ["one/a.mp4", "two/a.mp4", "gone.mp4"]
    assert source.is_collection
    missing = source.files[2]
    assert isinstance(missing, UnreadableEntry)
    assert missing.problem.endswith("Nothing has this name.")


def test_a_folder_above_the_data_of_the_installation_leaves_them_out(tmp_path: Path) -> None:
    data = tmp_path / "safelight-data"
    (data / "blobs").mkdir(parents=True)
    for path in (tmp_path / "a.mp4", data / "blobs" / "b.mp4"):
        path.write_bytes(b"x")
    source = find_source([str(tmp_path)], s3={}, max_bytes=100, own_data=data)
    assert [file.name for file in source.files] == ["a.mp4"]
    assert len(find_source([str(data)], s3={}, max_bytes=100, own_data=data).files) == 1


def test_a_single_file_is_accepted_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    source = find_source([str(tmp_path / "notes.txt")], s3={}, max_bytes=100)
    assert ([file.name for file in source.files], source.is_collection) == (["notes.txt"], False)


def test_a_source_without_media_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="No video or image file"):
        find_source([str(tmp_path)], s3={}, max_bytes=100)
    with pytest.raises(NotFound, match="no file"):
        find_source([str(tmp_path / "a.mp4")], s3={}, max_bytes=100)
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(NotFound, match="a pipe"):
        find_source([str(tmp_path / "pipe.mp4")], s3={}, max_bytes=100)


def test_the_same_bytes_have_the_same_identity(tmp_path: Path) -> None:
    for name, content in (("a.mp4", b"1"), ("b.mp4", b"1"), ("c.mp4", b"2")):
        (tmp_path / name).write_bytes(content)
    a, b, c = find_source([str(tmp_path)], s3={}, max_bytes=100).files
    assert a.identity() == b.identity() != c.identity()


Bucket = tuple[str, dict[str, str]]


@pytest.fixture
def bucket(s3: S3) -> Bucket:
    """Four media files, one of them without a suffix, and one other under `clips/`."""
    import obstore

    from safelight.core.object_store import open_object_store

    url = s3.bucket().removesuffix("/prefix")
    _, store = open_object_store(url, s3.options)
    for key, content in (
        ("clips/a.mp4", b"one"),
        ("clips/deep/b.png", b"two"),
        ("clips/large.mp4", b"x" * 5000),
        ("clips/notes.txt", b"no"),
        ("clips/unnamed", b"\0\0\0\x20ftypisom"),
        ("other.mp4", b"not below"),
    ):
        obstore.put(store, key, content)
    return url, s3.options


def test_a_bucket_is_listed_and_each_file_downloaded_for_its_scan(bucket: Bucket, tmp_path: Path) -> None:
    url, options = bucket
    source = find_source([f"{url}/clips/"], s3=options, max_bytes=1000)
    assert [file.name for file in source.files] == ["a.mp4", "deep/b.png", "large.mp4", "unnamed"]
    assert source.files[0].location == f"{url}/clips/a.mp4"
    assert (source.skipped, source.is_collection) == (("notes.txt",), True)
    assert (
        source.files[0].identity()
        == find_source([f"{url}/clips"], s3=options, max_bytes=9).files[0].identity()
    )
    with source.files[0].download(tmp_path) as path:
        assert path.read_bytes() == b"one"
        assert path.is_relative_to(tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(TooLarge, match="at most 1,000"), source.files[2].download(tmp_path):
        pass


def test_a_source_may_be_one_object(bucket: Bucket) -> None:
    url, options = bucket
    source = find_source([f"{url}/clips/a.mp4"], s3=options, max_bytes=1000)
    assert ([file.name for file in source.files], source.is_collection) == (["a.mp4"], False)
    with pytest.raises(NotFound):
        find_source([f"{url}/nothing"], s3=options, max_bytes=1000)


def test_a_missing_bucket_is_reported(s3: S3) -> None:
    with pytest.raises(SafelightError):
        find_source(["s3://no-such-bucket-here/x/"], s3=s3.options, max_bytes=1000)

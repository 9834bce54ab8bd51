"""Finds files to scan in a file path, a folder or an S3 bucket, and downloads them.

Files are never opened here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

from safelight.errors import NotFound, TooLarge
from safelight.fileio import sha256_file

if TYPE_CHECKING:
    from obstore.store import ObjectStore

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif"})
VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi"})

_CHUNK = 1 << 20


class SourceFile(Protocol):
    """One file to scan."""

    @property
    def name(self) -> str:
        """Display name, relative to the folder or prefix; never an absolute path."""
        ...

    @property
    def location(self) -> str:
        """The path or URL of the file, as a user would write it."""
        ...

    def identity(self) -> str:
        """A value that changes if the bytes change; empty if unknown. Raises `OSError`, `NotFound`."""
        ...

    def download(self, scratch: Path) -> Any:
        """Context manager: provides a local path of the file."""
        ...


@dataclass(frozen=True, kw_only=True)
class Source:
    """The files found at a path or bucket URL, sorted by name."""

    location: str
    files: tuple[SourceFile, ...]
    #: True for a folder or prefix, even if it has only one file now.
    is_collection: bool
    #: Number of files that were skipped, because their names are not those of images or clips.
    skipped: int = 0


@dataclass(frozen=True, kw_only=True)
class LocalFile:
    path: Path
    name: str

    @property
    def location(self) -> str:
        return str(self.path)

    def identity(self) -> str:
        return f"sha256:{sha256_file(self.path)}"

    @contextmanager
    def download(self, scratch: Path) -> Iterator[Path]:
        yield self.path


@dataclass(frozen=True, kw_only=True)
class BucketFile:
    """An S3 object; downloaded for the duration of its scan."""

    store: ObjectStore
    key: str
    name: str
    location: str
    bytes: int
    #: Version tag of the object; empty if the store has no reliable one.
    tag: str
    max_bytes: int

    def identity(self) -> str:
        # A tag may be an MD5 hash, which can collide, so the identity also has the key, the time and the
        # size.
        return f"{self.key}:{self.tag}:{self.bytes}" if self.tag else ""

    @contextmanager
    def download(self, scratch: Path) -> Iterator[Path]:
        import obstore

        from safelight.store.object_store import translate_store_errors

        if self.bytes > self.max_bytes:
            raise TooLarge(f"The file has {self.bytes:,} bytes; at most {self.max_bytes:,} are fetched.")
        with TemporaryDirectory(dir=scratch, prefix="scan-") as folder:
            # Keep only the suffix of the key: the rest is untrusted.
            path = Path(folder) / f"file{PurePosixPath(self.key).suffix.lower()[:8]}"
            with translate_store_errors(), path.open("wb") as file:
                byte_count = 0
                for chunk in obstore.get(self.store, self.key).stream(min_chunk_size=_CHUNK):
                    byte_count += file.write(chunk)
                    if byte_count > self.max_bytes:
                        raise TooLarge(f"The file has more than {self.max_bytes:,} bytes.")
            yield path


def find_source(place: str, *, s3: Mapping[str, Any], max_bytes: int) -> Source:
    """The files at a path or `s3://bucket/prefix`. Raises `NotFound` if there are none to scan."""
    if place.startswith("s3://"):
        return _bucket(place, s3, max_bytes)
    path = Path(place)
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    return Source(location=place, files=(LocalFile(path=path, name=path.name),), is_collection=False)


def _folder(folder: Path) -> Source:
    all_files = sorted(file for file in folder.rglob("*") if file.is_file())
    files = tuple(
        LocalFile(path=file, name=file.relative_to(folder).as_posix())
        for file in all_files
        if _is_media(file)
    )
    if not files:
        raise NotFound(f"No video or image file is in {folder}.")
    return Source(location=str(folder), files=files, is_collection=True, skipped=len(all_files) - len(files))


def _bucket(url: str, options: Mapping[str, Any], max_bytes: int) -> Source:
    import obstore

    from safelight.store.object_store import open_object_store, translate_store_errors

    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    # Open the whole bucket, because the URL may name one object, or a prefix that ends in the middle of a
    # name.
    _, store = open_object_store(f"s3://{bucket}", options)
    with translate_store_errors():
        objects = sorted(
            (item for page in obstore.list(store, prefix=prefix.strip("/") or None) for item in page),
            key=lambda item: item["path"],
        )
        if not objects and prefix:
            objects = _single_object(store, prefix)
    files = tuple(
        BucketFile(
            store=store,
            key=item["path"],
            name=item["path"].removeprefix(prefix).strip("/") or PurePosixPath(item["path"]).name,
            location=f"s3://{bucket}/{item['path']}",
            bytes=item["size"],
            tag=f"{item['e_tag']} {item['last_modified'].isoformat()}" if item["e_tag"] else "",
            max_bytes=max_bytes,
        )
        for item in objects
        if _is_media(PurePosixPath(item["path"])) or item["path"] == prefix
    )
    if not files:
        raise NotFound(f"No video or image file is in {url}.")
    is_collection = not (len(files) == 1 and files[0].key == prefix)
    return Source(location=url, files=files, is_collection=is_collection, skipped=len(objects) - len(files))


def _single_object(store: ObjectStore, key: str) -> list[Any]:
    """The object with exactly this key; a listing returns only objects below a prefix."""
    import obstore

    try:
        return [obstore.head(store, key)]
    except FileNotFoundError:
        return []


def _is_media(path: PurePath) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES

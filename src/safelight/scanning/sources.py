"""Where files to scan come from: a file, a folder, or a bucket. Nothing is opened here, only fetched."""

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
    """One file that is to be scanned."""

    @property
    def name(self) -> str:
        """As it is shown: below the folder or prefix, and never where on this machine."""
        ...

    @property
    def location(self) -> str:
        """As whoever asked would write it."""
        ...

    def identity(self) -> str:
        """The same for the same bytes, and another for others. Raises `OSError`, `NotFound`."""
        ...

    def download(self, scratch: Path) -> Any:
        """A context manager that gives the file's path on this machine."""
        ...


@dataclass(frozen=True, kw_only=True)
class Source:
    """What was asked for: the files in order of name, and how many others lie beside them."""

    location: str
    files: tuple[SourceFile, ...]
    #: More than one file may come of it, whatever their number now.
    is_collection: bool
    #: Files passed by because their names are not those of clips or pictures.
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
    """An object; its bytes are fetched for the length of its scan, and removed."""

    store: ObjectStore
    key: str
    name: str
    location: str
    bytes: int
    #: What the store says of this version of it; empty: nothing that can be relied on.
    tag: str
    max_bytes: int

    def identity(self) -> str:
        # Tags are MD5, for which two files can be made that share one: name and time are part of it, too.
        return f"{self.key}:{self.tag}:{self.bytes}" if self.tag else ""

    @contextmanager
    def download(self, scratch: Path) -> Iterator[Path]:
        import obstore

        from safelight.store.object_store import translate_store_errors

        if self.bytes > self.max_bytes:
            raise TooLarge(f"The file has {self.bytes:,} bytes; at most {self.max_bytes:,} are fetched.")
        with TemporaryDirectory(dir=scratch, prefix="scan-") as folder:
            # Only the ending of its name: the rest is whatever somebody called it.
            path = Path(folder) / f"file{PurePosixPath(self.key).suffix.lower()[:8]}"
            with translate_store_errors(), path.open("wb") as file:
                done = 0
                for chunk in obstore.get(self.store, self.key).stream(min_chunk_size=_CHUNK):
                    done += file.write(chunk)
                    if done > self.max_bytes:
                        raise TooLarge(f"The file has more than {self.max_bytes:,} bytes.")
            yield path


def find_source(place: str, *, s3: Mapping[str, Any], most_bytes: int) -> Source:
    """The files at a path or `s3://bucket/prefix`. Raises `NotFound` where there are none to look at."""
    if place.startswith("s3://"):
        return _bucket(place, s3, most_bytes)
    path = Path(place)
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    return Source(location=place, files=(LocalFile(path=path, name=path.name),), is_collection=False)


def _folder(folder: Path) -> Source:
    every = sorted(file for file in folder.rglob("*") if file.is_file())
    files = tuple(
        LocalFile(path=file, name=file.relative_to(folder).as_posix()) for file in every if _is_media(file)
    )
    if not files:
        raise NotFound(f"There is no video or picture file in {folder}.")
    return Source(location=str(folder), files=files, is_collection=True, skipped=len(every) - len(files))


def _bucket(url: str, options: Mapping[str, Any], most_bytes: int) -> Source:
    import obstore

    from safelight.store.object_store import open_object_store, translate_store_errors

    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    # Opened at the bucket: the address may name one object, or a prefix that ends within a name.
    _, store = open_object_store(f"s3://{bucket}", options)
    with translate_store_errors():
        listed = sorted(
            (item for page in obstore.list(store, prefix=prefix.strip("/") or None) for item in page),
            key=lambda item: item["path"],
        )
        if not listed and prefix:
            listed = _one(store, prefix)
    files = tuple(
        BucketFile(
            store=store,
            key=item["path"],
            name=item["path"].removeprefix(prefix).strip("/") or PurePosixPath(item["path"]).name,
            location=f"s3://{bucket}/{item['path']}",
            bytes=item["size"],
            tag=f"{item['e_tag']} {item['last_modified'].isoformat()}" if item["e_tag"] else "",
            max_bytes=most_bytes,
        )
        for item in listed
        if _is_media(PurePosixPath(item["path"])) or item["path"] == prefix
    )
    if not files:
        raise NotFound(f"There is no video or picture file in {url}.")
    many = not (len(files) == 1 and files[0].key == prefix)
    return Source(location=url, files=files, is_collection=many, skipped=len(listed) - len(files))


def _one(store: ObjectStore, key: str) -> list[Any]:
    """An object by its very name: a listing is of what lies below."""
    import obstore

    try:
        return [obstore.head(store, key)]
    except FileNotFoundError:
        return []


def _is_media(path: PurePath) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES

"""Finds files to scan in a file path, a folder or an S3 bucket, and downloads them.

Only the first bytes of a file are read here, to recognize media that have another name.
"""

from __future__ import annotations

import os
import re
import stat
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePath, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

from safelight.core.errors import ConfigurationError, InvalidMedia, NotFound, TooLarge
from safelight.core.fileio import path_as_text, sha256_file
from safelight.media.signatures import HEAD_BYTES, is_media

if TYPE_CHECKING:
    from obstore.store import ObjectStore

#: A file with one of these suffixes is reported in any case, even if its format is not scanned. `.ts` is
#: missing, because programs in TypeScript have it too: such a file is recognized by its content.
_MEDIA_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in re.findall(
        r"\S+",
        "png jpg jpeg webp gif bmp tif tiff heic heif avif jxl mp4 m4v mov webm mkv avi wmv asf flv mpg mpeg "
        "m2ts mts vob 3gp 3g2 ogv mxf rm mp3 wav flac ogg m4a aac opus",
    )
)

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
    #: Names of the files that were skipped, because neither name nor content is that of a media file.
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LocalFile:
    path: Path
    name: str

    @property
    def location(self) -> str:
        return _as_text(self.path)

    def identity(self) -> str:
        return f"sha256:{sha256_file(self.path)}"

    @contextmanager
    def download(self, scratch: Path) -> Iterator[Path]:
        with path_as_text(self.path, scratch) as path:
            yield path


@dataclass(frozen=True, kw_only=True)
class UnreadableEntry:
    """An entry of a folder that is no file, such as a link to nothing. It gets a row with the reason."""

    name: str
    location: str
    problem: str

    def identity(self) -> str:
        return ""

    def download(self, scratch: Path) -> Any:
        raise InvalidMedia(self.problem)


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

        from safelight.core.object_store import translate_store_errors

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


@dataclass(frozen=True)
class Shard:
    """One of `total` parts of an archive. A name is in the same part on every machine and in every run."""

    number: int
    total: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read "2/8". Raises `ConfigurationError`."""
        number, _, total = text.partition("/")
        if not (number.isdecimal() and total.isdecimal() and 1 <= int(number) <= int(total)):
            raise ConfigurationError(f"The shard {text} is not I/N with I from 1 to N, such as 2/8.")
        return cls(int(number), int(total))

    def includes(self, name: str) -> bool:
        return zlib.crc32(name.encode("utf-8", "surrogateescape")) % self.total == self.number - 1

    def select(self, source: Source) -> Source:
        """The files of the source that are in this part."""
        return replace(
            source,
            location=f"{source.location}#{self.number}/{self.total}",
            files=tuple(one for one in source.files if self.includes(one.name)),
            is_collection=True,
            skipped=tuple(filter(self.includes, source.skipped)),
        )


def find_source(
    places: Sequence[str], *, s3: Mapping[str, Any], max_bytes: int, own_data: Path | None = None
) -> Source:
    """The files at paths or `s3://bucket/prefix`. Raises `NotFound` if there are none to scan.

    `own_data`: the folder of this installation, which is left out of a folder that contains it.
    """
    if len(places) > 1:
        return find_each(places, s3=s3, max_bytes=max_bytes, own_data=own_data)
    place = places[0]
    if place.startswith("s3://"):
        return _bucket(place, s3, max_bytes)
    path = Path(place)
    if path.is_dir():
        return _folder(path, own_data)
    if problem := _obstacle(path):
        raise NotFound(f"There is no file {_as_text(path)}. {problem}".rstrip())
    return Source(
        location=place,
        files=(LocalFile(path=path, name=_as_text(PurePath(path.name))),),
        is_collection=False,
    )


def find_each(
    places: Sequence[str], *, s3: Mapping[str, Any], max_bytes: int, own_data: Path | None = None
) -> Source:
    """The files of any number of places, each once. A place without a file is an entry with the reason.

    Names are relative to the folder that contains all of them.
    """
    parents = [Path(place).absolute().parent for place in places if not place.startswith("s3://")]
    root = os.path.commonpath(parents) if parents else ""
    files: dict[str, SourceFile] = {}
    skipped: list[str] = []
    for place in dict.fromkeys(places):
        try:
            found = find_source([place], s3=s3, max_bytes=max_bytes, own_data=own_data)
        except NotFound as error:
            named = _as_text(PurePath(place))
            files[named] = UnreadableEntry(name=PurePath(named).name, location=named, problem=error.message)
            continue
        skipped += found.skipped
        for one in found.files:
            if isinstance(one, LocalFile):
                name = _as_text(PurePath(os.path.relpath(one.path.absolute(), root)))
                files[str(one.path.absolute())] = replace(one, name=name)
            else:
                files[one.location] = one
    location = ", ".join(_as_text(PurePath(place)) for place in places)
    return Source(location=location, files=tuple(files.values()), is_collection=True, skipped=tuple(skipped))


def _folder(folder: Path, own_data: Path | None) -> Source:
    files: list[SourceFile] = []
    skipped: list[str] = []
    for path, problem in sorted(_walk(folder, own_data)):
        name = _as_text(PurePosixPath(path.relative_to(folder).as_posix()))
        if problem:
            files.append(UnreadableEntry(name=name, location=_as_text(path), problem=problem))
        elif _has_media_name(path) or _may_be_media(path):
            files.append(LocalFile(path=path, name=name))
        else:
            skipped.append(name)
    if not files:
        raise NotFound(f"No video or image file is in {_as_text(folder)}.")
    return Source(location=_as_text(folder), files=tuple(files), is_collection=True, skipped=tuple(skipped))


def _walk(folder: Path, own_data: Path | None) -> Iterator[tuple[Path, str]]:
    """Every entry below a folder, with the reason why it cannot be scanned, or "". Links to folders are not
    followed, because they can form a loop, and a folder above the installation's own data leaves them out.
    """
    own = own_data.resolve() if own_data is not None else None
    folders = [folder]
    while folders:
        current = folders.pop()
        try:
            with os.scandir(current) as entries:
                for entry in entries:
                    path = current / entry.name
                    if entry.is_dir(follow_symlinks=False):
                        if path.resolve() != own:
                            folders.append(path)
                    else:
                        yield path, _obstacle(path)
        except OSError as error:
            yield current, f"The folder cannot be opened: {error.strerror}."


def _obstacle(path: Path) -> str:
    """Why a path is no file that can be read; "" if it is one, or if nothing is known about it."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "It is a link to nothing." if path.is_symlink() else "Nothing has this name."
    except OSError as error:
        return f"It cannot be opened: {error.strerror}."
    if stat.S_ISREG(mode):
        return ""
    if stat.S_ISDIR(mode):
        return "It is a link to a folder, which is not followed. Scan that folder by its own path."
    if stat.S_ISFIFO(mode):
        return "It is a pipe, not a file."
    return "It is a socket, not a file." if stat.S_ISSOCK(mode) else "It is a device, not a file."


def _may_be_media(path: Path) -> bool:
    """Whether the first bytes are those of a media file. Also true if they cannot be read."""
    try:
        with path.open("rb") as file:
            return is_media(file.read(HEAD_BYTES))
    except OSError:
        return True


def _as_text(path: PurePath) -> str:
    """The path as Unicode text. Bytes that are not UTF-8 are replaced, so that it can always be printed."""
    return os.fsencode(path).decode("utf-8", "replace")


def _bucket(url: str, options: Mapping[str, Any], max_bytes: int) -> Source:
    import obstore

    from safelight.core.object_store import open_object_store, translate_store_errors

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
    files: list[BucketFile] = []
    skipped: list[str] = []
    for item in objects:
        name = item["path"].removeprefix(prefix).strip("/") or PurePosixPath(item["path"]).name
        if not (item["path"] == prefix or _is_media_object(store, item)):
            skipped.append(name)
            continue
        files.append(
            BucketFile(
                store=store,
                key=item["path"],
                name=name,
                location=f"s3://{bucket}/{item['path']}",
                bytes=item["size"],
                tag=f"{item['e_tag']} {item['last_modified'].isoformat()}" if item["e_tag"] else "",
                max_bytes=max_bytes,
            )
        )
    if not files:
        raise NotFound(f"No video or image file is in {url}.")
    is_collection = not (len(files) == 1 and files[0].key == prefix)
    return Source(location=url, files=tuple(files), is_collection=is_collection, skipped=tuple(skipped))


def _is_media_object(store: ObjectStore, item: Any) -> bool:
    """Whether an object is media by its name, or else by its first bytes, which one small request reads."""
    import obstore

    from safelight.core.object_store import translate_store_errors

    if _has_media_name(PurePosixPath(item["path"])):
        return True
    if not item["size"]:
        return False
    with translate_store_errors():
        length = min(item["size"], HEAD_BYTES)
        return is_media(bytes(obstore.get_range(store, item["path"], start=0, length=length)))


def _single_object(store: ObjectStore, key: str) -> list[Any]:
    """The object with exactly this key; a listing returns only objects below a prefix."""
    import obstore

    try:
        return [obstore.head(store, key)]
    except FileNotFoundError:
        return []


def _has_media_name(path: PurePath) -> bool:
    return path.suffix.lower() in _MEDIA_SUFFIXES

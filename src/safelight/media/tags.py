"""Reads the tags of a clip, such as its title and comment, and the titles of its chapters.

Runs only inside a sandboxed child.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

#: Tags that programs write and that say nothing about the content.
_TECHNICAL = frozenset(
    {
        *("major_brand", "minor_version", "compatible_brands", "encoder", "creation_time", "handler_name"),
        *("vendor_id", "language", "duration", "bps", "number_of_frames", "number_of_bytes", "alpha_mode"),
        *("timecode", "reel_name", "uid", "mimetype", "filename", "rotate", "stereo_mode", "date"),
    }
)
_STATISTICS_PREFIX = "_statistics"
#: Maximum number of characters of all texts together.
_MAX_CHARS = 8_000


class FileTag(msgspec.Struct, frozen=True, kw_only=True):
    """One text in the file: `name` is for example `title` or `chapter 2`."""

    name: str
    text: str


class FileTags(msgspec.Struct, frozen=True, kw_only=True):
    """The texts in a file, and the number of texts that were not read because there is too much text."""

    tags: tuple[FileTag, ...] = ()
    unread: int = 0


def read_tags(container: Any) -> FileTags:
    """Read the tags of the file and its tracks, and the titles of the chapters. A text counts once."""
    tags: list[FileTag] = []
    seen: set[str] = set()
    chars = unread = 0
    for tag in _all_tags(container):
        if tag.text in seen:
            continue
        seen.add(tag.text)
        chars += len(tag.text)
        if chars > _MAX_CHARS:
            unread += 1
        else:
            tags.append(tag)
    return FileTags(tags=tuple(tags), unread=unread)


def _all_tags(container: Any) -> Iterator[FileTag]:
    for metadata in (container.metadata, *(stream.metadata for stream in container.streams)):
        for key, value in metadata.items():
            name = key.casefold().partition("-")[0]
            if value.strip() and name not in _TECHNICAL and not name.startswith(_STATISTICS_PREFIX):
                yield FileTag(name=name, text=value)
    for number, chapter in enumerate(container.chapters(), 1):
        if title := chapter.get("metadata", {}).get("title", "").strip():
            yield FileTag(name=f"chapter {number}", text=title)

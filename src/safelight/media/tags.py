"""Reads the tags of a clip, such as its title and comment, and the titles of its chapters.

Runs only inside a sandboxed child.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

_DATE = r"[\d:.TZ+ -]+"
_NUMBER = r"-?\d+"
#: Tags that programs write and that say nothing about the content, with the form of their values. A value of
#: another form is read like any other text.
_TECHNICAL = {
    name: re.compile(form, re.ASCII)
    for name, form in {
        "major_brand": r"[\w ]{4}",
        "minor_version": _NUMBER,
        "compatible_brands": r"(?:[\w ]{4}){1,10}",
        "encoder": r"Lav[cf][\d.]+(?: [a-z0-9_-]{1,16})?",
        "creation_time": _DATE,
        "date": _DATE,
        "handler_name": r"(?:Video|Sound|Audio|Subtitle|Text|Data|TimeCode)Handler"
        r"|Core Media (?:Video|Audio|Time Code|Metadata|Data Handler)",
        "vendor_id": r"(?:\[\d+\]|[\w ]){4}",
        "language": r"[A-Za-z]{2,3}(?:-[A-Za-z]{2,4})?",
        "duration": r"[\d:.]+",
        "bps": _NUMBER,
        "number_of_frames": _NUMBER,
        "number_of_bytes": _NUMBER,
        "alpha_mode": _NUMBER,
        "rotate": _NUMBER,
        "uid": r"[\dA-Fa-f]+",
        "timecode": r"[\d:;.]+",
        "_statistics_tags": r"(?:BPS|DURATION|NUMBER_OF_FRAMES|NUMBER_OF_BYTES| )+",
        "_statistics_writing_date_utc": _DATE,
    }.items()
}
_MAX_TECHNICAL_CHARS = 64
#: Maximum number of characters of all texts together, and of texts.
_MAX_CHARS, _MAX_TAGS = 8_000, 100


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
        if chars > _MAX_CHARS or len(tags) >= _MAX_TAGS:
            unread += 1
        else:
            tags.append(tag)
    return FileTags(tags=tuple(tags), unread=unread)


def _all_tags(container: Any) -> Iterator[FileTag]:
    for metadata in (container.metadata, *(stream.metadata for stream in container.streams)):
        for key, value in metadata.items():
            name = key.casefold().partition("-")[0]
            if value.strip() and not _is_technical(name, value):
                yield FileTag(name=name, text=value)
    for number, chapter in enumerate(container.chapters(), 1):
        if title := chapter.get("metadata", {}).get("title", "").strip():
            yield FileTag(name=f"chapter {number}", text=title)


def _is_technical(name: str, value: str) -> bool:
    form = _TECHNICAL.get(name)
    return form is not None and len(value) <= _MAX_TECHNICAL_CHARS and bool(form.fullmatch(value))

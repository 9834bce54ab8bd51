"""Reads the files of a request once, so that the request can be sent more than once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any


def read_files(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with each file in them as `(name, bytes)` or `(name, bytes, media type)`.

    A file is a path, an open file, or a tuple that has one of them or bytes as its second item.
    """
    return {name: _read(str(name), value) for name, value in fields.items()}


def _read(name: str, value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _read(str(key), inner) for key, inner in value.items()}
    if isinstance(value, tuple) and len(value) >= 2 and (content := _content(value[1])) is not None:
        return (value[0], content, *value[2:])
    if isinstance(value, list | tuple):
        read = [_read(name, inner) for inner in value]
        return read if isinstance(value, list) else tuple(read)
    content = None if isinstance(value, bytes) else _content(value)
    return value if content is None else (_file_name(name, value), content)


def _content(value: object) -> bytes | None:
    """The bytes of a file; None if the value is no file."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, Path):
        return value.read_bytes()
    read = getattr(value, "read", None)
    if not callable(read):
        return None
    data = read()
    return data.encode() if isinstance(data, str) else bytes(data)


def _file_name(name: str, value: object) -> str:
    return PurePath(str(value if isinstance(value, Path) else getattr(value, "name", name))).name

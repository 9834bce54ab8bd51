"""Searches a file for the bytes of a manifest. Nothing is decoded, so files of any origin can be searched."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from pathlib import Path

#: Byte sequences of a manifest: the id of its MP4 box, and the types of the inner boxes, which are the same
#: in all formats.
_TRACES = (bytes.fromhex("d8fec3d61b0e483c92975828877ec481"), b"jumbc2pa", b"jumdc2pa")


def has_manifest_traces(path: Path) -> bool:
    """Whether the file contains a byte sequence of a manifest, which may be damaged."""
    return _contains(path, _TRACES)


def names_manifest(path: Path, manifest_id: str) -> bool:
    """Whether the file contains the identifier of a manifest, as a file does that has this manifest."""
    return bool(manifest_id) and _contains(path, [manifest_id.encode()])


def _contains(path: Path, wanted: Iterable[bytes]) -> bool:
    if path.stat().st_size == 0:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return any(data.find(one) >= 0 for one in wanted)

"""Opens evidence packs, which anybody may have written, in a sandboxed child."""

from __future__ import annotations

import lzma
import re
import stat
import zipfile
import zlib
from typing import Any

from safelight.core.errors import BadInput

#: The names of the files in a pack: no folders.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MAX_FILES = 32
#: The files of a pack together, unpacked.
MAX_BYTES = 48 << 20

#: What `zipfile` raises for a damaged archive: ValueError for a name that is not UTF-8.
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError, ValueError)


def read_pack(argument: dict[str, Any], _channel: Any) -> dict[str, bytes]:
    """The files of the pack at `path` by name. Raises `BadInput`."""
    try:
        with zipfile.ZipFile(argument["path"]) as archive:
            entries = archive.infolist()
            _check_entries(entries)
            return {one.filename: archive.read(one) for one in entries}
    except _DAMAGED as error:
        raise BadInput("The pack is no zip file, or it is cut off or damaged.") from error


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_FILES or sum(one.file_size for one in entries) > MAX_BYTES:
        raise BadInput(f"The pack has more than {MAX_FILES} files or {MAX_BYTES >> 20} MiB.")
    names = [one.filename for one in entries]
    for one in entries:
        kind = stat.S_IFMT(one.external_attr >> 16)
        if not NAME.fullmatch(one.orig_filename) or kind not in (0, stat.S_IFREG):
            raise BadInput(f"{one.orig_filename[:80]!r} is no plain file at the top of the pack.")
        if names.count(one.filename) > 1:
            raise BadInput(f"{one.filename} is in the pack twice.")
        if one.flag_bits & 1:
            raise BadInput(f"{one.filename} is encrypted.")

"""A cache of scan results, so that an interrupted scan of a folder continues with the next file.

The cache file has one JSON document per line. A line is written after each file, so that an interruption
loses no results.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from safelight.core import canonical_json
from safelight.core.fileio import append_line, write_atomic

from .file_scan import FileReport


class CacheEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A scan report, with the identity of the file and the hash of the ruleset for which it is valid."""

    identity: str
    rules: str
    report: FileReport


class ScanCache:
    """Scan reports by file identity, for one ruleset. `path` is the cache file."""

    def __init__(self, path: Path, rules: str) -> None:
        self._path = path
        self._rules = rules
        self._known = {line.identity: line.report for line in _lines(path) if line.rules == rules}
        self._now: dict[str, FileReport] = {}

    def get(self, identity: str, name: str) -> FileReport | None:
        """The cached report on this file, with the current name of the file. None if it must be scanned."""
        found = self._known.get(identity) if identity else None
        if found is None:
            return None
        self._now[identity] = found
        return msgspec.structs.replace(found, name=name)

    def put(self, identity: str, report: FileReport) -> None:
        """Store a report, also that a file is damaged. If the scan failed for another reason, nothing is
        stored, so that the next scan tries the file again.
        """
        is_final = report.rejected or (report.verdict is not None and not report.scan.get("failure"))
        if not identity or not is_final:
            return
        self._known[identity] = self._now[identity] = report
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        append_line(self._path, _encoded(identity, self._rules, report))

    def compact(self) -> None:
        """Remove the reports of deleted files and of other rulesets. Call this only after a complete scan."""
        lines = (_encoded(identity, self._rules, report) + b"\n" for identity, report in self._now.items())
        write_atomic(self._path, lines)


def ruleset_fingerprint(parts: Mapping[str, Any], folders: Iterable[Path]) -> str:
    """The hash of everything that a verdict depends on, except the file itself.

    It covers `parts` and all files in `folders`.
    """
    entries = []
    for folder in sorted(folders):
        for path in sorted([folder, *folder.rglob("*")]):
            with contextlib.suppress(OSError):
                facts = path.stat()
                entries.append((str(path), facts.st_size, facts.st_mtime_ns))
    document = canonical_json.encode({"parts": parts, "files": entries}, enc_hook=str)
    return hashlib.sha256(document).hexdigest()


def _encoded(identity: str, rules: str, report: FileReport) -> bytes:
    return msgspec.json.encode(CacheEntry(identity=identity, rules=rules, report=report))


def _lines(path: Path) -> Iterable[CacheEntry]:
    # Reading a device or a pipe would never end, so only regular files are read.
    if not path.is_file():
        return
    document = path.read_bytes()
    decoder = msgspec.json.Decoder(CacheEntry)
    for line in document.splitlines():
        # A truncated line, or a line that another version wrote, is ignored.
        with contextlib.suppress(msgspec.DecodeError):
            yield decoder.decode(line)

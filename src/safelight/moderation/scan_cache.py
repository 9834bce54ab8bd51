"""What was looked at before, so that a folder's next scan goes on where the last one ended.

One JSON document per line, written as each file is done: whatever ends the scan, what is done stays.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from safelight import canonical_json
from safelight.fileio import append_line, write_atomic

from .file_scan import FileReport


class CacheEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One report, with the bytes and the rules it holds for."""

    identity: str
    rules: str
    report: FileReport


class ScanCache:
    """Reports by identity of the bytes, under one set of rules. `path`: where they are kept."""

    def __init__(self, path: Path, rules: str) -> None:
        self._path = path
        self._rules = rules
        self._known = {line.identity: line.report for line in _lines(path) if line.rules == rules}
        self._now: dict[str, FileReport] = {}

    def get(self, identity: str, name: str) -> FileReport | None:
        """The report on these bytes, under the name they have now; None: they have to be looked at."""
        found = self._known.get(identity) if identity else None
        if found is None:
            return None
        self._now[identity] = found
        return msgspec.structs.replace(found, name=name)

    def put(self, identity: str, report: FileReport) -> None:
        """Write a report down. Where the scan itself failed it is not kept: next time may go better."""
        if not identity or report.verdict is None or report.scan.get("failure"):
            return
        self._known[identity] = self._now[identity] = report
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        append_line(self._path, _encoded(identity, self._rules, report))

    def compact(self) -> None:
        """After a whole pass: forget what is no longer there, or was judged by other rules."""
        lines = (_encoded(identity, self._rules, report) + b"\n" for identity, report in self._now.items())
        write_atomic(self._path, lines)


def ruleset_fingerprint(parts: Mapping[str, Any], folders: Iterable[Path]) -> str:
    """One word for everything a verdict depends on beside the bytes: `parts`, and the files in `folders`."""
    listed = []
    for folder in sorted(folders):
        for path in sorted([folder, *folder.rglob("*")]):
            with contextlib.suppress(OSError):
                facts = path.stat()
                listed.append((str(path), facts.st_size, facts.st_mtime_ns))
    document = canonical_json.encode({"parts": parts, "files": listed}, enc_hook=str)
    return hashlib.sha256(document).hexdigest()


def _encoded(identity: str, rules: str, report: FileReport) -> bytes:
    return msgspec.json.encode(CacheEntry(identity=identity, rules=rules, report=report))


def _lines(path: Path) -> Iterable[CacheEntry]:
    # A device or a pipe would be read for ever.
    if not path.is_file():
        return
    document = path.read_bytes()
    decoder = msgspec.json.Decoder(CacheEntry)
    for line in document.splitlines():
        # A line that was cut off, or is of another version's shape, is as good as none.
        with contextlib.suppress(msgspec.DecodeError):
            yield decoder.decode(line)

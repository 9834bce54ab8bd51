"""Parser for files with hash lists: ThreatExchange JSON, CSV with or without a header, or one hash per
line.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safelight.core.errors import InvalidField

from .hash_lists import HashKind, HashTable
from .pdq import MIN_QUALITY

_HEX = re.compile(r"[0-9a-fA-F]+")
#: Names for the kinds of hashes in published hash lists.
_KINDS = {
    "pdq": HashKind.PDQ,
    "hash_pdq": HashKind.PDQ,
    "md5": HashKind.MD5,
    "hash_md5": HashKind.MD5,
    "video_md5": HashKind.MD5,
    "hash_video_md5": HashKind.MD5,
    "sha256": HashKind.SHA256,
    "hash_sha256": HashKind.SHA256,
}
_VALUE_KEYS = ("hash", "signal_value", "signal_str", "signal", "raw_indicator", "indicator", "value")
_TYPE_KEYS = ("type", "signal_type", "hash_type", "kind")
_LIST_KEYS = ("data", "threat_updates", "indicators", "signals", "hashes")


@dataclass(frozen=True, kw_only=True)
class ParsedHashList:
    """Content of a hash file: hashes to add, hashes that the publisher withdrew, and problems of the
    remaining rows.
    """

    hashes: HashTable
    withdrawn: HashTable
    #: Number of PDQ rows that are skipped because their quality is too low for matching.
    low_quality: int
    duplicates: int
    problems: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Row:
    number: int
    value: str
    kind: str = ""
    quality: str = ""
    deleted: bool = False


def parse_hash_file(source: Path, *, kind: HashKind | None = None) -> ParsedHashList:
    """Read the hashes of a file.

    `kind` applies to rows that do not name a kind; by default, 64 hexadecimal digits are PDQ and 32 are MD5.
    Raises `InvalidField` if the file cannot be read at all. An invalid row is only listed as a problem.
    """
    try:
        text = source.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidField(f"{source} cannot be read as text: {error}.", param="file") from error
    begins = text.lstrip()[:1]
    try:
        rows = list(_parse_json(text) if begins in {"{", "["} else _parse_lines(text))
    except (ValueError, csv.Error) as error:
        raise InvalidField(f"{source} is not a list of hashes: {error}.", param="file") from error
    return _classify_rows(rows, kind)


def _classify_rows(rows: Iterable[_Row], default: HashKind | None) -> ParsedHashList:
    added: dict[HashKind, set[bytes]] = {each: set() for each in HashKind}
    withdrawn: dict[HashKind, set[bytes]] = {each: set() for each in HashKind}
    low_quality, duplicates, problems = 0, 0, []
    for row in rows:
        try:
            kind, hashed = _parse_hash(row, default)
            quality = float(row.quality) if row.quality else 100.0
        except ValueError as error:
            problems.append(f"row {row.number}: {error}")
            continue
        if row.deleted:
            withdrawn[kind].add(hashed)
        elif kind is HashKind.PDQ and quality < MIN_QUALITY:
            low_quality += 1
        elif hashed in added[kind]:
            duplicates += 1
        else:
            added[kind].add(hashed)
    return ParsedHashList(
        hashes=_freeze(added),
        withdrawn=_freeze(withdrawn),
        low_quality=low_quality,
        duplicates=duplicates,
        problems=tuple(problems),
    )


def _parse_hash(row: _Row, default: HashKind | None) -> tuple[HashKind, bytes]:
    if not _HEX.fullmatch(row.value):
        raise ValueError("not a hexadecimal hash")
    if row.kind:
        named = _KINDS.get(row.kind.strip().casefold())
        if named is None:
            raise ValueError(f"hashes of the type {row.kind[:40]!r} are not supported")
        kind = named
    else:
        kind = default or (HashKind.MD5 if len(row.value) == HashKind.MD5.bytes * 2 else HashKind.PDQ)
    if len(row.value) != kind.bytes * 2:
        raise ValueError(f"{len(row.value)} digits; {kind.value} has {kind.bytes * 2}")
    return kind, bytes.fromhex(row.value)


def _parse_json(text: str) -> Iterator[_Row]:
    document: Any = json.loads(text)
    if isinstance(document, dict):
        rows = next((document[name] for name in _LIST_KEYS if isinstance(document.get(name), list)), None)
        if rows is None:
            raise ValueError(f"it has none of the lists {', '.join(_LIST_KEYS)}")
    else:
        rows = document
    for number, row in enumerate(rows, start=1):
        if isinstance(row, str):
            yield _Row(number=number, value=row.strip())
        elif isinstance(row, dict):
            yield _parse_object(number, row)
        else:
            yield _Row(number=number, value="")


def _parse_object(number: int, row: Mapping[str, Any]) -> _Row:
    inner = row.get("indicator")
    # A ThreatExchange descriptor has its hash in a nested `indicator` object.
    flat = {**row, **inner} if isinstance(inner, dict) else dict(row)
    value = next((flat[name] for name in _VALUE_KEYS if isinstance(flat.get(name), str)), "")
    kind = next((flat[name] for name in _TYPE_KEYS if isinstance(flat.get(name), str)), "")
    for name in _KINDS:
        if not value and isinstance(flat.get(name), str):
            value, kind = flat[name], name
    return _Row(
        number=number,
        value=value.strip(),
        kind=kind,
        quality=str(flat.get("quality", "")),
        deleted=bool(flat.get("should_delete")) or str(flat.get("status", "")).upper() == "DELETED",
    )


def _parse_lines(text: str) -> Iterator[_Row]:
    header: list[str] | None = None
    for number, cells in enumerate(csv.reader(text.splitlines()), start=1):
        row = [cell.strip() for cell in cells]
        if not any(row) or row[0].startswith("#"):
            continue
        if (
            header is None
            and not _HEX.fullmatch(row[0])
            and any(cell.casefold() in (*_VALUE_KEYS, *_KINDS) for cell in row)
        ):
            header = [cell.casefold() for cell in row]
            continue
        if header is None:
            yield _Row(number=number, value=row[0], quality=row[1] if len(row) > 1 else "")
        else:
            yield _parse_object(number, dict(zip(header, row, strict=False)))


def _freeze(found: Mapping[HashKind, set[bytes]]) -> HashTable:
    return HashTable(by_kind={kind: frozenset(values) for kind, values in found.items()})

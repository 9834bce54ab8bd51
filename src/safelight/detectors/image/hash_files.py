"""Hash lists as exchanges hand them out: ThreatExchange's JSON, CSV with or without a header, plain lines."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safelight.errors import InvalidField

from .hash_lists import HashKind, HashTable
from .pdq import QUALITY

_HEX = re.compile(r"[0-9a-fA-F]+")
#: Names of kinds as exchanges write them.
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
_VALUE = ("hash", "signal_value", "signal_str", "signal", "raw_indicator", "indicator", "value")
_TYPE = ("type", "signal_type", "hash_type", "kind")
_ROWS = ("data", "threat_updates", "indicators", "signals", "hashes")


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """What a file holds: hashes to add, hashes its maker took back, and why rows were left out."""

    hashes: HashTable
    withdrawn: HashTable
    #: Rows of PDQ whose quality is too low to match with.
    poor: int
    duplicates: int
    problems: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Row:
    number: int
    value: str
    kind: str = ""
    quality: str = ""
    deleted: bool = False


def parse(source: Path, *, kind: HashKind | None = None) -> Parsed:
    """The hashes in a file. `kind` is for what does not say itself: else 64 digits are PDQ, 32 are MD5.

    Raises `InvalidField` where the file cannot be read at all; a row that does not hold is a problem only.
    """
    try:
        text = source.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidField(f"{source} cannot be read as text: {error}.", param="file") from error
    begins = text.lstrip()[:1]
    try:
        rows = list(_of_json(text) if begins in {"{", "["} else _of_lines(text))
    except (ValueError, csv.Error) as error:
        raise InvalidField(f"{source} is no list of hashes: {error}.", param="file") from error
    return _sorted(rows, kind)


def _sorted(rows: Iterable[_Row], default: HashKind | None) -> Parsed:
    added: dict[HashKind, set[bytes]] = {each: set() for each in HashKind}
    gone: dict[HashKind, set[bytes]] = {each: set() for each in HashKind}
    poor, duplicates, problems = 0, 0, []
    for row in rows:
        try:
            kind, hashed = _hash(row, default)
            quality = float(row.quality) if row.quality else 100.0
        except ValueError as error:
            problems.append(f"row {row.number}: {error}")
            continue
        if row.deleted:
            gone[kind].add(hashed)
        elif kind is HashKind.PDQ and quality < QUALITY:
            poor += 1
        elif hashed in added[kind]:
            duplicates += 1
        else:
            added[kind].add(hashed)
    return Parsed(
        hashes=_frozen(added),
        withdrawn=_frozen(gone),
        poor=poor,
        duplicates=duplicates,
        problems=tuple(problems),
    )


def _hash(row: _Row, default: HashKind | None) -> tuple[HashKind, bytes]:
    if not _HEX.fullmatch(row.value):
        raise ValueError("no hexadecimal hash")
    if row.kind:
        named = _KINDS.get(row.kind.strip().casefold())
        if named is None:
            raise ValueError(f"hashes of the type {row.kind[:40]!r} are not matched here")
        kind = named
    else:
        kind = default or (HashKind.MD5 if len(row.value) == HashKind.MD5.bytes * 2 else HashKind.PDQ)
    if len(row.value) != kind.bytes * 2:
        raise ValueError(f"{len(row.value)} digits; {kind.value} has {kind.bytes * 2}")
    return kind, bytes.fromhex(row.value)


def _of_json(text: str) -> Iterator[_Row]:
    document: Any = json.loads(text)
    if isinstance(document, dict):
        rows = next((document[name] for name in _ROWS if isinstance(document.get(name), list)), None)
        if rows is None:
            raise ValueError(f"it has none of the lists {', '.join(_ROWS)}")
    else:
        rows = document
    for number, row in enumerate(rows, start=1):
        if isinstance(row, str):
            yield _Row(number=number, value=row.strip())
        elif isinstance(row, dict):
            yield _of_object(number, row)
        else:
            yield _Row(number=number, value="")


def _of_object(number: int, row: Mapping[str, Any]) -> _Row:
    inner = row.get("indicator")
    # A descriptor has its indicator as an object of its own.
    flat = {**row, **inner} if isinstance(inner, dict) else dict(row)
    value = next((flat[name] for name in _VALUE if isinstance(flat.get(name), str)), "")
    kind = next((flat[name] for name in _TYPE if isinstance(flat.get(name), str)), "")
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


def _of_lines(text: str) -> Iterator[_Row]:
    header: list[str] | None = None
    for number, cells in enumerate(csv.reader(text.splitlines()), start=1):
        row = [cell.strip() for cell in cells]
        if not any(row) or row[0].startswith("#"):
            continue
        if (
            header is None
            and not _HEX.fullmatch(row[0])
            and any(cell.casefold() in (*_VALUE, *_KINDS) for cell in row)
        ):
            header = [cell.casefold() for cell in row]
            continue
        if header is None:
            yield _Row(number=number, value=row[0], quality=row[1] if len(row) > 1 else "")
        else:
            yield _of_object(number, dict(zip(header, row, strict=False)))


def _frozen(found: Mapping[HashKind, set[bytes]]) -> HashTable:
    return HashTable(of={kind: frozenset(values) for kind, values in found.items()})

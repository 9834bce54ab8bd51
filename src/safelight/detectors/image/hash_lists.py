"""Hash lists of known content: one file per list in the operator's folder, replaced atomically.

There are three kinds of hashes. PDQ hashes match within a distance; SHA-256 and MD5 hashes of whole files
match exactly. The content that was hashed is never stored.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.core.errors import InvalidField
from safelight.detectors.list_folder import FolderStamp, ListFolder
from safelight.policy.findings import Basis, Finding, Match, Modality

from .pdq import MAX_DISTANCE_BITS, distances

NAME, VERSION = "hash-lists", "pdq-2"
SUFFIX = ".hashes"
#: Lists with such a name are written from the database. An operator's list cannot have one.
RESERVED_PREFIX = "safelight-"


class HashKind(StrEnum):
    PDQ = "pdq"
    SHA256 = "sha256"
    MD5 = "md5"

    @property
    def bytes(self) -> int:
        return 16 if self is HashKind.MD5 else 32


@dataclass(frozen=True, kw_only=True)
class HashTable:
    """Hashes by kind. The hashes of each kind are a set of raw bytes."""

    by_kind: Mapping[HashKind, frozenset[bytes]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(len(known) for known in self.by_kind.values())

    def get(self, kind: HashKind) -> frozenset[bytes]:
        return self.by_kind.get(kind, frozenset())


class HashList:
    """One list, read from its file. The file is memory-mapped, so that a lookup reads only the pages that
    it needs.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            header = file.readline(1 << 16)
            self._start = len(header)
        about = json.loads(header)
        self.name: str = about["name"]
        self.category: str = about["category"]
        self.imported_at: float = about["at"]
        #: The tenant for whose files the list counts; None: for those of all tenants.
        self.tenant: str | None = about.get("tenant")
        self.counts: dict[HashKind, int] = {HashKind(key): int(n) for key, n in about["counts"].items()}

    @property
    def size(self) -> int:
        """Size in bytes of a complete file, computed from its header."""
        return self._start + sum(count * kind.bytes for kind, count in self.counts.items())

    @cached_property
    def pdq(self) -> npt.NDArray[np.uint8]:
        """The PDQ hashes as an array of shape (n, 32)."""
        return self._section(HashKind.PDQ)

    def contains(self, kind: HashKind, hashed: bytes) -> bool:
        """Whether the list has exactly this hash."""
        rows = self._section(kind)
        place = bisect_left(range(len(rows)), hashed, key=lambda number: rows[number].tobytes())
        return place < len(rows) and rows[place].tobytes() == hashed

    def nearest(self, hashed: npt.NDArray[np.uint8]) -> tuple[int, str] | None:
        """Distance and first digits of the nearest PDQ hash; None if no hash is near enough to match."""
        if not len(self.pdq):
            return None
        bits = distances(self.pdq, hashed)
        place = int(bits.argmin())
        return (
            (int(bits[place]), _prefix(self.pdq[place].tobytes()))
            if bits[place] <= MAX_DISTANCE_BITS
            else None
        )

    def hashes(self) -> HashTable:
        """All hashes of the list."""
        return HashTable(
            by_kind={kind: frozenset(row.tobytes() for row in self._section(kind)) for kind in HashKind}
        )

    def _section(self, kind: HashKind) -> npt.NDArray[np.uint8]:
        start = self._start
        for each in HashKind:
            count = self.counts.get(each, 0)
            if each is kind:
                if not count:
                    return np.zeros((0, kind.bytes), np.uint8)
                return np.memmap(self._path, np.uint8, "r", offset=start, shape=(count, kind.bytes))
            start += count * each.bytes
        raise AssertionError(kind)


class HashLists:
    """The lists of one folder. Every call reads changed files again; `broken` names the invalid files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = ListFolder(folder, suffix=SUFFIX, noun="hash list")
        self._stamped: FolderStamp = ()
        self._lists: tuple[HashList, ...] = ()
        self._broken: tuple[str, ...] = ()

    def all(self) -> tuple[HashList, ...]:
        """All readable lists, ordered by name."""
        self._refresh()
        return self._lists

    @property
    def broken(self) -> tuple[str, ...]:
        """Files of this folder that are not valid lists."""
        self._refresh()
        return self._broken

    def get(self, name: str) -> HashList:
        """The list of this name. Raises `NotFound`."""
        return HashList(self.files.existing(name))

    def check_name(self, name: str) -> None:
        """Raise `InvalidField` if a list of an operator cannot have this name."""
        self.files.path(name)
        if name.startswith(RESERVED_PREFIX):
            raise InvalidField(
                f"Names that begin with {RESERVED_PREFIX!r} are kept for the lists of removed videos.",
                param="name",
            )

    def put(
        self, name: str, category: str, hashes: HashTable, *, at: float, tenant: str | None = None
    ) -> HashList:
        """Write or replace the list of this name. Without `tenant` it counts for all."""
        sections = [np.array(sorted(hashes.get(kind)), dtype=f"V{kind.bytes}").tobytes() for kind in HashKind]
        about = {
            "name": name,
            "category": category,
            "at": at,
            "tenant": tenant,
            "counts": {kind.value: len(hashes.get(kind)) for kind in HashKind},
        }
        return HashList(self.files.write(name, [json.dumps(about).encode() + b"\n", *sections]))

    def remove(self, name: str) -> int:
        """Delete a list and return how many hashes it had. Raises `NotFound`."""
        count = sum(self.get(name).counts.values())
        self.files.remove(name)
        return count

    def find_file(
        self, path: Path, sha256: str, *, modality: Modality, source: str = ""
    ) -> tuple[Finding, ...]:
        """One finding for each list that contains the hash of this file. Reads the file only to compute
        its MD5.
        """
        lists = self.all()
        wanted: dict[HashKind, bytes] = {HashKind.SHA256: bytes.fromhex(sha256)}
        if any(one.counts.get(HashKind.MD5) for one in lists):
            with path.open("rb") as file:
                md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
            wanted[HashKind.MD5] = md5.digest()
        return tuple(
            make_finding(one, _prefix(hashed), 0, modality=modality, source=source)
            for one in lists
            for kind, hashed in wanted.items()
            if one.contains(kind, hashed)
        )

    def _refresh(self) -> None:
        stamp = self.files.stamp()
        if stamp == self._stamped:
            return
        lists, broken = [], []
        for name, _, size in stamp:
            try:
                one = HashList(self.files.folder / name)
                if size != one.size:
                    raise ValueError("the file does not have the size that its header gives")
                lists.append(one)
            except (OSError, ValueError, KeyError, TypeError):
                broken.append(name)
        self._stamped, self._lists, self._broken = stamp, tuple(lists), tuple(broken)


def make_finding(
    one: HashList, entry: str, distance: int, *, modality: Modality, source: str = ""
) -> Finding:
    """Make the finding for a match. The baseline of every policy blocks findings whose attribute `kind` is
    `hash`.
    """
    attributes: dict[str, Any] = {"kind": "hash", "list": one.name}
    if one.tenant is not None:
        attributes["tenant"] = one.tenant
    return Finding(
        category=one.category,
        score=1.0,
        modality=modality,
        detector=NAME,
        version=VERSION,
        basis=Basis.MATCHED,
        reason="The content is on a list of known content.",
        evidence=(Match(list=one.name, entry=entry, distance=distance),),
        attributes={**attributes, "source": source} if source else attributes,
    )


def _prefix(hashed: bytes) -> str:
    """The first digits of a hash: enough to find its row again, too few to match other content."""
    return hashed.hex()[:12]

"""Logos and hash lists that the operator has enrolled for detection."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from safelight.accounts import OPERATOR
from safelight.core.errors import InvalidField, InvalidMedia, SandboxCrashed
from safelight.detectors.image.enrolment import make_views
from safelight.detectors.image.hash_files import parse_hash_file
from safelight.detectors.image.hash_lists import HashKind, HashLists, HashTable
from safelight.detectors.image.logo_store import (
    MAX_VIEWS,
    EnrolledLogo,
    LogoKind,
    LogoStore,
    LogoView,
    check_words,
)
from safelight.media.sandbox.confinement import Limits
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.sandbox import Sandbox
from safelight.policy.findings import Taxonomy
from safelight.store.database import Database

# Adds and removes logos and hash lists. Every change is recorded in the audit log.
#
# Detectors read logos and hash lists from files.

_LIMITS = Limits(wall_s=60.0, cpu_s=60, memory_bytes=2 << 30)


@dataclass(frozen=True, kw_only=True)
class HashListImport:
    """The result of importing a hash file into a hash list."""

    name: str
    category: str
    added: int
    already_known: int
    #: Number of hashes removed from the list, because the file marks them as withdrawn.
    withdrawn: int
    #: Number of PDQ hashes that were skipped because of their low quality.
    low_quality: int
    problems: tuple[str, ...]
    counts: dict[str, int]


class Enrolments:
    """The logos and hash lists of one installation."""

    def __init__(
        self,
        database: Database,
        *,
        hash_lists: HashLists,
        marks: LogoStore,
        sandbox: Sandbox,
        taxonomy: Taxonomy,
    ) -> None:
        self._database = database
        self._sandbox = sandbox
        self._taxonomy = taxonomy
        self.hash_lists = hash_lists
        self.logos = marks

    def import_hashes(
        self,
        source: Path,
        *,
        name: str,
        category: str,
        kind: HashKind | None = None,
    ) -> HashListImport:
        """Add the hashes of a file to a hash list, and remove those that the file marks as withdrawn.

        The list is created if it does not exist. Raises `InvalidField` for an unknown category, for a
        category that differs from that of the list, and for a file that is not a hash list.
        """
        if category not in self._taxonomy:
            raise InvalidField(f"There is no category {category!r}.", param="category")
        self.hash_lists.check_name(name)
        parsed = parse_hash_file(source, kind=kind)
        with self._database.across_tenants("importing hashes") as tx:
            existing = next((one for one in self.hash_lists.all() if one.name == name), None)
            if existing is not None and existing.category != category:
                raise InvalidField(
                    f"The list {name!r} exists already, with the category {existing.category!r}.",
                    param="category",
                    remedy="Choose another name, or remove the existing list first.",
                )
            before = existing.hashes() if existing is not None else HashTable()
            after = HashTable(
                by_kind={
                    each: (before.get(each) | parsed.hashes.get(each)) - parsed.withdrawn.get(each)
                    for each in HashKind
                }
            )
            added = sum(len(after.get(each) - before.get(each)) for each in HashKind)
            removed = sum(len(before.get(each) - after.get(each)) for each in HashKind)
            counts = {each.value: len(after.get(each)) for each in HashKind}
            if added or removed or existing is None:
                self.hash_lists.put(name, category, after, at=tx.now())
            tx.append_audit(
                "hashes.imported",
                subject=f"hashes:{name}",
                actor=OPERATOR,
                tenant=None,
                content={
                    "category": category,
                    "file_sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
                    "added": added,
                    "withdrawn": removed,
                    "counts": counts,
                },
            )
        return HashListImport(
            name=name,
            category=category,
            added=added,
            already_known=len(parsed.hashes) - added + parsed.duplicates,
            withdrawn=removed,
            low_quality=parsed.low_quality,
            problems=parsed.problems,
            counts=counts,
        )

    def remove_hashes(self, name: str) -> int:
        """Remove a hash list. Returns the number of hashes that it had. Raises `NotFound`."""
        with self._database.across_tenants("removing hashes") as tx:
            category = self.hash_lists.get(name).category
            count = self.hash_lists.remove(name)
            tx.append_audit(
                "hashes.removed",
                subject=f"hashes:{name}",
                actor=OPERATOR,
                tenant=None,
                content={"category": category, "hashes": count},
            )
        return count

    def add_logo(
        self,
        name: str,
        files: Sequence[Path],
        *,
        kind: LogoKind = LogoKind.BRAND,
        words: tuple[str, ...] = (),
    ) -> EnrolledLogo:
        """Add a logo with pictures, words, or both. If the logo exists already, they are added to it.

        Raises `InvalidMedia` for a picture that cannot be read, or that has no features to match.
        """
        self.logos.check_name(name)
        words = check_words(words)
        if not files and not words:
            raise InvalidField("A logo needs pictures or words.", param="files")
        views = [view for file in files for view in self._views(file)]
        with self._database.across_tenants("enrolling a logo") as tx:
            known = next((mark for mark in self.logos.all() if mark.name == name), None)
            mark = EnrolledLogo(
                name=name,
                kind=kind,
                words=tuple(dict.fromkeys((*(known.words if known else ()), *words))),
                enrolled_at=tx.now(),
                views=(*(known.views if known else ()), *views),
            )
            if len(mark.views) > MAX_VIEWS:
                raise InvalidField(f"A logo has at most {MAX_VIEWS} pictures.", param="files")
            self.logos.put(mark)
            tx.append_audit(
                "mark.added",
                subject=f"logo:{name}",
                actor=OPERATOR,
                tenant=None,
                content={
                    "kind": kind.value,
                    "words": list(mark.words),
                    "views": len(mark.views),
                    "files_sha256": [hashlib.sha256(file.read_bytes()).hexdigest() for file in files],
                },
            )
        return mark

    def remove_logo(self, name: str) -> EnrolledLogo:
        """Remove a logo. Raises `NotFound`."""
        with self._database.across_tenants("removing a logo") as tx:
            mark = self.logos.remove(name)
            tx.append_audit(
                "mark.removed",
                subject=f"logo:{name}",
                actor=OPERATOR,
                tenant=None,
                content={"kind": mark.kind.value, "views": len(mark.views)},
            )
        return mark

    def _views(self, file: Path) -> tuple[LogoView, ...]:
        """The views of a logo in a picture. A sandboxed process computes them."""
        if not file.is_file():
            raise InvalidMedia(f"There is no file {file}.")
        result = self._sandbox.run(
            EntryPoint.of(make_views),
            {"path": str(file.absolute())},
            reads=[file],
            limits=_LIMITS,
        )
        try:
            views = msgspec.convert(result, tuple[LogoView, ...])
        except msgspec.ValidationError as error:
            raise SandboxCrashed(f"The sandboxed process returned an invalid result: {error}.") from error
        if not views:
            raise InvalidMedia(
                f"{file.name} has no features that can be matched.",
                remedy="Use a picture of the logo alone, with clear edges, at least 64 pixels wide.",
            )
        return views

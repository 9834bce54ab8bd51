"""The file with the answers of a trigger search, from which an interrupted search goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight import canonical_json
from safelight.errors import InvalidField, NotFound
from safelight.fileio import append_line

if TYPE_CHECKING:
    from safelight.advice.trigger_search import TriggerSearch

_VERSION = 1


class TriggerRecord:
    """JSON lines: the first names the version and the prompt, each other one is a test with its answer."""

    def __init__(self, path: Path, prompt: str) -> None:
        self._path = path
        self._header = {
            "object": "trigger_search",
            "version": _VERSION,
            "prompt_sha256": hashlib.sha256(prompt.encode()).hexdigest(),
        }

    def replay(self, search: TriggerSearch) -> None:
        """Record the answers of the file in the search, or start the file.

        Raises `InvalidField` for the file of another prompt, version or search.
        """
        rows = self._read()
        if not rows:
            append_line(self._path, canonical_json.encode(self._header))
            return
        if rows[0] != self._header:
            raise self._unusable("is of another prompt or another version")
        for row in rows[1:]:
            kept = search.next_test()
            if kept is None:
                return
            if not isinstance(row, dict) or row.get("kept") != sorted(kept):
                raise self._unusable("has answers to other tests")
            search.record(refused=row["refused"] is True)

    def append(self, kept: Collection[int], *, refused: bool) -> None:
        """Add one answer and flush it to disk."""
        append_line(self._path, canonical_json.encode({"kept": sorted(kept), "refused": refused}))

    def _read(self) -> list[Any]:
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise NotFound(f"{self._path} cannot be read: {error.strerror}.") from error
        rows = []
        for line in lines:
            try:
                rows.append(json.loads(line))
            except ValueError:
                # A crash can cut off a line; that test is made again.
                continue
        return rows

    def _unusable(self, why: str) -> InvalidField:
        return InvalidField(f"{self._path} {why}. Give another file, or delete this one.", param="record")

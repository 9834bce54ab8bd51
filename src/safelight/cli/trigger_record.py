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
    """JSON lines: the first names what is searched, each other one is a test with its answer."""

    def __init__(self, path: Path, *, prompt: str, command: str) -> None:
        self._path = path
        self._header = {
            "object": "trigger_search",
            "version": _VERSION,
            "prompt_sha256": hashlib.sha256(prompt.encode()).hexdigest(),
            "command_sha256": hashlib.sha256(command.encode()).hexdigest(),
        }

    def confidence(self, wanted: float) -> float:
        """The confidence of the search in the file; `wanted` for a new file.

        Raises `InvalidField` for the file of another prompt, command or version.
        """
        rows = self._read()
        if not rows:
            append_line(self._path, canonical_json.encode({**self._header, "confidence": wanted}))
            return wanted
        header = rows[0] if isinstance(rows[0], dict) else {}
        found = header.get("confidence")
        if header != {**self._header, "confidence": found} or not isinstance(found, float):
            raise self._unusable("is of another prompt, command or version")
        return found

    def replay(self, search: TriggerSearch) -> None:
        """Record the answers of the file in the search. Raises `InvalidField` for those of another one."""
        for row in self._read()[1:]:
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

"""The file with the answers of a trigger search, from which an interrupted search goes on."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.core import canonical_json
from safelight.core.errors import InvalidField, NotFound
from safelight.core.fileio import append_line

from .trigger_answers import TriggerAnswer

if TYPE_CHECKING:
    from safelight.providers.advice.trigger_search import TriggerSearch

_VERSION = 3
#: A test is not sent again with an older key: the gateway forgets keys after 24 h, and would charge twice.
_MAX_KEY_AGE_S = 20 * 3600.0


class TriggerRecord:
    """JSON lines: the first names what is searched, each other one is a test with its answer, or a test that
    may cost something, before it is sent.

    Without a path, nothing is kept.
    """

    def __init__(self, path: Path | None, *, prompt: str, judge: str) -> None:
        self._path = path
        #: Of this search. Keys of its requests begin with it, so that a test that was interrupted a short
        #: time ago is not paid twice.
        self.search_id = uuid.uuid4().hex
        #: When the test without an answer was first sent; None if there is no such test.
        self._sent_at: float | None = None
        self._header = {
            "object": "trigger_search",
            "version": _VERSION,
            "prompt_sha256": hashlib.sha256(prompt.encode()).hexdigest(),
            "judge_sha256": hashlib.sha256(judge.encode()).hexdigest(),
        }

    def confidence(self, wanted: float) -> float:
        """The confidence of the search in the file; `wanted` for a new file.

        Raises `InvalidField` for the file of another prompt, command, provider or version.
        """
        rows = self._read()
        if not rows:
            self._write({**self._header, "search": self.search_id, "confidence": wanted})
            return wanted
        header = rows[0] if isinstance(rows[0], dict) else {}
        found, search_id = header.get("confidence"), header.get("search")
        known = {**self._header, "search": search_id, "confidence": found}
        if header != known or not isinstance(found, float) or not isinstance(search_id, str):
            raise self._unusable("is of another prompt, command, provider or version")
        self.search_id = search_id
        return found

    def replay(self, search: TriggerSearch) -> list[TriggerAnswer]:
        """Record the answers of the file in the search, and return them with the tests that failed.

        Raises `InvalidField` for those of another search.
        """
        found = []
        for row in self._read()[1:]:
            answer, kept = TriggerAnswer.read(row), search.next_test()
            if answer is None or kept is None or row.get("kept") != sorted(kept):
                raise self._unusable("has answers to other tests")
            if isinstance(row.get("sent_at"), int | float):
                self._sent_at = self._sent_at or float(row["sent_at"])
                continue
            self._sent_at = None
            found.append(answer)
            if answer.refused is not None:
                search.record(refused=answer.refused)
        return found

    def has_lost_test(self) -> bool:
        """Whether a test was sent, has no answer, and can no longer be sent again without a second charge."""
        return self._sent_at is not None and abs(time.time() - self._sent_at) >= _MAX_KEY_AGE_S

    def begin(self, kept: Collection[int]) -> None:
        """Add the time at which a test is sent, unless it was sent before, and flush it to disk."""
        if self._sent_at is None:
            self._sent_at = time.time()
            self._write({"kept": sorted(kept), "sent_at": self._sent_at})

    def append(self, kept: Collection[int], answer: TriggerAnswer) -> None:
        """Add one answer and flush it to disk."""
        self._sent_at = None
        self._write({"kept": sorted(kept), **asdict(answer)})

    def _write(self, row: dict[str, Any]) -> None:
        if self._path is not None:
            append_line(self._path, canonical_json.encode(row))

    def _read(self) -> list[Any]:
        if self._path is None:
            return []
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

"""Cache: decisions by the hash of a text, one file for each judge and version. It contains no text."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Generic, TextIO, TypeVar

import safelight
from safelight.core.errors import SafelightError

#: Parts of the package whose code decides about a prompt.
_DECIDING = ("detectors", "policy", "screening")


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a judge decided about one text."""

    action: str
    category: str = ""

    @property
    def stopped(self) -> bool:
        return self.action in ("hold", "block")


Kind = TypeVar("Kind", bound=Decision)


@lru_cache(maxsize=1)
def hash_of_code() -> str:
    """The sha256 of the code and data that decide about a prompt, since not each change has a version."""
    root = Path(safelight.__file__).parent
    found = hashlib.sha256()
    for path in sorted(path for part in _DECIDING for path in (root / part).rglob("*")):
        if path.suffix in (".py", ".yaml", ".txt", ".json"):
            found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


class Cache(Generic[Kind]):
    """The decisions of one judge. Each is written at once, so that a stopped run goes on."""

    def __init__(self, folder: Path, *judge: str, kind: type[Kind]) -> None:
        self._kind = kind
        self._path = folder / f"{hashlib.sha256(chr(0).join(judge).encode()).hexdigest()[:32]}.jsonl"
        self._file: TextIO | None = None
        self.decisions: dict[str, Kind] = {}

    def __enter__(self) -> Cache[Kind]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a+", encoding="utf-8")
            self._file.seek(0)
            whole = True
            for line in self._file:
                whole = line.endswith("\n")
                self._read(line)
            if not whole:
                self._file.write("\n")
        except OSError as error:
            raise SafelightError(f"{self._path} cannot be used: {error.strerror}.") from error
        return self

    def _read(self, line: str) -> None:
        # A line that an interrupted run wrote in part is decided again.
        try:
            row = json.loads(line)
            sha256 = row.pop("sha256")
            self.decisions[sha256] = self._kind(**row)
        except (ValueError, TypeError, KeyError, AttributeError):
            pass

    def put(self, sha256: str, decision: Kind) -> None:
        assert self._file is not None
        self.decisions[sha256] = decision
        try:
            self._file.write(json.dumps({"sha256": sha256, **asdict(decision)}) + "\n")
            self._file.flush()
        except OSError as error:
            raise SafelightError(f"{self._path} cannot be written: {error.strerror}.") from error

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

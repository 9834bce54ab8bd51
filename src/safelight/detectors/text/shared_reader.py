"""The reader of acts for several detectors: it reads a text once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from .acts import ActReader, ActRows
from .classifier_detectors import MiniLmDetector
from .e5.encoder import E5Encoder
from .languages import LanguagePart

#: Number of texts whose rows stay in memory: several requests are screened at the same time.
KEPT_TEXTS = 16


class SharedReader(ActReader):
    """Keeps what it read last. Thread-safe."""

    def __init__(self, minilm: MiniLmDetector, e5: E5Encoder | None = None) -> None:
        super().__init__(minilm, e5)
        self._read = lru_cache(maxsize=KEPT_TEXTS)(super().read)
        self._read_e5 = lru_cache(maxsize=KEPT_TEXTS)(self._add_e5)

    def read(self, part: LanguagePart) -> ActRows | None:
        return self._read(part)

    def add_e5(self, text: str, rows: ActRows, windows: Sequence[int]) -> ActRows:
        return self._read_e5(text, _Rows(rows), tuple(windows))

    def _add_e5(self, text: str, rows: _Rows, windows: tuple[int, ...]) -> ActRows:
        return super().add_e5(text, rows.rows, windows)


class _Rows:
    """Rows that are compared by identity: those of one text are always the same object while they are
    kept.
    """

    def __init__(self, rows: ActRows) -> None:
        self.rows = rows

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Rows) and other.rows is self.rows

    def __hash__(self) -> int:
        return id(self.rows)

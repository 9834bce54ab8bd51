"""Coverage: what was asked to be checked, and what really was. "Not checked" is never "safe"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from .findings import Modality


class CoverageStatus(StrEnum):
    """The four words pages use."""

    CHECKED = "checked"
    PARTLY = "partly"
    NOT_CHECKED = "not checked"
    OFF = "off"


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One category in one modality at one stage."""

    category: str
    modality: Modality
    #: The policy asks for this cell.
    required: bool = False
    #: Some installed detector can fill it.
    available: bool = False
    #: Such a detector was run on this content.
    ran: bool = False
    #: Every such detector looked at everything, without a crash, time-out or spent budget.
    complete: bool = False
    detectors: tuple[str, ...] = ()
    #: Why it is not complete, one sentence; empty where it is.
    note: str = ""
    #: The figure behind it, or None: "unmeasured".
    measured: str | None = None

    @property
    def status(self) -> CoverageStatus:
        if not self.available:
            return CoverageStatus.NOT_CHECKED if self.required else CoverageStatus.OFF
        if self.ran and self.complete:
            return CoverageStatus.CHECKED
        return CoverageStatus.PARTLY if self.ran else CoverageStatus.NOT_CHECKED

    @property
    def is_gap(self) -> bool:
        """Required, and not known to be checked."""
        return self.required and not (self.ran and self.complete)


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """The cells of one stage of one video, at most one per category and modality."""

    cells: tuple[Cell, ...] = ()

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells)

    def cell(self, category: str, modality: Modality) -> Cell | None:
        return next((c for c in self.cells if c.category == category and c.modality == modality), None)

    @property
    def gaps(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if cell.is_gap)

    def merge(self, others: Iterable[Cell]) -> Coverage:
        """These cells joined with others: a cell both have is complete only where every side that ran is."""
        joined = {(cell.category, cell.modality): cell for cell in self.cells}
        for cell in others:
            key = (cell.category, cell.modality)
            joined[key] = _join(joined[key], cell) if key in joined else cell
        return Coverage(cells=tuple(joined[key] for key in sorted(joined)))


def _join(one: Cell, other: Cell) -> Cell:
    ran = [cell for cell in (one, other) if cell.available]
    return Cell(
        category=one.category,
        modality=one.modality,
        required=one.required or other.required,
        available=one.available or other.available,
        ran=one.ran or other.ran,
        complete=bool(ran) and all(cell.ran and cell.complete for cell in ran),
        detectors=tuple(dict.fromkeys((*one.detectors, *other.detectors))),
        note=" ".join(dict.fromkeys(note for note in (one.note, other.note) if note)),
        measured=one.measured or other.measured,
    )


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Coverage)


def pack(coverage: Coverage) -> bytes:
    """Coverage as bytes for the database."""
    return _encoder.encode(coverage)


def unpack(data: bytes) -> Coverage:
    """The coverage in `data`. Raises `msgspec.DecodeError` on anything `pack` did not write."""
    return _decoder.decode(data)

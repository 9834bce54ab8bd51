"""Coverage: which checks were required, and which were completed. "Not checked" never means "safe"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from .findings import Modality


class CoverageStatus(StrEnum):
    """Status of a coverage cell."""

    CHECKED = "checked"
    PARTLY = "partly"
    NOT_CHECKED = "not checked"
    OFF = "off"


class Depth(StrEnum):
    """How thoroughly text was checked."""

    #: No detector of text ran, or the cell is not about text.
    NONE = ""
    #: Lists, patterns and combinations only: no classifier has an operating point for this text.
    LISTS = "lists"
    #: A classifier or a guard model judged it too.
    LEARNED = "learned"


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """A coverage cell: whether one category was checked in one modality at one stage."""

    category: str
    modality: Modality
    #: Whether the policy requires this cell.
    required: bool = False
    #: Whether an installed detector covers this cell.
    available: bool = False
    #: Whether such a detector ran on this content.
    ran: bool = False
    #: Whether each of them inspected all of the content, without a crash, time-out or exhausted budget.
    complete: bool = False
    detectors: tuple[str, ...] = ()
    #: The reason for an incomplete check, or for a check without a classifier; otherwise empty.
    note: str = ""
    #: The measured quality of the check; None if it was not measured.
    measured: str | None = None
    depth: Depth = Depth.NONE

    @property
    def status(self) -> CoverageStatus:
        if not self.available:
            return CoverageStatus.NOT_CHECKED if self.required else CoverageStatus.OFF
        if self.ran and self.complete:
            return CoverageStatus.CHECKED
        return CoverageStatus.PARTLY if self.ran else CoverageStatus.NOT_CHECKED

    @property
    def is_gap(self) -> bool:
        """Whether the cell is required and was not checked completely."""
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
        """These cells merged with `others`.

        If both have a cell, the merged cell is complete only if each available one of the two is complete.
        """
        joined = {(cell.category, cell.modality): cell for cell in self.cells}
        for cell in others:
            key = (cell.category, cell.modality)
            joined[key] = _join_cells(joined[key], cell) if key in joined else cell
        return Coverage(cells=tuple(joined[key] for key in sorted(joined)))


#: The merged depth is the first of these. A cell without a depth does not count.
_THOROUGHNESS = (Depth.LISTS, Depth.LEARNED, Depth.NONE)


def _join_cells(one: Cell, other: Cell) -> Cell:
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
        depth=min(one.depth, other.depth, key=_THOROUGHNESS.index),
    )


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Coverage)


def pack(coverage: Coverage) -> bytes:
    """Coverage as bytes for the database."""
    return _encoder.encode(coverage)


def unpack(data: bytes) -> Coverage:
    """The coverage in `data`. Raises `msgspec.DecodeError` if `data` is not the output of `pack`."""
    return _decoder.decode(data)

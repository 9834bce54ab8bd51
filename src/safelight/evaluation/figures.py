"""The cells of category by modality that were measured with what ships, and what they were measured with."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec

from safelight.policy.findings import Modality


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured cell. `what` says of what: "words in the picture", "that a face is there, not whose"."""

    category: str
    modality: Modality
    what: str
    segments: int
    found: int
    safe_clips: int
    false_alarms: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """One run. A cell that is not listed is unmeasured."""

    made: str
    #: The page of the documentation that tells of it.
    page: str
    data_sha256: str
    policy: dict[str, str]
    model_hash: str
    #: Detectors of the scan, and their versions.
    detectors: dict[str, str]
    cells: tuple[Figure, ...]

    def cell(self, category: str, modality: Modality) -> Figure | None:
        return next((one for one in self.cells if (one.category, one.modality) == (category, modality)), None)

    def sentence(self, category: str, modality: Modality, versions: Mapping[str, str]) -> str | None:
        """The figure of a cell in words; None where it is unmeasured, or other detectors look now.

        `versions`: the detectors that fill the cell here.
        """
        one = self.cell(category, modality)
        if one is None or any(self.detectors.get(name) != version for name, version in versions.items()):
            return None
        return (
            f"{one.what}: {one.found} of {one.segments} found, {one.false_alarms} false alarms in"
            f" {one.safe_clips} clips, {self.page.removeprefix('docs/')}"
        )


@cache
def shipped() -> Figures:
    """What was measured of this version, from `measured_cells.json`."""
    data = (files("safelight.evaluation") / "measured_cells.json").read_bytes()
    return msgspec.json.decode(data, type=Figures)

"""Measurements: published figures per category and modality, and the versions they were measured with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from safelight.policy.findings import Cell, Modality

#: What the reader of acts states of its cells if it runs without E5: the measured one had it.
ACTS_WITHOUT_E5 = "not measured without E5, docs/benchmarks/acts.md"


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One measured cell. `what` names the measured content, such as "words in the picture"."""

    category: str
    modality: Modality
    what: str
    segments: int
    found: int
    safe_clips: int
    false_alarms: int
    #: How many of the harmful prompts the policy of the run stops; None if that was not measured.
    stopped: int | None = None


class MeasurementRun(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement run. A cell that is not listed is unmeasured."""

    made: str
    #: Documentation page of the run.
    page: str
    data_sha256: str
    policy: dict[str, str]
    model_hash: str
    #: Detectors of the run and their versions.
    detectors: dict[str, str]
    cells: tuple[Measurement, ...]
    #: What `segments` and `safe_clips` count: clips, or prompts.
    content: Literal["clips", "prompts"] = "clips"

    def cell(self, category: str, modality: Modality) -> Measurement | None:
        return next((one for one in self.cells if (one.category, one.modality) == (category, modality)), None)

    def used_versions(self, detectors: Iterable[str], versions: Mapping[str, str]) -> bool:
        """Whether the installed version of each of these detectors is the measured one."""
        return all(self.detectors.get(name) == versions.get(name, "") for name in detectors)

    def add_figures(self, cells: Iterable[Cell], versions: Mapping[str, str]) -> Iterator[Cell]:
        """The cells; this run's figure is added to those that have none: of clips to `frames`, of prompts to
        `text`.

        A cell gets the figure only if the installed version of each of its detectors is the measured one.
        `versions` has the installed versions.
        """
        measured = Modality.FRAMES if self.content == "clips" else Modality.TEXT
        for cell in cells:
            one = self.cell(cell.category, cell.modality)
            if one is None or not cell.available or cell.measured or cell.modality is not measured:
                yield cell
            elif self.used_versions(cell.detectors, versions):
                yield msgspec.structs.replace(cell, measured=self._sentence(one))
            else:
                yield cell

    def _sentence(self, one: Measurement) -> str:
        alarms = f"false alarms: {one.false_alarms} of {one.safe_clips} harmless {self.content}"
        page = self.page.removeprefix("docs/")
        return f"{one.what}: {one.found} of {one.segments} found, {alarms}, {page}"


class MeasuredWithout(msgspec.Struct, frozen=True, kw_only=True):
    """What the text checks found in the same prompts on an installation without some of the models."""

    #: The missing models, as in `safelight models pull`.
    models: tuple[str, ...]
    found: int
    false_alarms: int
    stopped: int
    #: Detectors of text without which these figures do not hold.
    detectors: tuple[str, ...]
    #: Whether acts of harm were checked, without E5; if not, no detector checked them.
    acts: bool


class PromptMeasurement(msgspec.Struct, frozen=True, kw_only=True):
    """What all text checks together found in prompts. There are no such figures by category."""

    made: str
    #: Documentation page of the run.
    page: str
    #: Prompts of the public set T2VSafetyBench, and those found under the right category.
    harmful: int
    found: int
    #: Harmless prompts of public sets, those with a finding that is a false alarm, and those stopped.
    harmless: int
    false_alarms: int
    stopped: int
    #: Detectors of text without which these figures do not hold.
    detectors: tuple[str, ...]
    #: The same without some of the models, the better first.
    without: tuple[MeasuredWithout, ...] = ()


@cache
def load_shipped() -> MeasurementRun:
    """The measurement run that is shipped with this release, from `measured_cells.json`."""
    return msgspec.json.decode(_read("measured_cells.json"), type=MeasurementRun)


@cache
def load_shipped_acts() -> MeasurementRun:
    """The measurement of acts of harm in prompts that is shipped with this release, from
    `measured_acts.json`.
    """
    return msgspec.json.decode(_read("measured_acts.json"), type=MeasurementRun)


def find_measurement(category: str, modality: Modality) -> tuple[MeasurementRun, Measurement] | None:
    """The shipped measurement of a cell, with its run. No two runs measure the same cell."""
    for run in (load_shipped(), load_shipped_acts()):
        if one := run.cell(category, modality):
            return run, one
    return None


@cache
def load_shipped_prompts() -> PromptMeasurement:
    """The measurement on prompts that is shipped with this release, from `measured_prompts.json`."""
    return msgspec.json.decode(_read("measured_prompts.json"), type=PromptMeasurement)


def _read(name: str) -> bytes:
    return (files(__package__) / name).read_bytes()

"""Requirements of a policy: which category, modality and stage must be checked, and the effect of a gap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

from .findings import Cell, Depth, Modality, Stage, Taxonomy
from .rules import EntrySpec, read_id
from .verdicts import Action
from .yaml_reader import YamlReader

#: In a `requires` entry, this word means all categories of `Taxonomy.mandatory`.
MANDATORY = "mandatory"

RequiredCell: TypeAlias = tuple[str, Modality, Stage]
#: The requirements of one stage by category and modality.
RequirementsByCell: TypeAlias = "dict[tuple[str, Modality], tuple[Requirement, ...]]"

#: Every policy must require the mandatory categories at these stages in these modalities.
MANDATORY_CELLS: tuple[tuple[Stage, Modality], ...] = (
    (Stage.PROMPT, Modality.TEXT),
    (Stage.REFERENCE, Modality.IMAGE),
    (Stage.REFERENCE, Modality.FRAMES),
    (Stage.OUTPUT, Modality.FRAMES),
)

#: Modalities that a stage always has, even if the caller does not list them.
ALWAYS_PRESENT: dict[Stage, frozenset[Modality]] = {
    Stage.PROMPT: frozenset({Modality.TEXT}),
    Stage.OUTPUT: frozenset({Modality.FRAMES}),
}

_KEYS = {
    "id": "id",
    "category": "category",
    "categories": "category",
    "modality": "modality",
    "modalities": "modality",
    "stage": "stage",
    "stages": "stage",
    "on_gap": "on_gap",
    "depth": "depth",
    "disabled": "disabled",
}


@dataclass(frozen=True, kw_only=True)
class Requirement:
    id: str
    categories: frozenset[str]
    modalities: frozenset[Modality]
    stages: frozenset[Stage]
    #: The action for a gap: hold or block.
    on_gap: Action
    #: `learned`: a classifier or a guard model must have judged the text too.
    depth: Depth = Depth.NONE

    def is_met(self, cell: Cell) -> bool:
        """Whether the check of the cell is complete and as thorough as required."""
        return cell.ran and cell.complete and self.depth in (Depth.NONE, cell.depth)

    def cells(self) -> frozenset[RequiredCell]:
        return frozenset(
            (category, modality, stage)
            for category in self.categories
            for modality in self.modalities
            for stage in self.stages
        )


def read_requirement(reader: YamlReader, node: yaml.Node, field: str, taxonomy: Taxonomy) -> EntrySpec | None:
    """A `requires` entry as a spec with only the keys of the document; None without a valid id."""
    keys = reader.mapping(node, field, _KEYS)
    identity = read_id(reader, node, keys, field)
    if identity is None:
        return None
    spec: dict[str, Any] = {"id": identity}
    options = {
        "category": {MANDATORY, *(spec.name for spec in taxonomy)},
        "modality": {modality.value for modality in Modality},
        "stage": {stage.value for stage in Stage},
    }
    for written, value in keys.items():
        key, here = _KEYS[written], f"requires[{identity}].{written}"
        if key in options:
            spec[key] = sorted(set(reader.choices(value, here, options[key])))
        elif key == "on_gap":
            spec[key] = reader.choice(value, here, [Action.HOLD.value, Action.BLOCK.value])
        elif key == "depth":
            spec[key] = reader.choice(value, here, [Depth.LEARNED.value])
        elif key != "id":
            spec[key] = reader.boolean(value, here)
    return spec


def compile_requirement(spec: EntrySpec, taxonomy: Taxonomy) -> Requirement:
    """The requirement for a spec that has all keys."""
    words = set(spec["category"])
    categories = (words - {MANDATORY}) | (taxonomy.mandatory if MANDATORY in words else frozenset())
    return Requirement(
        id=spec["id"],
        categories=frozenset(categories),
        modalities=frozenset(Modality(word) for word in spec["modality"]),
        stages=frozenset(Stage(word) for word in spec["stage"]),
        on_gap=Action(spec.get("on_gap", Action.HOLD)),
        depth=Depth(spec.get("depth", Depth.NONE)),
    )


def missing_mandatory(requirements: tuple[Requirement, ...], taxonomy: Taxonomy) -> frozenset[RequiredCell]:
    """The cells of the mandatory set that these requirements do not include."""
    held = frozenset(place for requirement in requirements for place in requirement.cells())
    wanted = frozenset(
        (category, modality, stage) for category in taxonomy.mandatory for stage, modality in MANDATORY_CELLS
    )
    return wanted - held

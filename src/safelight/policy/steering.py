"""Steering: away from which categories a generator is to steer a generation, and the effect of a gap."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

import yaml

from safelight.core import yaml_loader

from .findings import INDICATOR_SCORE, Cell, Finding, Modality, Stage, Taxonomy
from .rules import ANY, EntrySpec, read_id
from .yaml_reader import YamlReader

#: The attribute `kind` of the finding of a watcher that stopped a generation, and the rule of the verdict.
WATCHER = "watcher"
_KEYS = {
    "id": "id",
    "category": "category",
    "categories": "category",
    "away_from": "away_from",
    "score": "score",
    "always": "always",
    "methods": "methods",
    "required": "required",
    "disabled": "disabled",
}


class SteeringMethod(StrEnum):
    """How a generator steers, as in the request field `steering` (packages/steer has the meanings)."""

    EMBEDDING = "embedding"
    #: Works only together with `EMBEDDING`, and only if the prompt resembles the concept.
    ANCHOR = "anchor"
    GUIDANCE = "guidance"
    NEGATIVE = "negative"
    #: Asks for a drawn clip, against photorealism.
    STYLE = "style"
    #: Detectors read the unfinished clip and stop its generation.
    WATCHING = "watching"


#: Without those that change harmless clips too (docs/benchmarks/steering.md).
_DEFAULT = frozenset({SteeringMethod.EMBEDDING, SteeringMethod.ANCHOR, SteeringMethod.WATCHING})


@dataclass(frozen=True, kw_only=True)
class SteeringEntry:
    """An entry of `steer`."""

    id: str
    #: Findings of the prompt in these categories switch it on; empty: in any category.
    categories: frozenset[str]
    #: The categories away from which the generation is steered; empty: those that `steering_targets.yaml`
    #: has for the found ones.
    away_from: frozenset[str]
    score: float
    #: Whether every generation is steered, whatever was found.
    always: bool
    methods: frozenset[SteeringMethod]
    #: The methods without which the video is held.
    required: frozenset[SteeringMethod]

    def targets(self, findings: Sequence[Finding]) -> frozenset[str]:
        """The categories away from which a prompt with these findings is steered."""
        found = {one.category for one in findings if self._counts(one)}
        if not found and not self.always:
            return frozenset()
        return self.away_from or frozenset().union(*(_targets().get(one, (one,)) for one in found))

    def _counts(self, finding: Finding) -> bool:
        rejected = finding.attributes.get("negated") or finding.attributes.get("rejected")
        # A score that is NaN counts, as in rules.
        return not (finding.score < self.score or rejected or finding.test_card) and (
            not self.categories or finding.category in self.categories
        )


@dataclass(frozen=True, kw_only=True)
class Steering:
    """What a generator is asked to do for one video."""

    #: What the request is about: the categories of the cells of gaps.
    about: tuple[str, ...]
    #: Those that are sent: none if the generation is only watched.
    categories: tuple[str, ...]
    methods: tuple[SteeringMethod, ...]
    #: Methods without which nothing may be delivered unseen.
    required: tuple[SteeringMethod, ...] = ()

    def as_field(self) -> dict[str, Any]:
        """The request field `steering`."""
        watch = SteeringMethod.WATCHING in self.methods
        return {
            "categories": list(self.categories),
            "methods": [one.value for one in self.methods if one is not SteeringMethod.WATCHING],
            "required": [one.value for one in self.required],
            "watch": watch,
        }


@cache
def _targets() -> dict[str, tuple[str, ...]]:
    shipped = yaml_loader.load_shipped(__package__, "steering_targets.yaml")
    return {found: tuple(targets) for found, targets in shipped.items()}


def plan_steering(
    entries: Iterable[SteeringEntry],
    findings: Sequence[Finding],
    *,
    overturned: Collection[Finding] = (),
    excused: bool = False,
) -> Steering | None:
    """What the policy asks for a prompt with these findings; None if it asks for nothing.

    `overturned`: findings that a successful appeal overturned; if a watcher's is among them, nothing is
    watched, because it would stop the same request again. `excused`: whether a reviewer let the video be
    generated without what is required.
    """
    watcher_was_wrong = any(map(is_from_watcher, overturned))
    without = {SteeringMethod.WATCHING} if watcher_was_wrong else set()
    # An appeal against the watcher says nothing about the prompt.
    counted = [one for one in findings if watcher_was_wrong or one not in overturned]
    about: set[str] = set()
    categories: set[str] = set()
    methods: set[SteeringMethod] = set()
    required: set[SteeringMethod] = set()
    for entry in entries:
        targets = entry.targets(counted)
        used = entry.methods - without
        if not targets or not used:
            continue
        about |= targets
        methods |= used
        required |= entry.required - without
        if used != {SteeringMethod.WATCHING}:
            categories |= targets
    if not methods:
        return None
    order = list(SteeringMethod)
    return Steering(
        about=tuple(sorted(about)),
        categories=tuple(sorted(categories)),
        methods=tuple(sorted(methods, key=order.index)),
        required=() if excused else tuple(sorted(required, key=order.index)),
    )


def steering_gaps(
    asked: Steering, applied: Collection[str], unknown: Collection[str], note: str
) -> tuple[Cell, ...]:
    """The cells of what was asked and not done.

    A cell without a gap is left out: a generation that was steered is not one that was checked. `applied`:
    the methods that were in effect. `unknown`: categories for which the generator has no concept.
    """
    # A missing anchor is no gap: it is in effect only where the prompt resembles the concept.
    missing = set(asked.methods) - {SteeringMethod.ANCHOR} - set(applied)
    is_required = bool(missing & set(asked.required))
    needs_concept = bool(set(asked.required) - {SteeringMethod.WATCHING})
    cells = []
    for category in asked.about:
        if missing or category in unknown:
            required = is_required or (category in unknown and needs_concept)
            # Available, because a waiver excuses checks that have no detector, and no missing steering.
            cells.append(
                Cell(
                    category=category,
                    modality=Modality.FRAMES,
                    required=required,
                    available=required,
                    note=note,
                )
            )
    return tuple(cells)


def is_from_watcher(finding: Finding) -> bool:
    """Whether a generator's watcher made the finding and stopped the generation."""
    return finding.attributes.get("kind") == WATCHER


def stopped_by_watcher(stage: Stage, findings: Iterable[Finding]) -> Finding | None:
    """The finding of the watcher that stopped the generation. There is no clip, so no rule can allow it."""
    if stage is not Stage.GENERATION:
        return None
    return next(filter(is_from_watcher, findings), None)


def read_steering(reader: YamlReader, node: yaml.Node, field: str, taxonomy: Taxonomy) -> EntrySpec | None:
    """A `steer` entry as a spec with only the keys of the document; None without a valid id."""
    keys = reader.mapping(node, field, _KEYS)
    identity = read_id(reader, node, keys, field)
    if identity is None:
        return None
    spec: dict[str, Any] = {"id": identity}
    known = {one.name for one in taxonomy}
    options = {
        "category": {ANY, *known},
        "away_from": known,
        "methods": {method.value for method in SteeringMethod},
    }
    for written, value in keys.items():
        key, here = _KEYS[written], f"steer[{identity}].{written}"
        if key in options:
            spec[key] = sorted(set(reader.choices(value, here, options[key])))
        elif key == "score":
            spec[key] = reader.probability(value, here)
        elif key != "id":
            spec[key] = reader.boolean(value, here)
    return spec


def steering_problems(spec: EntrySpec) -> Iterable[tuple[str, str, str]]:
    """Field, problem and remedy of each mistake in a merged entry."""
    if not spec.get("category") and not spec.get("always"):
        yield "category", "The entry has no condition.", "Name a category, or write `always: true`."
    if spec.get("always") and not spec.get("away_from"):
        yield "away_from", "`always` needs `away_from`.", "Name the categories away from which to steer."
    methods = spec.get("methods")
    if methods is not None and not methods:
        yield "methods", "The list of methods is empty.", "Name a method, or leave the key out."
    if methods and "anchor" in methods and "embedding" not in methods:
        yield "methods", "`anchor` works only together with `embedding`.", "Add `embedding`."


def compile_steering(spec: EntrySpec) -> SteeringEntry:
    """The entry for a spec without problems."""
    words = frozenset(spec.get("category") or ())
    stated = frozenset(map(SteeringMethod, spec.get("methods") or ()))
    score = spec.get("score")
    required = (stated or {SteeringMethod.EMBEDDING}) - {SteeringMethod.ANCHOR}
    return SteeringEntry(
        id=spec["id"],
        categories=frozenset() if ANY in words else words,
        away_from=frozenset(spec.get("away_from") or ()),
        score=INDICATOR_SCORE if score is None else score,
        always=bool(spec.get("always")),
        methods=stated or _DEFAULT,
        required=frozenset(required) if spec.get("required") else frozenset(),
    )

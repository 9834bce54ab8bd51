"""Loads policy documents: reads, merges, validates and compiles them.

Each document is merged with the documents that it extends. All problems are reported together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from safelight.core import canonical_json
from safelight.core.errors import PolicyError

from .conditions import KNOWN_ATTRIBUTES, AttributeType
from .findings import Modality, Stage, Taxonomy
from .inheritance import (
    BASELINE,
    SHIPPED_NAMES,
    TEMPLATES_REQUIRED,
    LayerEntry,
    PolicyLayer,
    read_layer,
    resolve_extends,
)
from .requirements import (
    ALWAYS_PRESENT,
    MANDATORY_CELLS,
    Requirement,
    RequirementsByCell,
    compile_requirement,
    missing_mandatory,
)
from .rules import Rule, compile_rule, merge_specs
from .steering import SteeringEntry, compile_steering, steering_problems
from .verdicts import Action, Audience
from .yaml_reader import PolicyProblem, YamlReader, did_you_mean

_TEXT = frozenset({Modality.TEXT.value, Modality.AUDIO.value})
_WAIVE = "Record a waiver instead: `safelight waivers add`."


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A compiled policy. Two policies with the same `sha256` make the same decisions."""

    name: str
    version: str
    about: str
    #: Hash of the canonical form, hex.
    sha256: str
    rules: tuple[Rule, ...]
    requirements: tuple[Requirement, ...]
    #: When a generation is steered. No rule depends on it.
    steering: tuple[SteeringEntry, ...] = ()
    #: Whether every prompt has to be made from an approved template. No rule depends on it.
    demands_template: bool = False
    #: The whole document as plain values, with everything that it extends merged in.
    document: Mapping[str, Any]
    #: Compiled forms of the policy, created at first use. They do not change decisions.
    cache: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def canonical(self) -> str:
        """The document as JSON with sorted keys; this form is hashed, stored and published."""
        return canonical_json.document_text(self.document)

    def required(self, stage: Stage, modalities: Iterable[Modality]) -> RequirementsByCell:
        """The required cells at a stage with these modalities, each with its requirements, strictest first.

        The stage `prompt` always has text and the stage `output` always has frames, even if the caller does
        not list them.
        """
        present = frozenset(modalities) | ALWAYS_PRESENT.get(stage, frozenset())
        key = ("required", stage, present)
        if key not in self.cache:
            found: RequirementsByCell = {}
            # The sort is stable, so that requirements with the same action keep the order of the document.
            for requirement in sorted(self.requirements, key=lambda one: -one.on_gap.severity):
                for category, modality, where in requirement.cells():
                    if where is stage and modality in present:
                        place = (category, modality)
                        found[place] = (*found.get(place, ()), requirement)
            self.cache[key] = dict(sorted(found.items()))
        cells: RequirementsByCell = self.cache[key]
        return cells


def load(name_or_path: str | Path, taxonomy: Taxonomy) -> Policy:
    """The shipped policy with this name, or the policy in this file or folder.

    The documents that it extends are merged in. Raises `PolicyError` with all problems. A shipped policy is
    read once per process and taxonomy.
    """
    if str(name_or_path) in SHIPPED_NAMES:
        return _load_shipped(str(name_or_path), taxonomy)
    return _load(name_or_path, taxonomy)


@lru_cache(maxsize=16)
def _load_shipped(name: str, taxonomy: Taxonomy) -> Policy:
    return _load(name, taxonomy)


def _load(name_or_path: str | Path, taxonomy: Taxonomy) -> Policy:
    problems: list[PolicyProblem] = []
    layers = resolve_extends(name_or_path, taxonomy, problems)
    # Compile only if `baseline` was found: otherwise every inherited part would be reported as missing.
    policy = _compile_layers(layers, taxonomy, problems) if layers and layers[0].name == BASELINE else None
    _raise_problems(name_or_path, problems)
    assert policy is not None
    return policy


def loads(canonical: str, taxonomy: Taxonomy) -> Policy:
    """The policy of which `canonical` is the canonical form. Raises `PolicyError`."""
    problems: list[PolicyProblem] = []
    layer, _ = read_layer([("stored policy", canonical.encode())], taxonomy, {}, problems)
    _raise_problems("stored policy", problems)
    policy = _compile_layers([layer], taxonomy, problems)
    _raise_problems("stored policy", problems)
    assert policy is not None
    return policy


def _raise_problems(name: str | Path, problems: list[PolicyProblem]) -> None:
    if problems:
        problems.sort(key=lambda problem: (problem.file, problem.line))
        count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise PolicyError(f"The policy {str(name)!r} has {count}.", problems=tuple(problems))


def _compile_layers(
    layers: list[PolicyLayer], taxonomy: Taxonomy, problems: list[PolicyProblem]
) -> Policy | None:
    known: dict[str, AttributeType] = dict(KNOWN_ATTRIBUTES)
    rules: dict[str, LayerEntry] = {}
    requires: dict[str, LayerEntry] = {}
    steer: dict[str, LayerEntry] = {}
    for layer in layers:
        known |= layer.attributes
        _apply_entries(layer.rules, rules, "rule")
        for entry in layer.thresholds:
            _apply_threshold(entry, rules)
        _apply_entries(layer.requires, requires, "requirement")
        _apply_entries(layer.steer, steer, "steering entry")
    for entry in rules.values():
        if not entry.broken:
            _check_rule(entry)
    for entry in requires.values():
        if entry.broken:
            continue
        missing = [key for key in ("category", "modality", "stage") if not entry.spec.get(key)]
        if missing:
            _problem(
                entry, "requires", f"It does not name a {' or a '.join(missing)}.", "Add the missing keys."
            )
        if entry.spec.get("depth") and not set(entry.spec.get("modality") or ()) <= _TEXT:
            _problem(
                entry,
                "depth",
                "Only checks of text and audio have a depth.",
                "Require pictures in an entry of their own, without `depth`.",
            )
    for entry in steer.values():
        for place, message, remedy in () if entry.broken else steering_problems(entry.spec):
            _problem(entry, place, message, remedy)
    if problems:
        return None
    top = layers[-1]
    active = {name: entry for name, entry in rules.items() if not entry.spec.get("disabled")}
    demanded = {name: entry for name, entry in requires.items() if not entry.spec.get("disabled")}
    steered = [entry.spec for entry in steer.values() if not entry.spec.get("disabled")]
    compiled = tuple(compile_rule(entry.spec, known) for entry in active.values())
    requirements = tuple(compile_requirement(entry.spec, taxonomy) for entry in demanded.values())
    _check_mandatory(requirements, requires, layers, taxonomy, problems)
    _check_mandatory_rules(compiled, layers, taxonomy, problems)
    _check_locked_rules(active, taxonomy, layers, problems)
    if problems:
        return None
    document: dict[str, Any] = {
        "policy": top.name,
        "rules": [entry.spec for entry in active.values()],
        "requires": [entry.spec for entry in demanded.values()],
    }
    document |= {key: value for key in ("version", "about") if (value := getattr(top, key))}
    if steered:
        document["steer"] = steered
    stated = [layer.templates for layer in layers if layer.templates]
    demands_template = stated[-1:] == [TEMPLATES_REQUIRED]
    if demands_template:
        document["templates"] = TEMPLATES_REQUIRED
    extra = {name: kind.value for name, kind in known.items() if name not in KNOWN_ATTRIBUTES}
    if extra:
        document["attributes"] = extra
    return Policy(
        name=top.name,
        version=top.version or "1",
        about=top.about,
        sha256=hashlib.sha256(canonical_json.document_text(document).encode()).hexdigest(),
        rules=compiled,
        requirements=requirements,
        steering=tuple(map(compile_steering, steered)),
        demands_template=demands_template,
        document=document,
    )


def _apply_entries(entries: list[LayerEntry], onto: dict[str, LayerEntry], noun: str) -> None:
    here: set[str] = set()
    for entry in entries:
        identity = entry.spec["id"]
        below = onto.get(identity)
        if identity in here:
            _problem(entry, "", f"The id {identity!r} is used twice.", "Give one of them another id.")
        elif below is None and entry.spec.keys() <= {"id", "disabled"} and not entry.broken:
            _problem(entry, "", f"There is no {noun} {identity!r} to change.", did_you_mean(identity, onto))
        elif below is not None and below.spec.get("locked"):
            _problem(
                entry,
                "",
                f"The rule {identity!r} cannot be changed.",
                "Add a rule of your own with another id.",
            )
        else:
            here.add(identity)
            spec = merge_specs(below.spec if below else {}, entry.spec)
            onto[identity] = LayerEntry(spec=spec, reader=entry.reader, node=entry.node, broken=entry.broken)


def _apply_threshold(entry: LayerEntry, onto: dict[str, LayerEntry]) -> None:
    identity = entry.spec["id"]
    below = onto.get(identity)
    if below is None:
        message = f"`thresholds` names the rule {identity!r}, which does not exist."
        entry.reader.problem(entry.node, f"thresholds.{identity}", message, did_you_mean(identity, onto))
    elif below.spec.get("locked") or not below.spec.get("when"):
        message = f"The threshold of the rule {identity!r} cannot be changed."
        entry.reader.problem(
            entry.node, f"thresholds.{identity}", message, "Add a rule of your own with another id."
        )
    else:
        spec = merge_specs(below.spec, entry.spec)
        onto[identity] = LayerEntry(spec=spec, reader=entry.reader, node=entry.node)


def _check_rule(entry: LayerEntry) -> None:
    spec = entry.spec
    if not spec.get("action"):
        words = ", ".join(action.value for action in Action)
        _problem(entry, "action", "The rule has no action.", f"Add `action:` with one of {words}.")
    if not any(spec.get(key) for key in ("when", "all_of", "any_of")):
        _problem(entry, "when", "The rule has no condition.", "Add `when:`, `all_of:` or `any_of:`.")
    if spec.get("vault") and spec.get("action") != Action.BLOCK:
        _problem(
            entry, "vault", "`vault` requires the action block.", "Use `action: block`, or remove `vault`."
        )
    for name, override in spec.get("audiences", {}).items():
        if override.get("score") is not None and not spec.get("when"):
            _problem(
                entry,
                f"audiences.{name}.score",
                "A `score` here requires the key `when` in the rule.",
                "Use `disabled` or `action`.",
            )
        if spec.get("vault") and (
            override.get("disabled") or override.get("action", Action.BLOCK) != Action.BLOCK
        ):
            _problem(
                entry,
                f"audiences.{name}",
                "A rule with `vault` applies to every audience unchanged.",
                "Remove the audience.",
            )
    clauses = [spec.get("when") or {}, *(spec.get("all_of") or ()), *(spec.get("any_of") or ())]
    if any(clause == {} for clause in clauses[1:]):
        _problem(entry, "all_of", "A clause has no condition.", "Name a category, or `category: any`.")


def _check_mandatory(
    requirements: tuple[Requirement, ...],
    entries: Mapping[str, LayerEntry],
    layers: list[PolicyLayer],
    taxonomy: Taxonomy,
    problems: list[PolicyProblem],
) -> None:
    missing = missing_mandatory(requirements, taxonomy)
    if not missing:
        return
    categories = ", ".join(sorted({category for category, _, _ in missing}))
    places = ", ".join(
        f"{modality} at {stage}"
        for stage, modality in MANDATORY_CELLS
        if any(place[1:] == (modality, stage) for place in missing)
    )
    message = f"The document drops mandatory requirements: {categories} ({places})."
    own = {entry.spec["id"] for entry in layers[-1].requires}
    touched = [entry for name, entry in entries.items() if name in own]
    if touched:
        _problem(touched[0], "requires", message, _WAIVE)
    else:
        problems.append(
            PolicyProblem(file=layers[-1].name, line=0, field="requires", message=message, remedy=_WAIVE)
        )


def _check_mandatory_rules(
    rules: tuple[Rule, ...], layers: list[PolicyLayer], taxonomy: Taxonomy, problems: list[PolicyProblem]
) -> None:
    """Check that every mandatory category has a rule that holds or blocks it, for each audience."""
    for audience in Audience:
        covered: set[str] = set()
        for rule in rules:
            override = rule.audiences.get(audience)
            action = (override and override.action) or rule.action
            if action.severity < Action.HOLD.severity or (override is not None and override.disabled):
                continue
            for clause in (rule.when, *rule.all_of, *rule.any_of):
                if clause is not None and not clause.test_card:
                    covered |= clause.categories
            covered.add(rule.category)
        uncovered = sorted(taxonomy.mandatory - covered)
        if uncovered:
            problems.append(
                PolicyProblem(
                    file=layers[-1].name,
                    line=0,
                    field="rules",
                    message=f"For the audience {audience}, no rule holds or blocks {', '.join(uncovered)}.",
                    remedy="Keep a rule for each mandatory category, or add `extends: starter`.",
                )
            )
            return


def _check_locked_rules(
    active: Mapping[str, LayerEntry],
    taxonomy: Taxonomy,
    layers: list[PolicyLayer],
    problems: list[PolicyProblem],
) -> None:
    """Check that the locked rules of `baseline` are present and unchanged, also in stored documents."""
    baseline = resolve_extends(BASELINE, taxonomy, [])[0]
    for entry in baseline.rules:
        identity = entry.spec["id"]
        if not entry.spec.get("locked"):
            continue
        if identity not in active or active[identity].spec != merge_specs({}, entry.spec):
            problems.append(
                PolicyProblem(
                    file=layers[-1].name,
                    line=0,
                    field=f"rules[{identity}]",
                    message=f"The locked rule {identity!r} of `baseline` is missing or was changed.",
                    remedy="Restore it as shipped, and add a rule of your own with another id.",
                )
            )


def _problem(entry: LayerEntry, field: str, message: str, remedy: str) -> None:
    reader: YamlReader = entry.reader
    node: yaml.Node = entry.node
    identity = entry.spec["id"]
    reader.problem(node, f"{identity}.{field}" if field else identity, message, remedy)

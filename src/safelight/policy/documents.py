"""Policy documents: read, joined with what they extend, checked, compiled. All problems are told at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from safelight import canonical_json
from safelight.errors import PolicyError

from .categories import Taxonomy
from .conditions import KNOWN_ATTRIBUTES, AttributeType
from .findings import Modality, Stage
from .inheritance import BASELINE, LayerEntry, PolicyLayer, read_layer, resolve_extends
from .requirements import (
    ALWAYS_PRESENT,
    MANDATORY_CELLS,
    Requirement,
    compile_requirement,
    missing_mandatory,
)
from .rules import Rule, compile_rule, merge_specs
from .verdicts import Action, Audience
from .yaml_reader import PolicyProblem, YamlReader, did_you_mean

_WAIVE = "Record a waiver instead: `safelight waiver add`."


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A compiled policy. Two with the same `sha256` decide alike."""

    name: str
    version: str
    about: str
    #: Of the canonical form, hex.
    sha256: str
    rules: tuple[Rule, ...]
    requirements: tuple[Requirement, ...]
    #: The whole document, nothing extended, as plain values.
    document: Mapping[str, Any]
    #: Compiled forms made on first use; holds nothing that decides.
    cache: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def canonical(self) -> str:
        """The document as JSON with sorted keys: what is hashed, stored and published."""
        return canonical_json.document_text(self.document)

    def required(
        self, stage: Stage, modalities: Iterable[Modality]
    ) -> dict[tuple[str, Modality], Requirement]:
        """The cells this policy demands at a stage with these modalities, each by the strictest entry.

        Every prompt has text and every output has frames, whatever the caller lists.
        """
        present = frozenset(modalities) | ALWAYS_PRESENT.get(stage, frozenset())
        key = ("required", stage, present)
        if key not in self.cache:
            found: dict[tuple[str, Modality], Requirement] = {}
            for requirement in self.requirements:
                for category, modality, where in requirement.cells():
                    place = (category, modality)
                    held = found.get(place)
                    if where is not stage or modality not in present:
                        continue
                    if held is None or requirement.on_gap.severity > held.on_gap.severity:
                        found[place] = requirement
            self.cache[key] = dict(sorted(found.items()))
        cells: dict[tuple[str, Modality], Requirement] = self.cache[key]
        return cells


def load(name_or_path: str | Path, taxonomy: Taxonomy) -> Policy:
    """The shipped policy of this name, or the document in this file or folder, with all it extends.

    Raises `PolicyError` with every problem in it.
    """
    problems: list[PolicyProblem] = []
    layers = resolve_extends(name_or_path, taxonomy, problems)
    # Without what it extends, a document would only be said to lack what stands there.
    policy = _build(layers, taxonomy, problems) if layers and layers[0].name == BASELINE else None
    _raise(name_or_path, problems)
    assert policy is not None
    return policy


def loads(canonical: str, taxonomy: Taxonomy) -> Policy:
    """The policy whose `canonical` form this is. Raises `PolicyError`."""
    problems: list[PolicyProblem] = []
    layer, _ = read_layer([("stored policy", canonical.encode())], taxonomy, {}, problems)
    _raise("stored policy", problems)
    policy = _build([layer], taxonomy, problems)
    _raise("stored policy", problems)
    assert policy is not None
    return policy


def _raise(name: str | Path, problems: list[PolicyProblem]) -> None:
    if problems:
        problems.sort(key=lambda problem: (problem.file, problem.line))
        count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise PolicyError(f"The policy {str(name)!r} has {count}.", problems=tuple(problems))


def _build(layers: list[PolicyLayer], taxonomy: Taxonomy, problems: list[PolicyProblem]) -> Policy | None:
    known: dict[str, AttributeType] = dict(KNOWN_ATTRIBUTES)
    rules: dict[str, LayerEntry] = {}
    requires: dict[str, LayerEntry] = {}
    for layer in layers:
        known |= layer.attributes
        _lay(layer.rules, rules, "rule")
        for entry in layer.thresholds:
            _lay_threshold(entry, rules)
        _lay(layer.requires, requires, "requirement")
    for entry in rules.values():
        if not entry.broken:
            _check_rule(entry)
    for entry in requires.values():
        if entry.broken:
            continue
        missing = [key for key in ("category", "modality", "stage") if not entry.spec.get(key)]
        if missing:
            _problem(
                entry, "requires", f"It does not name a {' or a '.join(missing)}.", "Add what is missing."
            )
    if problems:
        return None
    top = layers[-1]
    active = {name: entry for name, entry in rules.items() if not entry.spec.get("disabled")}
    demanded = {name: entry for name, entry in requires.items() if not entry.spec.get("disabled")}
    compiled = tuple(compile_rule(entry.spec, known) for entry in active.values())
    requirements = tuple(compile_requirement(entry.spec, taxonomy) for entry in demanded.values())
    _check_mandatory(requirements, requires, layers, taxonomy, problems)
    _check_teeth(compiled, layers, taxonomy, problems)
    _check_floor(active, taxonomy, layers, problems)
    if problems:
        return None
    document: dict[str, Any] = {
        "policy": top.name,
        "rules": [entry.spec for entry in active.values()],
        "requires": [entry.spec for entry in demanded.values()],
    }
    document |= {key: value for key in ("version", "about") if (value := getattr(top, key))}
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
        document=document,
    )


def _lay(entries: list[LayerEntry], onto: dict[str, LayerEntry], noun: str) -> None:
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
                entry, "", f"The rule {identity!r} cannot be changed.", "Add a rule of your own beside it."
            )
        else:
            here.add(identity)
            spec = merge_specs(below.spec if below else {}, entry.spec)
            onto[identity] = LayerEntry(spec=spec, reader=entry.reader, node=entry.node, broken=entry.broken)


def _lay_threshold(entry: LayerEntry, onto: dict[str, LayerEntry]) -> None:
    identity = entry.spec["id"]
    below = onto.get(identity)
    if below is None:
        message = f"There is no rule {identity!r} to give a threshold."
        entry.reader.problem(entry.node, f"thresholds.{identity}", message, did_you_mean(identity, onto))
    elif below.spec.get("locked") or not below.spec.get("when"):
        message = f"The rule {identity!r} has no threshold of its own to change."
        entry.reader.problem(
            entry.node, f"thresholds.{identity}", message, "Write a rule of your own beside it."
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
            entry, "vault", "Only what is blocked can be vaulted.", "Use `action: block`, or drop `vault`."
        )
    for name, override in spec.get("audiences", {}).items():
        if override.get("score") is not None and not spec.get("when"):
            _problem(
                entry,
                f"audiences.{name}.score",
                "The rule has no `when` to score.",
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
        _problem(entry, "all_of", "A clause asks nothing.", "Name a category, or `category: any`.")


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
    message = f"The mandatory set cannot be dropped; this leaves out {categories} ({places})."
    own = {entry.spec["id"] for entry in layers[-1].requires}
    touched = [entry for name, entry in entries.items() if name in own]
    if touched:
        _problem(touched[0], "requires", message, _WAIVE)
    else:
        problems.append(
            PolicyProblem(file=layers[-1].name, line=0, field="requires", message=message, remedy=_WAIVE)
        )


def _check_teeth(
    rules: tuple[Rule, ...], layers: list[PolicyLayer], taxonomy: Taxonomy, problems: list[PolicyProblem]
) -> None:
    """Requiring a category to be checked means nothing where no rule acts on it."""
    for audience in Audience:
        bitten: set[str] = set()
        for rule in rules:
            override = rule.audiences.get(audience)
            action = (override and override.action) or rule.action
            if action.severity < Action.HOLD.severity or (override is not None and override.disabled):
                continue
            for clause in (rule.when, *rule.all_of, *rule.any_of):
                if clause is not None and not clause.test_card:
                    bitten |= clause.categories
            bitten.add(rule.category)
        toothless = sorted(taxonomy.mandatory - bitten)
        if toothless:
            problems.append(
                PolicyProblem(
                    file=layers[-1].name,
                    line=0,
                    field="rules",
                    message=f"For the audience {audience} no rule holds or blocks {', '.join(toothless)}.",
                    remedy="The mandatory set cannot be dropped: leave a rule on, or add `extends: starter`.",
                )
            )
            return


def _check_floor(
    active: Mapping[str, LayerEntry],
    taxonomy: Taxonomy,
    layers: list[PolicyLayer],
    problems: list[PolicyProblem],
) -> None:
    """A stored document stands alone; the floor must be in it all the same."""
    floor = resolve_extends(BASELINE, taxonomy, [])[0]
    for entry in floor.rules:
        identity = entry.spec["id"]
        if not entry.spec.get("locked"):
            continue
        if identity not in active or active[identity].spec != merge_specs({}, entry.spec):
            problems.append(
                PolicyProblem(
                    file=layers[-1].name,
                    line=0,
                    field=f"rules[{identity}]",
                    message=f"The rule {identity!r} of the floor is missing or changed.",
                    remedy="Leave it as it ships, and add a rule of your own beside it.",
                )
            )


def _problem(entry: LayerEntry, field: str, message: str, remedy: str) -> None:
    reader: YamlReader = entry.reader
    node: yaml.Node = entry.node
    identity = entry.spec["id"]
    reader.problem(node, f"{identity}.{field}" if field else identity, message, remedy)

"""Rules: read from a document, merged with inherited rules, and compiled."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from .conditions import (
    KNOWN_ATTRIBUTES,
    AttributeType,
    Predicate,
    compile_attributes,
    read_attributes,
    values_in,
)
from .findings import Basis, Finding, Modality, Stage, Taxonomy
from .verdicts import Action, Audience
from .yaml_reader import YamlReader

#: A rule or requirement as plain values, with the same keys as in the document.
EntrySpec: TypeAlias = dict[str, Any]

ANY = "any"
_PLURALS = {"categories": "category", "modalities": "modality", "stages": "stage"}
_CLAUSE_KEYS = frozenset(
    {"category", "modality", "stage", *_PLURALS, "score", "attributes", "basis", "test_card"}
)
_RULE_KEYS = frozenset(
    {"id", "action", "reason", "category", "when", "all_of", "any_of", "unless", "audiences"}
    | {"vault", "support", "locked", "disabled"}
)
_REASON_VALUES = frozenset({"score", "detector", "category", "modality"})
_ID_CHARACTERS = frozenset(string.ascii_lowercase + string.digits + "-_")


@dataclass(frozen=True, kw_only=True)
class Clause:
    """Conditions on one finding. An empty set matches everything."""

    categories: frozenset[str] = frozenset()
    modalities: frozenset[Modality] = frozenset()
    stages: frozenset[Stage] = frozenset()
    bases: frozenset[Basis] = frozenset()
    at_least: float = 0.0
    below: float = 2.0
    predicate: Predicate | None = None
    #: Whether the clause is for the safety test card. Such a clause matches only findings of the card; other
    #: clauses never match them.
    test_card: bool = False


@dataclass(frozen=True, kw_only=True)
class AudienceOverride:
    """Changes of a rule for one audience; None means no change."""

    action: Action | None = None
    score: float | None = None
    disabled: bool = False


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule. It matches if `when`, every clause of `all_of` and one clause of `any_of` match."""

    id: str
    action: Action
    reason: str
    category: str = ""
    when: Clause | None = None
    all_of: tuple[Clause, ...] = ()
    any_of: tuple[Clause, ...] = ()
    #: The rule does not match if a consent covers the people shown.
    unless_consent: bool = False
    #: The rule does not match if the context has one of these facts.
    unless_facts: frozenset[str] = frozenset()
    #: The rule ignores findings for which this predicate is true.
    exempt: Predicate | None = None
    audiences: Mapping[Audience, AudienceOverride] = field(default_factory=dict)
    vault: bool = False
    support: bool = False

    def format_reason(self, finding: Finding) -> str:
        """The rule's reason with values of the finding that it matched."""
        facts = values_in(finding)
        parts = []
        for literal, name, _, _ in string.Formatter().parse(self.reason):
            parts.append(literal)
            if name is not None:
                parts.append(_format_value(facts.get(name, "some")))
        return "".join(parts)


def _format_value(value: bool | int | float | str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)


class RuleReader:
    """Reads the rules of one file as specs."""

    def __init__(
        self, reader: YamlReader, taxonomy: Taxonomy, attributes: Mapping[str, AttributeType]
    ) -> None:
        self.reader = reader
        self.attributes = attributes
        self.categories = {ANY, *(spec.name for spec in taxonomy)}

    def rule(self, node: yaml.Node, field: str) -> EntrySpec | None:
        """The rule as a spec with only the keys of the document; None without a valid id."""
        reader = self.reader
        keys = reader.mapping(node, field, _RULE_KEYS)
        identity = read_id(reader, node, keys, field)
        if identity is None:
            return None
        spec: EntrySpec = {"id": identity}
        field = f"{field.partition('[')[0]}[{identity}]"
        for key, value in keys.items():
            here = f"{field}.{key}"
            if key == "id":
                continue
            if reader.is_null(value) and key not in {"action"}:
                spec[key] = None
            elif key == "action":
                spec[key] = reader.choice(value, here, [action.value for action in Action])
            elif key == "reason":
                spec[key] = self._reason(value, here)
            elif key == "category":
                spec[key] = reader.choice(value, here, self.categories - {ANY})
            elif key == "when":
                spec[key] = self.clause(value, here)
            elif key in {"all_of", "any_of"}:
                items = reader.items(value, here)
                spec[key] = [self.clause(item, f"{here}[{index}]") for index, item in enumerate(items)]
                if not items:
                    reader.problem(value, here, "The list is empty.", "Add a clause, or leave the key out.")
            elif key == "unless":
                items = reader.items(value, here)
                spec[key] = [self._exception(item, f"{here}[{index}]") for index, item in enumerate(items)]
            elif key == "audiences":
                spec[key] = self._audiences(value, here)
            else:
                spec[key] = reader.boolean(value, here)
        return spec

    def clause(self, node: yaml.Node, field: str) -> EntrySpec:
        spec: EntrySpec = {}
        options = {
            "category": self.categories,
            "modality": {modality.value for modality in Modality},
            "stage": {stage.value for stage in Stage},
            "basis": {basis.value for basis in Basis},
        }
        for written, value in self.reader.mapping(node, field, _CLAUSE_KEYS).items():
            key, here = _PLURALS.get(written, written), f"{field}.{written}"
            if self.reader.is_null(value):
                spec[key] = None
            elif key in options:
                spec[key] = sorted(set(self.reader.choices(value, here, options[key])))
            elif key == "score":
                spec[key] = self._score(value, here)
            elif key == "attributes":
                spec[key] = read_attributes(self.reader, value, here, self.attributes)
            else:
                spec[key] = self.reader.boolean(value, here)
        if not spec:
            self.reader.problem(
                node, field, "The clause has no condition.", "Name a category, or `category: any`."
            )
        return spec

    def _score(self, node: yaml.Node, field: str) -> EntrySpec:
        if isinstance(node, yaml.MappingNode):
            found = self.reader.mapping(node, field, {"at_least", "below"})
            return {key: self.reader.probability(value, f"{field}.{key}") for key, value in found.items()}
        return {"at_least": self.reader.probability(node, field)}

    def _exception(self, node: yaml.Node, field: str) -> EntrySpec:
        keys = self.reader.mapping(node, field, {"consent", "context", "attributes"})
        if len(keys) != 1:
            self.reader.problem(
                node,
                field,
                "An exception must be one of consent, context and attributes.",
                "Write `- consent: true`, `- context: medical` or `- attributes: {negated: true}`.",
            )
            return {}
        key, value = next(iter(keys.items()))
        if key == "consent":
            if self.reader.boolean(value, field) is False:
                self.reader.problem(value, field, "`consent: false` has no effect.", "Remove the line.")
            return {"consent": True}
        if key == "context":
            return {"context": sorted(set(self.reader.strings(value, f"{field}.context")))}
        return {"attributes": read_attributes(self.reader, value, f"{field}.attributes", self.attributes)}

    def _audiences(self, node: yaml.Node, field: str) -> EntrySpec:
        overrides: EntrySpec = {}
        names = {audience.value for audience in Audience}
        for name, value in self.reader.mapping(node, field, names).items():
            here = f"{field}.{name}"
            if self.reader.is_null(value):
                overrides[name] = None
                continue
            spec: EntrySpec = {}
            for key, item in self.reader.mapping(value, here, {"action", "score", "disabled"}).items():
                if key == "action":
                    spec[key] = self.reader.choice(
                        item, f"{here}.action", [action.value for action in Action]
                    )
                elif key == "score":
                    spec[key] = self.reader.probability(item, f"{here}.score")
                else:
                    spec[key] = self.reader.boolean(item, f"{here}.disabled")
            overrides[name] = spec
        return overrides

    def _reason(self, node: yaml.Node, field: str) -> str | None:
        sentence = self.reader.text(node, field)
        if sentence is None:
            return None
        known = _REASON_VALUES | set(self.attributes)
        try:
            names = [
                (name, form) for _, name, form, _ in string.Formatter().parse(sentence) if name is not None
            ]
        except ValueError:
            names = [("{", "")]
        for name, form in names:
            if name not in known or form:
                self.reader.problem(
                    node,
                    field,
                    f"{{{name}}} is not a value that a reason can contain.",
                    f"Use one of: {', '.join(sorted(known))}, without a format after the name.",
                )
        return sentence


def read_id(reader: YamlReader, node: yaml.Node, keys: Mapping[str, yaml.Node], field: str) -> str | None:
    """The entry's `id`: lower-case letters, digits, `-` and `_`."""
    if "id" not in keys:
        reader.problem(node, field, "The entry has no id.", "Add one, such as `id: house-1`.")
        return None
    identity = reader.text(keys["id"], f"{field}.id", max_chars=64)
    if identity is not None and not set(identity) <= _ID_CHARACTERS:
        reader.problem(
            keys["id"], f"{field}.id", f"{identity!r} is not a valid id.", "Use a-z, 0-9, - and _."
        )
        return None
    return identity


def merge_specs(base: EntrySpec, change: EntrySpec) -> EntrySpec:
    """`base` changed by `change`: mappings are merged, lists and values replaced, null removes a key."""
    result = dict(base)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif key == "score" and isinstance(value, dict):
            result[key] = value
        elif isinstance(value, dict) and isinstance(result.get(key), dict) and not _is_condition(value):
            result[key] = merge_specs(result[key], value)
        elif isinstance(value, dict) and not _is_condition(value):
            result[key] = merge_specs({}, value)
        else:
            result[key] = value
    return result


def _is_condition(value: EntrySpec) -> bool:
    return bool({"at_least", "at_most", "above", "below", "is", "in", "not"} & value.keys())


def compile_rule(spec: EntrySpec, attributes: Mapping[str, AttributeType] | None = None) -> Rule:
    """The rule for a spec that has all keys. The caller must have validated the spec."""
    known = attributes or KNOWN_ATTRIBUTES
    exceptions = spec.get("unless") or []
    exempt = [
        test
        for item in exceptions
        if (test := compile_attributes(item.get("attributes") or {}, known)) is not None
    ]
    return Rule(
        id=spec["id"],
        action=Action(spec["action"]),
        reason=spec.get("reason") or "{category} in {modality}, score {score}.",
        category=spec.get("category", ""),
        when=_compile_clause(spec["when"], known) if "when" in spec else None,
        all_of=tuple(_compile_clause(item, known) for item in spec.get("all_of", ())),
        any_of=tuple(_compile_clause(item, known) for item in spec.get("any_of", ())),
        unless_consent=any(item.get("consent") for item in exceptions),
        unless_facts=frozenset(fact for item in exceptions for fact in item.get("context", ())),
        exempt=_any_of(exempt),
        audiences={
            Audience(name): AudienceOverride(
                action=Action(override["action"]) if "action" in override else None,
                score=override.get("score"),
                disabled=bool(override.get("disabled")),
            )
            for name, override in spec.get("audiences", {}).items()
        },
        vault=bool(spec.get("vault")),
        support=bool(spec.get("support")),
    )


def _any_of(tests: list[Predicate]) -> Predicate | None:
    if len(tests) < 2:
        return tests[0] if tests else None
    return lambda finding: any(test(finding) for test in tests)


def _compile_clause(spec: EntrySpec, attributes: Mapping[str, AttributeType]) -> Clause:
    categories = frozenset(spec.get("category") or ())
    score = spec.get("score") or {}
    return Clause(
        categories=frozenset() if ANY in categories else categories,
        modalities=frozenset(Modality(word) for word in spec.get("modality") or ()),
        stages=frozenset(Stage(word) for word in spec.get("stage") or ()),
        bases=frozenset(Basis(word) for word in spec.get("basis") or ()),
        at_least=score.get("at_least") or 0.0,
        below=score.get("below") or 2.0,
        predicate=compile_attributes(spec.get("attributes") or {}, attributes),
        test_card=bool(spec.get("test_card")),
    )

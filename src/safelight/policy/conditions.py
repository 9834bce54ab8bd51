"""Conditions of a rule on one finding: on its attributes and on values from its evidence."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

import yaml

from .findings import (
    Attribute,
    Basis,
    Evidence,
    Finding,
    FrameRange,
    ImageBox,
    Modality,
    OperatingPoint,
    TimeRange,
)
from .yaml_reader import YamlReader, did_you_mean

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "at_least": operator.ge,
    "at_most": operator.le,
    "above": operator.gt,
    "below": operator.lt,
}
_OPERATORS = frozenset({*_COMPARISONS, "is", "in", "not"})


class AttributeType(StrEnum):
    """The type of an attribute's values."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    STRING = "string"


#: Attributes that every document may use. A document declares more under `attributes:`.
KNOWN_ATTRIBUTES: Mapping[str, AttributeType] = {
    "area": AttributeType.NUMBER,
    "duration_s": AttributeType.NUMBER,
    "frames": AttributeType.NUMBER,
    "speech": AttributeType.BOOLEAN,
    "negated": AttributeType.BOOLEAN,
    "rejected": AttributeType.BOOLEAN,
    "excerpt": AttributeType.BOOLEAN,
    "role": AttributeType.STRING,
    "public_figure": AttributeType.BOOLEAN,
    "historical": AttributeType.BOOLEAN,
    "named": AttributeType.BOOLEAN,
    "explicit": AttributeType.BOOLEAN,
    "kind": AttributeType.STRING,
    "voice": AttributeType.STRING,
    "source": AttributeType.STRING,
    "disagrees_with": AttributeType.STRING,
    "cross_modal": AttributeType.BOOLEAN,
    "consented": AttributeType.BOOLEAN,
}


class FindingView(Protocol):
    """The parts of a finding that rules read.

    `replay` has its own class for it, which decodes stored fields only when a rule reads them.
    """

    @property
    def category(self) -> str: ...
    @property
    def score(self) -> float: ...
    @property
    def modality(self) -> Modality: ...
    @property
    def test_card(self) -> bool: ...
    @property
    def attributes(self) -> Mapping[str, Attribute]: ...
    @property
    def evidence(self) -> tuple[Evidence, ...]: ...
    @property
    def basis(self) -> Basis: ...
    @property
    def point(self) -> OperatingPoint | None: ...


Predicate: TypeAlias = Callable[[FindingView], bool]
#: A condition in the canonical document, such as `{"at_least": 3}`, `{"is": true}` or `{"in": [...]}`.
ConditionSpec: TypeAlias = dict[str, Any]


def read_attributes(
    reader: YamlReader, node: yaml.Node, field: str, known: Mapping[str, AttributeType]
) -> dict[str, Any]:
    """The conditions of an `attributes:` mapping, by attribute. `null` removes an inherited condition."""
    found: dict[str, Any] = {}
    for name, value in reader.mapping(node, field, None).items():
        here = f"{field}.{name}"
        if name not in known:
            remedy = did_you_mean(name, known)
            if not remedy.startswith("Did"):
                remedy = f"Declare it first: `attributes: {{{name}: number}}` (or boolean, string)."
            reader.problem(value, here, f"The attribute {name!r} is unknown.", remedy)
        elif reader.is_null(value):
            found[name] = None
        else:
            spec = _read_condition(reader, value, here, known[name])
            if spec:
                found[name] = spec
    return found


def _read_condition(reader: YamlReader, node: yaml.Node, field: str, kind: AttributeType) -> ConditionSpec:
    if isinstance(node, yaml.SequenceNode):
        return {
            "in": sorted(
                value for item in node.value if (value := _value(reader, item, field, kind)) is not None
            )
        }
    if isinstance(node, yaml.ScalarNode):
        value = _value(reader, node, field, kind)
        return {} if value is None else {"is": value}
    spec: ConditionSpec = {}
    for key, item in reader.mapping(node, field, _OPERATORS).items():
        here = f"{field}.{key}"
        if key in _COMPARISONS and kind is not AttributeType.NUMBER:
            reader.problem(
                item,
                here,
                f"{key!r} compares numbers, but the attribute is a {kind}.",
                "Write the value itself.",
            )
        elif key == "in":
            spec |= _read_condition(reader, item, here, kind) if isinstance(item, yaml.SequenceNode) else {}
            if not isinstance(item, yaml.SequenceNode):
                reader.problem(item, here, "The value must be a list.", "Write [one, two].")
        else:
            value = _value(reader, item, here, kind)
            if value is not None:
                spec[key] = value
    return spec


def _value(reader: YamlReader, node: yaml.Node, field: str, kind: AttributeType) -> Attribute | None:
    if kind is AttributeType.NUMBER:
        return reader.number(node, field)
    if kind is AttributeType.BOOLEAN:
        return reader.boolean(node, field)
    return reader.text(node, field, max_chars=100)


def compile_attributes(
    specs: Mapping[str, ConditionSpec], known: Mapping[str, AttributeType]
) -> Predicate | None:
    """A predicate that is true if every condition holds; None if `specs` is empty.

    A missing number fails every condition on it. A missing boolean counts as false, a missing string as "".
    """
    tests = [_compile_one(name, known[name], spec) for name, spec in sorted(specs.items()) if spec]
    if not tests:
        return None
    if len(tests) == 1:
        return tests[0]
    return lambda finding: all(test(finding) for test in tests)


def _compile_one(name: str, kind: AttributeType, spec: ConditionSpec) -> Predicate:
    absent: Attribute | None = {
        AttributeType.NUMBER: None,
        AttributeType.BOOLEAN: False,
        AttributeType.STRING: "",
    }[kind]
    derive = _DERIVED.get(name)
    checks = [_compile_check(key, value) for key, value in sorted(spec.items())]

    if len(checks) == 1 and derive is None:
        # Fast path for the most frequent kind of condition, because a replay tests it for every finding.
        (only,) = checks

        def ask(finding: FindingView) -> bool:
            value = finding.attributes.get(name, absent)
            return value is not None and only(value)

        return ask

    def test(finding: FindingView) -> bool:
        value: Attribute | None = finding.attributes.get(name)
        if value is None:
            value = derive(finding) if derive else absent
        return value is not None and all(check(value) for check in checks)

    return test


def _compile_check(key: str, wanted: Any) -> Callable[[Attribute], bool]:
    if key == "in":
        options = frozenset(wanted)
        return lambda value: value in options
    if key == "is":
        return lambda value: bool(value == wanted)
    if key == "not":
        return lambda value: bool(value != wanted)
    compare = _COMPARISONS[key]
    return lambda value: not isinstance(value, str) and compare(value, wanted)


def _area(finding: FindingView) -> float | None:
    boxes = [
        box
        for part in finding.evidence
        if (box := part.box if isinstance(part, FrameRange) else part if isinstance(part, ImageBox) else None)
    ]
    return max((box.w * box.h for box in boxes), default=None)


def _frames(finding: FindingView) -> float | None:
    counts = [part.last - part.first + 1 for part in finding.evidence if isinstance(part, FrameRange)]
    return float(sum(counts)) if counts else None


def _duration(finding: FindingView) -> float | None:
    spans = [
        part.end_s - part.start_s for part in finding.evidence if isinstance(part, FrameRange | TimeRange)
    ]
    return sum(spans) if spans else None


_DERIVED: Mapping[str, Callable[[FindingView], Attribute | None]] = {
    "area": _area,
    "frames": _frames,
    "duration_s": _duration,
}


def values_in(finding: Finding) -> dict[str, Attribute]:
    """The values that a rule's reason may contain: score, detector, category, modality, attributes."""
    facts: dict[str, Attribute] = {
        name: value for name, derive in _DERIVED.items() if (value := derive(finding))
    }
    facts |= finding.attributes
    facts |= {
        "score": finding.score,
        "detector": finding.detector,
        "category": finding.category,
        "modality": finding.modality.value,
    }
    return facts

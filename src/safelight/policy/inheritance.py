"""Reads a policy document and all documents that it extends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml

from .conditions import KNOWN_ATTRIBUTES, AttributeType
from .findings import Taxonomy
from .requirements import read_requirement
from .rules import EntrySpec, RuleReader
from .steering import read_steering
from .yaml_reader import MAX_BYTES, PolicyProblem, YamlReader, did_you_mean

#: The policy that a document extends if it has no `extends`.
BASELINE = "baseline"
SHIPPED_NAMES = ("starter", "strict", "creative")
MAX_EXTENDS = 8
MAX_FILES = 64

_HEADER = frozenset({"policy", "version", "extends", "about"})
_KEYS = frozenset({*_HEADER, "templates", "attributes", "thresholds", "rules", "requires", "steer"})
#: Values of the key `templates`: whether every prompt has to be made from an approved template.
TEMPLATES_OPTIONAL, TEMPLATES_REQUIRED = "optional", "required"


@dataclass(frozen=True, kw_only=True)
class LayerEntry:
    """A rule or requirement of one layer, and its place in the file."""

    spec: EntrySpec
    reader: YamlReader
    node: yaml.Node
    #: Whether a part of the entry could not be read. If so, missing keys are not reported as well.
    broken: bool = False


@dataclass(kw_only=True)
class PolicyLayer:
    """One document, merged from its files."""

    name: str = ""
    version: str = ""
    about: str = ""
    extends: str = ""
    #: `optional` or `required`; empty if the document does not say.
    templates: str = ""
    attributes: dict[str, AttributeType] = field(default_factory=dict)
    rules: list[LayerEntry] = field(default_factory=list)
    thresholds: list[LayerEntry] = field(default_factory=list)
    requires: list[LayerEntry] = field(default_factory=list)
    steer: list[LayerEntry] = field(default_factory=list)


def resolve_extends(
    start: str | Path, taxonomy: Taxonomy, problems: list[PolicyProblem]
) -> list[PolicyLayer]:
    """The document and the documents that it extends, `baseline` first.

    Reports cycles, documents that do not exist, and chains that are too long.
    """
    layers: list[PolicyLayer] = []
    seen: list[str] = []
    wanted: str | Path = start
    origin: LayerEntry | None = None
    while True:
        place = find_document(wanted)
        identity = str(place) if place is not None else str(wanted)
        problem = _chain_problem(place, wanted, identity, seen)
        if problem is not None:
            _report(origin, str(wanted), problems, *problem)
            break
        assert place is not None
        seen.append(identity)
        try:
            files = _read_files(place)
        except OSError as error:
            _report(
                origin,
                str(wanted),
                problems,
                f"{wanted} cannot be read: {error.strerror}.",
                "Check the file permissions.",
            )
            break
        if not files or len(files) > MAX_FILES:
            _report(
                origin,
                str(wanted),
                problems,
                f"{wanted} holds {len(files)} policy files.",
                f"Keep 1 to {MAX_FILES}.",
            )
            break
        known = {name: kind for layer in layers for name, kind in layer.attributes.items()}
        layer, extends = read_layer(files, taxonomy, known, problems)
        layers.append(layer)
        if extends is not None:
            origin = extends
            wanted = _relative(layer.extends, place)
        elif str(wanted) == BASELINE:
            break
        else:
            origin, wanted = None, BASELINE
    return layers[::-1]


def _chain_problem(
    place: Traversable | None, wanted: str | Path, identity: str, seen: list[str]
) -> tuple[str, str] | None:
    if place is None:
        return f"The policy {str(wanted)!r} does not exist.", did_you_mean(Path(wanted).name, SHIPPED_NAMES)
    if identity in seen:
        return f"{str(wanted)!r} extends itself through {len(seen)} documents.", "Remove one `extends`."
    if len(seen) >= MAX_EXTENDS:
        return f"More than {MAX_EXTENDS} documents extend one another.", "Merge some of them."
    return None


def _report(
    origin: LayerEntry | None, file: str, problems: list[PolicyProblem], message: str, remedy: str
) -> None:
    if origin is not None:
        origin.reader.problem(origin.node, "extends", message, remedy)
    else:
        problems.append(PolicyProblem(file=file, line=0, field="", message=message, remedy=remedy))


def find_document(name: str | Path) -> Traversable | None:
    """The folder of a shipped document, or the file or folder at a path; None if neither exists."""
    if str(name) in {BASELINE, *SHIPPED_NAMES}:
        return resources.files(__package__).joinpath("shipped", str(name))
    path = Path(name)
    try:
        return path.resolve() if path.is_file() or path.is_dir() else None
    except (OSError, ValueError):
        return None


def _relative(extends: str, place: Traversable) -> str | Path:
    if extends in {BASELINE, *SHIPPED_NAMES} or not isinstance(place, Path):
        return extends
    return (place if place.is_dir() else place.parent) / extends


def _read_files(place: Traversable) -> list[tuple[str, bytes]]:
    if place.is_file():
        return [(str(place), _read_limited(place))]
    found = [item for item in place.iterdir() if item.name.endswith((".yaml", ".yml")) and item.is_file()]
    folder = place.name if not isinstance(place, Path) or "shipped" in place.parts else str(place)
    found.sort(key=lambda item: item.name)
    return [(f"{folder}/{item.name}", _read_limited(item)) for item in found[: MAX_FILES + 1]]


def _read_limited(file: Traversable) -> bytes:
    """The content of the file, cut off one byte above the size limit. The reader rejects that size."""
    with file.open("rb") as stream:
        data: bytes = stream.read(MAX_BYTES + 1)
    return data


def read_layer(
    files: list[tuple[str, bytes]],
    taxonomy: Taxonomy,
    inherited: Mapping[str, AttributeType],
    problems: list[PolicyProblem],
) -> tuple[PolicyLayer, LayerEntry | None]:
    """One document, merged from its files, and the place of its `extends`."""
    layer = PolicyLayer()
    extends: LayerEntry | None = None
    parsed: list[tuple[YamlReader, dict[str, yaml.Node], yaml.MappingNode]] = []
    for file, data in files:
        reader = YamlReader(file, problems)
        node = reader.parse(data)
        if node is not None:
            parsed.append((reader, reader.mapping(node, "", _KEYS), node))
    for reader, keys, _ in parsed:
        if "attributes" in keys:
            layer.attributes |= _read_declared_attributes(reader, keys["attributes"])
    headers = [(reader, keys, node) for reader, keys, node in parsed if _HEADER & keys.keys()]
    for reader, _keys, node in headers[1:]:
        reader.problem(
            node,
            "policy",
            "More than one file of the document has a header.",
            "Keep `policy` and `extends` in one file.",
        )
    for reader, keys, _ in headers[:1]:
        for key in _HEADER & keys.keys():
            setattr(layer, "name" if key == "policy" else key, reader.text(keys[key], key) or "")
        if layer.extends:
            extends = LayerEntry(spec={}, reader=reader, node=keys["extends"])
    if parsed and not layer.name:
        reader, _, node = (headers or parsed)[0]
        reader.problem(node, "policy", "The document has no name.", "Add a line such as `policy: my-policy`.")
    known = {**KNOWN_ATTRIBUTES, **inherited, **layer.attributes}
    for reader, keys, _ in parsed:
        _read_entries(reader, keys, layer, taxonomy, known)
    return layer, extends


def _read_entries(
    reader: YamlReader,
    keys: Mapping[str, yaml.Node],
    layer: PolicyLayer,
    taxonomy: Taxonomy,
    known: Mapping[str, AttributeType],
) -> None:
    rules = RuleReader(reader, taxonomy, known)
    if "templates" in keys:
        words = (TEMPLATES_OPTIONAL, TEMPLATES_REQUIRED)
        layer.templates = reader.choice(keys["templates"], "templates", words) or layer.templates
    if "rules" in keys:
        for index, node in enumerate(reader.items(keys["rules"], "rules")):
            before = len(reader.problems)
            spec = rules.rule(node, f"rules[{index}]")
            if spec is not None:
                broken = len(reader.problems) > before
                layer.rules.append(LayerEntry(spec=spec, reader=reader, node=node, broken=broken))
    for part, read, entries in (
        ("requires", read_requirement, layer.requires),
        ("steer", read_steering, layer.steer),
    ):
        for index, node in enumerate(reader.items(keys[part], part) if part in keys else ()):
            before = len(reader.problems)
            spec = read(reader, node, f"{part}[{index}]", taxonomy)
            if spec is not None:
                broken = len(reader.problems) > before
                entries.append(LayerEntry(spec=spec, reader=reader, node=node, broken=broken))
    if "thresholds" in keys:
        for identity, node in reader.mapping(keys["thresholds"], "thresholds", None).items():
            value = reader.probability(node, f"thresholds.{identity}")
            if value is not None:
                change = {"id": identity, "when": {"score": {"at_least": value}}}
                layer.thresholds.append(LayerEntry(spec=change, reader=reader, node=node))


def _read_declared_attributes(reader: YamlReader, node: yaml.Node) -> dict[str, AttributeType]:
    declared: dict[str, AttributeType] = {}
    for name, value in reader.mapping(node, "attributes", None).items():
        here = f"attributes.{name}"
        kind = reader.choice(value, here, [kind.value for kind in AttributeType])
        if name in KNOWN_ATTRIBUTES:
            reader.problem(value, here, f"The attribute {name!r} is already known.", "Remove the line.")
        elif kind is not None:
            declared[name] = AttributeType(kind)
    return declared

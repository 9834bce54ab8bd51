"""Finding the files of a policy document and of everything it extends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml

from .categories import Taxonomy
from .conditions import KNOWN_ATTRIBUTES, AttributeType
from .requirements import read_requirement
from .rules import RuleReader, Spec
from .yaml_reader import MAX_BYTES, PolicyProblem, YamlReader, did_you_mean

#: What a document extends that names nothing: the part nobody can do without.
BASELINE = "baseline"
SHIPPED_NAMES = ("starter", "strict", "creative")
MAX_EXTENDS = 8
MAX_FILES = 64

_HEADER = frozenset({"policy", "version", "extends", "about"})
_KEYS = frozenset({*_HEADER, "attributes", "thresholds", "rules", "requires"})


@dataclass(frozen=True, kw_only=True)
class LayerEntry:
    """A rule or requirement as one layer writes it, and where."""

    spec: Spec
    reader: YamlReader
    node: yaml.Node
    #: Some of it could not be read: what is missing in it is no further problem.
    broken: bool = False


@dataclass(kw_only=True)
class PolicyLayer:
    """One document: what its files say together."""

    name: str = ""
    version: str = ""
    about: str = ""
    extends: str = ""
    attributes: dict[str, AttributeType] = field(default_factory=dict)
    rules: list[LayerEntry] = field(default_factory=list)
    thresholds: list[LayerEntry] = field(default_factory=list)
    requires: list[LayerEntry] = field(default_factory=list)


def resolve_extends(
    start: str | Path, taxonomy: Taxonomy, problems: list[PolicyProblem]
) -> list[PolicyLayer]:
    """The document and what it extends, the floor first. A cycle, a gap or too long a chain is a problem."""
    layers: list[PolicyLayer] = []
    seen: list[str] = []
    wanted: str | Path = start
    origin: LayerEntry | None = None
    while True:
        place = find(wanted)
        identity = str(place) if place is not None else str(wanted)
        trouble = _trouble(place, wanted, identity, seen)
        if trouble is not None:
            _say(origin, str(wanted), problems, *trouble)
            break
        assert place is not None
        seen.append(identity)
        try:
            files = _files(place)
        except OSError as error:
            _say(
                origin,
                str(wanted),
                problems,
                f"{wanted} cannot be read: {error.strerror}.",
                "Check the rights.",
            )
            break
        if not files or len(files) > MAX_FILES:
            _say(
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


def _trouble(
    place: Traversable | None, wanted: str | Path, identity: str, seen: list[str]
) -> tuple[str, str] | None:
    if place is None:
        return f"There is no policy {str(wanted)!r}.", did_you_mean(Path(wanted).name, SHIPPED_NAMES)
    if identity in seen:
        return f"{str(wanted)!r} extends itself, by way of {len(seen)} documents.", "Take one `extends` away."
    if len(seen) >= MAX_EXTENDS:
        return f"More than {MAX_EXTENDS} documents extend one another.", "Join some of them."
    return None


def _say(
    origin: LayerEntry | None, file: str, problems: list[PolicyProblem], message: str, remedy: str
) -> None:
    if origin is not None:
        origin.reader.problem(origin.node, "extends", message, remedy)
    else:
        problems.append(PolicyProblem(file=file, line=0, field="", message=message, remedy=remedy))


def find(name: str | Path) -> Traversable | None:
    """A shipped document's folder, or the file or folder at a path; None where there is none."""
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


def _files(place: Traversable) -> list[tuple[str, bytes]]:
    if place.is_file():
        return [(str(place), _read(place))]
    found = [item for item in place.iterdir() if item.name.endswith((".yaml", ".yml")) and item.is_file()]
    folder = place.name if not isinstance(place, Path) or "shipped" in place.parts else str(place)
    found.sort(key=lambda item: item.name)
    return [(f"{folder}/{item.name}", _read(item)) for item in found[: MAX_FILES + 1]]


def _read(file: Traversable) -> bytes:
    """The file, or one byte more than is allowed, which the reader refuses."""
    with file.open("rb") as stream:
        data: bytes = stream.read(MAX_BYTES + 1)
    return data


def read_layer(
    files: list[tuple[str, bytes]],
    taxonomy: Taxonomy,
    inherited: Mapping[str, AttributeType],
    problems: list[PolicyProblem],
) -> tuple[PolicyLayer, LayerEntry | None]:
    """What the files of one document say, and where it says what it extends."""
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
            layer.attributes |= _declared(reader, keys["attributes"])
    headers = [(reader, keys, node) for reader, keys, node in parsed if _HEADER & keys.keys()]
    for reader, _keys, node in headers[1:]:
        reader.problem(
            node, "policy", "Two files of one document have a header.", "Keep policy, extends in one."
        )
    for reader, keys, _ in headers[:1]:
        for key in _HEADER & keys.keys():
            setattr(layer, "name" if key == "policy" else key, reader.text(keys[key], key) or "")
        if layer.extends and reader.report_renamed(keys["extends"], f"extends: {layer.extends}"):
            layer.extends = BASELINE
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
    if "rules" in keys:
        for index, node in enumerate(reader.items(keys["rules"], "rules")):
            told = len(reader.problems)
            spec = rules.rule(node, f"rules[{index}]")
            if spec is not None:
                broken = len(reader.problems) > told
                layer.rules.append(LayerEntry(spec=spec, reader=reader, node=node, broken=broken))
    if "requires" in keys:
        for index, node in enumerate(reader.items(keys["requires"], "requires")):
            told = len(reader.problems)
            spec = read_requirement(reader, node, f"requires[{index}]", taxonomy)
            if spec is not None:
                broken = len(reader.problems) > told
                layer.requires.append(LayerEntry(spec=spec, reader=reader, node=node, broken=broken))
    if "thresholds" in keys:
        for identity, node in reader.mapping(keys["thresholds"], "thresholds", None).items():
            value = reader.probability(node, f"thresholds.{identity}")
            if value is not None:
                change = {"id": identity, "when": {"score": {"at_least": value}}}
                layer.thresholds.append(LayerEntry(spec=change, reader=reader, node=node))


def _declared(reader: YamlReader, node: yaml.Node) -> dict[str, AttributeType]:
    declared: dict[str, AttributeType] = {}
    for name, value in reader.mapping(node, "attributes", None).items():
        here = f"attributes.{name}"
        kind = reader.choice(value, here, [kind.value for kind in AttributeType])
        if name in KNOWN_ATTRIBUTES:
            reader.problem(value, here, f"{name!r} is known already.", "Remove the line.")
        elif kind is not None:
            declared[name] = AttributeType(kind)
    return declared

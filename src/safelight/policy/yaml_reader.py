"""Reads YAML safely and reports every problem with its line."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

import yaml

from safelight.core.yaml_loader import Loader

MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
MAX_NODES = 20_000
#: Maximum number of options that a remedy lists.
_MAX_LISTED_OPTIONS = 24


@dataclass(frozen=True, kw_only=True)
class PolicyProblem:
    """A problem of a policy document, and its remedy."""

    file: str
    line: int
    field: str
    message: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        field = f" {self.field}:" if self.field else ""
        return f"{where}:{field} {self.message} {self.remedy}".rstrip()


def did_you_mean(word: str, options: Collection[str]) -> str:
    """A remedy for an unknown name: the closest option, or the list of options."""
    near = difflib.get_close_matches(word, list(options), n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]!r}?"
    if len(options) > _MAX_LISTED_OPTIONS:
        return f"Use one of the {len(options)} known names, such as {', '.join(sorted(options)[:3])}."
    return f"Use one of: {', '.join(sorted(options))}."


class YamlReader:
    """Reads values from YAML nodes. If a value is invalid, it adds an error to `problems` and continues."""

    def __init__(
        self, file: str, problems: list[PolicyProblem], *, first_line: str = "policy: my-policy"
    ) -> None:
        self.file = file
        self.problems = problems
        #: An example of the first line, for the remedy of a file that is no mapping.
        self._first_line = first_line

    def problem(self, node: yaml.Node | None, field: str, message: str, remedy: str) -> None:
        line = node.start_mark.line + 1 if node is not None else 0
        self.problems.append(
            PolicyProblem(file=self.file, line=line, field=field, message=message, remedy=remedy)
        )

    def parse(self, data: bytes) -> yaml.MappingNode | None:
        """The mapping that the file consists of; None if the file is invalid.

        Size, depth, aliases, tags and repeated keys are checked here.
        """
        if len(data) > MAX_BYTES:
            self.problem(
                None, "", f"The file is larger than {MAX_BYTES // 1024} kB.", "Split it into several files."
            )
            return None
        try:
            text = data.decode("utf-8")
            self._walk_events(text)
            node = yaml.compose(text, Loader=Loader)
        except UnicodeDecodeError:
            self.problem(None, "", "The file is not UTF-8 text.", "Save it as UTF-8.")
            return None
        except _InvalidYaml as refused:
            self.problems.append(
                PolicyProblem(
                    file=self.file,
                    line=refused.line,
                    field="",
                    message=refused.args[0],
                    remedy=refused.remedy,
                )
            )
            return None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 0
            problem = error.problem or "it cannot be parsed"
            self.problems.append(
                PolicyProblem(
                    file=self.file,
                    line=line,
                    field="",
                    message=f"The file is not valid YAML: {problem}.",
                    remedy="Check indentation, colons and quotes at this line.",
                )
            )
            return None
        except yaml.YAMLError:
            self.problem(None, "", "The file has characters that YAML does not allow.", "Remove them.")
            return None
        if not isinstance(node, yaml.MappingNode):
            self.problem(node, "", "The file must be a mapping of keys.", f"Start with `{self._first_line}`.")
            return None
        return node

    def _walk_events(self, text: str) -> None:
        depth = documents = 0
        for count, event in enumerate(yaml.parse(text, Loader=Loader)):
            line = event.start_mark.line + 1 if event.start_mark else 0
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise _InvalidYaml(
                    "Anchors and aliases (& and *) are not allowed.", line, "Write the value out."
                )
            if getattr(event, "tag", None):
                raise _InvalidYaml("Tags (!) are not allowed.", line, "Write the plain value.")
            if depth > MAX_DEPTH:
                raise _InvalidYaml(
                    "The document is nested too deeply.", line, f"Stay within {MAX_DEPTH} levels."
                )
            if count > MAX_NODES:
                raise _InvalidYaml("The file has too many values.", line, "Split it into several files.")
            if documents > 1:
                raise _InvalidYaml(
                    "A file must have only one document.", line, "Move what follows `---` to its own file."
                )

    def mapping(self, node: yaml.Node, field: str, known: Collection[str] | None) -> dict[str, yaml.Node]:
        """The node's keys and values. Unknown and repeated keys are reported as problems and left out."""
        if not isinstance(node, yaml.MappingNode):
            self.problem(node, field, "The value must be a mapping of keys.", "Write `key: value` lines.")
            return {}
        found: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            here = f"{field}.{key}" if field else str(key)
            if key is None:
                self.problem(key_node, field, "A key must be text.", "Write `key: value` lines.")
                continue
            if known is not None and key not in known:
                self.problem(key_node, here, f"The key {key!r} is unknown.", did_you_mean(key, known))
            elif key in found:
                self.problem(key_node, here, f"The key {key!r} occurs twice.", "Keep one of them.")
            else:
                found[key] = value
        return found

    def items(self, node: yaml.Node, field: str) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            self.problem(
                node, field, "The value must be a list.", "Write each entry on a line that starts with `-`."
            )
            return []
        return list(node.value)

    def is_null(self, node: yaml.Node) -> bool:
        return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")

    def text(self, node: yaml.Node, field: str, *, max_chars: int = 400) -> str | None:
        if not isinstance(node, yaml.ScalarNode) or self.is_null(node):
            self.problem(node, field, "The value must be text.", "Write a word or a sentence.")
            return None
        value: str = node.value
        if not value.strip() or len(value) > max_chars:
            self.problem(
                node, field, f"The text must have 1 to {max_chars} characters.", "Change its length."
            )
            return None
        return value

    def number(self, node: yaml.Node, field: str) -> float | None:
        if isinstance(node, yaml.ScalarNode) and node.tag.rpartition(":")[2] in {"int", "float"}:
            try:
                value = float(node.value.replace("_", ""))
            except ValueError:
                value = float("nan")
            if value - value == 0:
                return value
        self.problem(node, field, "The value must be a number.", "Write it without quotes, such as 0.5.")
        return None

    def probability(self, node: yaml.Node, field: str) -> float | None:
        value = self.number(node, field)
        if value is not None and not 0 <= value <= 1:
            self.problem(
                node, field, f"A score must be between 0 and 1, not {value:g}.", "Write a number from 0 to 1."
            )
            return None
        return value

    def boolean(self, node: yaml.Node, field: str) -> bool | None:
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":bool"):
            return node.value.lower() in {"true", "yes", "on"}
        self.problem(node, field, "The value must be true or false.", "Write true or false without quotes.")
        return None

    def choice(self, node: yaml.Node, field: str, options: Collection[str]) -> str | None:
        value = node.value if isinstance(node, yaml.ScalarNode) else None
        if value in options:
            return str(value)
        if not isinstance(value, str):
            self.problem(
                node, field, "The value must be one name.", f"Use one of: {', '.join(sorted(options))}."
            )
        else:
            self.problem(node, field, f"The value {value!r} is unknown.", did_you_mean(value, options))
        return None

    def choices(self, node: yaml.Node, field: str, options: Collection[str]) -> list[str]:
        """One name or a list of names from `options`; each unknown name is reported."""
        return self._several(node, field, lambda item: self.choice(item, field, options))

    def strings(self, node: yaml.Node, field: str) -> list[str]:
        """One string or a list of strings."""
        return self._several(node, field, lambda item: self.text(item, field, max_chars=100))

    def _several(self, node: yaml.Node, field: str, read: Callable[[yaml.Node], str | None]) -> list[str]:
        nodes: Iterable[yaml.Node] = node.value if isinstance(node, yaml.SequenceNode) else (node,)
        read_all = [read(item) for item in nodes]
        if not read_all:
            self.problem(node, field, "The list is empty.", "Add an entry, or remove the key.")
        return [value for value in read_all if value is not None]


class _InvalidYaml(Exception):
    """Stops the reading of one node. Not in the error tree: the reader turns it into a `Problem`."""

    def __init__(self, message: str, line: int, remedy: str) -> None:
        super().__init__(message)
        self.line = line
        self.remedy = remedy

"""Reads template documents. All problems of a document are reported together, with their lines."""

from __future__ import annotations

import re
from collections.abc import Collection

import yaml

from safelight.core.errors import InvalidField
from safelight.policy.yaml_reader import PolicyProblem, YamlReader

from .models import SlotType, TemplateDocument, TemplateSlot
from .rendering import MARKER, find_value_problem
from .slot_values import LANGUAGES, shipped_values

#: A prompt of this length still leaves room for values below the limit of every known provider.
MAX_TEXT_CHARACTERS = 4_000
MAX_SLOTS = 20
MAX_CHOICES = 100
#: Free text in a prompt that a team has approved is a detail, such as a product name.
MAX_FREE_TEXT_CHARACTERS = 400
_DEFAULT_FREE_TEXT_CHARACTERS = 80
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_SLOT_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,39}")
_KEYS = frozenset({"template", "about", "language", "text", "slots"})
_SLOT_KEYS = frozenset({"type", "values", "required", "default", "max_characters"})


def read_document(source: str) -> TemplateDocument:
    """The template in a YAML text. Raises `InvalidField` with all problems."""
    problems: list[PolicyProblem] = []
    reader = YamlReader("template", problems, first_line="template: my-template")
    document = None
    try:
        node = reader.parse(source.encode())
    except UnicodeEncodeError:
        raise InvalidField("The template is not Unicode text.", param="source") from None
    if node is not None:
        document = _DocumentReader(reader).read(node)
    if problems or document is None:
        listed = " ".join(str(problem) for problem in sorted(problems, key=lambda one: one.line))
        raise InvalidField(f"The template is not valid. {listed}", param="source")
    return document


class _DocumentReader:
    """Reads one document. Every invalid value adds a problem to the reader."""

    def __init__(self, reader: YamlReader) -> None:
        self._reader = reader
        self._report = reader.problem

    def read(self, node: yaml.MappingNode) -> TemplateDocument | None:
        keys = self._reader.mapping(node, "", _KEYS)
        for key in ("template", "text"):
            if key not in keys:
                self._report(node, key, f"The key {key!r} is missing.", f"Add a line `{key}: ...`.")
        if not {"template", "text"} <= keys.keys():
            return None
        name = self._reader.text(keys["template"], "template") or ""
        if name and not _NAME.fullmatch(name):
            self._report(
                keys["template"],
                "template",
                "A name has 1 to 60 lowercase letters, digits and hyphens.",
                "Write a name such as product-on-table.",
            )
        text = self._reader.text(keys["text"], "text", max_chars=MAX_TEXT_CHARACTERS) or ""
        language = "en"
        if "language" in keys:
            language = self._reader.choice(keys["language"], "language", LANGUAGES) or "en"
        slots = self._slots(keys["slots"], language) if "slots" in keys else ()
        self._check_markers(keys["text"], text, {slot.name for slot in slots})
        if "slots" in keys:
            self._check_recursion(keys["slots"], slots)
        about = self._reader.text(keys["about"], "about") if "about" in keys else ""
        return TemplateDocument(name=name, about=about or "", language=language, text=text, slots=slots)

    def _slots(self, node: yaml.Node, language: str) -> tuple[TemplateSlot, ...]:
        found = []
        slots = self._reader.mapping(node, "slots", None)
        if len(slots) > MAX_SLOTS:
            self._report(node, "slots", f"A template has at most {MAX_SLOTS} slots.", "Remove some.")
        for name, value in slots.items():
            if not _SLOT_NAME.fullmatch(name):
                self._report(
                    value,
                    f"slots.{name}",
                    "The name of a slot has 1 to 40 capital letters, digits and underscores.",
                    "Write a name such as SETTING.",
                )
            else:
                found.append(self._slot(name, value, language))
        return tuple(found)

    def _slot(self, name: str, node: yaml.Node, language: str) -> TemplateSlot:
        here = f"slots.{name}"
        keys = self._reader.mapping(node, here, _SLOT_KEYS)
        kind = SlotType.CHOICE
        if "type" in keys:
            words = [each.value for each in SlotType]
            kind = SlotType(self._reader.choice(keys["type"], f"{here}.type", words) or kind)
        required = True
        if "required" in keys:
            required = self._reader.boolean(keys["required"], f"{here}.required") is not False
        slot = TemplateSlot(
            name=name,
            type=kind,
            values=self._values(here, kind, keys, node, language),
            required=required,
            default=self._default(here, keys, required),
            max_characters=self._max_characters(here, kind, keys),
        )
        if slot.default and (problem := find_value_problem(slot, slot.default)):
            self._report(keys["default"], f"{here}.default", problem, "Change the default.")
        return slot

    def _values(
        self, here: str, kind: SlotType, keys: dict[str, yaml.Node], node: yaml.Node, language: str
    ) -> tuple[str, ...]:
        given = tuple(self._reader.strings(keys["values"], f"{here}.values")) if "values" in keys else ()
        if kind is SlotType.TEXT:
            if "values" in keys:
                self._report(keys["values"], f"{here}.values", "Free text has no values.", "Remove the key.")
            return ()
        if kind is SlotType.CHOICE:
            if "values" not in keys:
                self._report(node, f"{here}.values", "The allowed values are missing.", "List them.")
            if len(given) > MAX_CHOICES:
                self._report(node, f"{here}.values", f"There are over {MAX_CHOICES} values.", "Remove some.")
            for value in given:
                if problem := _line_problem(value):
                    self._report(keys["values"], f"{here}.values", problem, "Change the value.")
            return given
        shipped = shipped_values()[kind][language]
        for value in given:
            if value not in shipped:
                self._report(
                    keys["values"],
                    f"{here}.values",
                    f"{value!r} is not a value of the type {kind.value}.",
                    f"Keep some of: {', '.join(shipped)}; for other values use `type: choice`.",
                )
        return given or shipped

    def _default(self, here: str, keys: dict[str, yaml.Node], required: bool) -> str:
        if "default" not in keys:
            return ""
        if required:
            self._report(
                keys["default"],
                f"{here}.default",
                "A required slot has no default.",
                "Add `required: false`, or remove the default.",
            )
        return self._reader.text(keys["default"], f"{here}.default") or ""

    def _max_characters(self, here: str, kind: SlotType, keys: dict[str, yaml.Node]) -> int:
        if kind is not SlotType.TEXT:
            if "max_characters" in keys:
                self._report(
                    keys["max_characters"],
                    f"{here}.max_characters",
                    "Only free text has a length.",
                    "Remove the key.",
                )
            return 0
        if "max_characters" not in keys:
            return _DEFAULT_FREE_TEXT_CHARACTERS
        value = self._reader.number(keys["max_characters"], f"{here}.max_characters")
        if value is None or not 1 <= value <= MAX_FREE_TEXT_CHARACTERS or value != int(value):
            self._report(
                keys["max_characters"],
                f"{here}.max_characters",
                f"The length is a whole number from 1 to {MAX_FREE_TEXT_CHARACTERS}.",
                "Change the number.",
            )
            return _DEFAULT_FREE_TEXT_CHARACTERS
        return int(value)

    def _check_markers(self, node: yaml.Node, text: str, declared: Collection[str]) -> None:
        used = set(MARKER.findall(text))
        for name in sorted(used - set(declared)):
            self._report(
                node, "text", f"[{name}] is not declared under `slots`.", "Declare it, or use round brackets."
            )
        for name in sorted(set(declared) - used):
            self._report(
                node, f"slots.{name}", f"[{name}] does not occur in the text.", "Use it, or remove the slot."
            )

    def _check_recursion(self, node: yaml.Node, slots: tuple[TemplateSlot, ...]) -> None:
        names = {slot.name for slot in slots}
        for slot in slots:
            for value in (*slot.values, slot.default):
                for inner in sorted(names & set(MARKER.findall(value))):
                    self._report(
                        node,
                        f"slots.{slot.name}",
                        f"A value contains the slot [{inner}]; slots are replaced once and cannot be nested.",
                        "Write the value without a slot.",
                    )


def _line_problem(value: str) -> str:
    return find_value_problem(TemplateSlot(name="", type=SlotType.TEXT, max_characters=len(value)), value)

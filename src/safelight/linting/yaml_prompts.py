"""Prompts in YAML: the values of one key, at any depth, with the place of each character if it is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.resolver import Resolver

from safelight.yaml_loader import Loader

from .lint_prompt import FileNotRead, FilePlace, LintPrompt, Quoting, UnreadPart

#: Finds out what an unquoted value is: text, a number, null and so on.
_RESOLVER: Any = Resolver()
_TEXT_TAG = "tag:yaml.org,2002:str"
#: Most lists and objects within each other. No file of prompts has more, and the parser keeps all of them.
MAX_DEPTH = 100


@dataclass
class _Level:
    """A list or an object that the parser is in."""

    is_mapping: bool
    #: The key whose value comes next; None if a key comes next.
    key: str | None = None

    def advance(self, key: str | None) -> None:
        """Go on after a key, or after a value if there was a key."""
        self.key = key if self.is_mapping and self.key is None else None


def read_yaml(text: str, field: str) -> Iterator[LintPrompt | UnreadPart]:
    """The values of this key that are text. Raises `FileNotRead` where the file is not YAML."""
    levels: list[_Level] = []
    try:
        for event in yaml.parse(text, Loader=Loader):
            if isinstance(event, yaml.CollectionEndEvent):
                levels.pop()
            if not isinstance(event, yaml.NodeEvent):
                continue
            level = levels[-1] if levels else _Level(is_mapping=False)
            if level.is_mapping and level.key == field:
                found = _value(text, event, field)
                if found is not None:
                    yield found
            level.advance(event.value if isinstance(event, yaml.ScalarEvent) else "")
            if isinstance(event, yaml.CollectionStartEvent):
                if len(levels) >= MAX_DEPTH:
                    raise FileNotRead(_start(event).line + 1, "too_deep")
                levels.append(_Level(is_mapping=isinstance(event, yaml.MappingStartEvent)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise FileNotRead(mark.line + 1 if mark else 1, "not_yaml") from None


def _start(event: yaml.Event) -> Any:
    """The place where an event starts. The parser sets it for every event of a text."""
    return event.start_mark


def _value(text: str, event: yaml.NodeEvent, field: str) -> LintPrompt | UnreadPart | None:
    start = _start(event)
    line = start.line + 1
    if not isinstance(event, yaml.ScalarEvent):
        reason = "alias" if isinstance(event, yaml.AliasEvent) else "not_text"
        return UnreadPart(line=line, reason=reason, values={"field": field})
    if not event.value.strip():
        return None
    if event.implicit[0] and _RESOLVER.resolve(yaml.ScalarNode, event.value, (True, False)) != _TEXT_TAG:
        return UnreadPart(line=line, reason="not_text", values={"field": field})
    chunk = text[start.index : event.end_mark.index if event.end_mark else None]
    offsets = _align(chunk, event.value, event.style or "")
    return LintPrompt(
        text=event.value,
        chunk=chunk,
        start=FilePlace(line=line, column=start.column + 1),
        offsets=offsets or [0] * (len(event.value) + 1),
        quoting=Quoting.YAML_SINGLE if event.style == "'" else Quoting.PLAIN,
        exact=offsets is not None,
    )


def _align(chunk: str, value: str, style: str) -> list[int] | None:
    """The index in the chunk of each character of the value, and of the end; None if escapes hide them.

    Folding and indentation change only white space, so the other characters are the same in both.
    """
    first, end = 0, len(chunk)
    if style in ("'", '"'):
        first, end = 1, end - 1
    elif style in ("|", ">"):
        first = chunk.find("\n") + 1
    places, index = [], first
    while index < end:
        if not chunk[index].isspace():
            places.append(index)
            index += chunk[index] == "'" == style
        index += 1
    if [chunk[place] for place in places] != [letter for letter in value if not letter.isspace()]:
        return None
    offsets, position, unused = list[int](), first, iter(places)
    for letter in value:
        position = position if letter.isspace() else next(unused)
        offsets.append(position)
        position += 1
    return [*offsets, position]

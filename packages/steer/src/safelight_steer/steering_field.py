"""The field `steering` of a request: away from what a generation is steered, and how. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from .plan import Concept, Method, SteeringPlan

_FIELDS = frozenset({"categories", "methods", "required", "watch"})
#: What is used if a request names categories and no methods. The others have no gate and change harmless
#: clips too (docs/benchmarks/steering.md).
DEFAULT_METHODS = frozenset({Method.EMBEDDING, Method.ANCHOR})


class InvalidSteering(ValueError):
    """`code` is `invalid_value`, or `steering_unavailable` for a required category without a concept."""

    def __init__(self, message: str, *, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class SteeringField:
    categories: tuple[str, ...] = ()
    methods: frozenset[Method] = frozenset()
    #: Methods without which no clip may be made.
    required: frozenset[Method] = frozenset()

    def plan(self, concepts: Mapping[str, Concept]) -> SteeringPlan:
        """The plan; categories without a concept are left out."""
        known = tuple(concepts[name] for name in self.categories if name in concepts)
        methods = self.methods if known else self.methods & {Method.WATCHING}
        return SteeringPlan(concepts=known, methods=methods, required=self.required & methods)


def read_steering(value: Any, *, always: Collection[str], known: Collection[str]) -> SteeringField:
    """The field, an object or its JSON text. Raises `InvalidSteering`.

    `always`: categories of the server's settings. `known`: the categories with a concept.
    """
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise InvalidSteering("steering is a JSON object.") from None
    table = value if value not in (None, "") else {}
    if not isinstance(table, dict) or not table.keys() <= _FIELDS:
        raise InvalidSteering(f"steering is an object with {', '.join(sorted(_FIELDS))}.")
    categories = tuple(dict.fromkeys((*always, *_texts(table, "categories"))))
    required = _methods(table, "required")
    watch = table.get("watch", False)
    if not isinstance(watch, bool):
        raise InvalidSteering("watch in steering is true or false.")
    methods = _methods(table, "methods") | required
    if categories and not methods - {Method.WATCHING}:
        methods |= DEFAULT_METHODS
    if watch:
        methods |= {Method.WATCHING}
    missing = [category for category in categories if category not in known]
    if missing and required - {Method.WATCHING}:
        raise InvalidSteering(
            f"There is no concept for the category {missing[0]!r}, and steering is required.",
            code="steering_unavailable",
        )
    if not categories and methods - {Method.WATCHING}:
        raise InvalidSteering("steering names methods and no categories.")
    return SteeringField(categories=categories, methods=methods, required=required)


def _texts(table: Mapping[str, Any], name: str) -> list[str]:
    value = table.get(name, [])
    if not isinstance(value, list) or len(value) > 64 or not all(isinstance(text, str) for text in value):
        raise InvalidSteering(f"{name} in steering is a list of texts.")
    return value


def _methods(table: Mapping[str, Any], name: str) -> frozenset[Method]:
    texts = _texts(table, name)
    if unknown := [text for text in texts if text not in list(Method)]:
        raise InvalidSteering(f"There is no method {unknown[0]!r}; there are {', '.join(Method)}.")
    return frozenset(map(Method, texts))

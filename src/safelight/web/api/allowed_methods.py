"""Finds all HTTP methods of a path, for the `Allow` header. A single route knows only its own method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def find_allowed_methods(paths: Mapping[str, Mapping[str, Any]], path: str) -> tuple[str, ...]:
    """The HTTP methods of `path` in the OpenAPI document; empty if it does not have the path.

    If several path templates match, the result is that of the template with the fewest parameters.
    """
    asked = path.split("/")
    fitting: list[tuple[int, tuple[str, ...]]] = []
    for template, operations in paths.items():
        parts = template.split("/")
        free = [part.startswith("{") for part in parts]
        if len(parts) == len(asked) and all(
            there or part == given for part, given, there in zip(parts, asked, free, strict=True)
        ):
            fitting.append((sum(free), tuple(sorted(method.upper() for method in operations))))
    return min(fitting, default=(0, ()))[1]

"""The methods of a path over all routes, for the `Allow` header: each route knows only its own method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def find_allowed_methods(paths: Mapping[str, Mapping[str, Any]], path: str) -> tuple[str, ...]:
    """The methods that OpenAPI lists for a path; empty if it lists none.

    If several path templates match, the one with the fewest parameters is used.
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

"""Which methods an address takes: a route knows only its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def allowed(paths: Mapping[str, Mapping[str, Any]], path: str) -> tuple[str, ...]:
    """The methods described for an address, for `Allow`; none where it is not described.

    Of the templates that fit, the one with the fewest parameters counts.
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

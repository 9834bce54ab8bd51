"""Concepts by category of the policy, from a JSON file. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from .plan import Concept


def read_concepts(path: Path | None = None) -> dict[str, Concept]:
    """The concepts of a file, or those of the package. Raises `ValueError` with the entry that is wrong."""
    if path is None:
        text = resources.files(__package__).joinpath("concepts.json").read_text(encoding="utf-8")
    else:
        text = path.read_text(encoding="utf-8")
    table = json.loads(text)
    if not isinstance(table, dict):
        raise ValueError("A file of concepts is an object with categories as its names.")
    return {category: _concept(category, entry) for category, entry in table.items()}


def _concept(category: str, entry: Any) -> Concept:
    if not isinstance(entry, Mapping) or not entry.keys() <= {"phrases", "near_misses", "anchor", "negative"}:
        raise ValueError(f"The concept {category!r} may have phrases, near_misses, anchor and negative.")
    lists = {name: entry.get(name, []) for name in ("phrases", "near_misses")}
    texts = {name: entry.get(name, "") for name in ("anchor", "negative")}
    for name, value in lists.items():
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise ValueError(f"{name} of the concept {category!r} is not a list of texts.")
    for name, value in texts.items():
        if not isinstance(value, str):
            raise ValueError(f"{name} of the concept {category!r} is not a text.")
    return Concept(
        id=category,
        phrases=tuple(lists["phrases"]),
        near_misses=tuple(lists["near_misses"]),
        anchor=texts["anchor"],
        negative=texts["negative"],
    )

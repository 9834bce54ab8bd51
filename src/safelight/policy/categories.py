"""The import path of categories that docs/extending.md promises to packages of others. See `findings`."""

from __future__ import annotations

from .findings import SHIPPED, Category, CategorySpec, Group, Taxonomy

__all__ = ["SHIPPED", "Category", "CategorySpec", "Group", "Taxonomy"]

"""The import path of coverage that docs/extending.md promises to packages of others. See `findings`."""

from __future__ import annotations

from .findings import Cell, Coverage, CoverageStatus, Depth

__all__ = ["Cell", "Coverage", "CoverageStatus", "Depth"]

"""What the operator has enrolled to be looked for: marks of brands and characters, and lists of hashes."""

from __future__ import annotations

from .service import Enrolments, HashListImport

__all__ = ["Enrolments", "HashListImport"]

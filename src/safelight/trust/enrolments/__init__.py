"""Logos and hash lists that the operator has enrolled for detection."""

from __future__ import annotations

from .service import Enrolments, HashListImport

__all__ = ["Enrolments", "HashListImport"]

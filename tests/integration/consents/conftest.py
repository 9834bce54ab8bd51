"""A clock that tests move, a database that reads it, and what most tests of this folder open on it."""

from __future__ import annotations

from support.clocked_database import accounts, clock, database, room

__all__ = ["accounts", "clock", "database", "room"]

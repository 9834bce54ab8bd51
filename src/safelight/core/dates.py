"""Dates of the UTC calendar."""

from __future__ import annotations

import datetime as dt


def format_day(at: float) -> str:
    """A timestamp as a UTC date, such as 2027-03-31."""
    return dt.datetime.fromtimestamp(at, dt.UTC).date().isoformat()

"""Drifts that were reported by an audit entry and a webhook."""

from __future__ import annotations

from sqlalchemy import Index

from .types import tenant_table, text, time

drift_alarms = tenant_table(
    "drift_alarms",
    text("provider"),
    text("model"),
    text("kind"),
    #: When the newest drift of this kind began.
    time("since"),
    #: The time of the attempt with which it was found.
    time("found_at"),
    Index(None, "tenant_id", "provider", "model", "kind", unique=True),
)
